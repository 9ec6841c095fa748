"""Limits: what each rule counts and for how long, and what a refusal leaves as it was."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import InvalidRequest, StoreUnavailable
from shared.ids import EVENT_SPACE
from shared.limit_rules import RULE_OF
from shared.logs import Log
from shared.phone_numbers import country_of
from shared.platform.sms_api import SmsApi
from shared.receipts import keeping
from shared.sending import international, mainland
from shared.sending.attempts import NONCE_LIFETIME
from shared.sending.intents import Defaults, Intent, PartOutcome
from shared.sending.limits import Limits, network
from shared.sending.protocol import send
from shared.sending.segments import segments
from shared.settings import read_settings
from shared.state.sqlite_store import SqliteStore
from shared.state.store import MOST_COUNTS, Answer, Change, Count
from shared.trunk_prefixes import TRUNKS
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import AFTERNOON, ManualClock
from tests.unit.scripted_server import Scene, answer, hang_up
from tests.unit.sent_parts import leave_part
from tests.unit.sms_platform import Platform, accepted, detail, details, refused

UTC8 = timezone(timedelta(hours=8))
STATE = {
    "SMS_STATE_URL": "sqlite:///state",
    "SMS_ALLOW_LOCAL_STATE": "1",
    "SMS_STATE_SECRET": "the-secret-of-the-state",
}
NO_LIMITS = ",".join(f"{rule}=0" for rule in RULE_OF)
NUMBER, OTHER = "13800138000", "13800138001"
HONG_KONG, SINGAPORE = "+85251234567", "+6581234567"
CLOCK_RULES = {
    "requests-per-second": "%Y%m%d%H%M%S",
    "number-per-minute": "%Y%m%d%H%M",
    "number-per-hour": "%Y%m%d%H",
    "address-per-hour": "%Y%m%d%H",
    "key-per-hour": "%Y%m%d%H",
    "prefix-per-hour": "%Y%m%d%H",
    "address-per-day": "%Y%m%d",
    "key-per-day": "%Y%m%d",
    "prefix-per-day": "%Y%m%d",
    "country-per-day": "%Y%m%d",
    "mainland-per-day": "%Y%m%d",
    "mainland-per-month": "%Y%m",
    "international-per-day": "%Y%m%d",
    "international-per-month": "%Y%m",
}
SLIDING_RULES = {
    "codes-per-minute": 60,
    "codes-per-hour": 3600,
    "codes-per-day": 86400,
    "number-per-day": 86400,
}
Lines = Callable[[], list[dict[str, Any]]]


def only(*limits: str) -> dict[str, str]:
    """Return the setting that leaves no rules in force but those given."""
    return {"SMS_LIMITS": ",".join((NO_LIMITS, *limits))}


def all_at(limit: int) -> dict[str, str]:
    return only(*(f"{rule}={limit}" for rule in RULE_OF))


def intent_of(*numbers: str, **fields: Any) -> Intent:
    """Return the intent to send a template, or a `message`, to numbers of one kind."""
    known = {name: fields.pop(name) for name in ("space", "is_code") if name in fields}
    body = {"phone_numbers": list(numbers), "out_id": "order-1", **fields}
    if "message" not in body:
        body.setdefault("template_code", "SMS_1")
    is_abroad = numbers[0].startswith("+") and not numbers[0].startswith("+86")
    reader = international.read_intent if is_abroad else mainland.read_intent
    return reader(body, "", Defaults(EVENT_SPACE, "签名"))._replace(**known)


def batch(size: int) -> Intent:
    entries = [{"phone_number": f"138{number:08}"} for number in range(size)]
    body = {"messages": entries, "template_code": "SMS_1", "out_id": "order-1"}
    return mainland.read_intent(body, "", Defaults(EVENT_SPACE, "签名"))


def limits_at(environ: Mapping[str, str], epoch: float = AFTERNOON) -> Limits:
    """Return limits of which only the counts are asked, at a time of one's own."""
    clock = ManualClock(epoch).as_clock()
    log = Log("invocation-x", "send_sms", b"hash key", clock, io.StringIO())
    known = read_settings({**STATE, **environ})
    return Limits(SmsApi(known, lambda: CREDENTIALS, cast(Any, None), clock, log))


def every_count(
    epoch: float = AFTERNOON, environ: Mapping[str, str] | None = None
) -> dict[str, Count]:
    """Return what is counted of one code to a mainland number and of one abroad, by rule."""
    limits = limits_at(all_at(5) if environ is None else environ, epoch)
    known = {"space": "web", "client_ip": "203.0.113.7", "is_code": True}
    intents = intent_of(NUMBER, **known), intent_of(HONG_KONG, message="Hi", **known)
    charged = [*limits.request(), *(n for i in intents for n in limits.counts(i, i.parts[0]))]
    return {counted.rule: counted for counted in charged}


def amounts(intent: Intent, part: int = 0, **environ: str) -> dict[str, list[int]]:
    """Return the amounts that a part is charged with, by rule without its window."""
    limits = limits_at({**all_at(5), **environ})
    found: dict[str, list[int]] = {}
    for counted in limits.counts(intent, intent.parts[part]):
        if counted.rule.endswith("-per-day"):
            found.setdefault(counted.rule.removesuffix("-per-day"), []).append(counted.amount)
    return found


# windows


def test_every_rule_but_those_of_confirmation_is_counted() -> None:
    assert {*every_count()} == {*CLOCK_RULES, *SLIDING_RULES}
    unconfirmed = {"unconfirmed-per-country", "unconfirmed-per-address"}
    assert {*every_count()} | unconfirmed == {*RULE_OF}
    assert every_count(environ=only()) == {}


