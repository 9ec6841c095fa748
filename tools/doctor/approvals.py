"""The signatures and templates that settings name: whether they are approved, and fit.

GetSmsSign and GetSmsTemplate are asked; QuerySmsSign and QuerySmsTemplate are superseded by them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from shared.platform.sms_api import ACCEPTED, REJECTED, Result
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
    """What a setting names, and how it is asked for; `codes` are what a code has to fit."""

    setting: str
    action: str
    parameter: str
    value: str
    codes: CodeSettings | None = None

    @property
    def named(self) -> str:
        """The setting and its value, as findings name them."""
        return f"{self.setting} {self.value}"


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


def _signature(setting: str, name: str) -> Approval:
    return Approval(setting, "GetSmsSign", "SignName", name)


def _template(setting: str, code: str, codes: CodeSettings | None = None) -> Approval:
    return Approval(setting, "GetSmsTemplate", "TemplateCode", code, codes)


def _examine(approval: Approval, result: Result) -> Findings:
    named = approval.named
    if result.verdict == REJECTED and result.code.startswith("isv.") and not is_forbidden(result):
        yield Finding("approvals", ERROR, f"{named} is refused ({result.code})", IN_CONSOLE)
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
    """Yield what keeps a code of ours from filling a template."""
    codes, named = approval.codes, approval.named
    if codes is None:
        return
    variables = set(_VARIABLE.findall(str(body.get("TemplateContent"))))
    if codes.variable not in variables:
        yield Finding(
            "approvals",
            ERROR,
            f"{named} has no variable {codes.variable} for the code",
            "set SMS_CODE_VARIABLE to the one it has",
        )
    elif others := variables - {codes.variable}:
        yield Finding(
            "approvals",
            ERROR,
            f"{named} has a variable besides {codes.variable}, which a code does not fill: "
            f"{', '.join(sorted(others))}",
            "take a template with one variable",
        )
    elif _rule(body, codes.variable) in OF_CODES and codes.length > LONGEST_CODE:
        yield Finding(
            "approvals",
            ERROR,
            f"{named} takes codes of 4 to {LONGEST_CODE} characters, and SMS_CODE_LENGTH is "
            f"{codes.length}",
            f"set SMS_CODE_LENGTH to {LONGEST_CODE}",
        )


def _rule(body: Mapping[str, Any], variable: str) -> str:
    """Return the rule for a variable, such as ``numberCaptcha``; "" where none is told."""
    try:
        rules = json.loads(str(body.get("VariableAttribute")))
    except ValueError:
        return ""
    return str(rules.get(variable)) if isinstance(rules, dict) else ""
