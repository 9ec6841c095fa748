"""`make doctor`: every finding, provoked with a real emulator and a real Redis."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from email.utils import formatdate
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aliyun_sms_emulator import SmsEmulator
from shared.sending.stop import start_sending, stop_sending
from shared.state.redis_store import RedisStore
from tests.integration.redis_server import RedisServer
from tests.integration.tcp_proxy import TcpProxy
from tests.node_packages import clean_environment
from tests.unit.certificates import Authority
from tests.unit.scripted_server import Respond, ScriptedServer, answer
from tools.doctor import state_store
from tools.doctor.examination import examine
from tools.doctor.findings import ERROR, NOT_CHECKED, OK, WARN, Finding

ENDPOINTS = ("SMS_ENDPOINT", "SMS_INTERNATIONAL_ENDPOINT", "SMS_BASE_ENDPOINT")
QUEUE = "Alicom-Queue-1234567890123456-SmsReport"
CONFIG: Mapping[str, object] = {
    "access_keys": [
        {"id": "awake", "secret": "Qw3rTz-of-awake"},
        {"id": "asleep", "secret": "Qw3rTz-of-asleep", "status": "inactive"},
    ],
    "signatures": [
        {"name": "good"},
        {"name": "new", "status": "reviewing"},
        {
            "name": "half",
            "registration": {
                "mobile": "to-verify",
                "unicom": "registering",
                "telecom": {"status": "failed", "reasons": ["SIGNATURE_ERROR", "OTHERS_ERROR"]},
            },
        },
        {"name": "lost", "registration": {"mobile": "lapsed", "unicom": "not-filed"}},
        {"name": "bad", "status": "rejected"},
    ],
    "templates": [
        {"code": "SMS_1", "type": "verification", "content": "${code} is your code"},
        {"code": "SMS_2", "type": "verification", "content": "${number} is your code"},
        {"code": "SMS_4", "type": "notification", "content": "${code} for ${name} and ${city}"},
        {"code": "SMS_3", "type": "notification", "content": "Hi", "status": "cancelled"},
    ],
}
SECRETS = {
    "SMS_ACCESS_KEY_SECRET": "Qw3rTz-of-awake",
    "SMS_RECEIPT_TOKEN": "Kx8_vRt2QbWz5nYpLm3D",
    "SMS_STATE_SECRET": "h7Gq-Zt4VdXc9sBnMw2K",
}
PASSWORD = "gh5ab2-Uo7"
ANONYMOUS = "authType: ${env('SMS_AUTH', 'anonymous')}"
HTTP_TRIGGER = """\
        - triggerName: http
          triggerType: http
          triggerConfig: {methods: [POST], authType: anonymous}