@pytest.mark.parametrize(
    ("local", "rule", "left"),
    [
        ("2027-01-15 16:00:00.000", "requests-per-second", 1),
        ("2027-01-15 16:00:00.999", "requests-per-second", 1),
        ("2027-01-15 16:00:00.000", "number-per-minute", 60),
        ("2027-01-15 16:00:59.999", "number-per-minute", 1),
        ("2027-01-15 16:00:00.000", "number-per-hour", 3600),
        ("2027-01-15 16:59:59.999", "address-per-hour", 1),
        ("2027-01-15 00:00:00.000", "mainland-per-day", 86400),
        ("2027-01-15 07:59:59.000", "mainland-per-day", 16 * 3600 + 1),
        ("2027-01-15 23:59:59.999", "key-per-day", 1),
        ("2027-01-31 23:59:59.999", "mainland-per-month", 1),
        ("2027-02-01 00:00:00.000", "mainland-per-month", 28 * 86400),
        ("2027-02-28 23:59:59.000", "mainland-per-month", 1),
        ("2028-02-01 00:00:00.000", "international-per-month", 29 * 86400),
        ("2028-02-28 23:59:59.000", "international-per-month", 86401),
        ("2028-02-29 23:59:59.000", "international-per-month", 1),
        ("2100-02-28 23:59:59.000", "mainland-per-month", 1),
        ("2000-02-28 23:59:59.000", "mainland-per-month", 86401),
        ("2027-12-01 00:00:00.000", "mainland-per-month", 31 * 86400),
        ("2027-12-31 23:59:59.000", "mainland-per-month", 1),
    ],
)
def test_a_window_ends_by_the_clock_in_china(local: str, rule: str, left: int) -> None:
    epoch = datetime.fromisoformat(f"{local}+08:00").timestamp()
    now, then = every_count(epoch)[rule], every_count(epoch + left)[rule]
    assert (now.window, now.is_sliding) == (left, False)
    assert now.key != then.key
    assert now.key == every_count(epoch + left - 1)[rule].key


@settings(max_examples=150, deadline=None, database=None)
@given(st.integers(0, 4_102_444_800), st.sampled_from(sorted(CLOCK_RULES)))
def test_two_moments_share_a_window_when_the_calendar_says_so(epoch: int, rule: str) -> None:
    now = every_count(epoch)[rule]
    field = datetime.fromtimestamp(epoch, UTC8).strftime(CLOCK_RULES[rule])
    for other in (epoch + now.window - 1, epoch + now.window, epoch - 1):
        its_field = datetime.fromtimestamp(other, UTC8).strftime(CLOCK_RULES[rule])
        assert (every_count(other)[rule].key == now.key) == (its_field == field)


@pytest.mark.parametrize(("rule", "window"), SLIDING_RULES.items())
def test_codes_and_a_numbers_day_look_back(rule: str, window: int) -> None:
    now = every_count()[rule]
    assert (now.window, now.is_sliding) == (window, True)
    assert now.key == every_count(AFTERNOON + 10**6)[rule].key


# what is counted


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        (intent_of(NUMBER), {"number": [1], "mainland": [1]}),
        (intent_of(NUMBER, is_code=True), {"number": [1], "codes": [1], "mainland": [1]}),
        (intent_of(NUMBER, OTHER), {"mainland": [2]}),
        (intent_of(NUMBER, OTHER, is_code=True), {"mainland": [2]}),
        (
            intent_of(NUMBER, OTHER, space="web", client_ip="203.0.113.7"),
            {"key": [2], "address": [2], "mainland": [2]},
        ),
        (batch(1), {"number": [1], "mainland": [1]}),
        (batch(100), {"mainland": [100]}),
        (
            intent_of(HONG_KONG, message="a" * 161, space="web", client_ip="::1"),
            {
                "key": [1],
                "address": [1],
                "number": [1],
                "prefix": [1],
                "country": [2],
                "international": [2],
            },
        ),
        (
            intent_of("+85251234567", "+85251230000", "+85251240000", "+447400123456"),
            {"prefix": [2, 1, 1], "country": [3, 1], "international": [4]},
        ),
        (
            intent_of(HONG_KONG, api="SendInterSms", country_code="HK"),
            {"number": [1], "prefix": [1], "country": [1], "international": [1]},
        ),
    ],
    ids=[
        *("one", "a code", "two", "a code to two", "known sender", "batch of one", "batch"),
        *("text", "template", "way of 2017"),
    ],
)
def test_a_part_is_charged_with_its_messages(
    intent: Intent, expected: dict[str, list[int]]
) -> None:
    assert amounts(intent) == expected


def test_each_part_is_charged_for_itself() -> None:
    assert amounts(batch(150), part=1) == {"mainland": [50]}
    texts = intent_of("+85251234567", "+447400123456", message="😀" * 36)
    assert [amounts(texts, part)["international"] for part in (0, 1)] == [[2], [2]]


def test_of_many_prefixes_those_with_the_most_numbers_are_counted() -> None:
    spread = [f"+8525{place:03}0000" for place in range(997)]
    numbers = [*spread, "+85259990001", "+85259990002", "+85259990003"]
    charged = amounts(intent_of(*numbers))
    assert charged["prefix"] == [3, *[1] * 19]
    assert (charged["country"], charged["international"]) == ([1000], [1000])


