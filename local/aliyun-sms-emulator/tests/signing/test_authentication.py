from __future__ import annotations

import hashlib
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

import pytest

from aliyun_sms_emulator import SmsEmulator
from aliyun_sms_emulator.operations import OPERATIONS
from aliyun_sms_emulator.operations.published import published_operations
from signing_client import FORM, Client, Reply, join, raw

PARAMETERS = {"PageIndex": "1"}
Version = Literal["v1", "v3"]
BOTH = pytest.mark.parametrize("version", ["v1", "v3"])


def call(client: Client, version: Version) -> Reply:
    return getattr(client, version)("QuerySmsSignList", PARAMETERS)  # type: ignore[no-any-return]


def refused(reply: Reply, code: str, status: int = 400) -> dict[str, str]:
    assert (reply.status, reply.code) == (status, code), reply.body
    assert set(reply.json) == {"Code", "Message", "RequestId", "HostId", "Recommend"}
    assert reply.headers["x-acs-request-id"] == reply.json["RequestId"]
    return reply.json


@BOTH
def test_a_signed_request_is_accepted(client: Client, version: Version) -> None:
    reply = call(client, version)
    assert (reply.status, reply.code, reply.json["Message"]) == (200, "OK", "OK")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_get_and_post_are_accepted(client: Client, method: str) -> None:
    value = {"SignName": "阿里云 ~*+'()!/%&="}
    assert client.v1("QuerySmsSign", value, method=method).code == "isv.SMS_SIGNATURE_ILLEGAL"
    assert client.v3("QuerySmsSign", value, method=method).code == "isv.SMS_SIGNATURE_ILLEGAL"


@BOTH
def test_unknown_and_inactive_keys_are_refused(client: Client, version: Version) -> None:
    client.key = "nobody"
    refused(call(client, version), "InvalidAccessKeyId.NotFound", 404)
    client.key, client.secret = "off", "off-secret"
    refused(call(client, version), "InvalidAccessKeyId.Inactive")


def test_wrong_secret_v1_shows_the_string_to_sign(client: Client) -> None:
    client.secret = "wrong"
    message = refused(call(client, "v1"), "SignatureDoesNotMatch")["Message"]
    assert message.startswith(
        "Specified signature is not matched with our calculation."
        " server string to sign is:POST&%2F&AccessKeyId%3Dtestid%26Action%3DQuerySmsSignList%26"
    )


def test_wrong_secret_v3_shows_the_string_to_sign(client: Client) -> None:
    client.secret = "wrong"
    message = refused(call(client, "v3"), "SignatureDoesNotMatch")["Message"]
    beginning = "Specified signature does not match our calculation. server StringToSign is ["
    assert message.startswith(f"{beginning}ACS3-HMAC-SHA256\n")
    assert "], server CanonicalRequest is [POST\n/\nPageIndex=1\n" in message


@BOTH
@pytest.mark.parametrize("seconds", [-895, 895])
def test_a_clock_nearly_15_minutes_off_is_accepted(
    client: Client, version: Version, seconds: int
) -> None:
    client.at = time.time() + seconds
    assert call(client, version).code == "OK"


@BOTH
@pytest.mark.parametrize("seconds", [-905, 905])
def test_a_clock_over_15_minutes_off_is_refused(
    client: Client, version: Version, seconds: int
) -> None:
    client.at = time.time() + seconds
    refused(call(client, version), "InvalidTimeStamp.Expired")


def test_the_allowed_skew_is_kept_to_the_second(emulator: SmsEmulator, client: Client) -> None:
    emulator.settings(timestamp_clock="emulator", timestamp_skew_seconds=60)
    now = datetime(2030, 1, 1, tzinfo=timezone.utc)
    emulator.clock.set(now)
    for offset, code in ((60, "OK"), (-60, "OK"), (61, "InvalidTimeStamp.Expired")):
        client.at = now.timestamp() + offset
        assert call(client, "v3").code == code


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01 00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "1767225600",
        "x",
    ],
)
def test_a_timestamp_of_another_form_is_refused(client: Client, text: str) -> None:
    reply = client.v1("QuerySmsSignList", PARAMETERS, Timestamp=text)
    refused(reply, "InvalidTimeStamp.Format")
    refused(client.v3("QuerySmsSignList", {}, x_acs_date=text), "InvalidTimeStamp.Format")


