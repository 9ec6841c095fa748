"""What the codes of refused calls say: whether it is a refusal, how long to wait, what to do.

This stands apart from sms_api because a send that is accepted needs none of it, nor the table of
codes: it is imported when there is a code to explain.
"""

from shared.clock import PLATFORM_OFFSET
from shared.fields import is_name
from shared.logs import logged_template
from shared.platform.error_codes import find

_DAY = 86400
# How a limit names its window in the message and in the code, and how many seconds it lasts.
_WINDOWS = (("分钟", "_MINUTE", 60), ("小时", "_HOUR", 3600), ("天", "_DAY", _DAY))
# In codes about a template; SIGNATURE_SCENE is about a signature that does not fit one.
_OF_TEMPLATES = ("TEMPLATE", "CONTENT_CODE", "SIGNATURE_SCENE")


def is_refusal(code: str) -> bool:
    """Whether an answer with `code` says that nothing was processed.

    A code that is not documented is a refusal when it begins with ``isv.``, which names mistakes of
    the caller. Any other leaves the outcome open.
    """
    known = find(code)
    return known.outcome != "unknown" if known else code.startswith("isv.")


def retry_after(code: str, message: str, now: float) -> int:
    """Return the seconds after which a limit lets calls through again; 0 if `code` names no limit.

    `message` is the platform's, which names the window of some limits: ``触发分钟级流控``. `now`
    is in epoch seconds.
    """
    known = find(code)
    if known is None or known.retryable != "after-wait":
        return 0
    for word, suffix, seconds in _WINDOWS:
        if f"{word}级流控" in message or code.endswith(suffix):
            # Windows of a minute and an hour go by the clock; that of a day slides over 24 hours.
            return seconds if seconds == _DAY else seconds - int(now) % seconds
    if code.endswith(("DAY_LIMIT_CONTROL", "MONTH_LIMIT_CONTROL")):
        # Until midnight in China. So for a month's cap, too: its owner may have raised it by then.
        return _DAY - int(now + PLATFORM_OFFSET) % _DAY
    if code.startswith(("Throttling", "QPS_")):
        return 1
    return 60  # a limit that names no window: a minute is the shortest that the platform has


def explain(code: str) -> tuple[str, int]:
    """Return what `code` means and what to do, in sentences, and the HTTP status for our caller."""
    known = find(code)
    if known is None:
        return (
            "The platform refused with a code that is not documented. Look at the request in the "
            "console of Alibaba Cloud."
        ), 502
    meaning = known.meaning[:1].upper() + known.meaning[1:]
    return f"{meaning}. {known.advice}", known.http_status(code)


def named(code: str, *, template_code: str, sign_name: str) -> str:
    """Return which template and signature a refusal is about: ``The template was SMS_100002.``

    It is "" for a `code` about neither, and where none is given. A signature that may be a number,
    a code or a key, which was written in its place, is not named.
    """
    found = []
    is_about_template = any(word in code for word in _OF_TEMPLATES)
    if is_about_template and logged_template(template_code):
        found.append(f"The template was {template_code}.")
    # SignatureDoesNotMatch and its kin are about a request's own.
    if "SIGN" in code and is_name(sign_name):
        found.append(f"The signature was {sign_name}.")
    return " ".join(found)
