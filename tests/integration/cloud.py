"""The local cloud as a caller sees it: the functions' HTTP triggers and the SMS service."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import requests

from aliyun_fc_runtime_stub import FunctionCompute, Invocation
from aliyun_sms_emulator import SmsEmulator
from tests.integration.contract import Contract

API_KEY = "bGV0LW1lLWluLTEyMzQ1Njc4OTA"
SEND, QUERY = "fc-sms-send-sms", "fc-sms-query-delivery-status"
ABROAD = "fc-sms-send-international-sms"
PATHS = {
    SEND: "sms",
    ABROAD: "international-sms",
    QUERY: "delivery-status",
    "fc-sms-verify-code": "codes",
}
ONE_NUMBER_AGAIN_AND_AGAIN = "number-per-minute=0,number-per-hour=0,number-per-day=0"
"""SMS_LIMITS for tests that share a store and the number that they send to."""
_FRAME = re.compile(r"FC Invoke (Start|End) RequestId: \S+")
_EVENT_FIELDS = {"time", "level", "request_id", "function", "action", "outcome"}
_LONGEST_INNOCENT = 5  # a shorter text may stand in a line by chance


class Answer(NamedTuple):
    """One HTTP answer, its body read as JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Cloud:
    """Function Compute with the project's functions; their answers are held to `contract`.

    `endpoint` is what the functions take for the SMS service, `changes` are further environment
    variables of theirs, `variables` what s.yaml's ``${env()}`` sees.
    """

    def __init__(
        self,
        project: Path,
        emulator: SmsEmulator,
        contract: Contract,
        *,
        endpoint: str = "",
        variables: Mapping[str, str] | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        self.emulator = emulator
        self._contract = contract
        self._http = requests.Session()
        self._http.trust_env = False
        digest = hashlib.sha256(API_KEY.encode()).hexdigest()
        environment = {
            "SMS_ENDPOINT": endpoint or emulator.url,
            "SMS_INTERNATIONAL_ENDPOINT": endpoint or emulator.url,
            "SMS_ACCESS_KEY_ID": emulator.access_key_id,
            "SMS_ACCESS_KEY_SECRET": emulator.access_key_secret,
            "SMS_SIGN_NAME": "fc-sms",
            "SMS_COUNTRIES": "GB,HK,TW,US",
            "SMS_API_KEYS": f"tests:{digest}",
            **(changes or {}),
        }
        self.functions = FunctionCompute(
            project / "s.yaml", environment, port=0, variables=variables or {}
        )
        self.start_test()

    def __enter__(self) -> Cloud:
        """Start the functions."""
        self.functions.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop them."""
        self._http.close()
        self.functions.stop()

    def send(self, body: object, **headers: str) -> Answer:
        """POST `body` to ``/sms``."""
        return self.request("POST", SEND, "sms", self._encoded(body), headers)

    def send_abroad(self, body: object) -> Answer:
        """POST `body` to ``/international-sms``."""
        return self.request("POST", ABROAD, "international-sms", self._encoded(body), {})

    def send_asynchronously(self, body: object) -> int:
        """POST `body` to ``/sms`` for an asynchronous run, and return the status."""
        answer = self._exchange(
            "POST", SEND, "sms", self._encoded(body), {"X-Fc-Invocation-Type": "Async"}
        )
        return answer.status_code

    def status(self, body: object) -> Answer:
        """POST `body` to ``/delivery-status``."""
        return self.request("POST", QUERY, "delivery-status", self._encoded(body), {})

    def request(
        self,
        method: str,
        function: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call a trigger URL, with the API key unless `headers` bring an Authorization.

        Fails when the answer is not one that the contract describes.
        """
        answer = self._exchange(method, function, path, body, headers or {})
        return Answer(answer.status_code, answer.headers, answer.json())

    def _exchange(
        self, method: str, function: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> requests.Response:
        answer = self._http.request(
            method,
            self.functions.url(function) + path,
            data=body,
            headers={
                "Authorization": f"Bearer {API_KEY}",
                "Content-Type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
            timeout=60,
        )
        self._contract.check(method, PATHS[function], answer)
        return answer

    def invocations(self) -> Sequence[Invocation]:
        """The invocations that ended in this test."""
        return self.functions.invocations()[self._before :]

    def log(self) -> list[dict[str, Any]]:
        """What the functions logged in this test; Function Compute's own lines are left out."""
        return [json.loads(line) for line in self.log_lines()]

    def log_lines(self) -> list[str]:
        """The lines of `log` as they were written."""
        return [
            line
            for invocation in self.invocations()
            for line in invocation.log.split("\n")
            if line and not _FRAME.fullmatch(line)
        ]

    def start_test(self) -> None:
        """Forget what earlier tests said and logged."""
        self._before = len(self.functions.invocations())
        self._said = {API_KEY, self.emulator.access_key_secret}

    def heard(self, body: object) -> None:
        """Remember the numbers and template values of a request: no log line may hold them."""
        self._said.update(_leaves(body))

    def check_log(self) -> None:
        """Fail unless every line is a JSON object with the fields of an event and no secret."""
        said = self._said | {message.phone_number for message in self.emulator.messages()}
        secrets = [text for text in said if len(text) > _LONGEST_INNOCENT]
        for line in self.log_lines():
            assert json.loads(line).keys() >= _EVENT_FIELDS, line
            assert not [secret for secret in secrets if secret in line], line

    def _encoded(self, body: object) -> bytes:
        self.heard(body)
        return body if isinstance(body, bytes) else json.dumps(body).encode()


def _leaves(value: object, field: str = "") -> Iterator[str]:
    """Yield the phone numbers, texts and template values of a request."""
    if isinstance(value, dict):
        for name, part in value.items():
            inside = field == "template_param"
            yield from _leaves(part, field if inside else name)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part, field)
    elif field in ("message", "phone_number", "phone_numbers", "template_param"):
        yield str(value)