@BOTH
def test_a_temporary_key_needs_its_own_security_token(client: Client, version: Version) -> None:
    client.key, client.secret = "STS.one", "sts-secret"
    refused(call(client, version), "MissingSecurityToken")
    client.token = "nonsense"
    refused(call(client, version), "InvalidSecurityToken.Malformed")
    client.token = "token-old"
    refused(call(client, version), "InvalidSecurityToken.MismatchWithAccessKey")
    client.token = "token-one+/=="
    assert call(client, version).code == "OK"
    client.key, client.token = "STS.old", "token-old"
    refused(call(client, version), "InvalidSecurityToken.Expired")
    client.key, client.secret = "testid", "testsecret"
    refused(call(client, version), "InvalidSecurityToken.MismatchWithAccessKey")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("AccessKeyId", "", "MissingAccessKeyId"),
        ("SignatureMethod", "", "MissingSignatureMethod"),
        ("SignatureMethod", "HMACSHA1", "InvalidSignatureMethod"),
        ("SignatureVersion", "", "MissingSignatureVersion"),
        ("SignatureVersion", "2.0", "InvalidParameter"),
        ("SignatureNonce", "", "MissingSignatureNonce"),
        ("Timestamp", "", "MissingTimestamp"),
        ("Version", "", "MissingVersion"),
        ("Version", "20170525", "InvalidVersion"),
        ("Version", "2016-09-27", "NoSuchVersion"),
        ("Action", "", "MissingAction"),
        ("Format", "YAML", "InvalidParameter.Format"),
    ],
)
def test_a_wrong_common_parameter_of_v1_is_refused(
    client: Client, name: str, value: str, code: str
) -> None:
    reply = client.v1("QuerySmsSignList", {"Format": "JSON"} | PARAMETERS, **{name: value})
    if name == "Format":
        reply = client.v1("QuerySmsSignList", PARAMETERS, Format=value)
        assert b"<Code>InvalidParameter.Format</Code>" in reply.body
        assert reply.status == 400
    else:
        refused(reply, code)


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("x_acs_signature_nonce", "", "MissingSignatureNonce"),
        ("x_acs_date", "", "MissingTimestamp"),
        ("x_acs_content_sha256", "", "MissingContentSha256"),
        ("x_acs_version", "", "MissingVersion"),
        ("x_acs_version", "2016-09-27", "NoSuchVersion"),
    ],
)
def test_a_wrong_common_header_of_v3_is_refused(
    client: Client, header: str, value: str, code: str
) -> None:
    common: dict[str, Any] = {header: value}
    refused(client.v3("QuerySmsSignList", {}, **common), code)


def test_an_action_that_nobody_has_published_is_not_found(client: Client) -> None:
    refused(client.v3("sendSms", {}), "InvalidAction.NotFound", 404)
    document = refused(client.v1("SendSmss", {}), "InvalidAction.NotFound", 404)
    assert "emulator does not have SendSmss in version 2017-05-25" in document["Message"]
    document = refused(client.v1("QueryMessage", {}), "InvalidAction.NotFound", 404)
    assert "Version 2018-05-01 has an operation of this name." in document["Message"]


def test_an_operation_of_the_platform_that_is_not_emulated_is_no_mistake_of_the_caller(
    client: Client,
) -> None:
    for name in ("SendCardSms", "CreateSmsSign", "GetMobile"):
        reply = client.v1(name, {})
        assert (reply.status, reply.code) == (501, "NotEmulated")
        message = reply.json["Message"]
        assert f"This emulator does not have {name}, which Dy" in message
        assert "nothing is wrong with the request" in message
        assert all(f"{own}" in message for own in OPERATIONS["2017-05-25"])
    assert client.emulator.requests()[-1].verdict == "failed"


