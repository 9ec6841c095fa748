"""The send protocol against a platform on a real socket: at most one SMS, whatever happens."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import platform_date
from shared.errors import ConfigurationError, InvalidRequest
from shared.ids import TRIGGER_SPACE
from shared.sending.attempts import attempt_nonce
from shared.sending.intents import Defaults, Intent, PartOutcome
from shared.sending.mainland import read_intent
from shared.sending.protocol import send
from shared.settings import Credentials
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import AFTERNOON, ManualClock
from tests.unit.scripted_server import (
    Scene,
    ScriptedServer,
    answer,
    hang_up,
    one_by_one,
    reset,
    say,
    stall,
)
from tests.unit.sms_platform import BIZ_ID, REQUEST_ID, Platform, accepted, detail, details, refused

MIDNIGHT = AFTERNOON + 8 * 3600  # 2027-01-16 00:00:00 in UTC+8
LOST = pytest.mark.parametrize(
    "lost",
    [
        pytest.param(stall(), id="stalls"),
        pytest.param(reset(), id="resets"),
        pytest.param(hang_up(), id="hangs up"),
        pytest.param(say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), id="breaks off"),
        pytest.param(answer(b"<html>"), id="html"),
        pytest.param(answer({"Code": "OK"}, "500 No"), id="500"),
        pytest.param(refused("isp.SYSTEM_ERROR"), id="system error"),
        pytest.param(refused("ServiceUnavailable", status="503 No"), id="unavailable"),
        pytest.param(refused("SignatureNonceUsed", status="400 No"), id="nonce used"),
        pytest.param(refused("BrandNew", status="400 No"), id="unknown code"),
    ],
)
Parameters = Mapping[str, str]
LOOKS = 5  # in the three seconds of SMS_SETTLE_SECONDS


def intent_of(*numbers: str, **fields: Any) -> Intent:
    body = {"phone_numbers": list(numbers), "template_code": "SMS_1", "out_id": "order-1", **fields}
    return read_intent(body, "", Defaults("shop", "签名"))


def personal_intent(count: int) -> Intent:
    messages = [{"phone_number": f"138{number:08}"} for number in range(count)]
    body = {"messages": messages, "template_code": "SMS_1", "out_id": "order-1"}
    return read_intent(body, "", Defaults("shop", "签名"))


@pytest.fixture
def send_to(endpoint: str, api_to: ApiTo) -> Callable[..., tuple[PartOutcome, ...]]:
    def run(intent: Intent, deadline: float = 20.0, **environ: str) -> tuple[PartOutcome, ...]:
        environ = {"SMS_READ_TIMEOUT": "1", **environ}
        return send(intent, api_to(endpoint, lambda: CREDENTIALS, **environ), deadline)

    return run


Send = Callable[..., tuple[PartOutcome, ...]]
ONE = intent_of("13800138000")


def test_an_accepted_part_has_its_biz_id(platform: Platform, send_to: Send) -> None:
    (outcome,) = send_to(ONE)
    assert outcome.details["BizId"] == BIZ_ID
    bare = outcome._replace(details={})
    assert bare == PartOutcome(ONE.parts[0], "accepted", "OK", BIZ_ID, REQUEST_ID)
    assert platform.sends == [{**ONE.parts[0].parameters, "OutId": "shop~order-1"}]


def test_a_refused_part_is_not_sent_again_nor_looked_up(platform: Platform, send_to: Send) -> None:
    message = "触发分钟级流控Permits:1"
    platform.on("SendSms", refused("isv.BUSINESS_LIMIT_CONTROL", message))
    (outcome,) = send_to(ONE)
    assert outcome == PartOutcome(
        ONE.parts[0], "rejected", "isv.BUSINESS_LIMIT_CONTROL", "", REQUEST_ID, 60
    )
    assert len(platform.calls) == 1


@LOST
def test_a_part_in_doubt_that_a_query_shows_was_accepted(
    platform: Platform, send_to: Send, lost: Scene
) -> None:
    platform.on("SendSms", lost, accepted())
    platform.on("QuerySendDetails", details(detail()))
    (outcome,) = send_to(ONE)
    assert (outcome.outcome, outcome.code, outcome.reconciled) == ("accepted", "OK", True)
    assert outcome.biz_id == ""
    assert len(platform.sends) == 1


@LOST
def test_a_part_in_doubt_that_no_query_shows_stays_unknown(
    platform: Platform, clock: ManualClock, send_to: Send, lost: Scene
) -> None:
    platform.on("SendSms", lost, accepted())
    (outcome,) = send_to(ONE)
    assert (outcome.outcome, outcome.reconciled) == ("unknown", False)
    assert len(platform.sends) == 1
    question = {
        "PhoneNumber": "13800138000",
        "SendDate": "20270115",
        "PageSize": "50",
        "CurrentPage": "1",
    }
    assert platform.asked("QuerySendDetails") == [question] * LOOKS
    assert clock.sleeps == [0.25, 0.5, 0.75, 1.0]  # time for the message to become visible


@pytest.mark.parametrize(
    ("seconds", "sleeps"), [("0.2", []), ("1", [0.25, 0.5]), ("6", [0.25 * n for n in range(1, 7)])]
)
def test_it_is_looked_for_no_longer_than_set(
    platform: Platform, clock: ManualClock, send_to: Send, seconds: str, sleeps: list[float]
) -> None:
    platform.on("SendSms", hang_up())
    assert send_to(ONE, SMS_SETTLE_SECONDS=seconds)[0].outcome == "unknown"
    assert clock.sleeps == sleeps
    assert len(platform.asked("QuerySendDetails")) == len(sleeps) + 1


def test_slow_look_ups_count_as_waiting(
    platform: Platform, clock: ManualClock, send_to: Send
) -> None:
    def slowly(_parameters: Parameters) -> Scene:
        clock.advance(2.9)
        return details()

    platform.on("SendSms", hang_up())
    platform.decide("QuerySendDetails", slowly)
    assert send_to(ONE)[0].outcome == "unknown"
    assert len(platform.asked("QuerySendDetails")) == 1


def test_what_becomes_visible_while_it_is_looked_for_is_found(
    platform: Platform, clock: ManualClock, send_to: Send
) -> None:
    platform.on("SendSms", hang_up())
    platform.on("QuerySendDetails", details(), answer({}, "500 No"), details(detail()))
    assert send_to(ONE)[0].reconciled
    assert clock.sleeps == [0.25, 0.5]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(stall(), id="stalls"),
        pytest.param(hang_up(), id="hangs up"),
        pytest.param(answer(b"<html>"), id="html"),
        pytest.param(refused("isp.RAM_PERMISSION_DENY"), id="no permission"),
        pytest.param(refused("InternalError", status="500 No"), id="500"),
        pytest.param(answer({"Code": "OK", "TotalCount": 1e400}), id="an endless count"),
        pytest.param(answer({"Code": "OK", "SmsSendDetailDTOs": [1]}), id="another shape"),
    ],
)
def test_a_query_that_fails_leaves_the_part_unknown(
    platform: Platform, send_to: Send, reply: Scene
) -> None:
    platform.on("SendSms", hang_up(), accepted())
    platform.on("QuerySendDetails", reply)
    (outcome,) = send_to(ONE)
    assert (outcome.outcome, outcome.code) == ("unknown", "answer-lost")
    assert len(platform.sends) == 1


def test_a_first_part_is_found_whether_it_was_sent_alone_or_among_several(
    platform: Platform, send_to: Send
) -> None:
    platform.on("SendSms", hang_up())
    platform.on("QuerySendDetails", details(detail(OutId="shop~order-1~0")))
    assert send_to(ONE)[0].reconciled


@pytest.mark.parametrize(
    "other",
    [
        {"OutId": "shop~order-2"},
        {"OutId": "shop~order-1~1"},
        {"OutId": "web~order-1"},
        {"OutId": "order-1~0"},
        {"OutId": None},
        {"PhoneNum": "13900139000"},
        {"TemplateCode": "SMS_2"},
        {"SendDate": "2027-01-15 15:44:59"},
        {"SendDate": "2027-01-14 16:00:00"},
        {"SendDate": ""},
        {"SendDate": "yesterday"},
    ],
    ids=repr,
)
def test_another_message_is_not_taken_for_ours(
    platform: Platform, send_to: Send, other: dict[str, Any]
) -> None:
    platform.on("SendSms", hang_up())
    platform.on("QuerySendDetails", details(detail(**other)))
    assert send_to(ONE)[0].outcome == "unknown"


@pytest.mark.parametrize("date", ["2027-01-15 15:45:00", "2027-01-15 16:00:01"])
def test_clocks_may_differ_by_a_quarter_of_an_hour(
    platform: Platform, send_to: Send, date: str
) -> None:
    platform.on("SendSms", hang_up())
    platform.on("QuerySendDetails", details(detail(SendDate=date)))
    assert send_to(ONE)[0].reconciled


def test_every_page_is_searched(platform: Platform, send_to: Send) -> None:
    first = details(*[detail(OutId=f"other-{number}") for number in range(50)], total=51)
    platform.on("SendSms", hang_up())
    platform.on("QuerySendDetails", first, details(detail(), total=51))
    assert send_to(ONE)[0].reconciled
    assert [asked["CurrentPage"] for asked in platform.asked("QuerySendDetails")] == ["1", "2"]


@pytest.mark.parametrize(
    ("epoch", "days", "sent_at"),
    [
        (MIDNIGHT - 0.5, [15, 15, 15, 16], "2027-01-16 00:00:00"),
        (MIDNIGHT - 0.5, [15], "2027-01-15 23:59:59"),
        (MIDNIGHT + 30, [15, 16], "2027-01-16 00:00:30"),
        (MIDNIGHT + 30, [15], "2027-01-15 23:59:50"),
        (MIDNIGHT + 899, [15, 16], "2027-01-16 00:14:59"),
        (MIDNIGHT + 900, [16], "2027-01-16 00:15:00"),
        (MIDNIGHT - 2, [15], "2027-01-15 23:59:58"),
    ],
)
def test_near_midnight_in_china_both_dates_are_searched(
    platform: Platform,
    clock: ManualClock,
    send_to: Send,
    epoch: float,
    days: list[int],
    sent_at: str,
) -> None:
    def on_that_day(parameters: Parameters) -> Scene:
        day = sent_at[:10].replace("-", "")
        return details(*[detail(SendDate=sent_at)] if parameters["SendDate"] == day else [])

    clock.epoch = epoch
    platform.on("SendSms", hang_up())
    platform.decide("QuerySendDetails", on_that_day)
    assert send_to(ONE)[0].reconciled
    asked = [question["SendDate"] for question in platform.asked("QuerySendDetails")]
    assert asked == [f"202701{day}" for day in days]


@pytest.mark.parametrize(
    ("count", "asked"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (1000, [0, 500, 999])]
)
def test_of_many_numbers_the_first_the_middle_and_the_last_are_looked_up(
    platform: Platform, send_to: Send, count: int, asked: list[int]
) -> None:
    numbers = [f"138{number:08}" for number in range(count)]
    platform.on("SendSms", hang_up())
    assert send_to(intent_of(*numbers))[0].outcome == "unknown"
    looked_up = [query["PhoneNumber"] for query in platform.asked("QuerySendDetails")]
    assert looked_up == [numbers[place] for place in asked] * LOOKS


def test_one_number_found_settles_them_all(platform: Platform, send_to: Send) -> None:
    platform.on("SendSms", hang_up())
    platform.on("QuerySendDetails", details(), details(detail(PhoneNum="13900139000")))
    assert send_to(intent_of("13800138000", "13900139000"))[0].reconciled


def test_each_part_is_sent_once_whatever_becomes_of_the_others(
    platform: Platform, send_to: Send
) -> None:
    intent = personal_intent(350)
    platform.on("SendBatchSms", accepted(), refused("isv.AMOUNT_NOT_ENOUGH"), hang_up(), accepted())
    outcomes = send_to(intent)
    assert [outcome.outcome for outcome in outcomes] == [
        "accepted",
        "rejected",
        "unknown",
        "accepted",
    ]
    assert [sent["OutId"] for sent in platform.sends] == [f"shop~order-1~{n}" for n in range(4)]
    assert [outcome.part for outcome in outcomes] == list(intent.parts)


def test_a_lost_batch_is_found_by_its_own_out_id(platform: Platform, send_to: Send) -> None:
    platform.on("SendBatchSms", accepted(), hang_up())
    found = detail(OutId="shop~order-1~1", PhoneNum="13800000100")
    platform.on("QuerySendDetails", details(detail(OutId="shop~order-1~0"), found))
    assert [outcome.reconciled for outcome in send_to(personal_intent(150))] == [False, True]
    assert {query["PhoneNumber"] for query in platform.asked("QuerySendDetails")} == {"13800000100"}


def nonces(platform: Platform) -> list[str]:
    return [
        call.arrived.headers["x-acs-signature-nonce"]
        for call in platform.calls
        if call.action != "QuerySendDetails"
    ]


def test_a_repeat_of_an_intent_presents_the_same_nonces(platform: Platform, send_to: Send) -> None:
    for _ in range(2):
        send_to(personal_intent(150))
    expected = [attempt_nonce(ONE, part, attempt=1) for part in (0, 1)]
    assert nonces(platform) == expected * 2
    assert expected[0] != expected[1]


def test_queries_have_nonces_of_their_own(platform: Platform, send_to: Send) -> None:
    platform.on("SendSms", hang_up())
    for _ in range(2):
        send_to(ONE)
    used = [call.arrived.headers["x-acs-signature-nonce"] for call in platform.calls]
    assert len(used) == 2 * (1 + LOOKS)
    assert len(set(used)) == 1 + 2 * LOOKS  # twice the same for the send, one for each query


def test_the_nonce_is_what_the_protocol_says() -> None:
    expected = hashlib.sha256(b"fc-sms send nonce 2\nshop\norder-1\n0\n1").hexdigest()[:32]
    assert attempt_nonce(ONE, 0, attempt=1) == expected


spaces = st.from_regex(r"\.?[A-Za-z0-9_-]{1,39}", fullmatch=True)
out_ids = st.from_regex(r"[A-Za-z0-9._:-]{1,200}", fullmatch=True)
attempts = st.tuples(spaces, out_ids, st.integers(0, 9), st.integers(1, 99))


def nonce_of(space: str, out_id: str, part: int, attempt: int) -> str:
    return attempt_nonce(ONE._replace(space=space, out_id=out_id), part, attempt=attempt)


@settings(max_examples=100, deadline=None, database=None)
@given(attempts, attempts)
def test_attempts_share_a_nonce_only_if_they_are_the_same(
    one: tuple[str, str, int, int], other: tuple[str, str, int, int]
) -> None:
    assert (nonce_of(*one) == nonce_of(*other)) == (one == other)


def test_without_a_store_an_out_id_in_two_spaces_is_two_intents(
    platform: Platform, send_to: Send
) -> None:
    for space in ("shop", "web", TRIGGER_SPACE):
        assert send_to(ONE._replace(space=space))[0].outcome == "accepted"
    assert [sent["OutId"] for sent in platform.sends] == [
        "shop~order-1",
        "web~order-1",
        ".trigger~order-1",
    ]
    assert len(set(nonces(platform))) == 3


def test_after_the_deadline_nothing_is_sent(
    platform: Platform, clock: ManualClock, send_to: Send
) -> None:
    clock.advance(20.0)
    outcomes = send_to(personal_intent(150))
    assert {(outcome.outcome, outcome.code) for outcome in outcomes} == {
        ("rejected", "out-of-time")
    }
    assert platform.calls == []


def test_parts_whose_turn_comes_after_the_deadline_are_not_sent(
    platform: Platform, clock: ManualClock, send_to: Send
) -> None:
    def slowly(_parameters: Parameters) -> Scene:
        clock.advance(8.0)
        return accepted()

    platform.decide("SendBatchSms", slowly)
    outcomes = send_to(personal_intent(400))
    assert [outcome.code for outcome in outcomes] == ["OK", "OK", "OK", "out-of-time"]
    assert len(platform.sends) == 3


def test_no_wait_outlives_the_deadline(
    platform: Platform, clock: ManualClock, send_to: Send
) -> None:
    platform.on("SendSms", hang_up())
    (outcome,) = send_to(ONE, 0.4)
    assert (outcome.outcome, clock.sleeps) == ("unknown", [0.25])
    assert len(platform.asked("QuerySendDetails")) == 2


def test_when_the_time_is_over_after_the_send_nothing_more_is_asked(
    platform: Platform, clock: ManualClock, send_to: Send
) -> None:
    def too_slowly(_parameters: Parameters) -> Scene:
        clock.advance(20.0)
        return hang_up()

    platform.decide("SendSms", too_slowly)
    assert (send_to(ONE)[0].outcome, clock.sleeps) == ("unknown", [])
    assert len(platform.calls) == 1


def test_a_platform_that_cannot_be_reached_got_nothing(api_to: ApiTo, clock: ManualClock) -> None:
    refusing = ScriptedServer(one_by_one(accepted()))
    (outcome,) = send(ONE, api_to(refusing.url), 20.0)
    refusing.stop()
    assert (outcome.outcome, outcome.code) == ("rejected", "connection-failed")
    assert clock.sleeps == [0.1, 0.4]


def test_without_credentials_nothing_is_sent(
    platform: Platform, endpoint: str, api_to: ApiTo
) -> None:
    def none() -> Credentials:
        raise ConfigurationError("no credentials")

    with pytest.raises(ConfigurationError):
        send(ONE, api_to(endpoint, none), 20.0)
    assert platform.calls == []


def test_a_message_found_by_a_query_is_in_the_log(
    platform: Platform, send_to: Send, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    platform.on("SendSms", hang_up())
    platform.on("QuerySendDetails", details(detail()))
    send_to(ONE)
    said = [(line["action"], line["outcome"]) for line in log_lines()]
    assert said == [
        ("SendSms", "in-doubt"),
        ("QuerySendDetails", "accepted"),
        ("look-up", "found"),
    ]


def test_the_platforms_calendar_is_that_of_china() -> None:
    assert platform_date(MIDNIGHT - 1) == "20270115"
    assert platform_date(MIDNIGHT) == "20270116"


@pytest.mark.parametrize(
    ("second", "outcome", "code"),
    [
        (accepted(), "accepted", "OK"),
        (refused("isv.AMOUNT_NOT_ENOUGH"), "rejected", "isv.AMOUNT_NOT_ENOUGH"),
        (refused("isv.BUSINESS_LIMIT_CONTROL"), "unknown", "answer-lost"),
        (refused("SignatureNonceUsed", status="400 No"), "unknown", "answer-lost"),
        (refused("Throttling.User", status="400 No"), "unknown", "answer-lost"),
        (refused("InvalidTimeStamp.Expired", status="400 No"), "unknown", "answer-lost"),
        (refused("isp.SYSTEM_ERROR"), "unknown", "answer-lost"),
        (hang_up(), "unknown", "answer-lost"),
    ],
    ids=["accepted", "refused", "limit", "nonce used", "throttled", "expired", "error", "lost"],
)
def test_a_request_without_an_answer_may_be_repeated_as_it_is(
    platform: Platform, send_to: Send, second: Scene, outcome: str, code: str
) -> None:
    platform.on("SendSms", hang_up(), second, accepted())
    (ended,) = send_to(ONE, SMS_NONCE_REPLAY="on")
    assert (ended.outcome, ended.code) == (outcome, code)
    first, again = [call.arrived for call in platform.calls if call.action == "SendSms"]
    assert (first.body, first.headers) == (again.body, again.headers)


def test_a_repeat_that_was_seen_before_leads_to_a_look_up(
    platform: Platform, send_to: Send
) -> None:
    platform.on("SendSms", hang_up(), refused("SignatureNonceUsed", status="400 No"))
    platform.on("QuerySendDetails", details(detail()))
    assert send_to(ONE, SMS_NONCE_REPLAY="on")[0].reconciled


def test_a_repeat_that_could_not_be_written_leaves_the_first_in_doubt(
    platform: Platform, clock: ManualClock, send_to: Send
) -> None:
    def too_slowly(_parameters: Parameters) -> Scene:
        clock.advance(20.0)
        return hang_up()

    platform.decide("SendSms", too_slowly)
    (outcome,) = send_to(ONE, SMS_NONCE_REPLAY="on")
    assert (outcome.outcome, outcome.code) == ("unknown", "answer-lost")
    assert len(platform.sends) == 1


@pytest.mark.parametrize(
    "answered", [refused("isp.SYSTEM_ERROR"), answer(b"<html>"), refused("X", status="500 No")]
)
def test_a_request_that_was_answered_is_not_repeated(
    platform: Platform, send_to: Send, answered: Scene
) -> None:
    platform.on("SendSms", answered, accepted())
    assert send_to(ONE, SMS_NONCE_REPLAY="on")[0].outcome == "unknown"
    assert len(platform.sends) == 1


@pytest.mark.parametrize("code", ["Throttling.User", "Throttling.Api", "QPS_LIMIT_CONTROL"])
def test_without_a_store_throttling_is_left_to_the_caller(
    platform: Platform, send_to: Send, code: str
) -> None:
    platform.on("SendSms", refused(code, status="400 No"), accepted())
    (outcome,) = send_to(ONE)
    assert (outcome.outcome, outcome.code, outcome.retry_after) == ("rejected", code, 1)
    assert len(platform.sends) == 1


def test_without_a_store_nothing_is_sent_again_on_demand(platform: Platform, send_to: Send) -> None:
    with pytest.raises(InvalidRequest, match="resend_unknown: needs shared state"):
        send_to(intent_of("13800138000", resend_unknown=True))
    assert platform.calls == []


def test_a_message_that_no_query_shows_stays_unknown(
    platform: Platform, endpoint: str, clock: ManualClock, send_to: Send
) -> None:
    part = ONE.parts[0]._replace(action="SendMessageToGlobe", template_code="")
    platform.on("SendMessageToGlobe", hang_up())
    intent = ONE._replace(parts=(part,))
    (outcome,) = send_to(intent, SMS_INTERNATIONAL_ENDPOINT=endpoint)
    assert (outcome.outcome, outcome.code, clock.sleeps) == ("unknown", "answer-lost", [])
    assert [call.action for call in platform.calls] == ["SendMessageToGlobe"]
