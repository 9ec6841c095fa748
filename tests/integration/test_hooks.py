"""Products call their hooks, and their messages arrive through the functions and the emulator."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from aliyun_sms_emulator import SmsEmulator
from tests.integration.cloud import API_KEY, ONE_NUMBER_AGAIN_AND_AGAIN, Cloud
from tests.integration.contract import Contract
from tests.unit.hook_requests import (
    ALL,
    OPENS_ALL,
    SAMPLES,
    SECRET,
    STATE_SECRET,
    WEBHOOK_SECRET,
    key_entry,
    key_of,
    path_of,
    signed,
)

NUMBER, ABROAD = "13800138000", "85251234567"
# The secrets that docs/hooks.md shows, for trials.
DOCUMENTED = {
    "supabase": "v1,whsec_ZmMtc21zLXNhbXBsZS1zZWNyZXQtbm90LWZvci11c2U=",
    "zitadel": "zitadel-sample-signing-key",
}
TEXT_OF_CODE = re.compile(r"(?<![0-9])(123456|561166|481516)(?![0-9])")
UNLIMITED = f"codes-per-minute=0,codes-per-hour=0,{ONE_NUMBER_AGAIN_AND_AGAIN}"
SCENES = {
    "codes": {"logto:Register": {"template_code": "SMS_100001", "message": "{code} is yours."}},
    "alarms": {
        "*": {
            "template_code": "SMS_100002",
            "variables": {"name": "title", "order": "state"},
            "message": "{title} is {state}",
            "tell": [{"to": [f"+86{NUMBER}", f"+{ABROAD}"]}],
        }
    },
}


@pytest.fixture(scope="module")
def running_hooks(
    project: Path,
    running_emulator: SmsEmulator,
    contract: Contract,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cloud]:
    """The functions, with every hook open, a state file and scenes."""
    tmp_path = tmp_path_factory.mktemp("hooks")
    (tmp_path / "scenes.json").write_text(json.dumps(SCENES), encoding="utf-8")
    entries = [key_entry(f"hook-{product}", key_of(product)) for product in ALL]
    changes = {
        **OPENS_ALL,
        "SMS_API_KEYS": ",".join([*entries, key_entry("tests", API_KEY)]),
        "SMS_HOOK_SUPABASE_SECRET": f"{WEBHOOK_SECRET}|{DOCUMENTED['supabase']}",
        "SMS_HOOK_ZITADEL_SECRET": f"{SECRET}|{DOCUMENTED['zitadel']}",
        "SMS_CODE_TEMPLATE": "SMS_100001",
        "SMS_LOCAL_SCENES": str(tmp_path / "scenes.json"),
        "SMS_STATE_URL": f"sqlite://{tmp_path}/state.db",
        "SMS_STATE_SECRET": STATE_SECRET,
        "SMS_ALLOW_LOCAL_STATE": "1",
        "SMS_LIMITS": UNLIMITED,
    }
    with Cloud(project, running_emulator, contract, changes=changes) as cloud:
        yield cloud


@pytest.fixture
def hooks(running_hooks: Cloud, emulator: SmsEmulator) -> Iterator[Cloud]:
    """The functions and an empty inbox; what they log is checked afterwards."""
    running_hooks.start_test()
    yield running_hooks
    running_hooks.check_log()


def address_of(cloud: Cloud, product: str) -> str:
    """Return the URL that a product calls."""
    return cloud.functions.url("fc-sms-receive-hook").rstrip("/") + path_of(product)


def called(cloud: Cloud, product: str, body: bytes | None = None) -> requests.Response:
    """Call a hook over HTTP as its product does."""
    content = SAMPLES[product]["body"].encode() if body is None else body
    headers = {**SAMPLES[product]["headers"], **signed(product, content)}
    address = address_of(cloud, product)
    with requests.Session() as session:
        session.trust_env = False
        return session.post(address, data=content, headers=headers, timeout=20)


@pytest.mark.parametrize("product", ["auth0", "authentik", "casdoor", "logto", "novu"])
def test_the_code_of_a_product_arrives(hooks: Cloud, emulator: SmsEmulator, product: str) -> None:
    _arrives_once(hooks, emulator, product)


@pytest.mark.parametrize("product", ["supabase", "zitadel"])
def test_the_signed_code_of_a_product_arrives(
    hooks: Cloud, emulator: SmsEmulator, product: str
) -> None:
    _arrives_once(hooks, emulator, product)
    changed = SAMPLES[product]["body"].replace(NUMBER, "13800138001").encode()
    headers = {**SAMPLES[product]["headers"], **signed(product, SAMPLES[product]["body"].encode())}
    answer = requests.post(address_of(hooks, product), data=changed, headers=headers, timeout=20)
    assert answer.status_code == 401
    assert len(emulator.messages()) == 1


def _arrives_once(cloud: Cloud, emulator: SmsEmulator, product: str) -> None:
    answers = [called(cloud, product) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].headers["Content-Type"] == "application/json"
    (message,) = emulator.messages()
    assert message.phone_number == NUMBER
    assert TEXT_OF_CODE.search(message.text)


@pytest.mark.parametrize("product", ["alertmanager", "cloudmonitor", "grafana", "uptime-kuma"])
def test_the_alarm_of_a_product_arrives_at_home_and_abroad(
    hooks: Cloud, emulator: SmsEmulator, product: str
) -> None:
    answers = [called(hooks, product)]
    while answers[-1].status_code == 503:  # a busy machine took too long, and it is sent again
        answers.append(called(hooks, product))
    answers.append(called(hooks, product))
    assert [answer.status_code for answer in answers[-2:]] == [200, 200], answers[-2].text
    numbers = sorted(message.phone_number for message in emulator.messages())
    assert numbers == [NUMBER, ABROAD]
    assert all("firing" in message.text for message in emulator.messages())


def test_an_alarm_that_cannot_be_read_arrives(hooks: Cloud, emulator: SmsEmulator) -> None:
    assert called(hooks, "alertmanager", b"\xff{").status_code == 200
    assert ["alarm" in message.text for message in emulator.messages()] == [True, True]


def test_a_scene_of_a_kind_says_what_goes_abroad(hooks: Cloud, emulator: SmsEmulator) -> None:
    body = {"to": ABROAD, "type": "Register", "payload": {"code": "481516"}}
    assert called(hooks, "logto", json.dumps(body).encode()).status_code == 200
    assert [message.text for message in emulator.messages()] == ["481516 is yours."]


# What docs/hooks.md says


# Recipes of docs/hooks.md, for products that build any body themselves


def block_under(project: Path, heading: str, language: str) -> str:
    """Return the first block of a language under a heading of docs/hooks.md."""
    text = (project / "docs" / "hooks.md").read_text("utf-8")
    section = text.partition(f"### {heading}\n")[2]
    fenced = re.search(rf"^( *)```{language}\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL)
    assert fenced, heading
    return fenced[2].rstrip()


def test_the_recipe_for_keycloak(cloud: Cloud, project: Path, emulator: SmsEmulator) -> None:
    template = block_under(project, "Keycloak", "json").replace("SMS_123456789", "SMS_100001")
    body = json.loads(template % ("0e1a7b3c-6f3f", f"+86{NUMBER}", "481516"))
    assert cloud.send(body).status == 200
    assert "481516" in emulator.messages()[0].text


@pytest.mark.parametrize("name", ["login_code", "registration_code", "recovery_code"])
def test_the_recipe_for_kratos(
    cloud: Cloud, project: Path, emulator: SmsEmulator, name: str
) -> None:
    import _jsonnet  # type: ignore[import-untyped]

    source = block_under(project, "Ory Kratos", "jsonnet").replace("SMS_123456789", "SMS_100001")
    context = json.dumps({"recipient": f"+86{NUMBER}", "template_data": {name: "481516"}})
    body = json.loads(_jsonnet.evaluate_snippet("sms", f"({source})({context})"))
    assert [cloud.send(body).status for _ in range(2)] == [200, 200]
    (message,) = emulator.messages()
    assert "481516" in message.text


def test_the_recipe_for_an_action_of_auth0(
    cloud: Cloud, project: Path, emulator: SmsEmulator, tmp_path: Path
) -> None:
    source = block_under(project, "Auth0 Action", "js").replace("SMS_123456789", "SMS_100001")
    (tmp_path / "action.js").write_text(source, encoding="utf-8")
    event = {
        "secrets": {"FC_SMS_URL": cloud.functions.url("fc-sms-send-sms")},
        "notification": {"recipient": f"+86{NUMBER}", "code": "481516", "message_id": "m-1"},
    }
    event["secrets"]["FC_SMS_KEY"] = API_KEY
    run = (
        "require('./action.js').onExecuteCustomPhoneProvider("
        "JSON.parse(process.argv[1]), {notification: {retry: (why) => { throw why }}})"
    )
    subprocess.run(["node", "-e", run, json.dumps(event)], cwd=tmp_path, check=True, timeout=60)
    assert [message.phone_number for message in emulator.messages()] == [NUMBER]


def test_the_recipe_for_eventbridge(project: Path) -> None:
    from shared.events import event_sources

    template = block_under(project, "EventBridge", "json")
    for name, value in (("phone", NUMBER), ("name", "Li"), ("id", "e-1")):
        template = template.replace("${" + name + "}", value)
    event: Any = {"specversion": "1.0", "id": "e-1", "source": "shop", "type": "t"}
    event["data"] = json.loads(template)
    found = event_sources.read_event(json.dumps(event).encode())
    assert found is not None
