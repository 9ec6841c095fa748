"""What is accepted although the documentation asks for something else, and `strict`."""

from __future__ import annotations

import time
from typing import Any

import pytest

from aliyun_sms_emulator import SmsEmulator
from signing_client import Client, Reply, raw, utc_text

LETTER = {
    "PhoneNumbers": "13800138000",
    "SignName": "fc-sms",
    "TemplateCode": "SMS_100001",
    "TemplateParam": '{"code":"1234"}',
}
ABROAD = {**LETTER, "PhoneNumbers": "0085251234567", "TemplateCode": "SMS_100003"}
BATCH = {
    "PhoneNumberJson": '["0085251234567","0085261234567"]',
    "SignNameJson": '["fc-sms","fc-sms"]',
    "TemplateCode": "SMS_100003",
    "TemplateParamJson": '[{"code":"1234"},{"code":"1234"}]',
}


def with_fraction(client: Client, digits: str) -> Reply:
    text = utc_text(time.time()).replace("Z", f".{digits}Z")
    return client.v1("SendSms", LETTER, Timestamp=text)


def with_unsigned(client: Client, *names: str) -> Reply:
    """A form signed with V3 as hand-written clients do, who leave out these headers."""
    body = "&".join(f"{n}={v}" for n, v in LETTER.items()).encode()
    headers = {n: v for n, v in client.headers("SendSms", body).items() if v}
    signed = {n: v for n, v in headers.items() if n not in names}
    headers["authorization"] = client.authorization("POST", "", signed, body)
    return raw(client.emulator, "POST", "/", body, headers)


CALLS: dict[str, tuple[str, str, Any]] = {
    "milliseconds": (
        "timestamp-fraction",
        "InvalidTimeStamp.Format",
        lambda client: with_fraction(client, "123"),
    ),
    "nanoseconds": (
        "timestamp-fraction",
        "InvalidTimeStamp.Format",
        lambda client: with_fraction(client, "123456789"),
    ),
    "content-type": (
        "header-unsigned",
        "IncompleteSignature",
        lambda client: with_unsigned(client, "content-type"),
    ),
    "host": (
        "header-unsigned",
        "IncompleteSignature",
        lambda client: with_unsigned(client, "host"),
    ),
    "both": (
        "header-unsigned",
        "IncompleteSignature",
        lambda client: with_unsigned(client, "host", "content-type"),
    ),
    "00": (
        "number-with-00",
        "isv.MOBILE_NUMBER_ILLEGAL",
        lambda client: client.v1("SendSms", ABROAD),
    ),
    "00 in a batch": (
        "number-with-00",
        "isv.MOBILE_NUMBER_ILLEGAL",
        lambda client: client.v1("SendBatchSms", BATCH),
    ),
    "a number as a value": (
        "value-no-string",
        "isv.INVALID_JSON_PARAM",
        lambda client: client.v1("SendSms", {**LETTER, "TemplateParam": '{"code":123456}'}),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_it_is_accepted_with_one_note_and_refused_when_strict(client: Client, name: str) -> None:
    cause, refusal, call = CALLS[name]
    emulator = client.emulator
    assert call(client).code == "OK"
    (note,) = emulator.requests()[-1].notes
    assert note["cause"] == cause
    assert "documentation asks" in note["en"]
    assert "文档" in note["zh"]
    emulator.clear()
    emulator.settings(strict=True)
    assert call(client).code == refusal
    record = emulator.requests()[-1]
    assert record.notes == []
    assert emulator.call("GET", f"/api/requests/{record.id}/explanation")["findings"]


def test_an_unaltered_call_has_no_note(client: Client) -> None:
    client.emulator.settings(strict=True)
    assert client.send().code == "OK"
    assert client.emulator.requests()[-1].notes == []


def test_a_note_names_what_was_sent(client: Client) -> None:
    client.v1("SendSms", ABROAD)
    (note,) = client.emulator.requests()[-1].notes
    assert "0085251234567" in note["en"]
    (message,) = client.emulator.messages()
    assert message.phone_number == "85251234567"


def test_a_number_is_shown_as_it_was_written(client: Client) -> None:
    client.notify(TemplateParam='{"name":"Ann","order":1.50}')
    (message,) = client.emulator.messages()
    assert message.text.endswith("Ann，订单1.50已发货。")


def test_the_age_of_a_timestamp_with_a_fraction_is_checked(client: Client) -> None:
    late = utc_text(time.time() - 1000).replace("Z", ".5Z")
    assert client.v1("SendSms", LETTER, Timestamp=late).code == "InvalidTimeStamp.Expired"


def test_a_fraction_is_not_accepted_in_v3(client: Client) -> None:
    text = utc_text(time.time()).replace("Z", ".123Z")
    assert client.v3("SendSms", LETTER, x_acs_date=text).code == "InvalidTimeStamp.Format"


@pytest.mark.parametrize("name", ["x-acs-action", "x-acs-date", "x-acs-signature-nonce"])
def test_an_own_header_of_the_platform_has_to_be_signed(client: Client, name: str) -> None:
    assert with_unsigned(client, name).code == "IncompleteSignature"


def test_a_query_and_a_rule_find_the_number_with_00(client: Client, emulator: SmsEmulator) -> None:
    emulator.set_fate("0085251234567", "blacklist")
    emulator.add_fault(match={"phone_number": "0085251234567"}, kind="http", status=503, times=1)
    assert client.v1("SendSms", ABROAD).status == 503
    assert client.v1("SendSms", ABROAD).code == "OK"
    emulator.clock.advance(2)
    assert emulator.messages()[0].receipt_code == "MOBILE_IN_BLACK"
    assert emulator.messages(phone_number="0085251234567")


def test_settings_must_be_strict_or_not(emulator: SmsEmulator) -> None:
    with pytest.raises(ValueError, match="strict: must be true or false"):
        emulator.settings(strict="yes")