def test_of_many_countries_each_is_counted_and_fewer_prefixes_are() -> None:
    codes = list(dict.fromkeys(code for code in TRUNKS if code not in ("86", "7", "44")))[:50]
    intent = intent_of(*(f"+{code}2{'3' * 7}" for code in codes), space="web", client_ip="1.2.3.4")
    known = limits_at({**all_at(5), "SMS_LIMITS": ""})
    charged = known.counts(intent, intent.parts[0])
    assert len([*charged, *known.request()]) <= MOST_COUNTS
    found = amounts(intent)
    assert found["country"] == [1] * len({country_of(f"{code}23") for code in codes})
    assert len(found["prefix"]) == 3


def test_a_list_in_too_many_countries_is_refused() -> None:
    codes = [code for code in TRUNKS if code != "86"][:60]
    intent = intent_of(*(f"+{code}2{'3' * 7}" for code in codes))
    with pytest.raises(InvalidRequest, match="phone_numbers: are in more than 50 countries"):
        limits_at({"SMS_COUNTRIES": "HK"}).check_destinations(intent)


def test_a_template_of_codes_makes_a_code() -> None:
    intent = intent_of(NUMBER, template_code="SMS_7")
    assert "codes" not in amounts(intent, SMS_CODE_TEMPLATES="SMS_8")
    assert amounts(intent, SMS_CODE_TEMPLATES="SMS_8,SMS_7")["codes"] == [1]


@pytest.mark.parametrize(
    ("rules", "countries", "expected"),
    [
        ("country-per-day=5", "HK:2,SG", [2, 5]),
        ("country-per-day=5", "HK:200,SG:0", [200, 5]),
        ("country-per-day=0", "HK:2,SG", [2]),
        ("country-per-day=0", "HK,SG", []),
    ],
)
def test_a_country_may_have_a_limit_of_its_own(
    rules: str, countries: str, expected: list[int]
) -> None:
    limits = limits_at({**only(rules), "SMS_COUNTRIES": countries})
    intent = intent_of(HONG_KONG, SINGAPORE)
    assert [counted.limit for counted in limits.counts(intent, intent.parts[0])] == expected


@pytest.mark.parametrize(
    ("text", "billed"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 350, 3),
        ("a" * 159 + "€", 2),
        ("a" * 158 + "€", 1),
        ("^{}\\[~]|€" * 8 + "a" * 16, 1),
        ("^{}\\[~]|€" * 9, 2),
        ("€" * 152, 2),
        ("€" * 154, 3),
        ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ ñü¿¡§à" * 3, 1),
        ("`" * 70, 1),
        ("`" * 71, 2),
        ("\f" * 71, 2),
        ("\t" * 71, 2),
        ("你" * 70, 1),
        ("你" * 71, 2),
        ("你" * 134, 2),
        ("你" * 135, 3),
        ("a" * 69 + "你", 1),
        ("a" * 70 + "你", 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("👨‍👩‍👧‍👦" * 6 + "ab", 1),
        ("👨‍👩‍👧‍👦" * 7, 2),
        ("a" * 39015, 255),
        # No pair is split over two messages: 76 of them fill one of 153 units, 33 one of 67.
        ("]" * 80, 1),
        ("]" * 81, 2),
        ("]" * 152, 2),
        ("]" * 153, 3),
        ("a" * 152 + "]" + "a" * 152, 3),
        ("a" * 151 + "]" + "a" * 153, 2),
        ("😀" * 66, 2),
        ("😀" * 67, 3),
        ("你" * 66 + "😀" + "你" * 66, 3),
        ("你" * 65 + "😀" + "你" * 67, 2),
    ],
)
def test_a_text_is_billed_by_its_alphabet(text: str, billed: int) -> None:
    assert segments(text) == billed


# the names of counts


@pytest.mark.parametrize(
    ("address", "other", "is_same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::1", "::2", True),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        ("::ffff:0:203.0.113.7", "::ffff:203.0.113.7", False),
    ],
)
def test_a_household_is_one_address(address: str, other: str, is_same: bool) -> None:
    assert (network(address) == network(other)) is is_same
    first, second = (
        every_key(intent_of(NUMBER, client_ip=each), "address-per-day") for each in (address, other)
    )
    assert (first == second) is is_same


def every_key(intent: Intent, rule: str, secret: str = STATE["SMS_STATE_SECRET"]) -> list[str]:
    limits = limits_at({**all_at(5), "SMS_STATE_SECRET": secret})
    charged = limits.counts(intent, intent.parts[0])
    return [counted.key for counted in charged if counted.rule == rule]


def test_keys_tell_neither_number_nor_address_nor_caller() -> None:
    known = {"space": "web-shop", "client_ip": "203.0.113.7", "is_code": True}
    for intent in (intent_of(NUMBER, **known), intent_of(HONG_KONG, message="Hi", **known)):
        limits = limits_at(all_at(5))
        keys = [counted.key for counted in limits.counts(intent, intent.parts[0])]
        assert len(keys) == len({*keys})
        for key in keys:
            digest, _, window = key.partition(":")
            assert len(digest) == 32
            assert window.startswith(("minute", "hour", "day", "2027-01"))
            for secret in (NUMBER, "85251234567", "8525123", "HK", "203.0.113.7", "web-shop"):
                assert secret not in key
        others = limits_at({**all_at(5), "SMS_STATE_SECRET": "another-secret-16"})
        charged = others.counts(intent, intent.parts[0])
        assert {*keys}.isdisjoint(counted.key for counted in charged)


