"""The signatures and templates that settings name: whether they are approved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from shared.platform.sms_api import ACCEPTED, REJECTED, Result
from shared.settings import CodeSettings, Settings, read_code_settings, read_file_settings
from tools.doctor.findings import ERROR, NOT_CHECKED, OK, WARN, Finding, Findings
from tools.doctor.questions import Questioner, is_forbidden

STATES = {"0": "is in review", "1": "is approved", "2": "was rejected", "10": "was cancelled"}
"""SignStatus and TemplateStatus in the answers of QuerySmsSign and QuerySmsTemplate."""
IN_CONSOLE = "look at it in the SMS console"


class Approval(NamedTuple):
    """What a setting names, and how it is asked for; `variable` is what its text must have."""

    setting: str
    action: str
    parameter: str
    value: str
    variable: str = ""


def examine(questioner: Questioner, settings: Settings, environ: Mapping[str, str]) -> Findings:
    """Yield the state of each; raises ConfigurationError."""
    codes = read_code_settings(environ)
    if not settings.sign_name:
        yield Finding(
            "approvals",
            WARN,
            "SMS_SIGN_NAME is empty: every request must name its signature",
            "set SMS_SIGN_NAME to the one that most requests use",
        )
    if codes.backend == "pnvs" and codes.template:
        yield Finding(
            "approvals",
            NOT_CHECKED,
            f"the signature and template {codes.template} of PNVS: no query shows them",
            "look at them in the PNVS console",
        )
    seen: set[tuple[str, str]] = set()
    for approval in _wanted(settings, codes, read_file_settings(environ).template_code):
        if approval.value and (approval.action, approval.value) not in seen:
            seen.add((approval.action, approval.value))
            asked = {approval.parameter: approval.value}
            yield _approval(approval, questioner.ask(approval.action, asked))


def _wanted(settings: Settings, codes: CodeSettings, of_files: str) -> Iterator[Approval]:
    yield _signature("SMS_SIGN_NAME", settings.sign_name)
    if codes.backend == "own":
        yield _signature("SMS_CODE_SIGN_NAME", codes.sign_name)
        yield _template("SMS_CODE_TEMPLATE", codes.template, codes.variable)
        abroad = codes.international_template
        yield _template("SMS_CODE_INTERNATIONAL_TEMPLATE", abroad, codes.variable)
    yield _template("SMS_FILE_TEMPLATE_CODE", of_files)
    for code in sorted(settings.code_templates):
        yield _template("SMS_CODE_TEMPLATES", code)


def _signature(setting: str, name: str) -> Approval:
    return Approval(setting, "QuerySmsSign", "SignName", name)


def _template(setting: str, code: str, variable: str = "") -> Approval:
    return Approval(setting, "QuerySmsTemplate", "TemplateCode", code, variable)


def _approval(approval: Approval, result: Result) -> Finding:
    named = f"{approval.setting} {approval.value}"
    if result.verdict == REJECTED and result.code.startswith("isv.") and not is_forbidden(result):
        return Finding("approvals", ERROR, f"{named} is refused ({result.code})", IN_CONSOLE)
    if result.verdict != ACCEPTED:
        return Finding(
            "approvals",
            NOT_CHECKED,
            f"{named}: {approval.action} failed ({result.code})",
            f"{IN_CONSOLE}, or permit the key pair {approval.action} while you check",
        )
    status = result.body.get(approval.action.removeprefix("QuerySms") + "Status")
    state = STATES.get(str(status), "has an unknown state")
    if state != STATES["1"]:
        return Finding("approvals", ERROR, f"{named} {state}", IN_CONSOLE)
    text = str(result.body.get("TemplateContent"))
    if approval.variable and f"${{{approval.variable}}}" not in text:
        return Finding(
            "approvals",
            ERROR,
            f"{named} has no variable {approval.variable} for the code",
            "set SMS_CODE_VARIABLE to the one it has",
        )
    return Finding("approvals", OK, f"{named} is approved")
