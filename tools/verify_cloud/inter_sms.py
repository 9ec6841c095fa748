"""Does the platform still know SendInterSms? Asked without a number, so that nothing is sent."""

from __future__ import annotations

from tools.verify_cloud.calls import Caller
from tools.verify_cloud.findings import InterSms

NO_ACTION = "FcSmsNoSuchAction"
UNKNOWN = ("InvalidAction", "InvalidAction.NotFound", "InvalidApi.NotFound")
OF_THE_OPERATION = ("isv.", "Missing")


def ask(caller: Caller) -> InterSms:
    """Call SendInterSms without parameters and, to compare, an action that does not exist."""
    control = caller.call(NO_ACTION, {})
    result = caller.call("SendInterSms", {})
    if result.code in UNKNOWN:
        answers = "no"
    elif result.code.startswith(OF_THE_OPERATION) and result.code != control.code:
        answers = "yes"
    else:
        answers = "unclear"
    return InterSms(answers, result.code, control.code)