@pytest.mark.parametrize(
    ("rule", "one", "other", "is_same"),
    [
        ("number-per-day", NUMBER, OTHER, False),
        ("number-per-day", NUMBER, "+86 138 0013 8000", True),
        ("prefix-per-day", HONG_KONG, "+85251239999", True),
        ("prefix-per-day", HONG_KONG, "+85251334567", False),
        ("country-per-day", HONG_KONG, "+85261234567", True),
        ("country-per-day", HONG_KONG, SINGAPORE, False),
        ("mainland-per-day", NUMBER, OTHER, True),
        ("international-per-day", HONG_KONG, SINGAPORE, True),
    ],
)
def test_who_shares_a_count(rule: str, one: str, other: str, is_same: bool) -> None:
    keys = [every_key(intent_of(number), rule) for number in (one, other)]
    assert len(keys[0]) == 1
    assert (keys[0] == keys[1]) is is_same


def test_a_number_of_north_america_is_not_one_of_the_mainland() -> None:
    abroad = intent_of("+1 862 401 7194", message="Hi")
    here = intent_of("18624017194")
    assert abroad.parts[0].phone_numbers == here.parts[0].phone_numbers
    for rule in ("number-per-day", "number-per-minute"):
        assert every_key(abroad, rule) != every_key(here, rule)


# where nothing may be sent to


@pytest.mark.parametrize(
    ("environ", "numbers", "code"),
    [
        ({}, [HONG_KONG], "country-closed"),
        ({"SMS_COUNTRIES": "SG"}, [HONG_KONG], "country-closed"),
        ({"SMS_COUNTRIES": "SG"}, [SINGAPORE, HONG_KONG], "country-closed"),
        ({"SMS_COUNTRIES": "HK,SG"}, [SINGAPORE, HONG_KONG], ""),
        ({"SMS_COUNTRIES": "US"}, ["+12125550123"], ""),
        ({"SMS_COUNTRIES": "US"}, ["+12425550123"], "country-closed"),  # the Bahamas
        ({"SMS_COUNTRIES": "CN"}, [HONG_KONG], "country-closed"),
        ({}, [NUMBER], ""),
        ({"SMS_BLOCKED_PREFIXES": "86170"}, [NUMBER], ""),
        ({"SMS_BLOCKED_PREFIXES": "86170"}, [NUMBER, "17012345678"], "prefix-blocked"),
        ({"SMS_BLOCKED_PREFIXES": "170"}, ["17012345678"], ""),
        ({"SMS_BLOCKED_PREFIXES": "+8525", "SMS_COUNTRIES": "HK"}, [HONG_KONG], "prefix-blocked"),
        ({"SMS_BLOCKED_PREFIXES": "8525", "SMS_COUNTRIES": "HK"}, ["+85261234567"], ""),
        ({"SMS_BLOCKED_PREFIXES": "65", "SMS_LIMIT_MODE": "record-only"}, [NUMBER], ""),
        ({"SMS_LIMIT_MODE": "record-only"}, [HONG_KONG], "country-closed"),
    ],
)
@pytest.mark.parametrize("stateful", [False, True])
def test_what_is_closed_gets_nothing(
    platform: Platform,
    endpoint: str,
    api_to: ApiTo,
    tmp_path: Path,
    stateful: bool,
    environ: dict[str, str],
    numbers: list[str],
    code: str,
) -> None:
    environ = {**environ, **(STATE if stateful else {}), "SMS_INTERNATIONAL_ENDPOINT": endpoint}
    store = SqliteStore(str(tmp_path / "state")) if stateful else None
    api = api_to(endpoint, lambda: CREDENTIALS, **environ)
    if not code:
        assert send(intent_of(*numbers), api, 20.0, store)[0].outcome == "accepted"
        return
    with pytest.raises(InvalidRequest) as caught:
        send(intent_of(*numbers), api, 20.0, store)
    assert (caught.value.code, caught.value.status) == (code, 422)
    assert caught.value.field == f"phone_numbers[{len(numbers) - 1}]"
    assert not any(number.lstrip("+") in str(caught.value) for number in numbers)
    assert platform.calls == []


def test_the_place_of_a_closed_number_is_that_in_the_callers_list(
    endpoint: str, api_to: ApiTo
) -> None:
    api = api_to(endpoint, lambda: CREDENTIALS, SMS_BLOCKED_PREFIXES="8613800000142")
    with pytest.raises(InvalidRequest, match=r"messages\[142\]\.phone_number: "):
        send(batch(150), api, 20.0)


def test_without_a_store_nothing_is_counted_and_the_log_says_so(
    platform: Platform, endpoint: str, api_to: ApiTo, log_lines: Lines, tmp_path: Path
) -> None:
    for place in range(3):
        api = api_to(endpoint, lambda: CREDENTIALS, **all_at(1))
        (outcome,) = send(intent_of(NUMBER, out_id=f"order-{place}"), api, 20.0)
        assert outcome.outcome == "accepted"
    assert [line["limits"] for line in log_lines()] == ["static-only"] * 3
    api = api_to(endpoint, lambda: CREDENTIALS, **STATE, **all_at(1))
    send(intent_of(NUMBER, out_id="order-4"), api, 20.0, SqliteStore(str(tmp_path / "state")))
    assert [line for line in log_lines()[3:] if "limits" in line] == []


# through the protocol


class LongStore(SqliteStore):
    """A file whose windows end by the test's clock, which names them, and not by the real one."""

    def put(self, change: Change) -> Answer:
        longer = [
            count if count.is_sliding else count._replace(window=3600) for count in change.charge
        ]
        return super().put(change._replace(charge=longer))


