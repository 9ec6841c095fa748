"""A caller who mixes up an address, a method or a content type is told the right one."""

from __future__ import annotations

import json

import pytest

from aliyun_sms_emulator import SmsEmulator
from signing_client import raw

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/messages", "did you mean /api/messages?"),
        ("/api/message", "did you mean /api/messages?"),
        ("/api/v1/messages", "did you mean /api/messages?"),
        ("/api/messages/abc", "did you mean /api/messages?"),
        ("/inbox/messages", "did you mean /api/messages?"),
        ("/inbocks", "did you mean /inbox?"),
        ("/health", "did you mean /api/health?"),
        ("/2017-05-25/SendSms", "calls of the platform API all go to /, with Action as"),
        ("/sms?Action=SendSms", "calls of the platform API all go to /, with Action as"),
        ("/queues/Alicom-Queue", "a queue is at /queues/NAME/messages"),
        ("/codes/check", "this is the SMS platform, and fc-sms is at another port"),
        ("/api", "the platform API is at /, the JSON API below /api, the page at /inbox"),
        ("/%0a" + "x" * 9000, "the platform API is at /, the JSON API below /api, the page at"),
    ],
)
def test_a_wrong_path_is_answered_with_the_one_that_was_meant(
    emulator: SmsEmulator, path: str, meant: str
) -> None:
    reply = raw(emulator, "GET", path)
    assert reply.status == 404
    message = reply.json["error"]["message"]
    assert message.startswith("there is nothing at /")
    assert meant in message
    assert len(message) < 250


def test_a_call_of_the_platform_in_json_is_told_to_be_a_form(emulator: SmsEmulator) -> None:
    body = json.dumps({"Action": "SendSms", "PhoneNumbers": "13800138000"}).encode()
    reply = raw(emulator, "POST", "/?Format=JSON", body, JSON)
    assert (reply.status, reply.json["Code"]) == (400, "MissingAction")
    assert "send them as a form (application/x-www-form-urlencoded)" in reply.json["Message"]
    assert "POST /api/messages" in reply.json["Message"]


def test_a_name_in_lower_case_is_told_as_such(emulator: SmsEmulator) -> None:
    reply = raw(emulator, "GET", "/?action=SendSms&Version=2017-05-25&Format=JSON")
    assert reply.json["Message"].endswith("It came as action; names are case-sensitive.")


def test_a_call_of_nothing_is_told_what_is_here(emulator: SmsEmulator) -> None:
    body = raw(emulator, "GET", "/").body
    assert b"The page is at /inbox, the JSON API at /api/messages." in body


@pytest.mark.parametrize(
    ("method", "path", "status", "remedy"),
    [
        ("PUT", "/", 400, "use GET or POST"),
        ("POST", "/inbox", 405, "this path takes GET, HEAD, not POST; it is the page: programs"),
        ("PATCH", "/api/settings", 405, "this path takes DELETE, GET, HEAD, PUT, not PATCH"),
        ("POST", "/api/messages", 415, "send Content-Type: application/json"),
    ],
)
def test_a_wrong_method_or_content_type_is_answered_with_the_right_one(
    emulator: SmsEmulator, method: str, path: str, status: int, remedy: str
) -> None:
    reply = raw(emulator, method, path, b"a=b")
    assert reply.status == status
    assert remedy in reply.body.decode()


def test_a_host_of_another_name_is_told_how_to_allow_it(emulator: SmsEmulator) -> None:
    reply = raw(emulator, "GET", "/api/messages", b"", {"Host": "sms.test:8100"})
    assert reply.status == 403
    assert reply.json["error"]["message"] == (
        f"the Host header names sms.test:8100, which is not this emulator; use {emulator.url},"
        " or start the emulator with --allow-host sms.test"
    )


def test_an_sdk_whose_endpoint_is_a_url_is_told_to_leave_the_protocol_out(
    emulator: SmsEmulator,
) -> None:
    reply = raw(emulator, "POST", "/", b"", {"Host": emulator.url})
    assert reply.status == 403
    assert reply.json["Message"] == (
        f"the Host header names {emulator.url}, which is a URL; give the client the endpoint"
        f" {emulator.url.removeprefix('http://')} and the protocol http"
    )
