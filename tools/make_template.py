"""Make template.yml, the ROS twin of s.yaml: ``make template``.

s.yaml is the source; what Serverless Devs takes from environment variables become parameters of
the template, secrets with NoEcho. ROS packs nothing, so the code comes from a bucket: upload what
`make package` made and name it in CodeBucket and CodeObject.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "template.yml"
VARIABLE = re.compile(r"\$\{env\('([A-Z0-9_]+)', '([^']*)'\)\}")
SECRETS = ("SECRET", "KEY_ID", "API_KEYS", "TOKEN", "STATE_URL", "TEST_NUMBERS")
FOLDERS = ("SMS_FILE_PREFIX", "SMS_FILE_RESULTS_PREFIX")
OTHER_FOLDER = "; another needs other OSS resources in the policy of FunctionRole"
NOT_PARAMETERS = ("SMS_REGION", "SMS_ROLE")  # ROS knows its region and makes the role itself
HEAD = """\
# Made from s.yaml by `make template`; do not edit. The code package comes from `make package`.
"""
# An empty log project is left out, for what the service makes of empty names is not documented.
CONDITIONS = {"NoLog": {"Fn::Equals": ["", {"Ref": "SmsLogProject"}]}}
FUNCTION_PROPERTIES = {
    "functionName": "FunctionName",
    "description": "Description",
    "runtime": "Runtime",
    "handler": "Handler",
    "timeout": "Timeout",
    "memorySize": "MemorySize",
    "cpu": "Cpu",
    "diskSize": "DiskSize",
    "instanceConcurrency": "InstanceConcurrency",
}
OTHER_PROPERTIES = (
    *("asyncInvokeConfig", "code", "environmentVariables", "logConfig", "region", "role"),
    *("triggers", "vpcConfig"),
)
TRIGGER_PROPERTIES = ("triggerName", "triggerType", "triggerConfig")


def main() -> int:
    """Write template.yml, or with --check say whether it is up to date."""
    text = make_template(ROOT / "s.yaml", json.loads((ROOT / "docs/ram-policy.json").read_text()))
    if "--check" in sys.argv[1:]:
        return int(TARGET.read_text() != text)
    TARGET.write_text(text)
    return 0


def make_template(source: Path, policy: dict[str, Any]) -> str:
    """Return the template that describes the stack of the s.yaml `source`."""
    document = yaml.safe_load(source.read_text())
    parameters: dict[str, Any] = {
        "CodeBucket": {"Type": "String", "Description": "Bucket that holds the code package"},
        "CodeObject": {
            "Type": "String",
            "Default": "fc-sms.zip",
            "Description": "Its object, uploaded after `make package`",
        },
    }
    resources: dict[str, Any] = {"FunctionRole": _role(policy)}
    for name, resource in document["resources"].items():
        base = document["template"][resource["extend"]["name"]]
        properties = _merged(base, resource["props"])
        resources.update(_function(_camel(name), _with_parameters(properties, parameters)))
    template = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Description": "fc-sms: SMS through Alibaba Cloud, as functions on Function Compute",
        "Parameters": parameters,
        "Conditions": CONDITIONS,
        "Resources": resources,
        "Outputs": _outputs(resources),
    }
    dumped: str = yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=100)
    return HEAD + dumped


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, which a template may not have."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Merge as `extend` does: objects go into each other, everything else is replaced."""
    result = dict(base)
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = _merged(result[key], value)
        else:
            result[key] = value
    return result


def _with_parameters(value: Any, parameters: dict[str, Any]) -> Any:
    """Return `value` with every ``${env()}`` replaced by a reference to a parameter."""
    if isinstance(value, dict):
        return {key: _with_parameters(item, parameters) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_parameters(item, parameters) for item in value]
    match = VARIABLE.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[1] in NOT_PARAMETERS:
        return value
    name = _camel(match[1].lower())
    about = match[1] + (OTHER_FOLDER if match[1] in FOLDERS else "")
    parameters[name] = {"Type": "String", "Default": match[2], "Description": about}
    if any(part in match[1] for part in SECRETS):
        parameters[name]["NoEcho"] = True
    return {"Ref": name}


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _role(policy: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "ALIYUN::RAM::Role",
        "Properties": {
            "RoleName": {"Fn::Sub": "fc-sms-${ALIYUN::StackId}"},
            "AssumeRolePolicyDocument": {
                "Version": "1",
                "Statement": [
                    {
                        "Action": "sts:AssumeRole",
                        "Effect": "Allow",
                        "Principal": {"Service": ["fc.aliyuncs.com"]},
                    }
                ],
            },
            "Policies": [
                {
                    "PolicyName": {"Fn::Sub": "fc-sms-${ALIYUN::StackId}"},
                    "PolicyDocument": policy,
                }
            ],
        },
    }


def _function(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Return a function, its triggers and its asynchronous configuration."""
    _refuse_others(properties, (*FUNCTION_PROPERTIES, *OTHER_PROPERTIES))
    told = {ros: properties[key] for key, ros in FUNCTION_PROPERTIES.items() if key in properties}
    log = _capitalised(properties["logConfig"])
    told["LogConfig"] = {"Fn::If": ["NoLog", {"Ref": "ALIYUN::NoValue"}, log]}
    if "vpcConfig" in properties:
        told["VpcConfig"] = _capitalised(properties["vpcConfig"])
    told["EnvironmentVariables"] = properties["environmentVariables"]
    told["Code"] = {"OssBucketName": {"Ref": "CodeBucket"}, "OssObjectName": {"Ref": "CodeObject"}}
    told["Role"] = {"Fn::GetAtt": ["FunctionRole", "Arn"]}
    resources: dict[str, Any] = {name: {"Type": "ALIYUN::FC3::Function", "Properties": told}}
    reference = {"Fn::GetAtt": [name, "FunctionName"]}
    for trigger in properties.get("triggers", []):
        _refuse_others(trigger, TRIGGER_PROPERTIES)
        resources[f"{name}{_camel(trigger['triggerName'].replace('-', '_'))}Trigger"] = {
            "Type": "ALIYUN::FC3::Trigger",
            "Properties": {
                "FunctionName": reference,
                "TriggerName": trigger["triggerName"],
                "TriggerType": trigger["triggerType"],
                "TriggerConfig": trigger["triggerConfig"],
            },
        }
    configuration = properties["asyncInvokeConfig"]
    _refuse_others(configuration, ("maxAsyncRetryAttempts",))
    resources[f"{name}AsyncInvokeConfig"] = {
        "Type": "ALIYUN::FC3::AsyncInvokeConfig",
        "Properties": {
            "FunctionName": reference,
            "MaxAsyncRetryAttempts": configuration["maxAsyncRetryAttempts"],
        },
    }
    return resources


def _capitalised(properties: dict[str, Any]) -> dict[str, Any]:
    return {key[:1].upper() + key[1:]: value for key, value in properties.items()}


def _refuse_others(properties: dict[str, Any], known: tuple[str, ...]) -> None:
    if others := properties.keys() - set(known):
        raise SystemExit(f"make_template does not know {', '.join(sorted(others))}: teach it")


def _outputs(resources: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{name.removesuffix('Trigger')}Url": {"Value": {"Fn::GetAtt": [name, "UrlInternet"]}}
        for name, resource in resources.items()
        if resource["Properties"].get("TriggerType") == "http"
    }


if __name__ == "__main__":
    sys.exit(main())