class Sender:
    """Sends single messages to a platform, with limits of the test."""

    def __init__(
        self, endpoint: str, api_to: ApiTo, clock: ManualClock, store: SqliteStore
    ) -> None:
        self.clock = clock
        self.store = store
        self.environ = {
            **STATE,
            "SMS_INTERNATIONAL_ENDPOINT": endpoint,
            "SMS_COUNTRIES": "HK,SG",
            "SMS_READ_TIMEOUT": "2",
            "SMS_SETTLE_SECONDS": "2",
        }
        self._endpoint = endpoint
        self._api_to = api_to
        self._places = count()

    def api(self) -> SmsApi:
        return self._api_to(self._endpoint, lambda: CREDENTIALS, **self.environ)

    def send(self, number: str = NUMBER, seconds: float = 20.0, **fields: Any) -> PartOutcome:
        """Send to one number, with an out_id of its own unless one is given."""
        resend = fields.pop("resend", False)
        fields.setdefault("out_id", f"another-{next(self._places)}")
        intent = intent_of(number, **fields)._replace(resend_unknown=resend)
        (outcome,) = send(intent, self.api(), self.clock.passed + seconds, self.store)
        return outcome

    def how(self, *arguments: Any, **fields: Any) -> str:
        outcome = self.send(*arguments, **fields)
        if outcome.outcome != "accepted":
            return f"{outcome.outcome}: {outcome.code}"
        return "replayed" if outcome.replayed else "accepted"

    def keep(self, *receipts_: dict[str, Any]) -> None:
        """Take receipts, as receive_receipts does."""
        keeping.keep(receipts_, self.api(), self.store, deadline=100.0)

    def remember(self, out_id: str, *numbers: str, **fields: Any) -> None:
        """Make it an intent of ours, without sending."""
        leave_part(
            self.store, self.environ["SMS_STATE_SECRET"], f".event~{out_id}", *numbers, **fields
        )

    def spent(self, *, abroad: bool = False) -> int:
        """What the budget of the day has come to."""
        counts = Limits(self.api()).budget(1, is_abroad=abroad)
        return self.store.totals(counts)[0]


@pytest.fixture
def sender(endpoint: str, api_to: ApiTo, clock: ManualClock, tmp_path: Path) -> Sender:
    return Sender(endpoint, api_to, clock, LongStore(str(tmp_path / "state.db")))


CODE = {"is_code": True}
WEB: dict[str, Any] = {"space": "web"}
HOME: dict[str, Any] = {"client_ip": "2001:db8:1:2::7"}


@pytest.mark.parametrize(
    ("rule", "sent", "shares", "differs"),
    [
        ("codes-per-minute", (NUMBER, CODE), (NUMBER, CODE), (NUMBER, {})),
        ("codes-per-hour", (NUMBER, CODE), (NUMBER, CODE), (OTHER, CODE)),
        ("codes-per-day", (HONG_KONG, CODE), (HONG_KONG, CODE), (SINGAPORE, CODE)),
        ("number-per-minute", (NUMBER, {}), (NUMBER, CODE), (OTHER, {})),
        ("number-per-hour", (HONG_KONG, {}), (HONG_KONG, {"message": "Hi"}), (SINGAPORE, {})),
        ("number-per-day", (NUMBER, {}), (NUMBER, WEB), (OTHER, {})),
        (
            "address-per-hour",
            (NUMBER, HOME),
            (OTHER, {"client_ip": "2001:db8:1:2::8"}),
            (OTHER, {}),
        ),
        (
            "address-per-day",
            (NUMBER, HOME),
            (HONG_KONG, HOME),
            (NUMBER, {"client_ip": "2001:db8:1:3::7"}),
        ),
        ("key-per-hour", (NUMBER, WEB), (OTHER, WEB), (NUMBER, {"space": "app"})),
        ("key-per-day", (NUMBER, WEB), (HONG_KONG, WEB), (NUMBER, {})),
        ("prefix-per-hour", (HONG_KONG, {}), ("+85251239999", {}), ("+85251334567", {})),
        ("prefix-per-day", (HONG_KONG, {}), ("+85251230000", WEB), (NUMBER, {})),
        ("country-per-day", (HONG_KONG, {}), ("+85261234567", {}), (SINGAPORE, {})),
        ("mainland-per-day", (NUMBER, {}), (OTHER, WEB), (HONG_KONG, {})),
        ("mainland-per-month", (NUMBER, {}), (OTHER, {}), (HONG_KONG, {})),
        ("international-per-day", (HONG_KONG, {}), (SINGAPORE, {}), (NUMBER, {})),
        ("international-per-month", (HONG_KONG, {}), (SINGAPORE, HOME), (NUMBER, {})),
    ],
)
def test_a_rule_refuses_what_it_counts_and_nothing_else(
    platform: Platform,
    sender: Sender,
    clock: ManualClock,
    log_lines: Lines,
    rule: str,
    sent: tuple[str, dict[str, Any]],
    shares: tuple[str, dict[str, Any]],
    differs: tuple[str, dict[str, Any]],
) -> None:
    platform.on("SendMessageToGlobe", accepted())
    sender.environ.update(only(f"{rule}=2"))
    for number, fields in (sent, shares):
        assert sender.how(number, **fields) == "accepted"
    refusal = sender.send(shares[0], **shares[1])
    assert (refusal.outcome, refusal.code) == ("rejected", rule)
    expected = every_count(clock.epoch)[rule].window if rule in SLIDING_RULES else 3600
    assert refusal.retry_after == expected
    assert sender.how(differs[0], **differs[1]) == "accepted"
    assert len(platform.calls) == 3
    warning = [line for line in log_lines() if line["outcome"] == "refused"]
    assert [(line["level"], line["action"], line["rule"]) for line in warning] == [
        ("warning", "limit", rule)
    ]
    clock.advance(31 * 86400)
    assert sender.how(shares[0], **shares[1]) == "accepted"


