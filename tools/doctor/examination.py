"""The whole examination, from what needs nothing to what needs the platform."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Set
from pathlib import Path

from aliyun_fc_runtime_stub.errors import ConfigurationError as Unusable
from shared.errors import ConfigurationError
from shared.settings import Settings, read_code_settings, read_file_settings, read_settings
from tools.doctor import (
    callers,
    functions,
    guessable,
    hooks,
    package,
    sms_service,
    state_store,
    variables,
)
from tools.doctor.deployment import Deployment, read_deployment
from tools.doctor.findings import (
    ERROR,
    NOT_CHECKED,
    WARN,
    Finding,
    Findings,
    guarded,
    of_setting,
    variables_of,
)


def examine(template: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Return what is found about `template` (s.yaml) with the variables `environ`."""
    try:
        deployment = read_deployment(template, environ)
    except Unusable as error:
        return [Finding("s.yaml", ERROR, str(error), "correct it, or the variable that it takes")]
    if not deployment.functions:
        what = "describes no function in Python that could be deployed"
        return [Finding("s.yaml", ERROR, what, "take back what was changed in it")]
    return list(dict.fromkeys(_examine(deployment)))


def _examine(deployment: Deployment) -> Findings:
    yield from guarded("access", callers.examine(deployment))
    yield from guessable.examine(deployment.environ)
    yield from package.examine(deployment)
    yield from variables.examine(deployment)
    yield from guarded("codes", _codes(deployment))
    yield from guarded("files", _files(deployment))
    yield from guarded("hooks", hooks.examine(deployment, deployment.scenes_file))
    yield from guarded("test numbers", hooks.examine_test_numbers(deployment))
    settings = yield from _settings({**deployment.environ, **deployment.endpoints})
    if settings is None:
        what = "the platform and the shared state"
        yield Finding("platform", NOT_CHECKED, what, "correct the above, and run make doctor again")
        return
    yield from functions.examine(deployment, settings)
    yield from guarded("receipts", callers.examine_receipts(deployment, settings))
    yield from guarded("state", state_store.examine(deployment, settings))
    yield from guarded("platform", sms_service.examine(deployment, settings))
    yield from _console(settings)


def _settings(
    environ: Mapping[str, str], told: Set[str] = frozenset()
) -> Generator[Finding, None, Settings | None]:
    """Yield each setting that is wrong, not the first alone, and return them all if none is.

    `told` are the variables that were found wrong and are left out of `environ`.
    """
    try:
        return read_settings(environ)
    except ConfigurationError as error:
        names = variables_of(error)
        if names[0] not in told:
            yield of_setting("settings", error)
        wrong = next((name for name in names if environ.get(name)), "")
        if wrong:
            yield from _settings({**environ, wrong: ""}, {*told, names[0]})
        return None


def _console(settings: Settings) -> Findings:
    if settings.limits.countries:
        yield Finding(
            "console",
            NOT_CHECKED,
            "the SMS console's own daily stop abroad, and its values for single countries: no "
            "operation shows them",
            "set them there, a little above SMS_LIMITS and SMS_COUNTRIES: docs/limits.md",
        )


def _codes(deployment: Deployment) -> Findings:
    codes = read_code_settings(deployment.environ)
    if codes.backend == "own" and codes.template and not deployment.environ.get("SMS_STATE_URL"):
        yield Finding(
            "codes",
            ERROR,
            "verification codes of our own need shared state, or only one instance knows them",
            "set SMS_STATE_URL and SMS_STATE_SECRET, or SMS_CODE_BACKEND=pnvs",
        )


def _files(deployment: Deployment) -> Findings:
    usual, files = read_file_settings({}), read_file_settings(deployment.environ)
    if (files.prefix, files.results_prefix) != (usual.prefix, usual.results_prefix):
        yield Finding(
            "files",
            WARN,
            f"docs/ram-policy.json lets a role read {usual.prefix} and write "
            f"{usual.results_prefix} only",
            "put SMS_FILE_PREFIX and SMS_FILE_RESULTS_PREFIX into the role's policy",
        )
