"""template.yml describes the stack of s.yaml, and its package is the one that s.yaml uploads."""

from __future__ import annotations

import copy
import json
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from aliyun_fc_runtime_stub.package.fcignore import uploaded
from aliyun_fc_runtime_stub.template.model import Function
from aliyun_fc_runtime_stub.template.s_yaml import load_application
from tests.node_packages import clean_environment
from tools.make_template import make_template
from tools.package import make_package

HERE = Path(__file__).resolve().parent
NOTHING = {"Ref": "ALIYUN::NoValue"}
FUNCTION, TRIGGER = "ALIYUN::FC3::Function", "ALIYUN::FC3::Trigger"
SECRETS = {
    "SMS_HOOK_AUTH0_SECRET",
    "SMS_HOOK_CLOUDMONITOR_SECRET",
    "SMS_HOOK_GRAFANA_SECRET",
    "SMS_HOOK_SUPABASE_SECRET",
    "SMS_HOOK_ZITADEL_SECRET",
    "SMS_TEST_NUMBERS",
    "SMS_ACCESS_KEY_ID",
    "SMS_ACCESS_KEY_SECRET",
    "SMS_API_KEYS",
    "SMS_RECEIPT_TOKEN",
    "SMS_STATE_SECRET",
    "SMS_STATE_URL",
}
Template = dict[str, Any]


@pytest.fixture(scope="module")
def template(project: Path) -> Template:
    loaded: Template = yaml.safe_load((project / "template.yml").read_text())
    return loaded


def test_the_template_is_the_one_that_s_yaml_makes(project: Path) -> None:
    policy = json.loads((project / "docs" / "ram-policy.json").read_text())
    made = make_template(project / "s.yaml", policy)
    assert (project / "template.yml").read_text() == made, "run `make template`"


# --- what ROS knows: the resource types of its CDK (npm @alicloud/ros-cdk-fc3 and -ram) ---