def test_a_request_that_no_window_has_room_for_is_not_to_be_repeated(
    platform: Platform, sender: Sender
) -> None:
    sender.environ.update(only("mainland-per-day=2"))
    three: dict[str, Any] = {"phone_numbers": [f"1380013800{last}" for last in range(3)]}
    refusal = sender.send(**three)
    assert (refusal.code, refusal.retry_after) == ("mainland-per-day", 0)
    assert sender.spent() == 0
    assert sender.how() == "accepted"
    two: dict[str, Any] = {"phone_numbers": three["phone_numbers"][:2]}
    assert sender.send(**two).retry_after > 0
    assert len(platform.sends) == 1


def test_a_repeat_of_what_was_accepted_is_neither_refused_nor_charged(
    platform: Platform, sender: Sender
) -> None:
    sender.environ.update(all_at(1))
    known = {"out_id": "order-1", "is_code": True, **WEB, **HOME}
    assert [sender.how(**known) for _ in range(3)] == ["accepted", "replayed", "replayed"]
    assert sender.spent() == 1
    assert sender.how(out_id="order-2", **WEB) == "rejected: key-per-hour"
    assert sender.how(**known) == "replayed"
    assert len(platform.sends) == 1


def test_what_was_rejected_is_given_back(platform: Platform, sender: Sender) -> None:
    sender.environ.update(all_at(1))
    platform.on("SendSms", refused("isv.AMOUNT_NOT_ENOUGH"))
    for place in range(3):
        sender.clock.advance(1)
        ended = sender.how(out_id=f"order-{place % 2}", is_code=True, **WEB, **HOME)
        assert ended == "rejected: isv.AMOUNT_NOT_ENOUGH"
        assert sender.spent() == 0
    platform.on("SendSms", accepted())
    sender.clock.advance(1)
    assert sender.how(out_id="order-0", is_code=True, **WEB, **HOME) == "accepted"
    assert sender.spent() == 1


def test_what_never_left_is_given_back(sender: Sender, endpoint: str) -> None:
    sender.environ.update(only("mainland-per-day=1"))
    here, sender._endpoint = sender._endpoint, "http://127.0.0.1:1"
    assert sender.how(out_id="order-1") == "rejected: connection-failed"
    assert sender.spent() == 0
    sender._endpoint = here
    assert sender.how(seconds=0) == "rejected: out-of-time"
    assert sender.how(out_id="order-1") == "accepted"


def test_what_is_unknown_stays_charged_until_the_end(
    platform: Platform, sender: Sender, clock: ManualClock
) -> None:
    sender.environ.update(only("mainland-per-day=2"))
    platform.on("SendSms", hang_up())
    for _ in range(3):
        assert sender.how(out_id="order-1") == "unknown: answer-lost"
    assert sender.spent() == 1
    platform.on("QuerySendDetails", details(detail(OutId=".event~order-1")))
    assert sender.how(out_id="order-1") == "accepted"
    assert sender.spent() == 1


def test_another_attempt_after_what_is_unknown_is_charged(
    platform: Platform, sender: Sender, clock: ManualClock
) -> None:
    sender.environ.update(only("mainland-per-day=2"))
    platform.on("SendSms", hang_up(), accepted())
    sender.send(out_id="order-1")
    clock.advance(NONCE_LIFETIME)
    assert sender.how(out_id="order-1", resend=True) == "accepted"
    assert sender.spent() == 2


@pytest.mark.parametrize(
    ("scene", "known"),
    [
        (hang_up(), "unknown: answer-lost"),
        (refused("isp.SYSTEM_ERROR"), "unknown: isp.SYSTEM_ERROR"),
    ],
)
def test_an_attempt_that_a_limit_refuses_leaves_what_is_known(
    platform: Platform, sender: Sender, clock: ManualClock, scene: Scene, known: str
) -> None:
    sender.environ.update(only("mainland-per-day=1"))
    platform.on("SendSms", scene)
    assert sender.how(out_id="order-1") == known
    clock.advance(NONCE_LIFETIME)
    assert sender.how(out_id="order-1", resend=True) == known
    assert len(platform.sends) == 1
    platform.on("QuerySendDetails", details(detail(OutId=".event~order-1")))
    assert sender.how(out_id="order-1") == "accepted"


def test_a_refused_repeat_of_what_was_rejected_may_be_repeated_later(
    platform: Platform, sender: Sender, clock: ManualClock
) -> None:
    sender.environ.update(only("number-per-minute=1"))
    platform.on("SendSms", refused("isv.AMOUNT_NOT_ENOUGH"), accepted())
    sender.send(out_id="order-1")
    assert sender.how(out_id="order-2") == "accepted"
    assert sender.how(out_id="order-1") == "rejected: number-per-minute"
    clock.advance(60)
    assert sender.how(out_id="order-1") == "accepted"
    assert len(platform.sends) == 3


def test_throttled_attempts_are_charged_once(platform: Platform, sender: Sender) -> None:
    sender.environ.update(only("mainland-per-day=1", "number-per-minute=1"))
    platform.on("SendSms", *[refused("Throttling.User", status="400 No")] * 3, accepted())
    assert sender.how() == "accepted"
    assert (len(platform.sends), sender.spent()) == (4, 1)


def test_what_stays_throttled_is_given_back(platform: Platform, sender: Sender) -> None:
    sender.environ.update(only("mainland-per-day=1"))
    platform.on("SendSms", refused("Throttling.User", status="400 No"))
    assert sender.how() == "rejected: Throttling.User"
    assert (len(platform.sends), sender.spent()) == (5, 0)


