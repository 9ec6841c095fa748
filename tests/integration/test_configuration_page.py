"""docs/configuration.md: a section for each variable, examples that work, errors as they come."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from functions import verify_code
from shared import settings
from shared.errors import ConfigurationError
from shared.fixed_codes import fixed_code, read_fixed_codes
from shared.hooks import hook_settings
from shared.hooks.products import PRODUCTS
from shared.state.choice import open_store
from shared.trigger.invocation import instance_settings
from tests.unit.trigger_events import API_KEYS, Context, http_event

PAGES = ("docs/configuration.md", "docs/zh/configuration.md")
NAME = re.compile(r"SMS_[A-Z0-9_]*[A-Z0-9]")
PASSED_ON = re.compile(r"env\('(SMS_\w+)'")
READ = re.compile(r'"(SMS_[A-Z_]+)"')
# What an owner sees of a wrong value: behind "Error", between backticks.
ERROR = re.compile(r"^- \*\*(?:Error|错误)[^`\n]*?`((?:SMS_|no credentials)[^`]*)`", re.MULTILINE)
OF_TESTS = {"SMS_LOCAL_BUCKETS", "SMS_LOCAL_SCENES"}  # what plays buckets and the package
Environ = Mapping[str, str]


def read_all(environ: Environ) -> None:
    """Read every setting, as the functions do; raises ConfigurationError."""
    settings.read_settings(environ)
    settings.read_event_caller(environ)
    settings.read_receipt_tokens(environ)
    settings.read_queue_settings(environ)
    settings.read_code_settings(environ)
    settings.read_file_settings(environ)
    hook_settings.open_hooks(environ)
    access = settings.read_access(environ)
    if access.malformed:
        raise ConfigurationError(access.remedy)
    for product in PRODUCTS:
        hook_settings.secrets_of(product, environ)
    if "SMS_ACCESS_KEY_ID" in environ:
        settings.read_credentials(environ)
    if "SMS_HOOK_AUTH0_SUBJECT" in environ:
        hook_settings.jwt_settings(environ)
    if "SMS_HOOK_GENERIC_FIELDS" in environ:
        hook_settings.generic_fields(environ)


def late_test_number(environ: Environ) -> None:
    number = "+8613800138000"
    fixed_code(read_fixed_codes(environ), number, now=0.0)


def code_request(environ: Environ) -> None:
    """Ask for a code, as a caller does; raises what the answer says."""
    body = {"phone_number": "13800138000", "purpose": "login", "out_id": "order-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"SMS_API_KEYS": API_KEYS, **environ}.items():
            patch.setenv(name, value)
        instance_settings.cache_clear()
        answer = verify_code.handler(http_event(body, path="/codes"), Context())
    instance_settings.cache_clear()
    raise ConfigurationError(json.loads(str(answer["body"]))["detail"])


Reader = Callable[[Environ], object]
STATE = "sqlite:///:memory:"
SECRET = {"SMS_STATE_SECRET": "0123456789abcdef"}
KEY_PAIR = {"SMS_ACCESS_KEY_ID": "testid", "SMS_ACCESS_KEY_SECRET": "testsecret"}
# What is set, and what reads it.
WRONG: list[tuple[dict[str, str], Reader]] = [
    ({"SMS_SIGN_NAME": os.fsdecode(b"\xff")}, read_all),
    ({"SMS_SIGN_NAME": '"阿里云"'}, read_all),
    ({"SMS_SIGN_NAME": "【阿里云】"}, read_all),
    ({"SMS_COUNTRIES": "UK"}, read_all),
    ({"SMS_CODE_TEMPLATES": "SMS_1;SMS_2"}, read_all),
    ({"SMS_CODE_SENDER_ID": "My Shop"}, read_all),
    ({"SMS_STATE_URL": "redis://host:6379/0"}, read_all),
    ({"SMS_HOOK_SUPABASE_SECRET": "v1,whsec_no base64 at all"}, read_all),
    ({"SMS_API_KEYS": f"{API_KEYS},my-key"}, read_all),
    ({"SMS_AUTH": "none"}, read_all),
    ({"SMS_EVENT_CALLER": "two words"}, read_all),
    ({"SMS_ACCESS_KEY_ID": "testid"}, read_all),
    ({"SMS_ACCESS_KEY_ID": "test id", "SMS_ACCESS_KEY_SECRET": "x"}, read_all),
    ({}, settings.read_credentials),
    ({"SMS_SIGNATURE_METHOD": "MD5"}, read_all),
    ({"SMS_ENDPOINT": "https://sms.example.com/api"}, read_all),
    ({"SMS_ENDPOINT": "http://sms.example.com"}, read_all),
    ({"SMS_READ_TIMEOUT": "0"}, read_all),
    ({"SMS_SETTLE_SECONDS": "61"}, read_all),
    ({"SMS_NONCE_REPLAY": "yes"}, read_all),
    ({"SMS_STATE_URL": "mysql://host"}, read_all),
    ({"SMS_STATE_URL": STATE, **SECRET}, read_all),
    ({"SMS_STATE_URL": "redis://host:6379/0", "SMS_STATE_SECRET": "short"}, read_all),
    (
        {"SMS_STATE_URL": "redis://[", **SECRET},
        lambda environ: open_store(environ["SMS_STATE_URL"]),
    ),
    ({"SMS_INTENT_TTL": "60"}, read_all),
    ({"SMS_ALLOW_LOCAL_STATE": "yes"}, read_all),
    ({"SMS_COUNTRIES": "Hong Kong"}, read_all),
    ({"SMS_BLOCKED_PREFIXES": "0086"}, read_all),
    ({"SMS_LIMITS": "number-per-year=1"}, read_all),
    ({"SMS_LIMIT_MODE": "off"}, read_all),
    ({"SMS_CONFIRMATION_MODE": "off"}, read_all),
    ({"SMS_RECEIPT_TOKEN": "short"}, read_all),
    ({"SMS_RECEIPT_QUEUES": "my-queue"}, read_all),
    ({"SMS_CODE_BACKEND": "other"}, read_all),
    ({"SMS_CODE_TEMPLATE": "SMS_100001"}, code_request),
    ({"SMS_STATE_URL": STATE, "SMS_ALLOW_LOCAL_STATE": "1", **SECRET, **KEY_PAIR}, code_request),
    ({"SMS_CODE_TEMPLATE": "100001"}, read_all),
    ({"SMS_CODE_VARIABLE": "the code"}, read_all),
    ({"SMS_CODE_MESSAGE": "your code"}, read_all),
    ({"SMS_CODE_MESSAGE": "{code}", "SMS_CODE_INTERNATIONAL_TEMPLATE": "SMS_1"}, read_all),
    ({"SMS_CODE_INTERNATIONAL_TEMPLATE": "100001"}, read_all),
    ({"SMS_CODE_LENGTH": "9"}, read_all),
    ({"SMS_CODE_LIFETIME": "3600"}, read_all),
    ({"SMS_CODE_TRIES": "0"}, read_all),
    ({"SMS_TEST_NUMBERS": "13800138000"}, read_all),
    ({"SMS_TEST_NUMBERS": "+8613800138000:123456:2026-12-31"}, read_all),
    ({"SMS_TEST_NUMBERS": "+8613800138000:482917:2026-02-30"}, read_all),
    ({"SMS_TEST_NUMBERS": ",".join(["+8613800138000:482917:2026-12-31"] * 21)}, read_all),
    ({"SMS_TEST_NUMBERS": "+8613800138000:482917:2026-12-31"}, late_test_number),
    ({"SMS_HOOKS": "slack"}, read_all),
    ({"SMS_HOOK_ZITADEL_SECRET": "short"}, read_all),
    ({"SMS_HOOK_CLOUDMONITOR_SECRET": "sixteen or more characters"}, read_all),
    ({"SMS_HOOK_AUTH0_SUBJECT": "urn:auth0:sms"}, read_all),
    ({"SMS_HOOK_GENERIC_FIELDS": "text=body"}, read_all),
    ({"SMS_HOOK_GENERIC_FIELDS": "number=to"}, read_all),
    ({"SMS_FILE_PREFIX": "/files"}, read_all),
    ({"SMS_FILE_PREFIX": "files/", "SMS_FILE_RESULTS_PREFIX": "files/results/"}, read_all),
    ({"SMS_FILE_TEMPLATE_CODE": "100001"}, read_all),
    ({"SMS_FILE_COLUMNS": "first name"}, read_all),
    ({"SMS_FILE_ENCODING": "big5"}, read_all),
    ({"SMS_FILE_PARALLEL": "65"}, read_all),
]


def sections(text: str) -> list[str]:
    """Return the sections of a page that are about variables, each with its heading."""
    return re.findall(r"^### .*?(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_has_a_section(project: Path, page: str) -> None:
    used = set(READ.findall((project / "shared" / "settings.py").read_text("utf-8")))
    for file in ("s.yaml", "s.events.yaml"):
        used |= set(PASSED_ON.findall((project / file).read_text("utf-8")))
    text = (project / page).read_text("utf-8")
    # A heading, or the first cell of a row where several belong together.
    lines = [line for line in text.splitlines() if line.startswith(("### ", "| `SMS_"))]
    described = {
        name for line in lines for name in NAME.findall(re.sub(r"^(\| [^|]*).*", r"\1", line))
    }
    assert described == used - OF_TESTS


@pytest.mark.parametrize("page", PAGES)
def test_every_section_says_default_form_and_error_with_an_example(
    project: Path, page: str
) -> None:
    words = ("**默认值", "**写法", "**错误") if "zh" in page else ("**Default", "**Form", "**Error")
    found = sections((project / page).read_text("utf-8"))
    assert len(found) > 30
    lacking = [
        (section.splitlines()[0], word)
        for section in found
        for word in (*words, "```sh\nexport SMS_")
        if word not in section
    ]
    assert lacking == []


def test_every_example_can_be_pasted_and_is_accepted(project: Path) -> None:
    for section in sections((project / PAGES[0]).read_text("utf-8")):
        (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        shell = subprocess.run(
            ["bash", "-c", f"set -eu\n{block}\nenv -0"],
            env={"PATH": os.environ["PATH"]},
            check=True,
            capture_output=True,
            text=True,
        )
        pairs = [pair.partition("=") for pair in shell.stdout.split("\0") if pair]
        environ = {name: value for name, _, value in pairs if name.startswith("SMS_")}
        assert set(environ) == set(re.findall(r"^export (\w+)=", block, re.MULTILINE))
        read_all(environ)


@pytest.fixture(scope="module")
def raised() -> list[str]:
    """What the wrong values lead to."""
    texts = []
    for environ, read in WRONG:
        with pytest.raises(ConfigurationError) as caught:
            read(environ)
        texts.append(caught.value.detail)
    return texts


def test_no_error_shows_a_regular_expression(raised: list[str]) -> None:
    signs = re.compile(r"\[[^\]]*-[^\]]*\]|\{[0-9]+,|\(\?|\\")
    assert [error for error in raised if signs.search(error)] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_errors_are_those_that_wrong_values_cause(
    project: Path, page: str, raised: list[str]
) -> None:
    text = (project / page).read_text("utf-8")
    told = ERROR.findall(text)
    assert len(told) > 45
    assert [error for error in told if not any(each.startswith(error) for each in raised)] == []
    unsaid = [each for each in raised if not any(each.startswith(error) for error in told)]
    assert [each for each in unsaid if f"`{each}`" not in text] == []
