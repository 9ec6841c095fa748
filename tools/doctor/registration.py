"""Whether the carriers know a signature: its real-name registration, carrier by carrier.

Source: the operation GetSmsSign (SignIspRegisterDetailList), and document 2873145. A carrier that
has not registered a signature may refuse its messages with any code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tools.doctor.findings import ERROR, NOT_CHECKED, OK, WARN, Finding, Findings

CARRIERS = {"mobile": "China Mobile", "unicom": "China Unicom", "telecom": "China Telecom"}


class Status(NamedTuple):
    """What a RegisterStatus means, and what to do."""

    level: str
    words: str
    remedy: str


STATUSES = {
    3: Status(OK, "has registered it", ""),
    1: Status(
        WARN,
        "has registered it, and that is not verified yet",
        "send a few messages to numbers of this carrier, and look at their receipts",
    ),
    -1: Status(
        WARN,
        "has not answered yet: the registration is in progress",
        "wait; send no bulk before it is registered",
    ),
    0: Status(ERROR, "refused to register it", "see the reason in the SMS console, and correct it"),
    2: Status(ERROR, "let the registration lapse", "apply for it anew in the SMS console"),
    -2: Status(
        ERROR,
        "was never asked to register it",
        "bind a complete qualification to the signature in the SMS console",
    ),
}
REASONS = {
    "UNBINDING_QUA": "no qualification is bound to the signature",
    "BINDING_INCOMPLETE_QUA": "the qualification that is bound to it is incomplete",
    "NON_REGISTER": "no registration was begun",
    "REGISTERING": "it is being registered",
    "DETECTING": "it is being tried, or waits to be",
    "DETECT_SUCCESS": "it was tried, and messages arrive",
    "QUALIFICATION_ERROR": "something is wrong with the qualification",
    "SIGNATURE_ERROR": "something is wrong with the signature",
    "SIGNATURE_QUALIFICATION_ERROR": "signature and qualification do not belong together",
    "ONE_CODE_MULTIPLE_SIGN": "its extension code is used by several signatures",
    "OTHERS_ERROR": "another reason, which the SMS console names",
    "REGISTER_TIMEOUT": "the carrier did not answer in time",
    "NO_SEND_RECORD": "nothing was sent with it for six months",
    "EXT_CODE_RECYCLE": "its extension code was taken back",
    "SUBPORT_RECYCLE": "the carrier took its port back",
}


def examine(named: str, answer: Mapping[str, Any]) -> Findings:
    """Yield what the carriers say of the signature `named`, from an answer of GetSmsSign."""
    details = list(_details(answer))
    if not details:
        yield Finding(
            "registration",
            NOT_CHECKED,
            f"{named}: the platform says nothing of the carriers' real-name registration",
            "look at the signature in the SMS console",
        )
    for carrier, number, reasons in details:
        status = STATUSES.get(number)
        if status is None:
            yield Finding(
                "registration",
                NOT_CHECKED,
                f"{named}: {carrier} has an unknown state ({number})",
                "look at the signature in the SMS console",
            )
            continue
        why = f" ({reasons})" if reasons and status.level != OK else ""
        yield Finding(
            "registration",
            status.level,
            f"{named}: {carrier} {status.words}{why}",
            status.remedy,
        )


def _details(answer: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Yield each carrier that is listed, its status, and the reasons in words."""
    listed = answer.get("SignIspRegisterDetailList")
    for detail in listed if isinstance(listed, list) else []:
        if isinstance(detail, Mapping):
            code = str(detail.get("OperatorCode"))
            reasons = detail.get("RegisterStatusReasons")
            words = map(_words, reasons if isinstance(reasons, list) else [])
            yield CARRIERS.get(code, code), detail.get("RegisterStatus"), "; ".join(words)


def _words(reason: object) -> str:
    """Return a reason in words, and behind it what the carrier itself wrote."""
    if not isinstance(reason, Mapping):
        return str(reason)
    code, texts = str(reason.get("ReasonCode")), reason.get("ReasonDescList")
    words = REASONS.get(code, code)
    said = " / ".join(map(str, texts)) if isinstance(texts, list) else ""
    return f"{words}: {said}" if said else words