def test_a_receipt_that_came_first_keeps_the_price_of_a_rejection(
    platform: Platform, sender: Sender
) -> None:
    def slowly(_parameters: Mapping[str, str]) -> Scene:
        entry = {**RECEIPT, "out_id": ".event~order-1", "sms_size": "1"}
        keeping.keep([entry], sender.api(), sender.store, deadline=100.0)
        return refused("isv.AMOUNT_NOT_ENOUGH")

    platform.decide("SendSms", slowly)
    assert sender.how(out_id="order-1") == "replayed"
    assert sender.spent() == 1


def test_each_request_waits_for_its_second(
    platform: Platform, sender: Sender, clock: ManualClock
) -> None:
    sender.environ.update(only("requests-per-second=2"))
    clock.advance(0.25)
    assert [sender.how() for _ in range(5)] == ["accepted"] * 5
    assert clock.sleeps == [0.75, 1.0]
    assert len(platform.sends) == 5


def test_a_further_attempt_waits_for_its_second_as_well(
    platform: Platform, sender: Sender, clock: ManualClock
) -> None:
    sender.environ.update(only("requests-per-second=1"))
    platform.on("SendSms", refused("Throttling.User", status="400 No"), accepted())
    assert sender.how() == "accepted"
    assert clock.sleeps == [0.2, pytest.approx(0.8)]


def test_who_has_no_time_for_the_next_second_is_refused(
    platform: Platform, sender: Sender, clock: ManualClock
) -> None:
    sender.environ.update(only("requests-per-second=1"))
    assert sender.how() == "accepted"
    assert sender.how(out_id="order-late", seconds=2.9) == "rejected: requests-per-second"
    assert clock.sleeps == []
    assert len(platform.sends) == 1
    assert sender.how(out_id="order-late", seconds=3.1) == "accepted"


def test_a_refused_second_is_over_after_one() -> None:
    (counted,) = limits_at(only("requests-per-second=1"), AFTERNOON + 0.9).request()
    assert (counted.window, counted.amount) == (1, 1)


def test_the_parts_after_a_refused_one_are_tried(platform: Platform, sender: Sender) -> None:
    sender.environ.update(only("mainland-per-day=150"))
    outcomes = send(batch(250), sender.api(), 20.0, sender.store)
    assert [(each.outcome, each.code) for each in outcomes] == [
        ("accepted", "OK"),
        ("rejected", "mainland-per-day"),
        ("accepted", "OK"),
    ]
    assert (len(platform.sends), sender.spent()) == (2, 150)


def test_a_store_that_is_down_lets_nothing_out(
    platform: Platform, sender: Sender, tmp_path: Path
) -> None:
    sender.store = LongStore(str(tmp_path / "nowhere" / "state.db"))
    assert sender.how() == "rejected: store-unavailable"
    with pytest.raises(StoreUnavailable):
        sender.spent()
    assert platform.calls == []


# modes and warnings


def test_where_limits_are_only_recorded_all_is_sent_and_logged(
    platform: Platform, sender: Sender, log_lines: Lines
) -> None:
    sender.environ.update(only("number-per-day=1", "mainland-per-day=2"))
    sender.environ["SMS_LIMIT_MODE"] = "record-only"
    assert [sender.how() for _ in range(3)] == ["accepted"] * 3
    assert sender.spent() == 3
    exceeded = [
        (line["rule"], line["total"]) for line in log_lines() if line["outcome"] == "exceeded"
    ]
    assert exceeded == [("number-per-day", 2), ("number-per-day", 3), ("mainland-per-day", 3)]
    sender.environ["SMS_LIMIT_MODE"] = "enforce"
    assert sender.how() == "rejected: number-per-day"


def percents(log_lines: Lines) -> list[tuple[str, int]]:
    lines = [line for line in log_lines() if line["outcome"] == "reached"]
    assert {line["level"] for line in lines} <= {"warning"}
    return [(line["rule"], line["percent"]) for line in lines]


@pytest.mark.parametrize(
    ("rule", "number", "fields"),
    [
        ("mainland-per-day", NUMBER, {}),
        ("mainland-per-month", NUMBER, {}),
        ("international-per-day", HONG_KONG, {}),
        ("international-per-month", HONG_KONG, {}),
        ("country-per-day", HONG_KONG, {}),
        ("key-per-hour", NUMBER, WEB),
        ("key-per-day", NUMBER, WEB),
    ],
)
def test_the_owner_is_warned_once_at_each_mark(
    sender: Sender, log_lines: Lines, rule: str, number: str, fields: dict[str, Any]
) -> None:
    sender.environ.update(only(f"{rule}=10"))
    reached = []
    for _ in range(12):
        before = len(percents(log_lines))
        sender.send(number, **fields)
        reached.append([percent for _, percent in percents(log_lines)[before:]])
    expected: list[list[int]] = [[] for _ in range(12)]
    expected[4], expected[7], expected[9] = [50], [80], [100]
    assert reached == expected


def test_of_marks_that_are_passed_at_once_the_highest_is_told(
    sender: Sender, log_lines: Lines
) -> None:
    sender.environ.update(only("mainland-per-day=10"))
    for size in (4, 4, 2):
        intent = batch(size)._replace(out_id=f"order-{size}-{len(log_lines())}")
        send(intent, sender.api(), 20.0, sender.store)
    assert [percent for _, percent in percents(log_lines)] == [80, 100]


def test_nobody_is_warned_of_one_number_or_address(sender: Sender, log_lines: Lines) -> None:
    sender.environ.update(only("number-per-day=2", "address-per-day=2", "prefix-per-day=2"))
    for _ in range(2):
        sender.send(HONG_KONG, **HOME)
    assert percents(log_lines) == []


