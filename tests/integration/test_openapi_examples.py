"""The examples of openapi.yaml: requests are sent and taken, and mistakes are answered as shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import requests
import yaml

from aliyun_sms_emulator import SmsEmulator
from functions import send_sms
from shared.clock import platform_date
from tests.integration.cloud import (
    ABROAD,
    API_KEY,
    ONE_NUMBER_AGAIN_AND_AGAIN,
    QUERY,
    SEND,
    Cloud,
)
from tests.integration.contract import Contract
from tests.unit.hook_requests import (
    ALL,
    OPENS_ALL,
    TOKEN,
    key_entry,
    key_of,
    signed,
)
from tests.unit.trigger_events import API_KEYS, Context, http_event

CODES, RECEIPTS, HOOKS = "fc-sms-verify-code", "fc-sms-receive-receipts", "fc-sms-receive-hook"
ALARM = {
    "template_code": "SMS_123456789",
    "variables": {"name": "title", "state": "state"},
    "tell": [{"to": ["+8613800138000"]}],
}
WITHOUT_STATE = {
    "SMS_RECEIPT_TOKEN": TOKEN,
    **OPENS_ALL,
    "SMS_API_KEYS": ",".join(
        [key_entry("tests", API_KEY), *(key_entry(f"hook-{each}", key_of(each)) for each in ALL)]
    ),
}
EVERYTHING_ON = {
    **WITHOUT_STATE,
    "SMS_COUNTRIES": "HK,US",
    "SMS_BLOCKED_PREFIXES": "+86170,+852517",
    "SMS_CODE_TEMPLATE": "SMS_123456789",
    "SMS_CODE_MESSAGE": "Your code is {code}.",
    "SMS_STATE_SECRET": "a-secret-of-these-tests",
    "SMS_ALLOW_LOCAL_STATE": "1",
    "SMS_LIMITS": f"codes-per-minute=0,codes-per-hour=0,{ONE_NUMBER_AGAIN_AND_AGAIN}",
}
ONE = {"phone_numbers": "13800138000", "template_code": "SMS_123456789"}
CODE = {"phone_number": "13800138000", "purpose": "login"}
FORM = "application/x-www-form-urlencoded"


class Call(NamedTuple):
    """One request: a function, the path below its URL, and what is not as usual."""

    function: str
    path: str
    body: object = None
    method: str = "POST"
    headers: Mapping[str, str] = {}


OF_HOOKS = {"Authorization": f"Bearer {key_of('logto')}"}
ABROAD_TO = {"message": "Your parcel has arrived."}
MISTAKES = {  # path, method, status and name of an example: a request that is answered so
    "sms post 400": Call(SEND, "sms", '{\n  "a", 1}'),
    "sms post 401": Call(SEND, "sms", ONE, headers={"Authorization": ""}),
    "sms post 404": Call(SEND, "nothing", ONE),
    "sms post 413": Call(SEND, "sms", {**ONE, "out_id": "x" * (1 << 20)}),
    "sms post 415": Call(SEND, "sms", ONE, headers={"Content-Type": FORM}),
    "sms post 422 rule": Call(SEND, "sms", {**ONE, "phone_numbers": ["13800138000"] * 2}),
    "sms post 422 blocked": Call(SEND, "sms", {**ONE, "phone_numbers": ["17000000000"]}),
    "international-sms post 422 ambiguous": Call(
        ABROAD, "international-sms", {**ABROAD_TO, "phone_numbers": "18624017194"}
    ),
    "international-sms post 422 without_country_code": Call(
        ABROAD,
        "international-sms",
        {**ABROAD_TO, "phone_numbers": ["+85251234567", "+85251234568", "91234567"]},
    ),
    "international-sms post 422 closed": Call(
        ABROAD, "international-sms", {**ABROAD_TO, "phone_numbers": ["+447400123456"]}
    ),
    "international-sms post 422 blocked": Call(
        ABROAD, "international-sms", {**ABROAD_TO, "phone_numbers": ["+85251712345"]}
    ),
    "delivery-status post 422": Call(
        QUERY, "delivery-status", {"phone_number": "13800138000", "send_date": "20200101"}
    ),
    "delivery-status get 404": Call(QUERY, "delivery-status?out_id=never", method="GET"),
    "codes post 422": Call(CODES, "codes", {**CODE, "client_ip": "here"}),
    "codes/check post 422": Call(
        CODES, "codes/check", {**CODE, "verification_id": "a" * 32, "code": 481516}
    ),
    "receipts/{token} post 404": Call(RECEIPTS, "receipts/another-token-of-nobody", []),
    "receipts/{token} post 422": Call(RECEIPTS, f"receipts/{TOKEN}", [{"nothing": 1}]),
    "receipts/{token} post 503": Call(RECEIPTS, f"receipts/{TOKEN}", [{"much": "x" * 4096}]),
    "hooks/{product} post 401": Call(HOOKS, "hooks/logto", {}, headers={"Authorization": ""}),
    "hooks/{product} post 404": Call(HOOKS, "hooks/another", {}),
    "hooks/{product} post 422": Call(HOOKS, "hooks/logto", {"to": "+86"}, headers=OF_HOOKS),
}
MISTAKES_WITHOUT_STATE = {
    "delivery-status get 422": Call(QUERY, "delivery-status?out_id=order-17", method="GET"),
    "receipts/{token} post 500": Call(RECEIPTS, f"receipts/{TOKEN}", []),
    "hooks/{product} post 500": Call(
        HOOKS,
        "hooks/alertmanager",
        {"status": "firing", "alerts": []},
        headers={"Authorization": f"Bearer {key_of('alertmanager')}"},
    ),
}


@pytest.fixture(scope="module")
def document(project: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((project / "openapi.yaml").read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def platform() -> Iterator[SmsEmulator]:
    """An SMS service that takes each template and signature, as those of the examples."""
    with SmsEmulator({"templates": "any"}) as emulator:
        emulator.settings(limits=False)
        yield emulator


@pytest.fixture(scope="module")
def functions(
    project: Path,
    platform: SmsEmulator,
    contract: Contract,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cloud]:
    """The functions with everything on."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "scenes.json").write_text(json.dumps({"alarms": {"*": ALARM}}), encoding="utf-8")
    changes = {
        **EVERYTHING_ON,
        "SMS_STATE_URL": f"sqlite://{folder / 'state.db'}",
        "SMS_LOCAL_SCENES": str(folder / "scenes.json"),
    }
    with Cloud(project, platform, contract, changes=changes) as cloud:
        yield cloud


