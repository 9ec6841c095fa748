"""Messages abroad, from the HTTP trigger to the inbox, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aliyun_sms_emulator import SmsEmulator
from aliyun_sms_emulator.rules.texts import count_segments
from shared.clock import Clock
from shared.logs import Log
from shared.platform.queries import SendDetail, query_message
from shared.platform.sms_api import SmsApi
from shared.sending.segments import segments
from shared.settings import Credentials, read_settings
from shared.transport import new_session
from tests.integration.cloud import Cloud
from tests.integration.faulty_network import FaultyNetwork, lose_answer

StartCloud = Callable[..., Cloud]

NUMBER = "+852 5123 4567"
TEXT: dict[str, Any] = {"phone_numbers": NUMBER, "message": "Your parcel has left.", "type": "OTP"}
TEMPLATE: dict[str, Any] = {
    "phone_numbers": NUMBER,
    "template_code": "SMS_100003",
    "template_param": {"code": "481516"},
}
OLD: dict[str, Any] = {
    "api": "SendInterSms",
    "country_code": "HK",
    "phone_numbers": ["51234567", "+852 6123 4567"],
    "template_code": "SMS_7",
    "template_param": {"intlmsg": "Your parcel has left."},
}
WHOLE_TEXT = {"code": "SMS_7", "type": "international", "content": "${intlmsg}"}


@pytest.fixture
def with_store(start_cloud: StartCloud, tmp_path: Path) -> Callable[..., Cloud]:
    """Start functions with shared state in a file."""
    state = {
        "SMS_STATE_URL": f"sqlite://{tmp_path}/state.db",
        "SMS_ALLOW_LOCAL_STATE": "1",
        "SMS_STATE_SECRET": "a secret of this test only",
        "SMS_SETTLE_SECONDS": "0.2",
    }
    return lambda **options: start_cloud(changes=state, **options)


@pytest.fixture
def api(emulator: SmsEmulator) -> Iterator[SmsApi]:
    """The SMS service abroad, called without a function."""
    known = read_settings({"SMS_INTERNATIONAL_ENDPOINT": emulator.url})
    credentials = Credentials(emulator.access_key_id, emulator.access_key_secret)
    with new_session() as session:
        clock = Clock()
        log = Log("test", "query_delivery_status", b"key", clock)
        yield SmsApi(known, lambda: credentials, session, clock, log)


def status(api: SmsApi, message_id: str) -> SendDetail | None:
    return query_message(api, message_id, api.clock.monotonic() + 10)


# sending


def test_a_text_is_sent_and_its_parts_come_back(cloud: Cloud, emulator: SmsEmulator) -> None:
    answer = cloud.send_abroad({**TEXT, "sender_id": "Shop", "out_id": "parcel-1"})
    (message,) = emulator.messages()
    assert (message.api, message.phone_number) == ("SendMessageToGlobe", "85251234567")
    assert (message.text, message.sign_name) == ("Your parcel has left.", "Shop")
    assert message.out_id == "tests~parcel-1"
    assert (answer.status, answer.body) == (
        200,
        {
            "out_id": "parcel-1",
            "outcome": "accepted",
            "message_id": message.biz_id,
            "platform_request_id": message.request_id,
            "segments": 1,
            "number_detail": {"country": "China", "region": "HongKong", "carrier": "Emulator"},
            "request_id": answer.headers["X-Fc-Request-Id"],
        },
    )


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ñ@Δ\n" * 40, 1),
        ("你" * 70, 1),
        ("你" * 71, 2),
        ("a" * 159 + "😀", 3),
        ("a+b *~'()!&=%2B 中文", 1),
    ],
)
def test_texts_of_every_alphabet_arrive_as_they_were_written(
    cloud: Cloud, emulator: SmsEmulator, text: str, segments: int
) -> None:
    answer = cloud.send_abroad({**TEXT, "message": text})
    assert (answer.status, answer.body["segments"]) == (200, segments)
    (message,) = emulator.messages()
    assert (message.text, message.segments) == (text, segments)


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.text(st.sampled_from("a0 \nñ@€^~\\|\f\t`你😀\u200d"), max_size=8),
    st.sampled_from(["", "a", "€", "你", "😀"]),
    st.integers(0, 400),
)
def test_limits_count_what_the_service_bills(text: str, more: str, times: int) -> None:
    text += more * times
    assert segments(text) == count_segments(text, international=True)


def test_each_number_is_sent_to_on_its_own(cloud: Cloud, emulator: SmsEmulator) -> None:
    given = [NUMBER, "0018624017194", "+852 5123", "+447400123456"]
    answer = cloud.send_abroad({**TEXT, "phone_numbers": given, "out_id": "news"})
    assert (answer.status, answer.body["outcome"]) == (207, "mixed")
    assert [part["outcome"] for part in answer.body["parts"]] == [
        "accepted",
        "accepted",
        "rejected",
        "accepted",
    ]
    assert answer.body["parts"][2]["code"] == "MOBILE_NUMBER_ILLEGAL"
    assert [(message.phone_number, message.out_id) for message in emulator.messages()] == [
        ("85251234567", "tests~news~0"),
        ("18624017194", "tests~news~1"),
        ("447400123456", "tests~news~3"),
    ]


def test_a_template_is_sent_to_all_numbers_at_once(cloud: Cloud, emulator: SmsEmulator) -> None:
    given = [NUMBER, "+1 212 555 0123", "+886 912 345 678"]
    answer = cloud.send_abroad({**TEMPLATE, "phone_numbers": given, "out_id": "code-1"})
    messages = emulator.messages()
    assert (answer.status, answer.body["biz_id"]) == (200, messages[0].biz_id)
    assert [message.phone_number for message in messages] == [
        "85251234567",
        "12125550123",
        "886912345678",
    ]
    assert {(m.text, m.api, m.out_id, m.biz_id) for m in messages} == {
        ("[fc-sms]Your verification code is 481516.", "SendSms", "tests~code-1", messages[0].biz_id)
    }


def test_the_way_of_2017_takes_a_whole_text_as_its_variable(start_cloud: StartCloud) -> None:
    with (
        SmsEmulator({"templates": [WHOLE_TEXT]}) as emulator,
        start_cloud(endpoint=emulator.url) as cloud,
    ):
        answer = cloud.send_abroad(OLD)
        first, second = emulator.messages()
    assert (answer.status, answer.body["biz_id"]) == (200, first.biz_id)
    assert (first.phone_number, second.phone_number) == ("85251234567", "85261234567")
    assert (first.api, first.text) == ("SendInterSms", "[fc-sms]Your parcel has left.")


@pytest.mark.parametrize("body", [TEXT, TEMPLATE])
def test_a_country_that_is_not_named_gets_nothing(
    cloud: Cloud, emulator: SmsEmulator, body: dict[str, Any]
) -> None:
    answer = cloud.send_abroad({**body, "phone_numbers": [NUMBER, "+49 1512 3456789"]})
    assert (answer.status, answer.body["code"]) == (422, "country-closed")
    assert answer.body["detail"] == (
        "phone_numbers[1]: was read with country code 49 (DE), and SMS_COUNTRIES does not name "
        "that country; leave the number out, or add the country there"
    )
    assert emulator.requests() == []


def test_a_doubtful_number_never_reaches_the_platform(cloud: Cloud, emulator: SmsEmulator) -> None:
    answer = cloud.send_abroad({**TEXT, "phone_numbers": [NUMBER, "18624017194"]})
    assert (answer.status, answer.body["code"]) == (422, "ambiguous-number")
    assert answer.body["field"] == "phone_numbers[1]"
    assert emulator.requests() == []


def test_a_mainland_template_is_refused_by_the_platform(
    cloud: Cloud, emulator: SmsEmulator
) -> None:
    answer = cloud.send_abroad({**TEMPLATE, "template_code": "SMS_100001"})
    assert answer.status == 422
    assert answer.body["outcome"] == "rejected"
    assert emulator.messages() == []


def test_the_older_signature_works_abroad(start_cloud: StartCloud, emulator: SmsEmulator) -> None:
    cloud = start_cloud(changes={"SMS_SIGNATURE_METHOD": "HMAC-SHA1"})
    with cloud:
        assert cloud.send_abroad({**TEXT, "message": "a+b *~'()! 中文"}).status == 200
    (message,) = emulator.messages()
    assert message.text == "a+b *~'()! 中文"


# lost answers and repeats


def test_a_lost_answer_of_a_template_is_found_by_a_query(
    start_cloud: StartCloud, emulator: SmsEmulator, network: FaultyNetwork
) -> None:
    with start_cloud(endpoint=network.url) as cloud:
        cloud.send_abroad(TEMPLATE)
        network.plan(lose_answer)
        answer = cloud.send_abroad({**TEMPLATE, "phone_numbers": "+1 212 555 0123"})
    assert (answer.status, answer.body["reconciled"]) == (200, True)
    assert len(emulator.messages()) == 2


def test_a_lost_answer_of_a_text_stays_unknown_and_is_never_sent_again(
    with_store: StartCloud, emulator: SmsEmulator, network: FaultyNetwork
) -> None:
    body = {**TEXT, "out_id": "parcel-2"}
    with with_store(endpoint=network.url) as cloud:
        network.plan(lose_answer)
        first, second = cloud.send_abroad(body), cloud.send_abroad(body)
    assert [first.status, second.status] == [504, 504]
    assert [first.body["retryable"], second.body["retryable"]] == [True, True]
    assert [request.action for request in emulator.requests()] == ["SendMessageToGlobe"]


def test_a_repeat_is_answered_from_the_store(with_store: StartCloud, emulator: SmsEmulator) -> None:
    body = {**TEXT, "phone_numbers": [NUMBER, "+447400123456"], "out_id": "parcel-3"}
    with with_store() as cloud:
        first, second = cloud.send_abroad(body), cloud.send_abroad(body)
        other = cloud.send_abroad({**body, "message": "Other"})
    assert (first.status, second.status, other.status) == (200, 200, 409)
    kept = ("part", "first", "last", "outcome", "message_id", "platform_request_id")
    assert second.body["parts"] == [
        {**{name: part[name] for name in kept}, "replayed": True} for part in first.body["parts"]
    ]
    assert len(emulator.messages()) == 2


# what became of them


@pytest.mark.parametrize("meaning", ["current", "2019"])
def test_a_message_waits_and_then_is_delivered_in_both_meanings_of_status(
    cloud: Cloud, emulator: SmsEmulator, api: SmsApi, meaning: str
) -> None:
    emulator.settings(query_message_status=meaning)
    now = emulator.clock.now
    emulator.clock.set(now)
    message_id = cloud.send_abroad(TEXT).body["message_id"]
    waiting = status(api, message_id)
    emulator.clock.advance(10)
    delivered = status(api, message_id)
    assert waiting
    assert delivered
    assert (waiting.status, waiting.err_code, waiting.receive_date) == ("waiting", "", "")
    assert (delivered.status, delivered.err_code) == ("delivered", "DELIVERED")
    assert delivered.phone_number == "85251234567"
    assert delivered.send_date == f"{now:%Y-%m-%d %H:%M:%S}" < delivered.receive_date


@pytest.mark.parametrize("meaning", ["current", "2019"])
def test_a_message_that_does_not_arrive_has_failed(
    cloud: Cloud, emulator: SmsEmulator, api: SmsApi, meaning: str
) -> None:
    emulator.settings(query_message_status=meaning, delivery_delay_seconds=0)
    emulator.set_fate("85251234567", "EXPIRED")
    found = status(api, cloud.send_abroad(TEXT).body["message_id"])
    assert found
    assert (found.status, found.err_code) == ("failed", "EXPIRED")


def test_a_message_that_is_not_visible_yet_has_no_status(
    cloud: Cloud, emulator: SmsEmulator, api: SmsApi
) -> None:
    emulator.clock.set(emulator.clock.now)
    emulator.settings(visibility_delay_seconds=5)
    message_id = cloud.send_abroad(TEXT).body["message_id"]
    assert status(api, message_id) is None
    emulator.clock.advance(5)
    assert status(api, message_id)