# receipts

RECEIPT: dict[str, Any] = {
    "phone_number": NUMBER,
    "send_time": "2027-01-15 16:00:00",
    "report_time": "2027-01-15 16:00:04",
    "success": True,
    "err_code": "DELIVERED",
    "sms_size": "3",
    "biz_id": "1^0",
    "out_id": ".event~order-1",
}
GLOBE_RECEIPT = {
    "To": "85251234567",
    "SendDate": "Fri, 15 Jan 2027 16:00:00 +0800",
    "ReceiveDate": "Fri, 15 Jan 2027 16:00:04 +0800",
    "Status": "1",
    "ErrorCode": "success",
    "TaskId": ".event~order-1",
    "SmsSize": "2",
    "MessageId": "1008030300001234",
}


@pytest.mark.parametrize(
    ("entry", "mainland", "abroad"),
    [
        (RECEIPT, 2, 0),
        ({**RECEIPT, "sms_size": "1"}, 0, 0),
        ({**RECEIPT, "sms_size": ""}, 0, 0),
        ({**RECEIPT, "sms_size": "0"}, 0, 0),
        ({**RECEIPT, "sms_size": "999"}, 7, 0),
        ({**RECEIPT, "phone_number": "85251234567"}, 0, 2),
        ({**RECEIPT, "phone_number": "13800138009"}, 0, 0),
        ({**RECEIPT, "send_time": "2027-01-15 15:44:59"}, 0, 0),
    ],
)
def test_a_receipt_adds_what_was_billed_above_what_was_counted(
    sender: Sender, entry: dict[str, Any], mainland: int, abroad: int
) -> None:
    sender.remember("order-1", NUMBER, "85251234567")
    for _ in range(3):
        sender.keep(entry)
    assert (sender.spent(), sender.spent(abroad=True)) == (mainland, abroad)


def test_what_was_counted_exactly_is_not_corrected_whatever_form_a_receipt_has(
    sender: Sender,
) -> None:
    sender.remember("order-1", "85251234567", action="SendMessageToGlobe")
    sender.keep(GLOBE_RECEIPT, {**RECEIPT, "phone_number": "85251234567"})
    assert sender.spent(abroad=True) == 0


def test_a_receipt_of_nothing_that_was_sent_uses_up_no_budget(sender: Sender) -> None:
    sender.remember("order-1", NUMBER)
    sender.keep({**RECEIPT, "out_id": "order-2"}, {**RECEIPT, "out_id": ""})
    assert sender.spent() == 0


def test_what_receipts_add_may_exceed_the_budget_and_then_nothing_more_is_sent(
    platform: Platform, sender: Sender, log_lines: Lines
) -> None:
    sender.environ.update(only("mainland-per-day=2"))
    assert sender.how(out_id="order-1") == "accepted"
    sender.keep(RECEIPT)
    assert sender.spent() == 3
    exceeded = [line for line in log_lines() if line["outcome"] == "exceeded"]
    assert [(line["rule"], line["total"]) for line in exceeded] == [("mainland-per-day", 3)]
    assert sender.how() == "rejected: mainland-per-day"


@settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_each_receipt_corrects_the_budget_once_in_any_order_and_however_often(
    sender: Sender, tmp_path: Path, sizes: list[int], chance: random.Random
) -> None:
    (tmp_path / "state.db").unlink(missing_ok=True)
    sender.remember("order-1", *(f"138{place:08}" for place in range(6)))
    entries = [
        {**RECEIPT, "phone_number": f"138{place:08}", "sms_size": str(size)}
        for place, size in enumerate(sizes)
    ]
    pushed = [*entries, *chance.choices(entries, k=4)]
    chance.shuffle(pushed)
    while pushed:
        size = chance.randint(1, 3)
        sender.keep(*pushed[:size])
        del pushed[:size]
    assert sender.spent() == sum(sizes) - len(sizes)


def test_send_message_to_globe_is_charged_what_the_platform_says(
    platform: Platform, sender: Sender
) -> None:
    text = "你" * 71
    platform.on("SendMessageToGlobe", answer({"ResponseCode": "OK", "Segments": "2"}))
    outcome = sender.send(HONG_KONG, out_id="order-1", message=text)
    sender.keep(GLOBE_RECEIPT)
    assert sender.spent(abroad=True) == int(outcome.details["Segments"])


@pytest.mark.parametrize(
    ("told", "spent"),
    [("3", 3), ("2", 2), ("5", 5), ("0", 3), ("many", 3), ("9999", 3), (None, 3), ([2], 3)],
)
def test_what_a_text_was_charged_is_corrected_by_the_answer(
    platform: Platform, sender: Sender, told: object, spent: int
) -> None:
    sender.environ.update(only("international-per-day=3", "country-per-day=3"))
    platform.on("SendMessageToGlobe", answer({"ResponseCode": "OK", "Segments": told}))
    assert sender.how(HONG_KONG, message="]" * 153) == "accepted"
    assert sender.spent(abroad=True) == spent


def test_what_was_corrected_may_be_spent(platform: Platform, sender: Sender) -> None:
    sender.environ.update(only("international-per-day=3"))
    platform.on("SendMessageToGlobe", answer({"ResponseCode": "OK", "Segments": "2"}))
    assert sender.how(HONG_KONG, message="]" * 153) == "accepted"
    assert sender.how(HONG_KONG, message="a") == "accepted"
    assert sender.how(HONG_KONG, message="a").startswith("rejected: international-per-day")