def test_each_operation_that_is_emulated_is_a_published_one() -> None:
    own = {(version, name) for version in OPERATIONS for name in OPERATIONS[version]}
    assert own <= published_operations().keys()


@pytest.mark.parametrize("name", ["x-acs-extra", "x-acs-security-token"])
def test_a_header_that_has_to_be_signed_is_named_where_it_is_not(client: Client, name: str) -> None:
    if name == "x-acs-security-token":
        client.key, client.secret = "STS.one", "sts-secret"
    reply = client.v3("QuerySmsSignList", {}, unsigned={name: "token-one+/=="})
    assert name in refused(reply, "IncompleteSignature")["Message"]


def test_header_values_are_trimmed(client: Client) -> None:
    assert client.v3("QuerySmsSignList", {}, x_acs_extra="  padded \t").code == "OK"


@pytest.mark.parametrize(
    "authorization",
    [
        "ACS3-HMAC-SHA256",
        "ACS3-HMAC-SHA256 Credential=testid,Signature=00",
        "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=,Signature=00",
        "ACS3-HMAC-SHA256 garbage",
    ],
)
def test_a_malformed_authorization_is_refused(emulator: SmsEmulator, authorization: str) -> None:
    headers = {
        "x-acs-action": "QuerySmsSignList",
        "x-acs-version": "2017-05-25",
        "authorization": authorization,
    }
    refused(raw(emulator, "POST", "/", b"", headers), "IncompleteSignature")


def test_headers_without_authorization_are_refused(emulator: SmsEmulator) -> None:
    headers = {"x-acs-action": "QuerySmsSignList", "x-acs-version": "2017-05-25"}
    refused(raw(emulator, "POST", "/", b"", headers), "IncompleteSignature")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("ACS3-HMAC-SHA256", "ACS3-HMAC-SM3"), "InvalidSignatureMethod"),
        (("host;", ""), "SignatureDoesNotMatch"),
        (("x-acs-action;", ""), "IncompleteSignature"),
        (("testid", ""), "MissingAccessKeyId"),
        (("host;x-acs-action", "x-acs-action;host"), "IncompleteSignature"),
        (("host;", "absent;host;"), "IncompleteSignature"),
        (("host;", "host;HOST;"), "IncompleteSignature"),
    ],
)
def test_a_tampered_authorization_is_refused(
    client: Client, change: tuple[str, str], code: str
) -> None:
    headers = {n: v for n, v in client.headers("QuerySmsSignList").items() if v}
    good = client.authorization("POST", "", headers, b"")
    headers["authorization"] = good.replace(*change)
    refused(raw(client.emulator, "POST", "/", b"", headers), code)
    headers["authorization"] = good
    assert raw(client.emulator, "POST", "/", b"", headers).code == "OK"


def test_body_must_fit_its_hash(client: Client) -> None:
    wrong = hashlib.sha256(b"another body").hexdigest()
    reply = client.v3("QuerySmsSignList", {}, {"PageIndex": "1"}, x_acs_content_sha256=wrong)
    refused(reply, "SignatureDoesNotMatch")
    headers = {n: v for n, v in client.headers("QuerySmsSignList", b"PageIndex=1").items() if v}
    headers["authorization"] = client.authorization("POST", "", headers, b"PageIndex=1")
    changed = raw(client.emulator, "POST", "/", b"PageIndex=2", headers)
    refused(changed, "SignatureDoesNotMatch")


def use_nonce(client: Client, nonce: str, key: str = "testid", secret: str = "testsecret") -> str:
    client.key, client.secret = key, secret
    return client.v3("QuerySmsSignList", {}, x_acs_signature_nonce=nonce).code


