"""template.yml describes the stack of s.yaml, and its package is the one that s.yaml uploads."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from aliyun_fc_runtime_stub.fcignore import uploaded
from tools.make_template import make_template
from tools.package import make_package

# ALIYUN::FC3::*, the property lists of the ROS documentation, as far as the template uses them
PROPERTIES: dict[str, dict[str, type | tuple[type, ...]]] = {
    "ALIYUN::FC3::Function": {
        "FunctionName": str,
        "Description": str,
        "Runtime": (str, dict),
        "Handler": str,
        "Timeout": int,
        "MemorySize": int,
        "Cpu": float,
        "DiskSize": int,
        "LogConfig": dict,
        "EnvironmentVariables": dict,
        "Code": dict,
        "Role": dict,
    },
    "ALIYUN::FC3::Trigger": {
        "FunctionName": dict,
        "TriggerName": str,
        "TriggerType": str,
        "TriggerConfig": dict,
    },
    "ALIYUN::FC3::AsyncInvokeConfig": {"FunctionName": dict, "MaxAsyncRetryAttempts": int},
    "ALIYUN::RAM::Role": {"RoleName": dict, "AssumeRolePolicyDocument": dict, "Policies": list},
}


@pytest.fixture(scope="module")
def template(project: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((project / "template.yml").read_text())
    return loaded


def test_the_template_is_the_one_that_s_yaml_makes(project: Path) -> None:
    policy = json.loads((project / "docs" / "ram-policy.json").read_text())
    made = make_template(project / "s.yaml", policy)
    assert (project / "template.yml").read_text() == made, "run `make template`"


def test_every_property_is_known_and_of_its_type(template: dict[str, Any]) -> None:
    for resource in template["Resources"].values():
        known = PROPERTIES[resource["Type"]]
        assert set(resource["Properties"]) == set(known)
        for name, value in resource["Properties"].items():
            assert isinstance(value, known[name]), name


def test_every_function_of_s_yaml_is_there_with_what_belongs_to_it(
    template: dict[str, Any], project: Path
) -> None:
    described = yaml.safe_load((project / "s.yaml").read_text())
    base = described["template"]["function"]
    resources = template["Resources"].values()
    functions = {
        resource["Properties"]["FunctionName"]: resource["Properties"]
        for resource in resources
        if resource["Type"] == "ALIYUN::FC3::Function"
    }
    assert set(functions) == {
        resource["props"]["functionName"] for resource in described["resources"].values()
    }
    for resource in described["resources"].values():
        function = functions[resource["props"]["functionName"]]
        assert function["Handler"] == resource["props"]["handler"]
        assert function["Timeout"] == resource["props"]["timeout"]
        assert function["MemorySize"] == base["memorySize"]
        assert set(function["EnvironmentVariables"]) == set(base["environmentVariables"])
    kinds = [resource["Type"] for resource in resources]
    triggers = [
        trigger
        for resource in described["resources"].values()
        for trigger in resource["props"].get("triggers", [])
    ]
    assert kinds.count("ALIYUN::FC3::Trigger") == len(triggers)
    assert kinds.count("ALIYUN::FC3::AsyncInvokeConfig") == len(functions)


def test_references_lead_somewhere_and_secrets_are_not_echoed(template: dict[str, Any]) -> None:
    parameters = template["Parameters"]
    named: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "Ref" in value and not value["Ref"].startswith("ALIYUN::"):
                named.add(value["Ref"])
            if "Fn::GetAtt" in value:
                assert value["Fn::GetAtt"][0] in template["Resources"]
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk({"Resources": template["Resources"], "Outputs": template["Outputs"]})
    assert named == set(parameters)
    hidden = {
        parameter["Description"] for parameter in parameters.values() if "NoEcho" in parameter
    }
    assert hidden == {
        "SMS_ACCESS_KEY_ID",
        "SMS_ACCESS_KEY_SECRET",
        "SMS_API_KEYS",
        "SMS_RECEIPT_TOKEN",
        "SMS_STATE_SECRET",
        "SMS_STATE_URL",
    }


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
