"""openapi.yaml is a valid description, and a true one: the running functions are held to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode

from aliyun_sms_emulator import SmsEmulator
from shared.limit_rules import RULE_OF
from shared.platform.error_codes import find
from shared.platform.refusals import explain
from shared.sending.attempts import NONCE_USED
from shared.sending.intents import Part, PartOutcome
from shared.trigger import answers
from shared.trigger.answers import send_response
from shared.version import VERSION
from tests.integration.cloud import ABROAD, API_KEY, PATHS, QUERY, SEND, Cloud
from tests.integration.contract import Contract

BOUNDED = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
OPERATIONS = [("POST", SEND), ("POST", ABROAD), ("POST", QUERY), ("GET", QUERY)]
WITH_BODY = OPERATIONS[:3]
FUNCTION_OF_PATH = {
    **{f"/{path}": function for function, path in PATHS.items()},
    "/codes": "fc-sms-verify-code",
    "/codes/check": "fc-sms-verify-code",
    "/receipts/{token}": "fc-sms-receive-receipts",
    "/hooks/{product}": "fc-sms-receive-hook",
    "/hooks/cloudmonitor/{token}": "fc-sms-receive-hook",
}
KEY = {"Authorization": f"Bearer {API_KEY}"}
# What a schema cannot say: numbers spelled in two ways, texts that no SMS may hold, printable
# signatures, out_id beside another Idempotency-Key, extend codes for all messages or for none.
BEYOND_SCHEMAS = re.compile(
    r"(phone_numbers\[\d+\]|messages\[\d+\]\.(phone_number|template_param\.(\w+|\*))"
    r"|template_param\.(\w+|\*)|messages|out_id)"  # *: a name that may be a number is not shown
)


@pytest.fixture(scope="module")
def document(project: Path) -> dict[str, Any]:
    """The description as it stands in the file."""
    loaded: dict[str, Any] = yaml.safe_load((project / "openapi.yaml").read_text("utf-8"))
    return loaded


@pytest.fixture
def unlimited(cloud: Cloud, emulator: SmsEmulator) -> Cloud:
    """The functions, with an SMS service that sends whatever it is asked to, and how often."""
    emulator.settings(limits=False, nonce_scope="off")
    return cloud


def test_the_description_is_valid_openapi_3_1(contract: Contract, document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    contract.schema.validate()


class EachKeyOnce(yaml.SafeLoader):
    """A loader that refuses a key that stands twice, of which the other takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len({*keys}), f"a key stands twice at {node.start_mark}"
        return super().construct_mapping(node, deep=deep)


@pytest.mark.parametrize("name", ["openapi.yaml", "s.yaml", "s.events.yaml"])
def test_no_key_stands_twice(project: Path, name: str) -> None:
    assert yaml.load((project / name).read_text("utf-8"), EachKeyOnce)