def test_a_nonce_may_be_used_once_by_each_key(client: Client) -> None:
    client.emulator.settings(nonce_scope="access-key")
    assert use_nonce(client, "scope-key") == "OK"
    assert use_nonce(client, "scope-key") == "SignatureNonceUsed"
    assert use_nonce(client, "scope-key", "second", "second-secret") == "OK"


def test_a_nonce_of_v1_may_be_used_once(client: Client) -> None:
    codes = [client.v1("QuerySmsSignList", {}, SignatureNonce="v1").code for _ in range(2)]
    assert codes == ["OK", "SignatureNonceUsed"]


def test_a_nonce_may_be_used_once_by_each_account(client: Client) -> None:
    assert use_nonce(client, "scope-account") == "OK"
    assert use_nonce(client, "scope-account") == "SignatureNonceUsed"
    assert use_nonce(client, "scope-account", "second", "second-secret") == "SignatureNonceUsed"
    assert use_nonce(client, "scope-account", "other", "other-secret") == "OK"


def test_a_nonce_may_be_used_once_on_each_node(client: Client) -> None:
    client.emulator.settings(nonce_scope="node")
    codes = [use_nonce(client, "scope-node") for _ in range(4)]
    assert codes == ["OK", "OK", "SignatureNonceUsed", "SignatureNonceUsed"]


def test_a_nonce_may_be_used_again_where_none_is_remembered(client: Client) -> None:
    client.emulator.settings(nonce_scope="off")
    assert [use_nonce(client, "scope-off") for _ in range(3)] == ["OK"] * 3


def test_nonce_is_free_again_after_15_minutes(client: Client) -> None:
    emulator = client.emulator
    emulator.settings(timestamp_clock="emulator")
    start = datetime(2031, 1, 1, tzinfo=timezone.utc)
    for seconds, code in ((0, "OK"), (899, "SignatureNonceUsed"), (900, "OK")):
        emulator.clock.set(start + timedelta(seconds=seconds))
        client.at = start.timestamp() + seconds
        assert use_nonce(client, "window") == code


def test_nonce_of_a_bad_signature_is_not_remembered(client: Client) -> None:
    assert use_nonce(client, "forged", secret="wrong") == "SignatureDoesNotMatch"
    assert use_nonce(client, "forged") == "OK"


def test_nonce_stays_used_when_the_call_is_refused(client: Client) -> None:
    first = client.v3("SendSms", {}, x_acs_signature_nonce="refused")
    assert first.code == "MissingPhoneNumbers"
    assert use_nonce(client, "refused") == "SignatureNonceUsed"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_than_get_and_post_is_refused(emulator: SmsEmulator, method: str) -> None:
    refused(raw(emulator, method, "/"), "UnsupportedHTTPMethod")


@pytest.mark.parametrize("target", ["/?Action=%ff%fe", "/?Action=%C3"])
def test_parameters_that_are_not_utf8_are_refused(emulator: SmsEmulator, target: str) -> None:
    refused(raw(emulator, "GET", target), "InvalidParameter")
    reply = raw(emulator, "POST", "/", target[2:].encode(), {"Content-Type": FORM})
    refused(reply, "InvalidParameter")
    refused(raw(emulator, "POST", "/", b"A=\xff", {"Content-Type": FORM}), "InvalidParameter")


def test_a_body_that_is_too_large_is_refused(emulator: SmsEmulator) -> None:
    body = b"A=" + b"a" * (5 * 1024 * 1024)
    refused(raw(emulator, "POST", "/", body, {"Content-Type": FORM}), "InvalidParameter", 413)


def test_official_python_sdks_leave_names_unencoded(client: Client) -> None:
    headers = {n: v for n, v in client.headers("QuerySmsSignList").items() if v}
    headers["authorization"] = client.authorization("POST", "odd~name*=v", headers, b"")
    target = f"/?{join({'odd~name*': 'v'})}"
    assert raw(client.emulator, "POST", target, b"", headers).code == "OK"
