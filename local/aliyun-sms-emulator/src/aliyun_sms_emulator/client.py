"""A client of the JSON API of any running emulator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from aliyun_sms_emulator.errors import NotRunning
from aliyun_sms_emulator.records import PushAttempt, ReceiptPush, Reply, RequestRecord, SmsMessage

_TIMEOUT_SECONDS = 330  # the longest wait of the JSON API is 300
_PAGE = 1000


class EmulatorClock:
    """The emulator's clock; times of messages, limits and receipts follow it."""

    def __init__(self, emulator: EmulatorClient) -> None:
        self._emulator = emulator

    @property
    def now(self) -> datetime:
        """The emulator's time, in UTC+8."""
        return datetime.fromisoformat(str(self._emulator.call("GET", "/api/clock")["now"]))

    def set(self, now: datetime, *, running: bool = False) -> None:
        """Make it `now` (with a time zone); time then stands still unless `running`."""
        if now.tzinfo is None:
            raise ValueError("now must have a time zone")
        self._emulator.call("PUT", "/api/clock", {"now": now.isoformat(), "running": running})

    def advance(self, seconds: float | timedelta) -> None:
        """Move on by seconds; a clock that ran keeps running."""
        if isinstance(seconds, timedelta):
            seconds = seconds.total_seconds()
        self._emulator.call("PUT", "/api/clock", {"advance_seconds": seconds})

    def follow_real_time(self) -> None:
        """Go back to the real time."""
        self._emulator.call("PUT", "/api/clock", {"mode": "real"})


class EmulatorClient:
    """Reads and steers the emulator at `url`, such as `http://127.0.0.1:8100`."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.clock = EmulatorClock(self)

    @property
    def endpoint(self) -> str:
        """Host and port, the form in which SDKs take an endpoint."""
        return self.url.removeprefix("http://")

    def messages(self, **filters: str) -> list[SmsMessage]:
        """Messages in the inbox, the oldest first.

        Filters: phone_number, out_id, out_id_prefix, biz_id, template_code, status, and text (a
        part of it).
        """
        found: list[SmsMessage] = []
        while True:
            page = self._messages({**filters, "limit": str(_PAGE), "offset": str(len(found))})
            found += page
            if len(page) < _PAGE:
                return found

    def wait_for_message(self, timeout: float = 5, **filters: str) -> SmsMessage:
        """The first message that matches; waits up to `timeout` seconds, then TimeoutError.

        Its text says what did arrive, and what was refused and why.
        """
        found = self._messages({**filters, "wait": str(timeout), "limit": "1"})
        if not found:
            from aliyun_sms_emulator.shortfall import shortfall  # of what goes wrong

            named = f"with this {', '.join(filters)} " if filters else ""
            raise TimeoutError(
                f"no message {named}came within {timeout:g} seconds; {shortfall(self, filters)}"
            )
        return found[0]

    def receipts(self, wait: float = 0, count: int = 1, **filters: str) -> list[ReceiptPush]:
        """Receipts and replies with their attempts to be pushed, the oldest first.

        Filters: kind (SmsReport, SmsUp) and state (waiting, pushed, dropped). Waits up to `wait`
        seconds until `count` of them match.
        """
        query = {**filters, "wait": str(wait), "count": str(count), "limit": "1000"}
        answer = self.call("GET", f"/api/receipts?{urlencode(query)}")
        return [
            ReceiptPush(**{**item, "attempts": _attempts(item["attempts"])})
            for item in answer["receipts"]
        ]

    def reply(self, phone_number: str, content: str, dest_code: str | None = None) -> Reply:
        """Write back from a number; `dest_code` is by default that of its newest message."""
        document = {"phone_number": phone_number, "content": content}
        if dest_code is not None:
            document["dest_code"] = dest_code
        return Reply(**self.call("POST", "/api/replies", document))

    def replies(self) -> list[Reply]:
        """What was written back, the oldest first."""
        return [Reply(**item) for item in self.call("GET", "/api/replies?limit=1000")["replies"]]

    def requests(self) -> list[RequestRecord]:
        """The calls to the platform API, the oldest first (at most 10,000 are kept)."""
        answer = self.call("GET", "/api/requests?limit=10000")
        return [RequestRecord(**item) for item in answer["requests"]]

    def clear(self) -> None:
        """Forget all messages (and what the limits counted) and all logged requests."""
        self.call("DELETE", "/api/messages")
        self.call("DELETE", "/api/requests")

    def settings(self, **changes: object) -> dict[str, Any]:
        """Change the settings named and return all of them."""
        return self.call("PUT", "/api/settings", changes)

    def set_fate(self, phone_number: str, fate: str) -> None:
        """Decide about messages that will be sent to a number, see `PUT /api/numbers`."""
        self.call("PUT", f"/api/numbers/{quote(phone_number, safe='')}", {"fate": fate})

    def set_faults(self, *rules: Mapping[str, object]) -> None:
        """Put these fault rules in force instead of all others; see docs/faults.md."""
        self.call("PUT", "/api/faults", {"rules": list(rules)})

    def add_fault(self, **rule: object) -> str:
        """Append one fault rule; returns its id."""
        return str(self.call("POST", "/api/faults", rule)["id"])

    def faults(self) -> list[dict[str, Any]]:
        """The fault rules in force, each with how many requests it `met` and how often `fired`."""
        return list(self.call("GET", "/api/faults")["rules"])

    def clear_faults(self) -> None:
        """Take all fault rules out of force."""
        self.call("DELETE", "/api/faults")

    def reset(self) -> None:
        """Forget everything and go back to the configuration and the real time."""
        self.call("DELETE", "/api/state")

    def call(
        self, method: str, path: str, document: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """Make one call to the JSON API.

        Raises ValueError with the text of a refusal, and NotRunning when nobody answers.
        """
        if not self.url:
            raise RuntimeError("the emulator is not running; use it in a with statement")
        from http.client import HTTPConnection, HTTPException  # slow to import

        body = None if document is None else json.dumps(document)
        headers = {} if document is None else {"Content-Type": "application/json"}
        try:
            with closing(HTTPConnection(self.endpoint, timeout=_TIMEOUT_SECONDS)) as connection:
                connection.request(method, path, body, headers)
                answer = json.loads(connection.getresponse().read())
        except (ConnectionResetError, BrokenPipeError, TimeoutError) as error:
            raise NotRunning(
                f"the answer of {self.url} was lost ({error.strerror or error}); a fault on demand"
                f" may be in force, see {self.url}/inbox#faults"
            ) from error
        except OSError as error:
            raise NotRunning(
                f"no emulator answers at {self.url} ({error.strerror or error}); start"
                " sms-emulator, or give the address of the running one"
            ) from error
        except (HTTPException, ValueError) as error:
            raise NotRunning(f"what answers at {self.url} is no sms-emulator") from error
        if "error" in answer:
            refusal = answer["error"]
            raise ValueError(": ".join(filter(None, (refusal["field"], refusal["message"]))))
        return dict(answer)

    def _messages(self, query: dict[str, str]) -> list[SmsMessage]:
        answer = self.call("GET", f"/api/messages?{urlencode(query)}")
        return [
            SmsMessage(**{**item, "push_attempts": _attempts(item["push_attempts"])})
            for item in answer["messages"]
        ]


def _attempts(items: list[dict[str, Any]]) -> list[PushAttempt]:
    return [PushAttempt(**item) for item in items]
