"""Codes that nobody confirms: whose share is too large, and what is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shared.codes import code_requests
from shared.codes.code_requests import CodeRequest
from shared.codes.confirmations import Confirmations
from shared.errors import LimitReached, StoreUnavailable
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Change, Written
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import ManualClock

DAY = 86400
MAINLAND, HONG_KONG = "13800138000", "+85251234567"
HOME = "2001:db8:1:2::7"
BY_COUNTRY, BY_ADDRESS = "unconfirmed-per-country", "unconfirmed-per-address"
Lines = Callable[[], list[dict[str, Any]]]


def wish(number: str = MAINLAND, client_ip: str | None = None) -> CodeRequest:
    body = {"phone_number": number, "purpose": "login", "client_ip": client_ip}
    return code_requests.read_request(body, "")


class Codes:
    """Codes of a store, each with a name of its own; `environ` are settings of the test."""

    def __init__(self, api_to: ApiTo, clock: ManualClock, path: Path) -> None:
        self.clock = clock
        self.store = SqliteStore(str(path))
        self.environ = {
            "SMS_STATE_URL": "sqlite:///state",
            "SMS_ALLOW_LOCAL_STATE": "1",
            "SMS_STATE_SECRET": "the-secret-of-the-state",
            "SMS_LIMITS": f"{BY_COUNTRY}=3,{BY_ADDRESS}=2",
            "SMS_CONFIRMATION_MODE": "enforce",
        }
        self._api_to = api_to
        self._names = (f"code-{place}" for place in count())

    @property
    def confirmations(self) -> Confirmations:
        api = self._api_to("http://127.0.0.1:1", lambda: CREDENTIALS, **self.environ)
        return Confirmations(api, self.store)

    def send(self, *arguments: Any) -> str:
        """Send a code that is admitted; return its name."""
        name, request = next(self._names), wish(*arguments)
        self.confirmations.admit(request, name)
        self.confirmations.sent(request, name)
        return name

    def confirm(self, *names: str) -> None:
        for name in names:
            self.confirmations.confirmed(name)


@pytest.fixture
def codes(api_to: ApiTo, clock: ManualClock, tmp_path: Path) -> Codes:
    return Codes(api_to, clock, tmp_path / "state.db")


@contextmanager
def refused(rule: str, retry_after: int = 8 * 3600) -> Iterator[None]:
    """Expect a refusal; the tests begin at 16 o'clock."""
    with pytest.raises(LimitReached) as caught:
        yield
    assert (caught.value.code, caught.value.retry_after) == (rule, retry_after)
    assert (caught.value.status, caught.value.retryable) == (429, True)
    whose = "to this country" if rule == BY_COUNTRY else "for this client_ip"
    assert f"codes {whose} were confirmed" in caught.value.detail


def test_so_many_codes_of_a_country_may_be_unconfirmed_a_day(codes: Codes) -> None:
    for _ in range(3):
        codes.send()
    with refused(BY_COUNTRY):
        codes.send("13900139000")
    codes.send(HONG_KONG)
    codes.clock.advance(8 * 3600 - 1)
    with refused(BY_COUNTRY, retry_after=1):
        codes.send()
    codes.clock.advance(1)  # midnight in UTC+8
    codes.send()


def test_so_many_codes_of_an_address_may_be_unconfirmed_a_day(codes: Codes) -> None:
    codes.send(MAINLAND, HOME)
    codes.send(HONG_KONG, "2001:db8:1:2::8")
    with refused(BY_ADDRESS):
        codes.send(HONG_KONG, HOME)
    codes.send(HONG_KONG, "2001:db8:1:3::7")
    codes.send(HONG_KONG)


def test_a_code_that_is_confirmed_makes_room_for_another(codes: Codes) -> None:
    first, *_ = [codes.send(MAINLAND, HOME), codes.send(), codes.send()]
    with refused(BY_COUNTRY):
        codes.send()
    codes.confirm(first)
    codes.send(MAINLAND, HOME)
    with refused(BY_COUNTRY):
        codes.send()


def test_a_code_is_counted_once_and_confirmed_once(codes: Codes) -> None:
    name = codes.send()
    for _ in range(5):
        codes.confirmations.sent(wish(), name)
    codes.send()
    for _ in range(5):
        codes.confirm(name, "never-sent")
    codes.send()
    codes.send()
    with refused(BY_COUNTRY):
        codes.send()


def test_a_repeat_is_let_through(codes: Codes) -> None:
    names = [codes.send() for _ in range(3)]
    codes.confirmations.admit(wish(), names[0])
    with refused(BY_COUNTRY):
        codes.confirmations.admit(wish(), "another")


def test_a_code_that_is_confirmed_tomorrow_was_sent_today(codes: Codes) -> None:
    names = [codes.send() for _ in range(3)]
    codes.clock.advance(8 * 3600)
    today = [codes.send() for _ in range(3)]
    codes.confirm(*names)
    with refused(BY_COUNTRY, retry_after=DAY):
        codes.send()
    codes.confirm(today[0])
    codes.send()


def busy_day(codes: Codes, confirmed: int, client_ip: str | None = None) -> None:
    for _ in range(confirmed):
        codes.confirm(codes.send(MAINLAND, client_ip))


