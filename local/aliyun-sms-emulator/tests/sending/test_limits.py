"""A test at each boundary of each window, on the virtual clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from aliyun_sms_emulator.clock import CHINA
from signing_client import Client

START = datetime(2026, 3, 1, 14, 3, 30, tzinfo=CHINA)


def at(client: Client, moment: datetime) -> None:
    client.emulator.clock.set(moment)


def refusal(client: Client, number: str = "13800138000", **changes: str) -> str:
    reply = client.send(number, **changes)
    if reply.code == "OK":
        return ""
    assert reply.code == "isv.BUSINESS_LIMIT_CONTROL"
    return str(reply.json["Message"])


def test_minute_is_a_clock_minute(client: Client) -> None:
    at(client, START)
    assert refusal(client) == ""
    at(client, START.replace(second=59, microsecond=999_000))
    assert refusal(client) == "触发分钟级流控Permits:1"
    assert refusal(client, SignName="阿里云短信测试") == ""
    assert refusal(client, "13800138001") == ""
    at(client, START.replace(minute=4, second=0))
    assert refusal(client) == ""


def test_hour_is_a_clock_hour(client: Client) -> None:
    for minute in range(5):
        at(client, START.replace(minute=minute))
        assert refusal(client) == ""
    at(client, START.replace(minute=59, second=59))
    assert refusal(client) == "触发小时级流控Permits:5"
    at(client, START.replace(hour=15, minute=0, second=0))
    assert refusal(client) == ""


def test_day_is_the_last_24_hours(client: Client) -> None:
    for number in range(10):
        at(client, START + timedelta(hours=number))
        assert refusal(client) == ""
    at(client, START + timedelta(hours=23, minutes=59, seconds=59))
    assert refusal(client) == "触发天级流控Permits:10"
    at(client, START + timedelta(hours=24))
    assert refusal(client) == ""
    at(client, START + timedelta(hours=24, minutes=1))
    assert refusal(client) == "触发天级流控Permits:10"


def test_number_has_40_codes_a_day_over_all_senders(client: Client) -> None:
    client.emulator.settings(limits={"verification_per_minute": 100, "verification_per_hour": 100})
    senders = [
        (key, secret, sign)
        for key, secret in (("testid", "testsecret"), ("other", "other-secret"))
        for sign in ("fc-sms", "阿里云短信测试")
    ]
    at(client, START)
    for client.key, client.secret, sign in senders:
        for _ in range(10):
            assert refusal(client, SignName=sign) == ""
    client.emulator.settings(limits={"verification_per_day": 100})
    assert refusal(client) == "触发号码天级流控Permits:40"
    at(client, START + timedelta(hours=24))
    assert refusal(client) == ""


@pytest.mark.parametrize(
    ("template", "param"),
    [("SMS_100002", '{"name":"Ann","order":"7"}'), ("SMS_100004", '{"name":"Ann"}')],
)
def test_notifications_and_promotions_are_50_a_day(
    client: Client, template: str, param: str
) -> None:
    changes = {"TemplateCode": template, "TemplateParam": param}
    at(client, START)
    for _ in range(50):
        assert refusal(client, **changes) == ""
    at(client, START + timedelta(hours=23, minutes=59, seconds=59))
    assert refusal(client, **changes) == "触发天级流控Permits:50"
    assert refusal(client, TemplateCode="SMS_100005") == ""
    assert refusal(client, SignName="阿里云短信测试", **changes) == ""
    at(client, START + timedelta(hours=24))
    assert refusal(client, **changes) == ""


def test_a_call_counts_once(client: Client) -> None:
    at(client, START)
    assert refusal(client, "13800138000,13800138000") == ""
    assert len(client.emulator.messages()) == 2


def test_one_number_over_its_limit_refuses_the_call(client: Client) -> None:
    at(client, START)
    assert refusal(client) == ""
    assert refusal(client, "13800138001,13800138000") == "触发分钟级流控Permits:1"
    assert len(client.emulator.messages()) == 1


def test_failed_receipts_count_too(client: Client) -> None:
    at(client, START)
    assert refusal(client, "13900139000") == ""
    assert refusal(client, "13900139000") == "触发分钟级流控Permits:1"


def test_abroad_is_not_limited(client: Client) -> None:
    at(client, START)
    for _ in range(12):
        assert refusal(client, "85251234567", TemplateCode="SMS_100003") == ""


def test_limits_can_be_changed_and_switched_off(client: Client) -> None:
    at(client, START)
    client.emulator.settings(limits={"verification_per_minute": 2})
    assert [refusal(client) for _ in range(3)] == ["", "", "触发分钟级流控Permits:2"]
    client.emulator.settings(limits=False)
    assert refusal(client) == ""


def test_messages_of_the_future_do_not_count(client: Client) -> None:
    at(client, START)
    assert refusal(client) == ""
    at(client, START - timedelta(seconds=10))
    assert refusal(client) == ""