def rendered(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return resources as the CDK renders them; an empty map when it refuses one."""
    done = subprocess.run(
        ["node", HERE / "ros_template.cjs"],
        input=json.dumps(resources),
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or "RosSynthesisError" in done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout or "{}")
    return found


def with_all_properties(value: Any) -> Any:
    """Return `value` with every ``Fn::If`` replaced by what it says when there is something."""
    if isinstance(value, dict):
        if "Fn::If" in value:
            _, nothing, something = value["Fn::If"]
            assert nothing == NOTHING
            return with_all_properties(something)
        return {name: with_all_properties(part) for name, part in value.items()}
    return [with_all_properties(part) for part in value] if isinstance(value, list) else value


@pytest.mark.node
def test_ros_knows_every_property_value_and_attribute(
    node_modules: Path, template: Template
) -> None:
    resources = with_all_properties(template["Resources"])
    found = rendered(resources)
    assert {name: each["properties"] for name, each in found.items()} == {
        name: resource["Properties"] for name, resource in resources.items()
    }
    used = list(references(template, "Fn::GetAtt"))
    assert used
    assert [(name, key) for name, key in used if key not in found[name]["attributes"]] == []


@pytest.mark.node
@pytest.mark.parametrize(
    ("resource", "path", "value"),
    [
        ("SendSms", ("MemorySizes",), 256),  # left out: nobody knows it
        ("SendSms", ("LogConfig", "LogStore"), "store"),
        ("SendSms", ("MemorySize",), "256"),
        ("SendSms", ("Timeout",), 86401),
        ("SendSms", ("Cpu",), 17),
        ("SendSms", ("Runtime",), None),
        ("SendSmsHttpTrigger", ("TriggerConfig",), "{}"),
        ("SendSmsAsyncInvokeConfig", ("MaxAsyncRetryAttempts",), 9),
        ("FunctionRole", ("Policies",), {}),
    ],
)
def test_the_check_against_ros_finds_mistakes(
    node_modules: Path, template: Template, resource: str, path: tuple[str, ...], value: object
) -> None:
    wrong = with_all_properties({resource: copy.deepcopy(template["Resources"][resource])})
    place = wrong[resource]["Properties"]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    found = rendered(wrong)
    assert not found or found[resource]["properties"] != wrong[resource]["Properties"]


# --- parity: s.yaml as the runtime stub reads it, template.yml as ROS resolves it ---


def variable_of(parameter: Mapping[str, Any]) -> str:
    """Return the environment variable that a parameter stands for: its description begins so."""
    return str(parameter["Description"]).partition(";")[0]


def resolved(template: Template, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the resources with the parameters that are named `given`, the others as they default.

    Names are those of the environment variables.
    """
    values = {
        name: given.get(variable_of(parameter), parameter.get("Default", ""))
        for name, parameter in template["Parameters"].items()
    }

    def resolve(value: Any) -> Any:
        match value:
            case {"Ref": name} if name in values:
                return values[name]
            case {"Fn::GetAtt": [name, "FunctionName"]}:
                return resolve(template["Resources"][name]["Properties"]["FunctionName"])
            case {"Fn::Equals": [first, second]}:
                return resolve(first) == resolve(second)
            case {"Fn::If": [condition, then, otherwise]}:
                holds = resolve(template["Conditions"][condition])
                return resolve(then if holds else otherwise)
            case dict():
                parts = {name: resolve(part) for name, part in value.items()}
                return {name: part for name, part in parts.items() if part != NOTHING}
            case list():
                return [resolve(part) for part in value]
        return value

    resources: dict[str, Any] = resolve(template["Resources"])
    return resources


def said_by_s_yaml(function: Function) -> dict[str, Any]:
    """Return what both files say of a function, from s.yaml."""
    http = function.http_trigger
    triggers: dict[str, Any] = {
        timer.name: {
            "cronExpression": timer.expression,
            "enable": timer.enabled,
            "payload": timer.payload,
        }
        for timer in function.timers
    }
    if http:
        triggers[http.name] = {"authType": http.auth_type, "methods": sorted(http.methods)}
    return {
        "runtime": function.runtime,
        "handler": function.handler,
        "memory": function.memory,
        "timeout": function.timeout,
        "environment": dict(function.environment),
        "log": (function.log_project, function.log_store),
        "retries": function.max_async_retries,
        "triggers": triggers,
    }


def said_by_template(name: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same from the resolved resources of the template."""
    properties = [
        (resource["Type"], resource["Properties"])
        for resource in resources.values()
        if resource["Properties"].get("FunctionName") == name
    ]
    [function] = [each for kind, each in properties if kind == FUNCTION]
    [invocations] = [each for kind, each in properties if kind.endswith("AsyncInvokeConfig")]
    triggers = {
        each["TriggerName"]: dict(each["TriggerConfig"])
        for kind, each in properties
        if kind == TRIGGER
    }
    for trigger in triggers.values():
        if "methods" in trigger:
            trigger["methods"] = sorted(trigger["methods"])
    log = function.get("LogConfig", {})
    return {
        "runtime": function["Runtime"],
        "handler": function["Handler"],
        "memory": function["MemorySize"],
        "timeout": function["Timeout"],
        "environment": function["EnvironmentVariables"],
        "log": (log.get("Project", ""), log.get("Logstore", "")),
        "retries": invocations["MaxAsyncRetryAttempts"],
        "triggers": triggers,
    }


@pytest.mark.parametrize("all_given", [False, True])
def test_both_files_describe_the_same_functions(
    template: Template, project: Path, all_given: bool
) -> None:
    values = {"SMS_RUNTIME": "python3.10", "SMS_AUTH": "function"}
    given = {
        variable_of(parameter): values.get(
            variable_of(parameter), f"marker-{variable_of(parameter).lower()}"
        )
        for parameter in template["Parameters"].values()
        if all_given
    }
    functions = load_application(project / "s.yaml", given).functions
    resources = resolved(template, given)
    made = [each["Properties"] for each in resources.values() if each["Type"] == FUNCTION]
    assert [each["FunctionName"] for each in made] == [function.name for function in functions]
    for function in functions:
        assert said_by_template(function.name, resources) == said_by_s_yaml(function)


def test_both_files_ask_for_the_same_instances(template: Template, project: Path) -> None:
    base = yaml.safe_load((project / "s.yaml").read_text())["template"]["function"]
    for resource in template["Resources"].values():
        if resource["Type"] == FUNCTION:
            asked = resource["Properties"]
            assert (asked["Cpu"], asked["DiskSize"]) == (base["cpu"], base["diskSize"])


def test_what_the_template_cannot_say_is_not_left_out_of_it(project: Path, tmp_path: Path) -> None:
    source = tmp_path / "s.yaml"
    text = (project / "s.yaml").read_text()
    source.write_text(text.replace("    diskSize: 512\n", "    diskSize: 512\n    layers: []\n"))
    with pytest.raises(SystemExit, match="layers"):
        make_template(source, {})


def test_a_vpc_of_s_yaml_is_in_the_template(project: Path, tmp_path: Path) -> None:
    source = tmp_path / "s.yaml"
    text = (project / "s.yaml").read_text()
    for line in ("vpcConfig:", "  vpcId: vpc-...", "  vSwitchIds: [vsw-...]", "  securityGroupId:"):
        assert f"    # {line}" in text
        text = text.replace(f"    # {line}", f"    {line}")
    source.write_text(text)
    resources = yaml.safe_load(make_template(source, {}))["Resources"]
    assert resources["SendSms"]["Properties"]["VpcConfig"] == {
        "VpcId": "vpc-...",
        "VSwitchIds": ["vsw-..."],
        "SecurityGroupId": "sg-...",
    }


# --- what holds it together ---


def references(value: Any, kind: str) -> Iterator[Any]:
    """Yield the operands of every `kind` (Ref, Fn::GetAtt, Fn::If) in `value`."""
    if isinstance(value, dict):
        if kind in value:
            yield value[kind]
        for part in value.values():
            yield from references(part, kind)
    elif isinstance(value, list):
        for part in value:
            yield from references(part, kind)


def test_references_lead_somewhere_and_secrets_are_not_echoed(template: Template) -> None:
    parameters = template["Parameters"]
    named = {name for name in references(template, "Ref") if not name.startswith("ALIYUN::")}
    assert named == set(parameters)
    assert {name for name, _ in references(template, "Fn::GetAtt")} <= set(template["Resources"])
    assert {branch[0] for branch in references(template, "Fn::If")} == set(template["Conditions"])
    hidden = {variable_of(each) for each in parameters.values() if each.get("NoEcho")}
    assert hidden == SECRETS


def test_the_package_holds_what_is_uploaded_and_is_always_the_same(
    project: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    make_package(project, first)
    make_package(project, second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as package:
        assert set(package.namelist()) == {
            str(path) for path in uploaded(project) if (project / path).is_file()
        }
