"""Objects in OSS through oss2, as Function Compute's runtimes carry it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aliyun_fc_runtime_stub import events
from aliyun_sms_emulator import SmsEmulator
from functions import send_on_event
from shared import transport
from shared.clock import Clock
from shared.errors import BucketUnavailable, ConfigurationError, InvalidRequest, NotSettled
from shared.events.buckets import PIECE_BYTES, Bucket, OssBucket, open_bucket
from shared.settings import Credentials, read_file_settings
from tests.integration.oss_server import OssServer, etag_of

oss2 = pytest.importorskip("oss2", reason="install oss2==2.18.6")

KEY = "sms-files/名单 1.csv"
CONTENT = b"phone_number,name,order\n" + b"".join(b"%d,Li,A-17\n" % n for n in range(300_000))
KEYS = Credentials("LTAItestid", "test-secret-0123")
REGION = "cn-hangzhou"
HAS_V4 = hasattr(oss2, "AUTH_VERSION_4")


@pytest.fixture
def oss() -> Iterator[OssServer]:
    with OssServer() as server:
        server.objects[KEY] = CONTENT
        yield server


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def open_with(oss: OssServer, waits: list[float]) -> Callable[..., Bucket]:
    def run(credentials: Credentials = KEYS, region: str = REGION) -> Bucket:
        settings = read_file_settings({"SMS_OSS_ENDPOINT": oss.url})
        return open_bucket(
            "recipients",
            region=region,
            settings=settings,
            credentials=credentials,
            clock=Clock(sleep=waits.append),
        )

    return run


Open = Callable[..., Bucket]


def test_an_object_is_read_in_pieces_that_all_match_its_etag(
    oss: OssServer, open_with: Open
) -> None:
    pieces = list(open_with().read(KEY, etag_of(CONTENT)))
    assert b"".join(pieces) == CONTENT
    assert max(map(len, pieces)) == PIECE_BYTES
    assert [request.method for request in oss.arrived] == ["HEAD", *["GET"] * len(pieces)]
    assert {request.key for request in oss.arrived} == {KEY}
    assert {request.headers["if-match"] for request in oss.arrived} == {f'"{etag_of(CONTENT)}"'}


def test_an_empty_object_has_no_pieces(oss: OssServer, open_with: Open) -> None:
    oss.objects[KEY] = b""
    assert list(open_with().read(KEY, etag_of(b""))) == []


def test_requests_are_signed_with_the_functions_credentials(
    oss: OssServer, open_with: Open
) -> None:
    list(open_with(KEYS._replace(security_token="sts-token")).read(KEY, etag_of(CONTENT)))
    for request in oss.arrived:
        assert request.headers["x-oss-security-token"] == "sts-token"
        scheme = "OSS4-HMAC-SHA256 Credential=LTAItestid/" if HAS_V4 else "OSS LTAItestid:"
        assert request.headers["authorization"].startswith(scheme)
        assert not HAS_V4 or f"/{REGION}/oss/" in request.headers["authorization"]


def test_without_a_region_the_older_signature_is_used(oss: OssServer, open_with: Open) -> None:
    list(open_with(region="").read(KEY, etag_of(CONTENT)))
    assert oss.arrived[0].headers["authorization"].startswith("OSS LTAItestid:")


def test_the_endpoint_is_the_inner_one_of_the_region() -> None:
    settings = read_file_settings({})

    def open_in(region: str) -> Bucket:
        return open_bucket(
            "recipients", region=region, settings=settings, credentials=KEYS, clock=Clock()
        )

    bucket: Any = open_in("cn-beijing")
    assert isinstance(bucket, OssBucket)
    assert bucket._bucket.endpoint == "https://oss-cn-beijing-internal.aliyuncs.com"
    with pytest.raises(ConfigurationError, match="SMS_OSS_ENDPOINT"):
        open_in("")


@pytest.mark.parametrize(("key", "code"), [("x.csv", "object-not-found"), (KEY, "object-changed")])
def test_an_object_that_is_gone_or_changed_is_not_read(
    open_with: Open, key: str, code: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        open_with().read(key, "0" * 32)
    assert refusal.value.code == code


def test_an_object_that_changes_meanwhile_is_read_no_further(
    oss: OssServer, open_with: Open
) -> None:
    pieces = open_with().read(KEY, etag_of(CONTENT))
    next(pieces)
    oss.objects[KEY] = CONTENT.replace(b"Li", b"Mo")
    with pytest.raises(InvalidRequest) as refusal:
        next(pieces)
    assert refusal.value.code == "object-changed"


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_names_what_the_role_needs(oss: OssServer, open_with: Open, status: int) -> None:
    oss.before = lambda _number: status
    with pytest.raises(ConfigurationError, match="oss:GetObject"):
        open_with().read(KEY, etag_of(CONTENT))
    assert len(oss.arrived) == 1


@pytest.mark.parametrize("failure", [0, 500, 503])
@pytest.mark.parametrize("at", [0, 2])
def test_what_fails_is_tried_again(
    oss: OssServer, open_with: Open, waits: list[float], failure: int, at: int
) -> None:
    oss.before = lambda number: failure if number in (at, at + 1) else None
    assert b"".join(open_with().read(KEY, etag_of(CONTENT))) == CONTENT
    assert waits == [0.2, 1.0]


def test_oss_that_stays_away_is_told(oss: OssServer, open_with: Open) -> None:
    oss.before = lambda _number: 503
    with pytest.raises(BucketUnavailable):
        open_with().read(KEY, etag_of(CONTENT))
    with pytest.raises(BucketUnavailable):
        open_with().write(KEY, io.BytesIO(b"x"))
    assert len(oss.arrived) == 6


def test_a_result_is_written_whole_even_after_a_failure(oss: OssServer, open_with: Open) -> None:
    oss.before = lambda number: 500 if number == 0 else None
    content = io.BytesIO(b"x" * 100_000)
    content.seek(50)
    open_with().write("sms-results/a.jsonl", content)
    assert oss.objects["sms-results/a.jsonl"] == content.getvalue()


def test_oss2_logs_nothing(
    oss: OssServer, open_with: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(InvalidRequest):
        open_with().read("13800138000.csv", etag_of(CONTENT))
    assert "13800138000" not in caplog.text


@pytest.fixture
def function(
    oss: OssServer, emulator: SmsEmulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a function that reaches the bucket and the emulator."""
    settings = {
        "SMS_ENDPOINT": emulator.url,
        "SMS_ACCESS_KEY_ID": emulator.access_key_id,
        "SMS_ACCESS_KEY_SECRET": emulator.access_key_secret,
        "SMS_SIGN_NAME": "fc-sms",
        "SMS_FILE_TEMPLATE_CODE": "SMS_100002",
        "SMS_OSS_ENDPOINT": oss.url,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield monkeypatch
    transport.SESSION.close()


def run(event: bytes) -> Any:
    context: Any = SimpleNamespace(request_id="1-test", function=SimpleNamespace(timeout=30))
    return send_on_event.handler(event, context)


def test_a_file_in_oss_is_sent(
    oss: OssServer, emulator: SmsEmulator, function: pytest.MonkeyPatch
) -> None:
    content = "phone_number,name,order\n13800138000,李小龙,A-17\n".encode("gbk")
    oss.objects["sms-files/a.csv"] = content
    event = events.oss("sms-files/a.csv", bucket="recipients", etag=etag_of(content))
    (entry,) = run(event)["accepted"]
    (message,) = emulator.messages()
    assert message.text == "【fc-sms】李小龙，您的订单A-17已发货。"
    lines = [json.loads(line) for line in oss.objects[str(entry["results"])].splitlines()]
    assert lines[-1]["summary"]["rows"] == {"accepted": 1, "rejected": 0, "unknown": 0}


def test_without_a_region_in_the_event_the_bucket_is_in_the_functions_own(
    oss: OssServer, emulator: SmsEmulator, function: pytest.MonkeyPatch
) -> None:
    function.setenv("FC_REGION", "cn-shanghai")
    content = b"phone_number,name,order\n13800138000,Li,A-17\n"
    oss.objects["sms-files/a.csv"] = content
    event = json.loads(events.oss("sms-files/a.csv", bucket="recipients", etag=etag_of(content)))
    del event["events"][0]["region"]
    assert len(run(json.dumps(event).encode())["accepted"]) == 1
    signed = {request.headers["authorization"] for request in oss.arrived}
    assert len(signed) > 1
    assert not HAS_V4 or all("/cn-shanghai/oss/" in authorization for authorization in signed)


def test_a_file_that_cannot_be_read_to_its_end_goes_on_with_a_repeat(
    oss: OssServer, emulator: SmsEmulator, function: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    function.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state.db")
    function.setenv("SMS_STATE_SECRET", "the-secret-of-the-state")
    function.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    good = [f"{13900000000 + n},Li,A-17" for n in range(200)]
    bad = [f"1,{'x' * 2000},A-17"] * 600
    content = "\n".join(["phone_number,name,order", *good[:100], *bad, *good[100:]]).encode()
    assert PIECE_BYTES < len(content) < 2 * PIECE_BYTES
    oss.objects["sms-files/a.csv"] = content
    event = events.oss("sms-files/a.csv", bucket="recipients", etag=etag_of(content))
    oss.before = lambda number: 503 if number in (2, 3, 4) else None  # the second piece, thrice
    with pytest.raises(NotSettled):
        run(event)
    assert len(emulator.messages()) == 100
    (key,) = oss.objects.keys() - {KEY, "sms-files/a.csv"}
    assert json.loads(oss.objects[key].splitlines()[-1])["summary"]["code"] == "bucket-unavailable"
    (entry,) = run(event)["accepted"]
    assert entry["parts"] == {"accepted": 2, "rejected": 0, "unknown": 0}
    assert entry["rows"] == {"accepted": 200, "rejected": 600, "unknown": 0}
    assert len(emulator.messages()) == 200