def described(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every schema with an example of it, as written beside or inside it."""
    if isinstance(node, dict):
        schema = node.get("schema", node)
        if "example" in node:
            yield schema, node["example"]
        examples = node.get("examples")
        if isinstance(examples, dict):
            yield from ((schema, example["value"]) for example in examples.values())
        if isinstance(examples, list):
            yield from ((schema, example) for example in examples)
        for child in node.values():
            yield from described(child)
    elif isinstance(node, list):
        for child in node:
            yield from described(child)


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    found = list(described(document))
    assert len(found) > 30
    for schema, example in found:
        rules = {**schema, "components": document["components"]}
        jsonschema.Draft202012Validator(rules).validate(example)


def test_examples_of_problems_say_what_the_functions_say(document: dict[str, Any]) -> None:
    examples = [example for _, example in described(document)]
    problems = [one for one in examples if isinstance(one, dict) and "retryable" in one]
    unknown = [one for one in problems if one.get("outcome") == "unknown"]
    of_the_platform = [one for one in problems if find(one["code"]) and one not in unknown]
    assert of_the_platform
    after_a_call = [one for one in unknown if one["code"] == NONCE_USED]
    assert [one["detail"] for one in after_a_call] == [answers._UNKNOWN_AFTER_A_CALL_BEFORE]
    for problem in problems:
        assert problem["type"] == f"urn:fc-sms:problem:{problem['code']}"
    for problem in of_the_platform:
        detail, status = explain(problem["code"])
        assert problem["detail"].startswith(detail)
        assert problem["status"] == status


def test_examples_of_limits_say_what_the_functions_say(document: dict[str, Any]) -> None:
    part = Part(
        number=0,
        first=0,
        last=0,
        action="SendSms",
        phone_numbers=("13800138000",),
        template_code="SMS_1",
        parameters={},
    )
    examples = [example for _, example in described(document)]
    told = {one["code"]: one for one in examples if isinstance(one, dict) and "retryable" in one}
    assert {"country-closed", "prefix-blocked"} < told.keys()
    of_limits = told.keys() & RULE_OF.keys()
    assert {"address-per-hour", "codes-per-minute"} <= of_limits
    for rule in of_limits:
        outcome = PartOutcome(part, "rejected", rule, retry_after=60)
        response = send_response(told[rule]["out_id"], [outcome], has_store=True)
        assert isinstance(response.body, dict)
        without_id = {name: value for name, value in told[rule].items() if name != "request_id"}
        assert response.body == without_id


def test_the_description_has_the_projects_version(document: dict[str, Any]) -> None:
    assert document["info"]["version"] == VERSION


def test_every_trigger_and_its_methods_are_described(
    cloud: Cloud, document: dict[str, Any]
) -> None:
    triggers = {
        (function.name, method.lower())
        for function in cloud.functions.application.functions
        if function.http_trigger
        for method in function.http_trigger.methods
    }
    paths = document["paths"]
    assert {*paths} == {*FUNCTION_OF_PATH}
    described = set()
    for path, item in paths.items():
        function = FUNCTION_OF_PATH[path]
        described |= {(function, method) for method in item if method != "servers"}
        (server,) = item["servers"]
        assert function in server["description"] + server["variables"]["trigger"]["default"]
    assert described == triggers


def call(cloud: Cloud, contract: Contract, case: Case[Any], function: str) -> Any:
    """Send a generated request to its function; fail unless the contract describes the answer."""
    base_url = cloud.functions.url(function).rstrip("/")
    response = case.call(base_url=base_url, timeout=60)
    contract.check(case.method, PATHS[function], response)
    return response


@pytest.mark.parametrize(("method", "function"), OPERATIONS)
def test_requests_that_fit_the_description_are_answered_as_described(
    unlimited: Cloud, contract: Contract, method: str, function: str
) -> None:
    strategy = contract.operation(method, PATHS[function]).as_strategy(headers=KEY)

    @BOUNDED
    @given(strategy)
    def check(case: Case[Any]) -> None:
        response = call(unlimited, contract, case, function)
        assert response.status_code not in (400, 401, 403, 404, 405, 413, 415, 500)

    check()


def test_what_the_description_allows_is_sent(
    unlimited: Cloud, contract: Contract, emulator: SmsEmulator
) -> None:
    """Template and signature must be known to the service; all else is as described."""
    strategy = contract.operation("POST", PATHS[SEND]).as_strategy(headers=KEY)
    statuses = []

    @BOUNDED
    @given(strategy)
    def check(case: Case[Any]) -> None:
        make_known(case.body)
        response = call(unlimited, contract, case, SEND)
        statuses.append(response.status_code)
        if response.status_code != 200:
            problem = response.json()
            assert problem["code"] in ("invalid-request", "isv.CODE_ERROR"), problem
            assert BEYOND_SCHEMAS.fullmatch(problem.get("field", "out_id")), problem

    check()
    assert statuses.count(200) > len(statuses) / 3
    assert emulator.messages()


def make_known(body: Any) -> None:
    """Let a generated send use a template and the signature that the service has."""
    body["template_code"] = "SMS_100002"
    body.pop("resend_unknown", None)  # needs shared state
    for message in [body, *body.get("messages", [])]:
        message.pop("sign_name", None)
        if "messages" not in message:
            values = message.get("template_param") or {}
            message["template_param"] = {**values, "name": "Li", "order": 7}


@pytest.mark.parametrize(("method", "function"), WITH_BODY)
def test_requests_that_do_not_fit_the_description_are_refused(
    unlimited: Cloud, contract: Contract, emulator: SmsEmulator, method: str, function: str
) -> None:
    strategy = contract.operation(method, PATHS[function]).as_strategy(
        generation_mode=GenerationMode("negative"), headers=KEY
    )

    @BOUNDED
    @given(strategy)
    def check(case: Case[Any]) -> None:
        response = call(unlimited, contract, case, function)
        assert response.status_code in (400, 413, 415, 422), response.text

    check()
    assert emulator.requests() == []


@pytest.mark.parametrize(("method", "function"), OPERATIONS)
def test_no_request_passes_without_its_key(
    unlimited: Cloud, contract: Contract, emulator: SmsEmulator, method: str, function: str
) -> None:
    @settings(BOUNDED, max_examples=15)
    @given(contract.operation(method, PATHS[function]).as_strategy())
    def check(case: Case[Any]) -> None:
        case.headers.pop("Authorization", None)
        assert call(unlimited, contract, case, function).status_code == 401

    check()
    assert emulator.requests() == []
