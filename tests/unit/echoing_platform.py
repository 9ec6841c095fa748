"""An SMS service that repeats every request, secrets and all, in each place of an answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.unit.scripted_server import Arrived, Scene, answer, hang_up, reset, say
from tests.unit.sms_platform import REQUEST_ID

KEY_OF_QUEUES = {"AccessKeyId": "STS.NV", "CreateTime": "2027-01-15 08:00:00"}
_DETAILS = ("PhoneNum", "SendStatus", "ErrCode", "TemplateCode", "OutId", "Content", "SendDate")


def echo(arrived: Arrived) -> str:
    """Return the whole request as a text."""
    lines = [arrived.start_line, *(f"{name}: {text}" for name, text in arrived.headers.items())]
    return "\n".join([*lines, "", arrived.body.decode("latin-1")])


def _with_code(code: str, status: str = "200 OK") -> Callable[[Arrived], Scene]:
    def respond(arrived: Arrived) -> Scene:
        text = echo(arrived)
        members = {"Code": code, "Message": f"server string to sign is:{text}", "Recommend": text}
        return answer({**members, "RequestId": REQUEST_ID, "HostId": text}, status)

    return respond


def _in_each_member(code: str) -> Callable[[Arrived], Scene]:
    def respond(arrived: Arrived) -> Scene:
        text = echo(arrived)
        names = ("BizId", "MessageId", "Message", "RequestId", "Segments", "NumberDetail", "Model")
        members = dict.fromkeys((*names, "ResponseDescription", "TotalCount"), text)
        entry = dict.fromkeys(_DETAILS, text)
        details = {"SmsSendDetailDTOs": {"SmsSendDetailDTO": [entry]}, "TotalCount": 1}
        codes = {"Code": code or text, "ResponseCode": code or text}
        return answer({**members, **details, **codes, "MessageTokenDTO": text})

    return respond


def _number_as(member: str, form: str) -> Callable[[Arrived], Scene]:
    """Answer with the first number of the request as the whole of one `member`."""

    def respond(arrived: Arrived) -> Scene:
        digits = "".join(c if c.isdigit() else " " for c in arrived.body.decode("latin-1")).split()
        number = max(digits, key=len, default="0")[-11:]
        known = {"Code": "OK", "ResponseCode": "OK", "RequestId": REQUEST_ID, "BizId": "1^0"}
        names = ("Code", "ResponseCode") if member == "Code" else (member,)
        return answer({**known, **dict.fromkeys(names, form.format(number))})

    return respond


def _moved(arrived: Arrived) -> Scene:
    place = f"Location: https://{echo(arrived).encode().hex()}.invalid/?{arrived.body.decode()}"
    return answer(b"", "302 Found", place)


def _html(arrived: Arrived) -> Scene:
    return answer(f"<html>{echo(arrived)}</html>".encode(), "502 Bad Gateway", "X-Seen: 1")


def _status_line(arrived: Arrived) -> Scene:
    return say(f"HTTP/1.1 400 {echo(arrived)!r}\r\n\r\n{{}}".encode("latin-1", "replace"))


def _accept(arrived: Arrived) -> Scene:
    members: dict[str, Any] = {"Code": "OK", "ResponseCode": "OK", "RequestId": REQUEST_ID}
    members |= {"BizId": "900619746936498440^0", "MessageId": "1008030300001234", "Success": True}
    return answer({**members, "MessageTokenDTO": KEY_OF_QUEUES, "TotalCount": 0})


SHAPES: Mapping[str, Callable[[Arrived], Scene]] = {
    "accepts": _accept,
    "refuses the signature": _with_code("SignatureDoesNotMatch", "400 Bad Request"),
    "refuses the number": _with_code("isv.MOBILE_NUMBER_ILLEGAL"),
    "is not documented": _with_code("isv.NEW_CODE"),
    "fails": _with_code("InternalError", "500 Internal Server Error"),
    "accepts with an echo in each member": _in_each_member("OK"),
    "answers with an echo as its code": _in_each_member(""),
    "answers with the number as its code": _number_as("Code", "{}"),
    "answers with the number in its code": _number_as("Code", "isv.{}"),
    "answers with the number as its id": _number_as("RequestId", "{}"),
    "answers with the number in its id": _number_as("RequestId", "A{}"),
    "answers with the number in hyphens": _number_as("RequestId", "A-{0:.3}-{0:.8}-{0}"),
    "redirects": _moved,
    "is a page": _html,
    "is the request": lambda arrived: answer(echo(arrived).encode()),
    "is the request as a string": lambda arrived: answer(json.dumps(echo(arrived)).encode()),
    "is the request in its status line": _status_line,
    "is no HTTP": lambda arrived: say(echo(arrived).encode()),
    "hangs up": lambda arrived: hang_up(),
    "resets": lambda arrived: reset(),
}


# These are kept as what they seem to be, the id of a message; the log has to be more careful.
ID_SHAPES: Mapping[str, Callable[[Arrived], Scene]] = {
    "answers with the number as the id of its message": _number_as("BizId", "{}"),
    "answers with the number in the id of its message": _number_as("BizId", "90061974{}^0"),
    "answers with the number behind the id of its message": _number_as("BizId", "9006197^{}"),
    "answers with the number as its MessageId": _number_as("MessageId", "0086{}"),
}


class EchoingPlatform:
    """Answers as `shape` says; gives out `queued` to who asks a queue for messages."""

    def __init__(self) -> None:
        self.shape = "accepts"
        self.queued: list[bytes] = []
        self.requests = 0

    def respond(self, arrived: Arrived) -> Scene:
        """Answer one request."""
        self.requests += 1
        if not arrived.start_line.startswith("GET") or self.shape != "accepts":
            return {**SHAPES, **ID_SHAPES}[self.shape](arrived)
        messages = "".join(
            f"<Message><ReceiptHandle>h</ReceiptHandle><MessageBody>"
            f"{base64.b64encode(body).decode()}</MessageBody></Message>"
            for body in self.queued
        )
        self.queued = []
        text = f'<Messages xmlns="http://mns.aliyuncs.com/doc/v1/">{messages}</Messages>'
        return answer(text.encode())
