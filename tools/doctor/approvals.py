"""The signatures and templates that settings name: whether they are approved, and fit.

GetSmsSign and GetSmsTemplate are asked; QuerySmsSign and QuerySmsTemplate are superseded by them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from shared.platform.refusals import explain
from shared.platform.sms_api import ACCEPTED, REJECTED, Result
from shared.sending.scenes import Scenes
from shared.settings import CodeSettings, Settings, read_code_settings, read_file_settings
from tools.doctor import registration
from tools.doctor.findings import ERROR, NOT_CHECKED, OK, WARN, Finding, Findings
from tools.doctor.questions import Questioner, is_forbidden

STATES = {"0": "is in review", "1": "is approved", "2": "was rejected", "10": "was cancelled"}
"""SignStatus and TemplateStatus."""
FOR_TESTS = {
    "GetSmsSign": {"4": "a test signature", "5": "a trial signature"},
    "GetSmsTemplate": {"4": "a test template"},
}
"""SignTag and TemplateTag of what reaches only the numbers that the console names."""
VENDORS = {
    "MOBILE_VENDOR": "China Mobile",
    "UNICOM_VENDOR": "China Unicom",
    "TELECOM_VENDOR": "China Telecom",
}
VERDICTS = {"0": "reviews it", "2": "refused it", "15": "let its approval lapse"}
"""VendorAuditStatus, but for 1, which is approved; today only digital messages have it."""
LONGEST_CODE = 6
"""Characters that a template's variable for a code takes (TemplateRule, document 2806243)."""
OF_CODES = ("numberCaptcha", "characterWithNumber2")
IN_CONSOLE = "look at it in the SMS console"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class Approval(NamedTuple):
    """What a setting names, and how it is asked for.

    `fills` are the variables of a template that are filled, None where each request says them.
    `code_length` is that of the code that goes into the only one, 0 for no code; `variable_set_by`
    is where its name is set.
    """

    setting: str
    action: str
    parameter: str
    value: str
    fills: frozenset[str] | None = None
    code_length: int = 0
    variable_set_by: str = "SMS_CODE_VARIABLE"

    @property
    def named(self) -> str:
        """The setting and its value, as findings name them."""
        return f"{self.setting} {self.value}"


def examine(
    questioner: Questioner, settings: Settings, environ: Mapping[str, str], scenes: Scenes
) -> Findings:
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
    seen: dict[tuple[str, str], set[frozenset[str] | None]] = {}  # what fills it, by what it is
    of_files = read_file_settings(environ).template_code
    for approval in (*_wanted(settings, codes, of_files), *_of_scenes(scenes, codes)):
        before = seen.setdefault((approval.action, approval.value), set())
        is_new = approval.fills not in before if approval.fills else not before
        before.add(approval.fills)
        if approval.value and is_new:
            asked = {approval.parameter: approval.value}
            yield from _examine(approval, questioner.ask(approval.action, asked))


def _wanted(settings: Settings, codes: CodeSettings, of_files: str) -> Iterator[Approval]:
    yield _signature("SMS_SIGN_NAME", settings.sign_name)
    if codes.backend == "own":
        yield _signature("SMS_CODE_SIGN_NAME", codes.sign_name)
        yield _template("SMS_CODE_TEMPLATE", codes.template, codes)
        yield _template("SMS_CODE_INTERNATIONAL_TEMPLATE", codes.international_template, codes)
    yield _template("SMS_FILE_TEMPLATE_CODE", of_files)
    for code in sorted(settings.code_templates):
        yield _template("SMS_CODE_TEMPLATES", code)


def _of_scenes(scenes: Scenes, codes: CodeSettings) -> Iterator[Approval]:
    """Yield what shared/scenes.json names."""
    for key, scene in scenes.codes.items():
        place, applied = f"scenes.json codes.{key}", scene.applied_to(codes)
        yield _signature(place, scene.sign_name)
        for template in (scene.template_code, scene.international_template_code):
            if template.startswith("SMS_"):  # PNVS has templates of its own
                yield _template(place, template, applied)._replace(variable_set_by="variable there")
    for key, alarm in scenes.alarms.items():
        place = f"scenes.json alarms.{key}"
        yield _signature(place, alarm.sign_name)
        for template in (alarm.template_code, alarm.international_template_code):
            yield _template(place, template)._replace(fills=frozenset(alarm.variables))


