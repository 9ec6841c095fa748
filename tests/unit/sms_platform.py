"""The SMS service as the functions see it: a server that answers each Action as a test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from tests.unit.scripted_server import Arrived, Scene, answer

REQUEST_ID = "819BE656-D2E0-4858-8B21-B2E477085AAF"
BIZ_ID = "9006197469364984400"


class Call(NamedTuple):
    """One request that arrived: its parameters are those of the form, V1's own included."""

    action: str
    parameters: Mapping[str, str]
    arrived: Arrived


class Platform:
    """Answers by Action; every call that arrived is kept."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._answers: dict[str, Callable[[Mapping[str, str]], Scene]] = {}
        self.on("SendSms", accepted())
        self.on("SendBatchSms", accepted())
        self.on("QuerySendDetails", details())

    def on(self, action: str, *scenes: Scene) -> None:
        """Answer `action` with `scenes` in order, the last one ever after."""
        rest = list(scenes)
        self.decide(action, lambda _parameters: rest.pop(0) if len(rest) > 1 else rest[0])

    def decide(self, action: str, decision: Callable[[Mapping[str, str]], Scene]) -> None:
        """Let `decision` choose the scene from the parameters of each call of `action`."""
        self._answers[action] = decision

    def respond(self, arrived: Arrived) -> Scene:
        """Record a request and return what to do about it."""
        parameters = dict(
            parse_qsl(arrived.body.decode(), keep_blank_values=True, strict_parsing=True)
        )
        action = arrived.headers.get("x-acs-action") or parameters["Action"]
        self.calls.append(Call(action, parameters, arrived))
        return self._answers[action](parameters)

    def asked(self, *actions: str) -> list[Mapping[str, str]]:
        """Return the parameters of the calls of `actions`, in order."""
        return [call.parameters for call in self.calls if call.action in actions]

    @property
    def sends(self) -> list[Mapping[str, str]]:
        """The parameters of every request to send that arrived."""
        return self.asked("SendSms", "SendBatchSms")


def accepted() -> Scene:
    """Answer that the message was taken."""
    return answer({"Code": "OK", "Message": "OK", "BizId": BIZ_ID, "RequestId": REQUEST_ID})


def refused(code: str, message: str = "no", status: str = "200 OK") -> Scene:
    """Answer with an error code."""
    return answer({"Code": code, "Message": message, "RequestId": REQUEST_ID}, status)


def details(*entries: Mapping[str, Any], total: int | None = None) -> Scene:
    """Answer QuerySendDetails with `entries`, one page of `total`."""
    return answer(
        {
            "Code": "OK",
            "Message": "OK",
            "RequestId": REQUEST_ID,
            "TotalCount": len(entries) if total is None else total,
            "SmsSendDetailDTOs": {"SmsSendDetailDTO": list(entries)},
        }
    )


def pages_of(entries: Sequence[Mapping[str, Any]]) -> Callable[[Mapping[str, str]], Scene]:
    """Decide about QuerySendDetails: page through `entries` as the real one does."""

    def decide(parameters: Mapping[str, str]) -> Scene:
        size = int(parameters["PageSize"])
        start = (int(parameters["CurrentPage"]) - 1) * size
        return details(*entries[start : start + size], total=len(entries))

    return decide


def detail(**fields: Any) -> dict[str, Any]:
    """Return one entry of QuerySendDetails; `fields` replace its usual values."""
    return {
        "PhoneNum": "13800138000",
        "SendStatus": 3,
        "ErrCode": "DELIVERED",
        "TemplateCode": "SMS_1",
        "Content": "【签名】Your code is 123456.",
        "SendDate": "2027-01-15 16:00:00",
        "ReceiveDate": "2027-01-15 16:00:04",
        "OutId": "shop~order-1",
        **fields,
    }
