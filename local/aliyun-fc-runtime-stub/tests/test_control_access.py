"""Who may deploy: signatures of the API, of the token call, and the token of an upload."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models

from aliyun_fc_runtime_stub import FunctionCompute, RequestRefused
from aliyun_fc_runtime_stub.commands.report import Report
from aliyun_fc_runtime_stub.control.uploads import check_token_call
from aliyun_fc_runtime_stub.http_messages import HttpRequest
from aliyun_fc_runtime_stub.web.acs3 import AccessKey, check, signature
from deployer import ECHO, Deployer, fetch, inline, zipped

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ACCOUNT = "1234567890123456"
NOON = 1794571200.0  # 2026-11-13T12:00:00Z
OWN = AccessKey("key-id", "key-secret")
EMPTY = hashlib.sha256(b"").hexdigest()


def request(path: str, query: str = "", method: str = "GET", **headers: str) -> HttpRequest:
    named = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return HttpRequest(method, path.encode(), path, query.encode(), named, b"", "127.0.0.1")


@pytest.mark.parametrize("wrong", ["secret", "id"])
def test_a_wrong_key_is_refused(deployer: Deployer, wrong: str) -> None:
    deployer.create("f")
    key_id, secret = deployer.cloud.access_key
    key, code = {
        "secret": ((key_id, "wrong"), "SignatureNotMatch"),
        "id": (("other", secret), "InvalidAccessKeyID"),
    }[wrong]
    stranger = Deployer(deployer.cloud, key)
    for call in (stranger.get, stranger.create, stranger.invoke, stranger.client.delete_function):
        with pytest.raises(Exception, match=code) as caught:
            call("f")
        assert caught.value.status_code == 403  # type: ignore[attr-defined]
    assert deployer.names() == ["f"]
    assert list(deployer.cloud.invocations()) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/2023-03-30/functions"),
        ("DELETE", "/2023-03-30/functions/f"),
        ("POST", "/2023-03-30/functions/f/invocations"),
        ("GET", "/2016-08-15/tempBucketToken"),
    ],
)
def test_an_unsigned_request_is_refused(deployer: Deployer, method: str, path: str) -> None:
    deployer.create("f")
    status, body = fetch(deployer.cloud.api_url + path, method, data=b"")
    code = json.loads(body)["ErrorCode" if "2016" in path else "Code"]
    assert (status, code) == (400, "MissingRequiredHeader")
    assert deployer.names() == ["f"]


def test_every_part_of_a_request_is_signed() -> None:
    headers = {"x_acs_date": "2026-11-13T12:00:00Z", "host": "a", "x_acs_version": "1"}
    names = ["host", "x-acs-date", "x-acs-version"]
    text = signature(OWN.secret, request("/p", "a=1&b=%20", **headers), names, EMPTY)
    credential = f"Credential={OWN.id},SignedHeaders={';'.join(names)},Signature={text}"
    signed = {**headers, "authorization": f"ACS3-HMAC-SHA256 {credential}"}
    check(OWN, request("/p", "b=%20&a=1", **signed), [EMPTY], NOON)
    for changed in (
        request("/q", "a=1&b=%20", **signed),
        request("/p", "a=2&b=%20", **signed),
        request("/p", "a=1&b=%20", "DELETE", **signed),
        request("/p", "a=1&b=%20", **{**signed, "x_acs_version": "2"}),
    ):
        with pytest.raises(RequestRefused, match="not that of this request"):
            check(OWN, changed, [EMPTY], NOON)
    with pytest.raises(RequestRefused, match="not that of this request"):
        check(OWN, request("/p", "a=1&b=%20", **signed), [hashlib.sha256(b"x").hexdigest()], NOON)
    with pytest.raises(RequestRefused, match="15 minutes off"):
        check(OWN, request("/p", "a=1&b=%20", **signed), [EMPTY], NOON + 901)


SIGNED_BY_FC2 = [  # npm @alicloud/fc2 2.6.6, Client.getSignature
    (
        AccessKey("fc-stub-0123456789abcdef", "0123456789abcdef" * 3),
        {"x_fc_account_id": "1234567890123456"},
        "FC fc-stub-0123456789abcdef:6s0lKHzBE5tpUq+VrwrqRaNqope58E6DGxVCfLcIulo=",
    ),
    (
        AccessKey("STS.keyid", "secret"),
        {
            "x_fc_security_token": "token",
            "x_fc_account_id": "42",
            "content_type": "application/json",
        },
        "FC STS.keyid:KhHVtAZePvlrvi4roLpdTGCvbEiamiTpEQ1kYaQhDns=",
    ),
]


@pytest.mark.parametrize(("key", "headers", "text"), SIGNED_BY_FC2)
def test_the_token_call_is_signed_as_the_components_library_does(
    key: AccessKey, headers: dict[str, str], text: str
) -> None:
    """The signature that the fc3 component's library makes."""
    date = "Fri, 20 Nov 2026 16:22:55 GMT"
    moment = 1795191775.0
    path = "/2016-08-15/tempBucketToken"
    signed = request(path, date=date, authorization=text, **headers)
    check_token_call(key, signed, moment)
    with pytest.raises(RequestRefused, match="15 minutes off"):
        check_token_call(key, signed, moment - 901)
    for no_date in ("x", "0 Jan 99999999999999 00:00:00 GMT"):
        wrong = request(path, date=no_date, authorization=text, **headers)
        with pytest.raises(RequestRefused, match="must be an HTTP date"):
            check_token_call(key, wrong, moment)
    other = request(path, date=date, authorization=text, **{**headers, "x_fc_account_id": "43"})
    with pytest.raises(RequestRefused, match="not that of this request"):
        check_token_call(key, other, moment)