def _signature(setting: str, name: str) -> Approval:
    return Approval(setting, "GetSmsSign", "SignName", name)


def _template(setting: str, code: str, codes: CodeSettings | None = None) -> Approval:
    approval = Approval(setting, "GetSmsTemplate", "TemplateCode", code)
    if codes is None:
        return approval
    return approval._replace(fills=frozenset((codes.variable,)), code_length=codes.length)


def _examine(approval: Approval, result: Result) -> Findings:
    named = approval.named
    if result.verdict == REJECTED and result.code.startswith("isv.") and not is_forbidden(result):
        meaning, _ = explain(result.code)
        yield Finding("approvals", ERROR, f"{named} is refused ({result.code})", meaning)
        return
    if result.verdict != ACCEPTED:
        yield Finding(
            "approvals",
            NOT_CHECKED,
            f"{named}: {approval.action} failed ({result.code})",
            f"{IN_CONSOLE}, or permit the key pair {approval.action} while you check",
        )
        return
    kind = approval.action.removeprefix("GetSms")
    state = STATES.get(str(result.body.get(f"{kind}Status")), "has an unknown state")
    if state != STATES["1"]:
        what = f"{named} {state}{_reason(result.body)}"
        yield Finding("approvals", ERROR, what, IN_CONSOLE)
        return
    yield Finding("approvals", OK, f"{named} is approved")
    if tag := FOR_TESTS[approval.action].get(str(result.body.get(f"{kind}Tag"))):
        yield Finding(
            "approvals",
            WARN,
            f"{named} is {tag}, which reaches only the numbers that the console names",
            "apply for one of your own",
        )
    if kind == "Sign":
        yield from registration.examine(named, result.body)
    else:
        yield from _verdicts(named, result.body)
        yield from _fit(approval, result.body)


def _reason(body: Mapping[str, Any]) -> str:
    """Return why a review refused, in its own words, as the end of a sentence."""
    audit = body.get("AuditInfo")
    said = audit.get("RejectInfo") if isinstance(audit, Mapping) else ""
    return f": {said}" if said else ""


def _verdicts(named: str, body: Mapping[str, Any]) -> Findings:
    """Yield which carriers did not approve of a template, where the platform lists them."""
    listed = body.get("VendorAuditStatus")
    for vendor, status in listed.items() if isinstance(listed, Mapping) else ():
        if str(status) != "1":
            verdict = VERDICTS.get(str(status), f"has an unknown verdict ({status})")
            carrier = VENDORS.get(str(vendor), str(vendor))
            yield Finding("approvals", ERROR, f"{named}: {carrier} {verdict}", IN_CONSOLE)


def _fit(approval: Approval, body: Mapping[str, Any]) -> Findings:
    """Yield how the variables of a template differ from those that are filled."""
    fills, named = approval.fills, approval.named
    if fills is None:
        return
    variables = frozenset(_VARIABLE.findall(str(body.get("TemplateContent"))))
    if lacking := fills - variables:
        yield Finding(
            "approvals",
            ERROR,
            f"{named} has no variable {', '.join(sorted(lacking))}",
            f"set {approval.variable_set_by} to the one it has"
            if approval.code_length
            else "take it out of the scene's variables",
        )
    elif unfilled := variables - fills:
        yield Finding(
            "approvals",
            ERROR,
            f"{named} has variables that nothing fills: {', '.join(sorted(unfilled))}",
            "take a template with one variable"
            if approval.code_length
            else "name them in the scene's variables",
        )
    elif approval.code_length > LONGEST_CODE and _rule(body, min(fills)) in OF_CODES:
        yield Finding(
            "approvals",
            ERROR,
            f"{named} takes codes of 4 to {LONGEST_CODE} characters, and SMS_CODE_LENGTH is "
            f"{approval.code_length}",
            f"set SMS_CODE_LENGTH to {LONGEST_CODE}",
        )


def _rule(body: Mapping[str, Any], variable: str) -> str:
    """Return the rule for a variable, such as ``numberCaptcha``; "" where none is told."""
    try:
        rules = json.loads(str(body.get("VariableAttribute")))
    except ValueError:
        return ""
    return str(rules.get(variable)) if isinstance(rules, dict) else ""