def send(cloud: Cloud, call: Call) -> requests.Response:
    """Make a call with the API key of the tests, unless it brings headers of its own."""
    content = call.body if isinstance(call.body, str) else json.dumps(call.body)
    usual = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            call.method,
            cloud.functions.url(call.function) + call.path,
            data=None if call.body is None else content,
            headers={**usual, **call.headers},
            timeout=60,
        )


def examples(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the examples of a media type by name; an only one has none."""
    if "example" in described:
        return {"": described["example"]}
    return {name: each["value"] for name, each in described.get("examples", {}).items()}


def request_examples(document: dict[str, Any], path: str) -> list[tuple[str, str, Any]]:
    """Return media type, name and value of each example of what is posted to a path."""
    content = document["paths"][f"/{path}"]["post"]["requestBody"]["content"]
    return [
        (media_type, name, value)
        for media_type, described in content.items()
        for name, value in examples(described).items()
    ]


def problem_example(document: dict[str, Any], place: str) -> Any:
    """Return the problem document at path, method, status and name."""
    path, method, status, *name = place.split()
    response = document["paths"][f"/{path}"][method]["responses"][status]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return examples(response["content"]["application/problem+json"])["".join(name)]


def without_id(problem: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}


@pytest.mark.parametrize(
    ("function", "path"),
    [
        (SEND, "sms"),
        (ABROAD, "international-sms"),
        (CODES, "codes"),
        (RECEIPTS, "receipts/{token}"),
    ],
)
def test_the_requests_of_the_examples_are_taken(
    functions: Cloud, contract: Contract, document: dict[str, Any], function: str, path: str
) -> None:
    found = request_examples(document, path)
    assert len(found) > 1
    for _, name, body in found:
        if isinstance(body, dict):  # each is a send of its own
            body["out_id"] = f"{path}-{name}"
        answer = send(functions, Call(function, path.replace("{token}", TOKEN), body))
        assert answer.status_code == 200, answer.text
        contract.check("POST", path, answer)


def test_the_questions_of_the_examples_are_answered(
    functions: Cloud, contract: Contract, document: dict[str, Any], platform: SmsEmulator
) -> None:
    today = platform_date(platform.clock.now.timestamp())
    for _, name, body in request_examples(document, "delivery-status"):
        answer = send(functions, Call(QUERY, "delivery-status", {**body, "send_date": today}))
        assert answer.status_code == 200, (name, answer.text)
        contract.check("POST", "delivery-status", answer)


def test_the_check_of_the_example_passes_with_the_code_that_was_sent(
    functions: Cloud, contract: Contract, document: dict[str, Any], platform: SmsEmulator
) -> None:
    [(_, _, check)] = request_examples(document, "codes/check")
    wanted = {"phone_number": check["phone_number"], "purpose": check["purpose"]}
    platform.clear()
    created = send(functions, Call(CODES, "codes", wanted)).json()
    code = platform.wait_for_message(phone_number=check["phone_number"]).code
    typed = {**check, "verification_id": created["verification_id"], "code": code}
    answer = send(functions, Call(CODES, "codes/check", typed))
    assert without_id(answer.json()) == {"verified": True}
    contract.check("POST", "codes/check", answer)


@pytest.mark.parametrize("path", ["hooks/{product}", "hooks/cloudmonitor/{token}"])
def test_the_hooks_of_the_examples_are_taken(
    functions: Cloud, contract: Contract, document: dict[str, Any], path: str
) -> None:
    for media_type, name, body in request_examples(document, path):
        product = name if "{product}" in path else "cloudmonitor"
        content = urlencode(body) if media_type == FORM else json.dumps(body)
        headers = {"Content-Type": media_type, **signed(product, content.encode())}
        where = path.format(product=product, token=TOKEN)
        answer = send(functions, Call(HOOKS, where, content, headers=headers))
        assert answer.status_code == 200, (name, answer.text)
        contract.check("POST", path, answer)


@pytest.mark.parametrize("place", MISTAKES)
def test_a_mistake_is_answered_as_its_example_shows(
    functions: Cloud, document: dict[str, Any], place: str
) -> None:
    answer = send(functions, MISTAKES[place])
    assert without_id(answer.json()) == without_id(problem_example(document, place))


def test_a_mistake_without_state_is_answered_as_its_example_shows(
    project: Path, platform: SmsEmulator, contract: Contract, document: dict[str, Any]
) -> None:
    with Cloud(project, platform, contract, changes=WITHOUT_STATE) as cloud:
        for place, call in MISTAKES_WITHOUT_STATE.items():
            answer = send(cloud, call)
            assert without_id(answer.json()) == without_id(problem_example(document, place))


def test_a_wrong_setting_is_answered_as_its_example_shows(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_API_KEYS", API_KEYS)
    monkeypatch.setenv("SMS_READ_TIMEOUT", "soon")
    answer = send_sms.handler(http_event(ONE, path="/sms"), Context())
    shown = problem_example(document, "sms post 500")
    assert without_id(json.loads(str(answer["body"]))) == without_id(shown)


def test_each_request_and_each_answer_with_a_body_has_an_example(
    document: dict[str, Any],
) -> None:
    for path, item in document["paths"].items():
        for method in item.keys() & {"get", "post"}:
            operation = item[method]
            bodies = [(method, operation["requestBody"])] if "requestBody" in operation else []
            for status, response in operation["responses"].items():
                name = response.get("$ref", "").rpartition("/")[2]
                bodies.append((status, document["components"]["responses"].get(name, response)))
            for where, body in bodies:
                for media_type, described in body.get("content", {}).items():
                    # What Function Compute answers by itself has its example at the schema.
                    name = described["schema"].get("$ref", "").rpartition("/")[2]
                    schema = document["components"]["schemas"].get(name, {})
                    assert examples(described) or "examples" in schema, (path, where, media_type)
