"""The log of calls as the page reads it."""

from __future__ import annotations

import pytest

from aliyun_sms_emulator import SmsEmulator
from signing_client import Client, raw


def listed(emulator: SmsEmulator, query: str) -> list[tuple[str, str]]:
    answer = emulator.call("GET", f"/api/requests?{query}")
    return [(request["verdict"], request["code"]) for request in answer["requests"]]


@pytest.fixture
def three(client: Client) -> SmsEmulator:
    """One call that was accepted, one the SMS service rejected, one the gateway refused."""
    emulator = client.emulator
    assert isinstance(emulator, SmsEmulator)
    client.send()
    client.send(TemplateCode="SMS_9")
    raw(emulator, "GET", "/?Action=SendSms&Version=2017-05-25")
    return emulator


def test_requests_are_listed_newest_first_and_by_verdict(three: SmsEmulator) -> None:
    accepted, rejected, refused = listed(three, "")
    assert [accepted[0], rejected[0], refused[0]] == ["accepted", "rejected", "refused"]
    assert listed(three, "order=newest") == [refused, rejected, accepted]
    assert listed(three, "order=newest&limit=1&offset=1") == [rejected]
    assert listed(three, "verdict=rejected") == [rejected]
    assert three.call("GET", "/api/requests?verdict=refused")["total"] == 1
    assert listed(three, "verdict=nonsense") == []


@pytest.mark.parametrize("query", ["order=up", "unknown=1"])
def test_a_bad_question_is_refused(emulator: SmsEmulator, query: str) -> None:
    with pytest.raises(ValueError, match=r"must be oldest or newest|unknown parameter"):
        emulator.call("GET", f"/api/requests?{query}")


def test_clearing_forgets_what_was_kept_for_explaining(three: SmsEmulator) -> None:
    number = three.requests()[-1].id
    assert three.call("GET", f"/api/requests/{number}/explanation")["right"] is False
    three.call("DELETE", "/api/requests")
    with pytest.raises(ValueError, match="no request with this id was refused"):
        three.call("GET", f"/api/requests/{number}/explanation")


def test_of_a_request_too_large_to_be_kept_the_code_is_explained(three: SmsEmulator) -> None:
    client = Client(three, secret="wrong")
    assert client.v1("SendSms", {"x": "y" * 70_000}).code == "SignatureDoesNotMatch"
    explanation = three.call("GET", f"/api/requests/{three.requests()[-1].id}/explanation")
    causes = [finding["cause"] for finding in explanation["findings"]]
    assert causes == ["SignatureDoesNotMatch", "not-kept"]
    assert "64 KiB" in explanation["findings"][1]["what"]
