"""The environment: each variable's forms, and errors that name the variable."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.limit_rules import RULES
from shared.settings import (
    Access,
    Credentials,
    LimitSettings,
    Settings,
    read_access,
    read_code_settings,
    read_credentials,
    read_event_caller,
    read_file_settings,
    read_queue_settings,
    read_receipt_tokens,
    read_settings,
    read_templates_of_codes,
)
from tests.unit.trigger_events import API_KEYS, ContextCredentials

STATE_SECRET = "a-secret-of-the-state"
DIGEST = hashlib.sha256(b"key").hexdigest()
PAIR = {"SMS_ACCESS_KEY_ID": "LTAIexplicit", "SMS_ACCESS_KEY_SECRET": "explicit-secret"}
INJECTED = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.injected",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "injected-secret",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "injected-token",
}
DEFAULT_LIMITS = {rule.name: rule.default for rule in RULES}
FROM_CONTEXT = ContextCredentials("STS.context", "context-secret", "context-token")


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings({}) == Settings(
        sign_name="",
        endpoint="https://dysmsapi.aliyuncs.com",
        international_endpoint="https://dysmsapi.ap-southeast-1.aliyuncs.com",
        pnvs_endpoint="https://dypnsapi.aliyuncs.com",
        base_endpoint="https://dybaseapi.aliyuncs.com",
        signature_method="ACS3-HMAC-SHA256",
        code_templates=frozenset(),
        connect_timeout=2.0,
        read_timeout=5.0,
        settle_seconds=3.0,
        nonce_replay=False,
        state_url="",
        state_secret="",
        intent_ttl=7 * 86400,
        limits=LimitSettings(DEFAULT_LIMITS, {}, (), True, False),
    )


def test_empty_values_count_as_unset() -> None:
    names = (
        "SMS_SIGN_NAME",
        "SMS_ENDPOINT",
        "SMS_SIGNATURE_METHOD",
        "SMS_CODE_TEMPLATES",
        "SMS_CONNECT_TIMEOUT",
        "SMS_READ_TIMEOUT",
        "SMS_SETTLE_SECONDS",
        "SMS_NONCE_REPLAY",
        "SMS_STATE_URL",
        "SMS_STATE_SECRET",
        "SMS_ALLOW_LOCAL_STATE",
        "SMS_INTENT_TTL",
        "SMS_INTERNATIONAL_ENDPOINT",
        "SMS_PNVS_ENDPOINT",
        "SMS_BASE_ENDPOINT",
        "SMS_LIMITS",
        "SMS_COUNTRIES",
        "SMS_BLOCKED_PREFIXES",
        "SMS_LIMIT_MODE",
        "SMS_CONFIRMATION_MODE",
    )
    assert read_settings(dict.fromkeys(names, "")) == read_settings({})
    assert read_settings(dict.fromkeys(names, "  ")) == read_settings({})
    assert read_access({"SMS_AUTH": "", "SMS_API_KEYS": " , "}) == Access(False, {})


def test_everything_set_is_read() -> None:
    environ = {
        "SMS_SIGN_NAME": " 阿里云 ",
        "SMS_ENDPOINT": "dysmsapi-vpc.cn-hangzhou.aliyuncs.com",
        "SMS_SIGNATURE_METHOD": "HMAC-SHA1",
        "SMS_CODE_TEMPLATES": "SMS_1, SMS_2,,",
        "SMS_CONNECT_TIMEOUT": "0.5",
        "SMS_READ_TIMEOUT": "10",
        "SMS_SETTLE_SECONDS": "1.5",
        "SMS_NONCE_REPLAY": "on",
        "SMS_STATE_URL": "rediss://user:p%40ss@r-x.redis.rds.aliyuncs.com:6379/1",
        "SMS_STATE_SECRET": STATE_SECRET,
        "SMS_INTENT_TTL": "86400",
        "SMS_INTERNATIONAL_ENDPOINT": "dysmsapi.eu-central-1.aliyuncs.com",
        "SMS_PNVS_ENDPOINT": "http://localhost:1",
        "SMS_BASE_ENDPOINT": "http://localhost:2",
        "SMS_LIMITS": "number-per-day=3, key-per-hour=500,,country-per-day=0,",
        "SMS_COUNTRIES": "HK , SG:500,",
        "SMS_BLOCKED_PREFIXES": "+88213, 86170",
        "SMS_LIMIT_MODE": "record-only",
        "SMS_CONFIRMATION_MODE": "enforce",
        "OTHER": "ignored",
    }
    assert read_settings(environ) == Settings(
        sign_name="阿里云",
        endpoint="https://dysmsapi-vpc.cn-hangzhou.aliyuncs.com",
        international_endpoint="https://dysmsapi.eu-central-1.aliyuncs.com",
        pnvs_endpoint="http://localhost:1",
        base_endpoint="http://localhost:2",
        signature_method="HMAC-SHA1",
        code_templates=frozenset(("SMS_1", "SMS_2")),
        connect_timeout=0.5,
        read_timeout=10.0,
        settle_seconds=1.5,
        nonce_replay=True,
        state_url="rediss://user:p%40ss@r-x.redis.rds.aliyuncs.com:6379/1",
        state_secret=STATE_SECRET,
        intent_ttl=86400,
        limits=LimitSettings(
            {**DEFAULT_LIMITS, "number-per-day": 3, "key-per-hour": 500, "country-per-day": 0},
            {"HK": 0, "SG": 500},
            ("88213", "86170"),
            is_enforced=False,
            is_confirmation_enforced=True,
        ),
    )


def test_a_file_keeps_state_only_where_that_is_allowed() -> None:
    file = {"SMS_STATE_URL": "sqlite:///var/state.db", "SMS_STATE_SECRET": STATE_SECRET}
    assert read_settings({**file, "SMS_ALLOW_LOCAL_STATE": "1"}).state_url == file["SMS_STATE_URL"]
    for value in ("", "0"):
        with pytest.raises(ConfigurationError, match="belongs to one instance; use Redis"):
            read_settings({**file, "SMS_ALLOW_LOCAL_STATE": value})


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///folder/",
        "sqlite://relative.db",
        "sqlite:relative.db",
        "file:///a.db",
        "postgres://host/db",
        "redis:",
        "redis://",
        "host:6379",
    ],
)
def test_what_is_no_store_is_an_error_that_says_what_is(url: str) -> None:
    environ = {"SMS_STATE_URL": url, "SMS_STATE_SECRET": STATE_SECRET, "SMS_ALLOW_LOCAL_STATE": "1"}
    with pytest.raises(ConfigurationError, match="SMS_STATE_URL must be one of redis://"):
        read_settings(environ)


@pytest.mark.parametrize("secret", ["", "short", "x" * 15])
def test_state_needs_a_secret(secret: str) -> None:
    environ = {"SMS_STATE_URL": "redis://user:password@host", "SMS_STATE_SECRET": secret}
    with pytest.raises(ConfigurationError, match="SMS_STATE_SECRET") as caught:
        read_settings(environ)
    assert "password" not in str(caught.value)
    assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "endpoint"),
    [
        ("https://Example.COM/", "https://example.com"),
        ("example.com:8443", "https://example.com:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:9000/", "http://[::1]:9000"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_an_endpoint_becomes_scheme_host_and_port(value: str, endpoint: str) -> None:
    assert read_settings({"SMS_ENDPOINT": value}).endpoint == endpoint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("SMS_ENDPOINT", value)
            for value in (
                "http://dysmsapi.aliyuncs.com",
                "http://127.0.0.1.evil.example",
                "http://10.0.0.1",
                "ftp://example.com",
                "https://user:pw@example.com",
                "https://example.com/path",
                "https://example.com?x=1",
                "https://example.com#x",
                "https://",
                "https://exa mple.com",
                "https://example.com:99999",
                "https://example.com:x",
                "https://[::1",
                "https://exämple.com",
                "https://example.com\r\nX: y",
                "://",
            )
        ),
        ("SMS_SIGNATURE_METHOD", "HMAC-SHA256"),
        ("SMS_SIGNATURE_METHOD", "hmac-sha1"),
        *(
            (name, value)
            for name in ("SMS_CONNECT_TIMEOUT", "SMS_READ_TIMEOUT", "SMS_SETTLE_SECONDS")
            for value in ("0", "0.05", "60.1", "61", "-1", "1e1", "nan", "inf", "five", "٣", "1,5")
        ),
        *(("SMS_NONCE_REPLAY", value) for value in ("yes", "1", "ON")),
        *(("SMS_ALLOW_LOCAL_STATE", value) for value in ("yes", "true", "2")),
        *(("SMS_INTENT_TTL", value) for value in ("3599", "7776001", "1h", "-1", "1e6", "٣")),
        *(
            ("SMS_STATE_URL", value)
            for value in ("localhost:6379", "http://host", "Redis://h", "/")
        ),
        *(
            ("SMS_LIMITS", value)
            for value in (
                "number-per-day",
                "number-per-day=",
                "number-per-day=-1",
                "number-per-day=1.5",
                "number-per-day=many",
                "number-per-day=٣",
                "number-per-day=1000000000",
                "number-per-day = 3",
                "number-per-day:3",
                "number-per-day=3;key-per-day=4",
                "number-per-week=3",
                "Number-per-day=3",
                "numbers=3",
                "=3",
                "mainland-per-day=5,x",
            )
        ),
        *(
            ("SMS_COUNTRIES", value)
            for value in (
                "hk",
                "HKG",
                "852",
                "*",
                "HK SG",
                "HK=500",
                "HK:",
                "HK:-1",
                "HK:1e3",
                "HK:٣",
                "HK:1000000000",
                "SG,Hong Kong",
            )
        ),
        *(
            ("SMS_BLOCKED_PREFIXES", value)
            for value in ("0085", "+", "++852", "HK", "852*", "85 2", "1" * 16, "٨٥٢", "852,x")
        ),
        *(("SMS_LIMIT_MODE", value) for value in ("on", "Enforce", "record", "off")),
        *(("SMS_CONFIRMATION_MODE", value) for value in ("on", "Enforce", "record", "off")),
    ],
)
def test_a_malformed_setting_is_an_error_that_names_it(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_settings({name: value})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SMS_COUNTRIES", "HK，SG", "entry 1 must be .* its character 3 is full-width: write it"),
        ("SMS_COUNTRIES", "HK,SG：500", "entry 2 must be .* its character 3 is full-width"),
        ("SMS_LIMIT_MODE", "\u200benforce", "its character 1 is invisible: take it out"),
        ("SMS_AUTH", "func\ntion", "its character 5 is a line break: take it out"),
        ("SMS_INTENT_TTL", "😀", "its character 1 is not ASCII"),
        ("SMS_SIGN_NAME", "阿里\u200b云", "its character 3 is invisible: take it out"),
        ("SMS_SIGN_NAME", "My\u3000Shop", "its character 3 is an unusual space: write a"),
        ("SMS_LIMITS", "number-per-day\xa0=5", "its character 15 is an unusual space"),
        ("SMS_LIMITS", "①", "its character 1 is not ASCII"),
        ("SMS_SIGN_NAME", "【阿里云】", "without brackets, such as 阿里云$"),
        ("SMS_EVENT_CALLER", "two words", "such as shop$"),
    ],
)
def test_a_refusal_names_what_one_cannot_see_in_a_value(name: str, value: str, said: str) -> None:
    read = {"SMS_AUTH": read_access, "SMS_EVENT_CALLER": read_event_caller}.get(name, read_settings)
    with pytest.raises(ConfigurationError, match=f"{name}.*{said}") as caught:
        read({name: value})
    assert value not in str(caught.value)


@pytest.mark.parametrize("value", ['"shop"', "'shop'", " “shop” ", "‘shop’", '""'])
def test_a_value_in_quotation_marks_is_refused_as_such(value: str) -> None:
    with pytest.raises(ConfigurationError, match="SMS_SIGN_NAME has quotation marks around"):
        read_settings({"SMS_SIGN_NAME": value})


@pytest.mark.parametrize("text", ['"{code}" is the code for "Shop"', "“店”的验证码：“{code}”"])
def test_quotation_marks_of_a_text_of_its_own_stay(text: str) -> None:
    assert read_code_settings({"SMS_CODE_MESSAGE": text}).message == text


def test_a_template_of_codes_that_is_misspelt_is_refused_rather_than_left_uncounted() -> None:
    with pytest.raises(ConfigurationError, match="SMS_CODE_TEMPLATES: entry 1 must be the code"):
        read_settings({"SMS_CODE_TEMPLATES": "SMS_1;SMS_2"})


def test_templates_of_codes_are_read_without_space_around_them() -> None:
    environ = {"SMS_CODE_TEMPLATE": "SMS_1\n", "SMS_CODE_TEMPLATES": " SMS_2 "}
    assert read_templates_of_codes(environ) == {"SMS_1", "SMS_2"}


@pytest.mark.parametrize("country", ["UK", "EN", "XX", "EH"])
def test_a_country_without_numbers_of_its_own_is_refused_with_an_example(country: str) -> None:
    with pytest.raises(ConfigurationError, match=r"entry 2 is no country with .*GB for the"):
        read_settings({"SMS_COUNTRIES": f"HK,{country}:5"})


def test_a_bad_limit_is_refused_with_the_rules_that_there_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_settings({"SMS_LIMITS": "number-per-week=3"})
    assert all(rule in caught.value.detail for rule in DEFAULT_LIMITS)


def test_what_is_said_twice_counts_as_said_last() -> None:
    limits = read_settings(
        {"SMS_LIMITS": "key-per-day=1,key-per-day=2", "SMS_COUNTRIES": "HK:1,HK"}
    ).limits
    assert (limits.rules["key-per-day"], limits.countries) == (2, {"HK": 0})


def test_api_keys_map_digests_to_names() -> None:
    other = hashlib.sha256(b"other").hexdigest()
    access = read_access({"SMS_API_KEYS": f" web:{DIGEST.upper()} , app-2:{other},"})
    assert access == Access(False, {DIGEST: "web", other: "app-2"})


@pytest.mark.parametrize("auth", ["trigger", "function", "jwt"])
def test_a_trigger_that_authenticates_needs_no_keys(auth: str) -> None:
    assert read_access({"SMS_AUTH": auth}).by_trigger


def test_an_anonymous_trigger_leaves_authentication_to_us() -> None:
    assert not read_access({"SMS_AUTH": "anonymous"}).by_trigger


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMS_AUTH", "none"),
        ("SMS_AUTH", "Trigger"),
    ],
)
def test_an_unknown_kind_of_authentication_is_an_error(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_access({name: value})


@pytest.mark.parametrize(
    "entry",
    [
        "key",
        f":{DIGEST}",
        f"a b:{DIGEST}",
        "web:key",
        f"web:{DIGEST}0",
        f"web:{DIGEST[1:]}",
        f"{'x' * 41}:{DIGEST}",
        f".event:{DIGEST}",
        f"a~b:{DIGEST}",
    ],
)
def test_one_malformed_key_is_named_by_its_place_and_the_others_are_read(entry: str) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    access = read_access({"SMS_API_KEYS": f"app:{other},{entry},web:{DIGEST}"})
    assert access == Access(False, {other: "app", DIGEST: "web"}, (2,))
    assert "SMS_API_KEYS: entry 2 is not of the form" in access.remedy
    assert DIGEST[1:20] not in access.remedy
    assert read_access({"SMS_API_KEYS": f"{entry},{entry}"}).malformed == (1, 2)


def test_keys_that_are_in_order_have_no_remedy_and_none_has_one() -> None:
    assert read_access({"SMS_API_KEYS": f"web:{DIGEST}"}).remedy == ""
    assert read_access({"SMS_AUTH": "jwt"}).remedy == ""
    assert "is not set" in read_access({}).remedy


def test_the_name_of_a_key_has_at_most_40_characters_and_several_keys_may_have_it() -> None:
    name, other = "x" * 40, hashlib.sha256(b"other").hexdigest()
    access = read_access({"SMS_API_KEYS": f"{name}:{DIGEST},{name}:{other}"})
    assert access.keys == {DIGEST: name, other: name}


def test_events_are_sent_for_a_key_or_for_nobody() -> None:
    assert read_event_caller({}) == read_event_caller({"SMS_EVENT_CALLER": " "}) == ""
    assert read_event_caller({"SMS_EVENT_CALLER": "web-2"}) == "web-2"


@pytest.mark.parametrize("value", [".event", "x" * 41, "a~b", "a b", "web,app"])
def test_a_malformed_event_caller_is_an_error(value: str) -> None:
    with pytest.raises(ConfigurationError, match="SMS_EVENT_CALLER"):
        read_event_caller({"SMS_EVENT_CALLER": value})


@pytest.mark.parametrize(
    ("environ", "from_context", "expected"),
    [
        (PAIR, None, Credentials("LTAIexplicit", "explicit-secret")),
        (INJECTED, None, Credentials("STS.injected", "injected-secret", "injected-token")),
        ({}, FROM_CONTEXT, Credentials("STS.context", "context-secret", "context-token")),
        ({**PAIR, **INJECTED}, FROM_CONTEXT, Credentials("LTAIexplicit", "explicit-secret")),
        (INJECTED, FROM_CONTEXT, Credentials("STS.context", "context-secret", "context-token")),
        (
            INJECTED,
            ContextCredentials(),
            Credentials("STS.injected", "injected-secret", "injected-token"),
        ),
        (
            {**INJECTED, **dict.fromkeys(PAIR, "")},
            None,
            Credentials("STS.injected", "injected-secret", "injected-token"),
        ),
        (
            {name: f" {value}\n" for name, value in PAIR.items()},
            None,
            Credentials("LTAIexplicit", "explicit-secret"),
        ),
    ],
)
def test_explicit_keys_win_then_the_contexts_then_the_injected_ones(
    environ: dict[str, str], from_context: ContextCredentials | None, expected: Credentials
) -> None:
    assert read_credentials(environ, from_context) == expected


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "SMS_ACCESS_KEY_ID"),
        (dict.fromkeys(PAIR, ""), "attach a role"),
        ({"SMS_ACCESS_KEY_ID": "LTAIhalf"}, "SMS_ACCESS_KEY_SECRET is empty"),
        ({"SMS_ACCESS_KEY_SECRET": "half-secret"}, "SMS_ACCESS_KEY_ID is empty"),
        ({**INJECTED, "SMS_ACCESS_KEY_ID": "LTAIhalf"}, "SMS_ACCESS_KEY_SECRET is empty"),
        (
            {**INJECTED, "ALIBABA_CLOUD_ACCESS_KEY_ID": ""},
            "ALIBABA_CLOUD_ACCESS_KEY_ID is empty",
        ),
        ({**PAIR, "SMS_ACCESS_KEY_ID": "LTAI\r\nX: y"}, "SMS_ACCESS_KEY_ID"),
        ({**PAIR, "SMS_ACCESS_KEY_SECRET": "two words"}, "SMS_ACCESS_KEY_SECRET"),
        ({**INJECTED, "ALIBABA_CLOUD_SECURITY_TOKEN": "é"}, "ALIBABA_CLOUD_SECURITY_TOKEN"),
    ],
)
def test_no_usable_pair_is_an_error_that_names_what_to_set(
    environ: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        read_credentials(environ)
    for value in ("LTAIhalf", "half-secret", "two words", "injected-secret"):
        assert value not in str(caught.value)


def test_a_repr_of_credentials_or_settings_holds_no_secret() -> None:
    credentials = Credentials("LTAIid", "very-secret", "very-token")
    assert "very" not in f"{credentials!r} {credentials} {[credentials]}"
    state = {"SMS_STATE_URL": "redis://:very-secret@host", "SMS_STATE_SECRET": "very-secret-state"}
    settings = read_settings(state)
    assert "very" not in f"{settings!r} {settings} {[settings]}"


READERS: tuple[Callable[[Mapping[str, str]], object], ...] = (
    read_settings,
    read_access,
    read_receipt_tokens,
    read_queue_settings,
    read_code_settings,
    read_file_settings,
    read_credentials,
)


class _Noting(dict[str, str]):
    """An environment that notes which variables were read; each reads as "" or as it was set."""

    def __init__(self, *values: tuple[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self.names.add(name)
        return super().get(name, default)


def _variables() -> list[tuple[Callable[[Mapping[str, str]], object], str]]:
    """Return each variable beside the reader that reads it."""
    found = []
    for read in READERS:
        environ = _Noting()
        with contextlib.suppress(ConfigurationError):  # without credentials there is an error
            read(environ)
        found += [(read, name) for name in sorted(environ.names)]
    # Read only where the key pair is set, or the endpoint is.
    found.append((read_credentials, "ALIBABA_CLOUD_SECURITY_TOKEN"))
    return found


@pytest.mark.parametrize(
    ("read", "name"), _variables(), ids=lambda value: getattr(value, "__name__", value)
)
def test_a_value_with_bytes_that_are_no_utf_8_is_an_error_that_names_its_variable(
    read: Callable[[Mapping[str, str]], object], name: str
) -> None:
    value = os.fsdecode("签名".encode("gbk"))  # as os.environ has it
    pair = {} if name.startswith("SMS_ACCESS_KEY") else INJECTED
    with pytest.raises(ConfigurationError) as raised:
        read({**pair, name: value})
    assert str(raised.value).startswith(f"{name} holds bytes that are no UTF-8")
    assert value not in str(raised.value)


def test_that_error_reaches_the_log_of_a_function_as_it_is_started(
    project: Path,
) -> None:
    program = (
        "from tests.unit.trigger_events import Context, http_event\n"
        "from functions import send_sms\n"
        "print(send_sms.handler(http_event({}), Context())['body'])"
    )
    environ = {
        b"PATH": os.environb[b"PATH"],
        b"SMS_API_KEYS": API_KEYS.encode(),
        b"SMS_SIGN_NAME": "签名".encode("gbk"),
        b"SMS_STATE_SECRET": b"\xff",
        b"PYTHONUTF8": b"1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, env=environ, capture_output=True, check=True
    )
    configured, _answered, body = map(json.loads, done.stdout.splitlines())
    assert configured["remedy"].startswith("SMS_STATE_SECRET holds bytes that are no UTF-8")
    assert (body["status"], body["code"]) == (500, "configuration")