def ask_token(cloud: FunctionCompute, account: str) -> Any:
    """Ask for a token as the component does, with the signature of a moment ago."""
    date = formatdate(usegmt=True)
    text = f"GET\n\n\n{date}\nx-fc-account-id:{account}\n/2016-08-15/tempBucketToken"
    key_id, secret = cloud.access_key
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    status, body = fetch(
        f"{cloud.api_url}/2016-08-15/tempBucketToken",
        date=date,
        x_fc_account_id=account,
        authorization=f"FC {key_id}:{base64.b64encode(digest).decode()}",
    )
    return status, json.loads(body)


def token(cloud: FunctionCompute) -> Any:
    status, given = ask_token(cloud, ACCOUNT)
    assert status == 200, given
    return given


def put(cloud: FunctionCompute, path: str, data: bytes, security_token: str) -> Any:
    url = f"{cloud.api_url}/{path}"
    return fetch(url, "PUT", data=data, x_oss_security_token=security_token)


def test_a_token_is_for_the_account_of_the_stub_alone(deployer: Deployer) -> None:
    status, answer = ask_token(deployer.cloud, "42")
    assert (status, answer["ErrorCode"]) == (403, "AccessDenied")
    assert answer["ErrorMessage"].endswith("set AccountID=1234567890123456")


def test_no_bucket_can_have_the_name_that_a_token_names(deployer: Deployer) -> None:
    """A deployer that FC_CODE_TEMP_OSS_ENDPOINT does not reach uploads to the real OSS."""
    bucket = token(deployer.cloud)["ossBucket"]
    assert not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket)  # of OSS
    assert re.fullmatch(r"[a-z0-9_][a-z0-9-_]{1,61}[a-z0-9_]", bucket)  # ali-oss refuses others


def test_an_uploaded_package_is_deployed(deployer: Deployer) -> None:
    given = token(deployer.cloud)
    secret = given["credentials"]["SecurityToken"]
    name = f"{ACCOUNT}/{given['objectName']}"
    assert put(deployer.cloud, name, zipped(("index.py", ECHO)), secret)[0] == 200
    code = models.InputCodeLocation(oss_bucket_name=given["ossBucket"], oss_object_name=name)
    deployer.create("f", code=code)
    assert deployer.invoke("f", b"x").body.read() == b"x"


def test_an_upload_survives_changes_of_another_function(deployer: Deployer) -> None:
    """A change removes packages that nothing names; an upload under way is none of these."""
    deployer.create("changes")
    uploaded = threading.Event()

    def change() -> None:
        other = Deployer(deployer.cloud)
        for number in itertools.takewhile(lambda _: not uploaded.is_set(), itertools.count()):
            other.update("changes", code=inline(zipped(("index.py", f"# {number}\n{ECHO}"))))

    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        try:
            for number in range(20):
                given = token(deployer.cloud)
                name = f"{ACCOUNT}/{given['objectName']}"
                package = zipped(("index.py", f"# upload {number}\n{ECHO}"))
                put(deployer.cloud, name, package, given["credentials"]["SecurityToken"])
                place = models.InputCodeLocation(
                    oss_bucket_name=given["ossBucket"], oss_object_name=name
                )
                assert deployer.create(f"f{number}", code=place).code_size == len(package)
        finally:
            uploaded.set()
        changing.result()


def test_upload_is_for_one_object(deployer: Deployer) -> None:
    first, second = token(deployer.cloud), token(deployer.cloud)
    secret = first["credentials"]["SecurityToken"]
    expired = f"{first['objectName']}.1.{secret.rpartition('.')[2]}"
    for path, given, code in (
        (f"{ACCOUNT}/{second['objectName']}", secret, b"AccessDenied"),
        (f"{ACCOUNT}/../{first['objectName']}", secret, b"AccessDenied"),
        (f"{ACCOUNT}/{first['objectName']}", secret[:-1], b"InvalidSecurityToken"),
        (f"{ACCOUNT}/{first['objectName']}", expired, b"InvalidSecurityToken"),
        (f"{ACCOUNT}/{first['objectName']}", "..", b"InvalidSecurityToken"),
        (f"42/{first['objectName']}", secret, b"set AccountID=1234567890123456"),
    ):
        status, body = put(deployer.cloud, path, b"x", given)
        assert (status, code in body) == (403, True), body
        assert body.startswith(b"<?xml")


def test_half_an_upload_leaves_nothing_behind(deployer: Deployer, tmp_path: Path) -> None:
    """An upload that breaks off leaves nothing behind."""
    given = token(deployer.cloud)
    host, port = deployer.cloud.api_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        name = f"{ACCOUNT}/{given['objectName']}"
        head = f"PUT /{name} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n"
        secret = given["credentials"]["SecurityToken"]
        connection.sendall(f"{head}x-oss-security-token: {secret}\r\n\r\nhalf".encode())
        _until(lambda: any((tmp_path / "state" / "packages").iterdir()))
    _until(lambda: not any((tmp_path / "state" / "packages").iterdir()))
    code = models.InputCodeLocation(oss_bucket_name=given["ossBucket"], oss_object_name=name)
    with pytest.raises(Exception, match="there is no object"):
        deployer.create("f", code=code)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_secret_is_reported(deployer: Deployer, capfd: pytest.CaptureFixture[str]) -> None:
    """Values of environment variables are secrets; only GetFunction tells them."""
    deployer.create("f", environment_variables={"A": "very-secret"})
    report = Report(as_json=True)
    report.ready(deployer.cloud)
    report.close()
    assert "very-secret" not in "".join(capfd.readouterr())