"""
TOPIC = "        - triggerName: topic\n"
VPC = "# vpcConfig:\n    #   vpcId: vpc-..."


class World(NamedTuple):
    """What is examined: s.yaml in `folder`, an emulator and a Redis."""

    project: Path
    folder: Path
    emulator: SmsEmulator
    redis: RedisServer

    def healthy(self) -> dict[str, str]:
        """The variables of a configuration with nothing wrong, but that it is a trial."""
        return {
            **dict.fromkeys(ENDPOINTS, self.emulator.url),
            **SECRETS,
            "SMS_ACCESS_KEY_ID": "awake",
            "SMS_API_KEYS": f"shop:{hashlib.sha256(b'a good key').hexdigest()}",
            "SMS_CODE_TEMPLATE": "SMS_1",
            "SMS_SIGN_NAME": "good",
            "SMS_STATE_URL": self.redis.url,
        }

    def examine(self, changes: Mapping[str, str]) -> list[Finding]:
        """Return the findings; no secret may stand in them."""
        environ = {**self.healthy(), **changes}
        findings = examine(self.folder / "s.yaml", environ)
        said = repr(findings)
        assert not [name for name in SECRETS if environ[name] and environ[name] in said]
        assert PASSWORD not in said
        assert [each for each in findings if not each.remedy and each.level != OK] == []
        return findings

    def edit(self, old: str, new: str, file: str = "s.yaml") -> None:
        """Change one of the files."""
        here, source = self.folder / file, self.project / file
        text = (here if here.exists() else source).read_text()
        assert old in text
        here.write_text(text.replace(old, new))


Trouble = Callable[[World], AbstractContextManager[Mapping[str, str]]]
"""Something wrong around it while it lasts; gives the variables that change with it."""


@pytest.fixture(scope="module")
def own_emulator() -> Iterator[SmsEmulator]:
    with SmsEmulator(CONFIG) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), "--appendonly", "yes") as server:
        yield server


@pytest.fixture
def world(
    project: Path, tmp_path: Path, own_emulator: SmsEmulator, own_redis: RedisServer
) -> World:
    own_emulator.clear()
    shutil.copy(project / "s.yaml", tmp_path)
    return World(project, tmp_path, own_emulator, own_redis)


def variables(**changes: str) -> Trouble:
    return lambda _world: nullcontext(changes)


def edited(*edits: tuple[str, ...], **changes: str) -> Trouble:
    """Other text in s.yaml (or the file named third)."""

    def trouble(world: World) -> AbstractContextManager[Mapping[str, str]]:
        for edit in edits:
            world.edit(*edit)
        return nullcontext(changes)

    return trouble


def redis_with(command: str, *, undone_by: str) -> Trouble:
    @contextmanager
    def trouble(world: World) -> Iterator[Mapping[str, str]]:
        world.redis.ask(*command.split())
        yield {}
        world.redis.ask(*undone_by.split())

    return trouble


def redis_without(command: str) -> Trouble:
    """A Redis whose account may not run `command`."""

    @contextmanager
    def trouble(world: World) -> Iterator[Mapping[str, str]]:
        rights = f"on >{PASSWORD} ~* +@all -{command}"
        world.redis.ask("ACL", "SETUSER", "little", *rights.split())
        yield {"SMS_STATE_URL": world.redis.url.replace("//", f"//little:{PASSWORD}@")}
        world.redis.ask("ACL", "DELUSER", "little")

    return trouble


@contextmanager
def far_redis(world: World) -> Iterator[Mapping[str, str]]:
    with TcpProxy(world.redis.address) as proxy:
        proxy.delay = 0.06
        yield {"SMS_STATE_URL": f"redis://127.0.0.1:{proxy.port}/0"}


@contextmanager
def sending_that_is_stopped(world: World) -> Iterator[Mapping[str, str]]:
    store = RedisStore(world.redis.url)
    stop_sending(store, time.time())
    yield {}
    start_sending(store)
    store._client.close()  # type: ignore[no-untyped-call]


def redis_with_a_wrong_password(world: World) -> AbstractContextManager[Mapping[str, str]]:
    url = world.redis.url.replace("//", f"//:{PASSWORD}@")
    return nullcontext({"SMS_STATE_URL": url})


@contextmanager
def nobody_at(name: str, scheme: str) -> Iterator[Mapping[str, str]]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        yield {name: f"{scheme}://127.0.0.1:{bound.getsockname()[1]}"}


def no_redis(world: World) -> AbstractContextManager[Mapping[str, str]]:
    return nobody_at("SMS_STATE_URL", "redis")


def no_redis_but_a_vpc(world: World) -> AbstractContextManager[Mapping[str, str]]:
    world.edit(VPC, "vpcConfig:\n      vpcId: vpc-...")
    return no_redis(world)


def platform_that(respond: Respond, **changes: str) -> Trouble:
    """Another server plays the platform."""

    @contextmanager
    def trouble(_world: World) -> Iterator[Mapping[str, str]]:
        with ScriptedServer(respond) as server:
            yield {**dict.fromkeys(ENDPOINTS, server.url), **changes}

    return trouble


def says(
    code: str, status: str = "200 OK", *, to: str = "", seconds_ago: float = 0, **members: object
) -> Respond:
    """Answer `code` and `members` to the action `to` (any), and OK to others.

    The Date is that long ago.
    """

    def respond(arrived: Any) -> Any:
        is_meant = arrived.headers.get("x-acs-action") == to or not to
        date = f"Date: {formatdate(time.time() - seconds_ago, usegmt=True)}"
        given = {"Code": code, **members} if is_meant else {"Code": "OK"}
        body = {"Message": "no", "RequestId": "A-1", **given}
        return answer(body, status if is_meant else "200 OK", date)

    return respond


def no_platform(_world: World) -> AbstractContextManager[Mapping[str, str]]:
    return nobody_at("SMS_ENDPOINT", "http")


@contextmanager
def an_hour_late(world: World) -> Iterator[Mapping[str, str]]:
    world.emulator.settings(timestamp_clock="emulator")
    world.emulator.clock.advance(3600)
    yield {}
    world.emulator.clock.follow_real_time()
    world.emulator.settings(timestamp_clock="real")


def with_role_only(_world: World) -> AbstractContextManager[Mapping[str, str]]:
    role = "acs:ram::1234567890123456:role/fc-sms"
    return nullcontext({"SMS_ACCESS_KEY_ID": "", "SMS_ACCESS_KEY_SECRET": "", "SMS_ROLE": role})


VENDORS = {"MOBILE_VENDOR": "1", "UNICOM_VENDOR": "2", "TELECOM_VENDOR": "15"}
RAM = "isp.RAM_PERMISSION_DENY"
# what is wrong; the finding's check, level and a part of what it says
CASES: list[tuple[Trouble, str, str, str]] = [
    # access
    (variables(), "access", OK, "1 API key(s)"),
    (variables(SMS_API_KEYS=""), "access", ERROR, "every call will be answered 401"),
    (variables(SMS_API_KEYS="shop:abc"), "access", ERROR, "entry 1 is not of the form"),
    (
        variables(SMS_API_KEYS=f"shop:{hashlib.sha256(b'shop').hexdigest()}"),
        *("access", ERROR, "the API key of shop is easy to guess"),
    ),
    (variables(SMS_EVENT_CALLER="shop"), "access", OK, "1 API key(s)"),
    (variables(SMS_EVENT_CALLER="web"), "access", WARN, "no API key has that name"),
    (variables(SMS_EVENT_CALLER=".file"), "access", ERROR, "SMS_EVENT_CALLER"),
    (variables(SMS_AUTH="function"), "access", OK, "the triggers ask who calls"),
    (variables(SMS_AUTH="trigger"), "s.yaml", ERROR, "must be anonymous, function or jwt"),
    (variables(SMS_AUTH="jwt"), "access", ERROR, "has no authConfig"),
    (
        edited((ANONYMOUS, "authType: anonymous"), SMS_AUTH="function"),
        *("access", ERROR, "open to the world"),
    ),
    (edited((ANONYMOUS, "authType: function")), "access", WARN, "need an API key beside"),
    (
        edited((TOPIC, HTTP_TRIGGER + TOPIC, "s.events.yaml")),
        *("access", WARN, "send_on_event has an HTTP trigger"),
    ),
    # secrets
    (variables(SMS_STATE_SECRET="a" * 32), "secrets", ERROR, "SMS_STATE_SECRET is easy to guess"),
    (
        variables(SMS_RECEIPT_TOKEN="My_Password_8rT2xQ"),
        *("secrets", ERROR, "SMS_RECEIPT_TOKEN is easy to guess"),
    ),
    (
        variables(SMS_STATE_SECRET=SECRETS["SMS_RECEIPT_TOKEN"]),
        *("secrets", ERROR, "SMS_RECEIPT_TOKEN is the same as SMS_STATE_SECRET"),
    ),
    (
        variables(SMS_RECEIPT_TOKEN=f"{SECRETS['SMS_RECEIPT_TOKEN']},My_Password_8rT2xQ"),
        *("secrets", ERROR, "SMS_RECEIPT_TOKEN is easy to guess"),
    ),
    (
        variables(
            SMS_RECEIPT_TOKEN=f"Zb7_wQe4UkPx9mVnTs2C,{SECRETS['SMS_RECEIPT_TOKEN']}",
            SMS_STATE_SECRET=SECRETS["SMS_RECEIPT_TOKEN"],
        ),
        *("secrets", ERROR, "SMS_RECEIPT_TOKEN is the same as SMS_STATE_SECRET"),
    ),
    (variables(SMS_STATE_SECRET=""), "settings", ERROR, "SMS_STATE_SECRET is not set, and"),
    (variables(SMS_STATE_SECRET=""), "platform", NOT_CHECKED, "the platform and the shared state"),
    # what Function Compute is told
    (variables(), "region", OK, "cn-hangzhou is in the Chinese mainland"),
    (variables(SMS_REGION="cn-hongkong"), "region", WARN, "isv.DENY_IP_RANGE"),
    (variables(SMS_REGION="cn-hangzou"), "region", WARN, "not known to have Function Compute"),
    (variables(SMS_REGION="ap-southeast-1"), "runtime", ERROR, "python3.12 is not offered"),
    (variables(SMS_RUNTIME="python3.9"), "runtime", ERROR, "do not run on python3.9"),
    (variables(), "timeout", OK, "every function has the time"),
    (
        variables(SMS_READ_TIMEOUT="25"),
        *("timeout", ERROR, "send_sms may need 31 s for one request, but is ended after 30 s"),
    ),
    (variables(SMS_READ_TIMEOUT="0.5"), "timeout", WARN, "awaited for 0.5 s only"),
    (variables(SMS_READ_TIMEOUT="soon"), "settings", ERROR, "SMS_READ_TIMEOUT must be a number"),
    (variables(), "retries", WARN, "not delivered again"),
    (
        edited(("maxAsyncRetryAttempts: 0", "maxAsyncRetryAttempts: 3"), SMS_STATE_URL=""),
        *("retries", ERROR, "send_sms, which may send twice"),
    ),
    (edited(("functions/verify_code.handler", "code.none!")), "s.yaml", ERROR, "handler"),
    # the room for variables
    (variables(), "variables", OK, "of 4096 bytes"),
    (variables(SMS_CODE_MESSAGE=f"{'x' * 4090}{{code}}"), "s.yaml", ERROR, "must be 4096 bytes"),
    (
        variables(SMS_CODE_MESSAGE=f"{'短' * 1100}{{code}}"),
        *("variables", WARN, "does not say which it counts"),
    ),
    # receipts, codes, files
    (variables(), "receipts", OK, "taken and kept"),
    (variables(SMS_RECEIPT_TOKEN="short"), "receipts", ERROR, "SMS_RECEIPT_TOKEN must be 16 to"),
    (variables(SMS_RECEIPT_TOKEN=""), "receipts", WARN, "no receipts are taken"),
    (
        variables(SMS_RECEIPT_TOKEN=f"{SECRETS['SMS_RECEIPT_TOKEN']},Zb7_wQe4UkPx9mVnTs2C"),
        *("receipts", WARN, "SMS_RECEIPT_TOKEN holds two tokens"),
    ),
    (variables(SMS_STATE_URL=""), "receipts", ERROR, "nowhere to keep receipts"),
    (
        edited(("authType: anonymous\n", "authType: function\n")),
        *("receipts", ERROR, "turns the platform away"),
    ),
    (variables(SMS_RECEIPT_QUEUES=QUEUE), "receipts", ERROR, "no timer empties them"),
    (
        edited(("enable: false", "enable: true")),
        *("receipts", WARN, "SMS_RECEIPT_QUEUES names no queue"),
    ),
    (
        variables(SMS_RECEIPT_QUEUES="inbox"),
        "receipts",
        ERROR,
        "entry 1 must be the name of a queue",
    ),
    (variables(SMS_STATE_URL=""), "codes", ERROR, "only one instance knows them"),
    (variables(SMS_CODE_LENGTH="9"), "codes", ERROR, "SMS_CODE_LENGTH must be a whole number of"),
    (variables(SMS_FILE_PREFIX="in/"), "files", WARN, "read sms-files/ and write sms-results/"),
    (variables(SMS_FILE_PREFIX="in"), "files", ERROR, "SMS_FILE_PREFIX must be a folder"),
    (variables(SMS_FILE_COLUMNS="姓名"), "files", ERROR, "SMS_FILE_COLUMNS: entry 1 must be"),
    # the state
    (variables(), "state", OK, "Redis can be written to, by scripts (EVALSHA)"),
    (variables(), "state", OK, "ms from this machine"),
    (far_redis, "state", WARN, "ms from this machine, and a send takes three"),
    (redis_without("evalsha"), "state", ERROR, "cannot be used (NoPermissionError"),
    (sending_that_is_stopped, "state", WARN, "sending has been stopped since 20"),
    (variables(), "eviction", OK, "Redis evicts nothing"),
    (variables(), "persistence", OK, "survives a restart"),
    (variables(SMS_STATE_URL=""), "state", WARN, "there is no shared state"),
    (variables(SMS_STATE_URL="redis://["), "state", ERROR, "SMS_STATE_URL is not of the form"),
    (variables(SMS_STATE_URL="sqlite:///x"), "settings", ERROR, "a file belongs to one instance"),
    (
        variables(SMS_ENDPOINT="", SMS_ACCESS_KEY_ID="", SMS_ACCESS_KEY_SECRET=""),
        *("state", ERROR, "names this machine, which no function"),
    ),
    (no_redis, "state", ERROR, "cannot be used (ConnectionError)"),
    (no_redis_but_a_vpc, "state", NOT_CHECKED, "inside the VPC of s.yaml it may"),
    (redis_with_a_wrong_password, "state", ERROR, "cannot be used (AuthenticationError"),
    (
        redis_with("CONFIG SET maxmemory 1", undone_by="CONFIG SET maxmemory 0"),
        *("state", ERROR, "ResponseError OOM"),
    ),
    (
        redis_with("REPLICAOF 127.0.0.1 1", undone_by="REPLICAOF NO ONE"),
        *("state", ERROR, "ResponseError READONLY"),
    ),
    (
        redis_with(
            "CONFIG SET maxmemory-policy allkeys-lru",
            undone_by="CONFIG SET maxmemory-policy noeviction",
        ),
        *("eviction", ERROR, "maxmemory-policy allkeys-lru"),
    ),
    (
        redis_with("CONFIG SET appendonly no", undone_by="CONFIG SET appendonly yes"),
        *("persistence", WARN, "forgets what it acknowledged last"),
    ),
    (redis_without("info"), "state", NOT_CHECKED, "INFO is refused"),
    # the platform
    (variables(), "endpoint", WARN, "instead of the platform"),
    (variables(), "clock", OK, "is right"),
    (variables(), "credentials", OK, "the key pair is accepted"),
    (variables(), "lookups", OK, "QuerySendDetails is permitted"),
    (variables(), "lookups abroad", OK, "QueryMessage is permitted"),
    (variables(SMS_ACCESS_KEY_ID=""), "credentials", ERROR, "SMS_ACCESS_KEY_ID is empty but"),
    (
        variables(SMS_ACCESS_KEY_ID="", SMS_ACCESS_KEY_SECRET=""),
        *("credentials", ERROR, "no role and no key pair"),
    ),
    (with_role_only, "credentials", NOT_CHECKED, "only a function gets its credentials"),
    (variables(SMS_ROLE="acs:ram::1:role/FcSms"), "role", ERROR, "has capital letters"),
    (variables(SMS_ACCESS_KEY_ID="nobody"), "credentials", ERROR, "InvalidAccessKeyId.NotFound"),
    (
        variables(SMS_ACCESS_KEY_ID="asleep", SMS_ACCESS_KEY_SECRET="Qw3rTz-of-asleep"),
        *("credentials", ERROR, "InvalidAccessKeyId.Inactive"),
    ),
    (variables(SMS_ACCESS_KEY_SECRET="other"), "credentials", ERROR, "SignatureDoesNotMatch"),
    (variables(SMS_ACCESS_KEY_SECRET="other"), "approvals", NOT_CHECKED, "signatures and templ"),
    (an_hour_late, "clock", ERROR, "off by more than 15 minutes"),
    (platform_that(says("OK", seconds_ago=120)), "clock", WARN, "clock is 120 s ahead"),
    (platform_that(says("OK", seconds_ago=-120)), "clock", WARN, "clock is 120 s behind"),
    (no_platform, "endpoint", ERROR, "the platform cannot be reached"),
    (platform_that(says(RAM)), "credentials", OK, "the key pair is accepted"),
    (platform_that(says(RAM)), "lookups", ERROR, f"QuerySendDetails is refused ({RAM})"),
    (
        platform_that(says("Forbidden.NoPermission", "403 Forbidden")),
        *("lookups", ERROR, "QuerySendDetails is refused (Forbidden.NoPermission)"),
    ),
    (
        platform_that(says("isv.PRODUCT_UN_SUBSCRIPT")),
        *("account", ERROR, "the platform refuses (isv.PRODUCT_UN_SUBSCRIPT)"),
    ),
    (
        platform_that(says("ServiceUnavailable", "503 Service Unavailable")),
        *("credentials", NOT_CHECKED, "no usable answer (ServiceUnavailable)"),
    ),
    (
        platform_that(says("PRODUCT_NOT_SUBSCRIBED", to="QueryMessage")),
        *("lookups abroad", WARN, "QueryMessage fails (PRODUCT_NOT_SUBSCRIBED)"),
    ),
    (edited(("enable: false", "enable: true"), SMS_RECEIPT_QUEUES=QUEUE), "queues", OK, QUEUE),
    (
        platform_that(says(RAM, to="QueryTokenForMnsQueue"), SMS_RECEIPT_QUEUES=QUEUE),
        *("queues", ERROR, f"{QUEUE} may not be emptied ({RAM})"),
    ),
    # signatures and templates
    (variables(), "approvals", OK, "SMS_SIGN_NAME good is approved"),
    (variables(), "approvals", OK, "SMS_CODE_TEMPLATE SMS_1 is approved"),
    (variables(SMS_SIGN_NAME=""), "approvals", WARN, "SMS_SIGN_NAME is empty"),
    (variables(SMS_SIGN_NAME="new"), "approvals", ERROR, "SMS_SIGN_NAME new is in review"),
    (variables(SMS_SIGN_NAME="bad"), "approvals", ERROR, "SMS_SIGN_NAME bad was rejected"),
    (
        variables(SMS_CODE_SIGN_NAME="mine"),
        *("approvals", ERROR, "SMS_CODE_SIGN_NAME mine is refused (isv.SMS_SIGNATURE_ILLEGAL)"),
    ),
    (variables(SMS_CODE_TEMPLATE="SMS_2"), "approvals", ERROR, "SMS_2 has no variable code"),
    (
        variables(SMS_CODE_TEMPLATE="SMS_2", SMS_CODE_VARIABLE="number"),
        *("approvals", OK, "SMS_CODE_TEMPLATE SMS_2 is approved"),
    ),
    (
        variables(SMS_CODE_TEMPLATE="SMS_4"),
        *("approvals", ERROR, "has variables that nothing fills: city, name"),
    ),
    (variables(), "registration", OK, "SMS_SIGN_NAME good: China Mobile has registered it"),
    (
        variables(SMS_SIGN_NAME="half"),
        *("registration", WARN, "China Mobile has registered it, and that is not verified yet"),
    ),
    (variables(SMS_SIGN_NAME="half"), "registration", WARN, "China Unicom has not answered yet"),
    (
        variables(SMS_SIGN_NAME="half"),
        "registration",
        ERROR,
        "China Telecom refused to register it (something is wrong with the signature; another",
    ),
    (
        variables(SMS_SIGN_NAME="lost"),
        *("registration", ERROR, "let the registration lapse (nothing was sent with it for six"),
    ),
    (variables(SMS_SIGN_NAME="lost"), "registration", ERROR, "was never asked to register it"),
    (
        platform_that(says("OK", SignStatus=1), SMS_CODE_TEMPLATE=""),
        *("registration", NOT_CHECKED, "the platform says nothing of the carriers'"),
    ),
    (
        platform_that(
            says("OK", SignStatus=1, SignTag=4, TemplateStatus="1", VendorAuditStatus=VENDORS)
        ),
        *("approvals", ERROR, "SMS_CODE_TEMPLATE SMS_1: China Unicom refused it"),
    ),
    (
        platform_that(says("OK", SignStatus=1, SignTag=4), SMS_CODE_TEMPLATE=""),
        *("approvals", WARN, "a test signature, which reaches only the numbers"),
    ),
    (
        platform_that(says("OK", SignStatus=2, AuditInfo={"RejectInfo": "no proof"})),
        *("approvals", ERROR, "SMS_SIGN_NAME good was rejected: no proof"),
    ),
    (
        platform_that(
            says(
                "OK",
                TemplateStatus="1",
                TemplateContent="${code}",
                VariableAttribute='{"code": "numberCaptcha"}',
            ),
            SMS_CODE_LENGTH="8",
        ),
        *("approvals", ERROR, "takes codes of 4 to 6 characters, and SMS_CODE_LENGTH is 8"),
    ),
    (variables(SMS_COUNTRIES="HK"), "console", NOT_CHECKED, "own daily stop abroad"),
    (variables(SMS_FILE_TEMPLATE_CODE="SMS_3"), "approvals", ERROR, "SMS_3 was cancelled"),
    (variables(SMS_CODE_TEMPLATES="SMS_9"), "approvals", ERROR, "isv.SMS_TEMPLATE_ILLEGAL"),
    (
        variables(SMS_CODE_BACKEND="pnvs", SMS_CODE_TEMPLATE="100001"),
        *("approvals", NOT_CHECKED, "of PNVS: no query shows them"),
    ),
    (
        platform_that(says(RAM, to="GetSmsSign")),
        *("approvals", NOT_CHECKED, f"SMS_SIGN_NAME good: GetSmsSign failed ({RAM})"),
    ),
    (
        platform_that(says("InvalidAction.NotFound", "404 Not Found", to="GetSmsTemplate")),
        *("approvals", NOT_CHECKED, "GetSmsTemplate failed (InvalidAction.NotFound)"),
    ),
]


@pytest.mark.parametrize(("trouble", "check", "level", "what"), CASES)
def test_each_finding_comes_when_it_should(
    world: World, trouble: Trouble, check: str, level: str, what: str
) -> None:
    with trouble(world) as changes:
        findings = world.examine(changes)
    [found] = [each for each in findings if each.check == check and what in each.what]
    assert found.level == level


def test_where_nothing_is_wrong_nothing_is_found_and_nothing_sent(world: World) -> None:
    world.edit("maxAsyncRetryAttempts: 0", "maxAsyncRetryAttempts: 3")
    found = [each for each in world.examine({}) if each.level != OK]
    assert [each.check for each in found] == ["endpoint"]  # that of a trial
    asked = {request.action for request in world.emulator.requests()}
    assert asked == {"", "QuerySendDetails", "QueryMessage", "GetSmsSign", "GetSmsTemplate"}
    assert world.emulator.messages() == []


def test_a_trial_asks_the_emulator_only(world: World) -> None:
    changes = {
        "SMS_INTERNATIONAL_ENDPOINT": "",
        "SMS_BASE_ENDPOINT": "",
        "SMS_RECEIPT_QUEUES": QUEUE,
    }
    checks = {each.check for each in world.examine(changes)}
    assert "lookups" in checks
    assert not checks & {"lookups abroad", "queues"}


def test_the_env_file_beside_s_yaml_counts_below_the_environment(world: World) -> None:
    (world.folder / ".env").write_text("SMS_SIGN_NAME=new\nSMS_REGION=cn-shanghai\n")
    said = {each.what for each in world.examine({})}
    assert "cn-shanghai is in the Chinese mainland" in said
    assert "SMS_SIGN_NAME good is approved" in said


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("redis://:word@8.8.8.8:6379", "without TLS"),
        ("rediss://8.8.8.8:6379", "no password"),
        ("rediss://:word@8.8.8.8:6379?ssl_cert_reqs=none", "is not checked"),
        ("rediss://:word@8.8.8.8:6379", ""),
        ("redis://10.0.0.7:6379", ""),
        ("redis://a..b:6379", ""),
    ],
)
def test_a_redis_that_the_internet_reaches_needs_tls_and_a_password(url: str, what: str) -> None:
    found = list(state_store.exposure(url))
    assert [each.level for each in found] == ([ERROR] if what else [])
    assert all(what in each.what for each in found)


def test_the_authority_of_redis_is_looked_for_among_what_is_uploaded(
    world: World, tmp_path: Path
) -> None:
    tls = Authority(tmp_path).server("IP:127.0.0.1")
    (world.folder / "shared").mkdir()
    shutil.copy(tmp_path / "ca.pem", world.folder / "shared" / "ca.pem")
    with TcpProxy(world.redis.address, tls) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0?ssl_ca_certs=/code/shared/ca.pem"
        found = [each for each in world.examine({"SMS_STATE_URL": url}) if each.check == "state"]
    assert {each.level for each in found} == {OK}


def test_no_s_yaml_is_a_finding(tmp_path: Path) -> None:
    [found] = examine(tmp_path / "s.yaml", {})
    assert (found.check, found.level) == ("s.yaml", ERROR)


def run(world: World, *options: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.doctor", "-t", world.folder / "s.yaml", *options],
        cwd=world.project,
        env=clean_environment(**{**world.healthy(), **changes}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_ends_with_0_when_nothing_has_to_be_fixed(world: World) -> None:
    shutil.copy(world.project / "s.events.yaml", world.folder)
    done = run(world, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["ready"] is True
    assert {tuple(finding) for finding in report["findings"]} == {
        ("check", "level", "what", "remedy")
    }


def test_the_command_ends_with_1_and_says_what_to_fix(world: World) -> None:
    done = run(world, SMS_API_KEYS="", SMS_CODE_BACKEND="pnvs", SMS_CODE_TEMPLATE="100001")
    assert (done.returncode, done.stderr) == (1, "")
    assert "error        access: SMS_API_KEYS is empty" in done.stdout
    assert "             -> `make api-key NAME=" in done.stdout
    assert done.stdout.endswith("\n\n1 to fix before `s deploy`, 1 not checked.\n")
    assert not [secret for secret in SECRETS.values() if secret in done.stdout]


# Hooks, scenes and test numbers

HOOK_KEY = f"hook-logto:{hashlib.sha256(b'a key of logto').hexdigest()}"
ALARM = {
    "template_code": "SMS_4",
    "variables": {"name": "title"},
    "tell": [{"to": ["+8613800138000"]}],
}


def found_about(world: World, check: str, **variables: str) -> list[Finding]:
    return [finding for finding in world.examine(variables) if finding.check == check]


def write_scenes(world: World, scenes: object) -> None:
    (world.folder / "shared").mkdir(exist_ok=True)
    (world.folder / "shared" / "scenes.json").write_text(json.dumps(scenes), encoding="utf-8")


def test_every_setting_that_is_wrong_is_named_at_once(world: World) -> None:
    wrong = {"SMS_COUNTRIES": "HK，SG", "SMS_READ_TIMEOUT": "5s", "SMS_STATE_SECRET": "short"}
    found = found_about(world, "settings", **wrong)
    assert sorted(finding.what.partition(" ")[0].strip(":") for finding in found) == sorted(wrong)
    assert {finding.level for finding in found} == {ERROR}


def test_without_hooks_nothing_is_said_about_them(world: World) -> None:
    for check in ("hooks", "scenes", "test numbers"):
        assert found_about(world, check) == []


def test_a_hook_that_nobody_can_call_is_an_error(world: World) -> None:
    (logto, grafana, zitadel) = found_about(world, "hooks", SMS_HOOKS="logto,grafana,zitadel")
    assert [each.level for each in (logto, grafana, zitadel)] == [ERROR] * 3
    assert logto.remedy.startswith("`make api-key NAME=hook-logto`")
    assert zitadel.remedy == "set SMS_HOOK_ZITADEL_SECRET to the secret that zitadel has"


def test_a_hook_that_is_set_up_is_fine(world: World) -> None:
    keys = f"{world.healthy()['SMS_API_KEYS']},{HOOK_KEY}"
    (logto,) = found_about(world, "hooks", SMS_HOOKS="logto", SMS_API_KEYS=keys)
    assert (logto.level, logto.what) == (OK, "logto may call")
    (unknown,) = found_about(world, "hooks", SMS_HOOKS="logto,other")
    assert unknown.remedy.startswith("correct SMS_HOOKS, in this shell or in .env;")
    assert (unknown.level, "SMS_HOOKS: entry 2 must be one of" in unknown.what) == (ERROR, True)


def test_hooks_without_shared_state_are_warned_of(world: World) -> None:
    *_, last = found_about(world, "hooks", SMS_HOOKS="logto", SMS_STATE_URL="")
    assert (last.level, "ten minutes" in last.what) == (WARN, True)


def test_an_alarm_without_a_scene_is_an_error(world: World) -> None:
    (finding,) = found_about(world, "scenes", SMS_HOOKS="alertmanager")
    assert (finding.level, "so nobody is told" in finding.what) == (ERROR, True)
    write_scenes(world, {"alarms": {"alertmanager:critical": ALARM}})
    (finding,) = found_about(world, "scenes", SMS_HOOKS="alertmanager")
    assert (finding.level, finding.what) == (OK, "shared/scenes.json has 1 scene")


def test_the_templates_and_signatures_of_scenes_are_asked_for_and_compared(world: World) -> None:
    alarm = {**ALARM, "template_code": "SMS_4", "variables": {"code": "title", "place": "text"}}
    fitting = {"code": "title", "name": "text", "city": "state"}
    write_scenes(
        world,
        {
            "codes": {
                "logto": {"template_code": "SMS_1", "variable": "number", "sign_name": "bad"},
                "purpose:login": {"template_code": "SMS_2", "variable": "number"},
                "supabase": {"template_code": "SMS_9"},
            },
            "alarms": {"grafana": alarm, "*": {**alarm, "variables": fitting}},
        },
    )
    found = [each for each in world.examine({}) if "scenes.json" in each.what]
    assert {(each.level, each.what) for each in found if each.check == "approvals"} == {
        (ERROR, "scenes.json codes.logto bad was rejected: 内容不符合规范"),
        (OK, "scenes.json codes.logto SMS_1 is approved"),
        (ERROR, "scenes.json codes.logto SMS_1 has no variable number"),
        (OK, "scenes.json codes.purpose:login SMS_2 is approved"),
        (ERROR, "scenes.json codes.supabase SMS_9 is refused (isv.SMS_TEMPLATE_ILLEGAL)"),
        (OK, "scenes.json alarms.grafana SMS_4 is approved"),
        (ERROR, "scenes.json alarms.grafana SMS_4 has no variable place"),
        (OK, "scenes.json alarms.* SMS_4 is approved"),
    }


def test_a_mistake_in_scenes_is_named(world: World) -> None:
    write_scenes(world, {"codes": {"logto": {"template": "SMS_1"}}})
    (finding,) = found_about(world, "hooks")
    assert finding.level == ERROR
    assert "scenes.json: codes.logto.template is not known" in finding.what
    assert "correct shared/scenes.json" in finding.remedy
    write_scenes(world, {"codes": {"lotgo": {"template_code": "SMS_1"}}})
    assert [each.level for each in found_about(world, "scenes")] == [WARN, OK]


def test_test_numbers_are_warned_of(world: World) -> None:
    soon, over, late = (
        time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86400))
        for days in (10, -10, 400)
    )
    entries = [f"+8613800138000:482917:{soon}", f"+8613800138001:482917:{over}"]
    first, second = found_about(world, "test numbers", SMS_TEST_NUMBERS=",".join(entries))
    assert (first.level, second.level) == (WARN, WARN)
    assert "1 of them is over" in second.what
    *_, third = found_about(world, "test numbers", SMS_TEST_NUMBERS=f"+8613800138000:482917:{late}")
    assert third.level == ERROR
    (finding,) = found_about(
        world, "test numbers", SMS_TEST_NUMBERS=entries[0], SMS_CODE_BACKEND="pnvs"
    )
    assert finding.level == ERROR