def unconfirmed_in_a_row(codes: Codes, client_ip: str | None = None) -> int:
    """Send codes until one is refused; return how many were sent."""
    sent = 0
    with suppress(LimitReached):
        while sent < 100:
            codes.send(MAINLAND, client_ip)
            sent += 1
    return sent


@pytest.mark.parametrize(("days", "admitted"), [(0, 7), (1, 6), (13, 6), (14, 3)])
def test_the_share_is_of_the_best_day_of_two_weeks(codes: Codes, days: int, admitted: int) -> None:
    busy_day(codes, 20)
    codes.clock.advance(days * DAY)
    busy_day(codes, 1)
    assert unconfirmed_in_a_row(codes) == admitted


@pytest.mark.parametrize(("days", "admitted"), [(0, 6), (1, 2)])
def test_the_share_of_an_address_is_of_its_day(codes: Codes, days: int, admitted: int) -> None:
    codes.environ["SMS_LIMITS"] = f"{BY_COUNTRY}=0,{BY_ADDRESS}=2"
    busy_day(codes, 20, HOME)
    codes.clock.advance(days * DAY)
    assert unconfirmed_in_a_row(codes, HOME) == admitted


def test_a_rule_of_nought_is_no_limit(codes: Codes) -> None:
    codes.environ["SMS_LIMITS"] = f"{BY_COUNTRY}=0,{BY_ADDRESS}=0"
    for _ in range(30):
        codes.send(MAINLAND, HOME)


def test_by_default_it_is_only_logged(codes: Codes, log_lines: Lines) -> None:
    del codes.environ["SMS_CONFIRMATION_MODE"]
    for _ in range(4):
        codes.send(MAINLAND, HOME)
    lines = [(line["level"], line["outcome"], line["rule"], line["total"]) for line in log_lines()]
    assert lines == [
        ("warning", "exceeded", BY_ADDRESS, 2),
        ("warning", "exceeded", BY_COUNTRY, 3),
        ("warning", "exceeded", BY_ADDRESS, 3),
    ]


def test_a_refusal_is_logged(codes: Codes, log_lines: Lines) -> None:
    for _ in range(3):
        codes.send()
    with refused(BY_COUNTRY):
        codes.send()
    (line,) = log_lines()
    assert (line["level"], line["action"], line["outcome"]) == ("warning", "limit", "refused")
    assert (line["rule"], line["total"]) == (BY_COUNTRY, 3)


def test_the_mode_of_limits_is_another_one(codes: Codes) -> None:
    codes.environ["SMS_LIMIT_MODE"] = "record-only"
    assert unconfirmed_in_a_row(codes) == 3


def test_nothing_about_a_number_or_an_address_is_stored(codes: Codes, tmp_path: Path) -> None:
    codes.confirm(codes.send(MAINLAND, "203.0.113.7"), codes.send(HONG_KONG, HOME))
    kept = (tmp_path / "state.db").read_bytes()
    for secret in (MAINLAND, "85251234567", "203.0.113.7", "2001:db8", "20010db8", "login"):
        assert secret.encode() not in kept


def test_a_store_that_is_down_admits_nobody(codes: Codes, tmp_path: Path) -> None:
    codes.store = SqliteStore(str(tmp_path / "nowhere" / "state.db"))
    with pytest.raises(StoreUnavailable):
        codes.send()


# records of other versions


def rewrite(codes: Codes, name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change the record of a code as another version might."""
    key = f"confirmation:{name}"
    text = codes.store.get(key)
    new = json.dumps(change(json.loads(text or "")))
    assert codes.store.put(Change(key, text, new, ttl=3600, now=0)) == Written()


def test_a_name_that_is_not_known_here_is_handed_on(codes: Codes) -> None:
    first, *_ = [codes.send(MAINLAND, HOME), codes.send(), codes.send()]
    rewrite(codes, first, lambda record: {**record, "channel": {"name": "voice"}})
    codes.confirm(first)
    record = json.loads(codes.store.get(f"confirmation:{first}") or "")
    assert (record["state"], record["channel"]) == ("confirmed", {"name": "voice"})
    codes.send(MAINLAND, HOME)
    with refused(BY_COUNTRY):
        codes.send()


@pytest.mark.parametrize("name", ["state", "day", "origins"])
def test_a_record_with_a_name_less_makes_no_room(codes: Codes, name: str) -> None:
    first, *_ = [codes.send() for _ in range(3)]
    rewrite(codes, first, lambda record: {n: v for n, v in record.items() if n != name})
    codes.confirm(first)
    with refused(BY_COUNTRY):
        codes.send()


@pytest.mark.parametrize(("name", "room"), [("rule", 2), ("name", 1)])
def test_an_origin_with_a_name_less_does_no_harm(codes: Codes, name: str, room: int) -> None:
    first, *_ = [codes.send(MAINLAND, HOME) for _ in range(2)]

    def with_one_less(record: dict[str, Any]) -> dict[str, Any]:
        by_country, by_address = record["origins"]
        less = {other: value for other, value in by_country.items() if other != name}
        return {**record, "origins": [less, by_address]}

    rewrite(codes, first, with_one_less)
    codes.confirm(first)
    for _ in range(room):
        codes.send()
    with refused(BY_COUNTRY):
        codes.send()
