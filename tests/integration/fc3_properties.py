"""What the fc3 component's properties may be, checked more strictly than `s deploy` does.

Sources: the component's schema (github.com/devsapp/fc3, src/schema.json and src/interface), which
lets unknown keys, empty functions and impossible sizes through; the limits of Function Compute's
product overview; "Configure environment variables" for names and size.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Properties = Mapping[str, Any]

FUNCTION: dict[str, type] = {
    "region": str,
    "functionName": str,
    "description": str,
    "runtime": str,
    "code": str,
    "handler": str,
    "memorySize": int,
    "cpu": float,
    "diskSize": int,
    "timeout": int,
    "role": str,
    "logConfig": dict,
    "environmentVariables": dict,
    "asyncInvokeConfig": dict,
    "triggers": list,
}
LOG_CONFIG: dict[str, type] = {
    "project": str,
    "logstore": str,
    "enableRequestMetrics": bool,
    "enableInstanceMetrics": bool,
    "logBeginRule": str,
}
ASYNC_INVOKE_CONFIG: dict[str, type] = {"maxAsyncRetryAttempts": int}
TRIGGER: dict[str, type] = {"triggerName": str, "triggerType": str, "triggerConfig": dict}
TRIGGER_CONFIGS: dict[str, dict[str, type]] = {
    "http": {"authType": str, "methods": list},
    "timer": {"cronExpression": str, "enable": bool, "payload": str},
    "mns_topic": {"notifyContentFormat": str, "notifyStrategy": str},
    "oss": {"events": list, "filter": dict},
    "eventbridge": {
        "triggerEnable": bool,
        "asyncInvocationType": bool,
        "eventRuleFilterPattern": str,
        "eventSourceConfig": dict,
    },
}
SOURCES = {
    "mns_topic": re.compile(r"acs:mns:[a-z0-9-]+:[0-9]+:/topics/[A-Za-z0-9-]+"),
    "oss": re.compile(r"acs:oss:[a-z0-9-]+:[0-9]+:[a-z0-9-]+"),
}
CRON = re.compile(r"@every [0-9]+[smh]|\S+( \S+){5}")

PYTHON_RUNTIMES = {"python3.9", "python3.10", "python3.12"}
METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def findings(properties: Properties, root: Path) -> list[str]:
    """Return what is wrong with one function's properties; `root` is the folder of s.yaml."""
    found = list(_shape({"triggers": [], **properties}, FUNCTION, "function"))
    if found:
        return found
    found += _sizes(properties)
    found += _environment(properties["environmentVariables"])
    found += _shape(properties["logConfig"], LOG_CONFIG, "logConfig")
    found += _shape(properties["asyncInvokeConfig"], ASYNC_INVOKE_CONFIG, "asyncInvokeConfig")
    found += _triggers(properties.get("triggers", []))
    found += _handler(properties, root)
    if not NAME.fullmatch(properties["functionName"]):
        found.append("functionName: is none")
    if properties["runtime"] not in PYTHON_RUNTIMES:
        found.append("runtime: is no Python of Function Compute")
    return found


def _shape(properties: Properties, types: Mapping[str, type], place: str) -> Iterator[str]:
    """Every property there, none unknown, each of its type."""
    for name in properties.keys() ^ types.keys():
        yield f"{place}.{name}: is {'unknown' if name in properties else 'missing'}"
    for name in properties.keys() & types.keys():
        if type(properties[name]) is not types[name]:
            yield f"{place}.{name}: is not of type {types[name].__name__}"


def _sizes(properties: Properties) -> Iterator[str]:
    memory, cpu = properties["memorySize"], properties["cpu"]
    if not 128 <= memory <= 32768 or memory % 64:
        yield "memorySize: is not 128..32768 in steps of 64"
    if not 0.05 <= cpu <= 16 or round(cpu * 100) % 5:
        yield "cpu: is not 0.05..16 in steps of 0.05"
    if not 1 <= memory / 1024 / cpu <= 4:
        yield "cpu: is not 1:1 to 1:4 of the memory in GB"
    if properties["diskSize"] not in {512, 10240}:
        yield "diskSize: is neither 512 nor 10240"
    if not 1 <= properties["timeout"] <= 86400:
        yield "timeout: is not 1..86400"


def _environment(variables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in variables.items():
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or name.startswith("FC_"):
            yield f"environmentVariables.{name}: the name is not allowed"
        if not isinstance(value, str):
            yield f"environmentVariables.{name}: is no string"
    if sum(len(f"{name}{value}".encode()) for name, value in variables.items()) > 4096:
        yield "environmentVariables: are larger than 4 KB together"


def _triggers(triggers: list[Properties]) -> Iterator[str]:
    names = [trigger.get("triggerName") for trigger in triggers]
    if len(set(names)) != len(names):
        yield "triggers: two of one name"
    for trigger in triggers:
        kind = trigger.get("triggerType")
        if kind not in TRIGGER_CONFIGS:
            yield "trigger.triggerType: is unknown"
            continue
        with_source = {"sourceArn": str} if kind in SOURCES else {}
        yield from _shape(trigger, {**TRIGGER, **with_source}, "trigger")
        config = trigger.get("triggerConfig", {})
        yield from _shape(config, TRIGGER_CONFIGS[kind], "triggerConfig")
        if kind == "http":
            yield from _http(config)
        if kind in SOURCES and not SOURCES[kind].fullmatch(trigger.get("sourceArn", "")):
            yield "trigger.sourceArn: names no source of this trigger"
        if kind == "timer" and not CRON.fullmatch(config.get("cronExpression", "")):
            yield "triggerConfig.cronExpression: is none"


def _http(config: Properties) -> Iterator[str]:
    if config.get("authType") not in {"anonymous", "function"}:
        yield "triggerConfig.authType: is unknown, or needs an authConfig as jwt does"
    methods = config.get("methods", [])
    if not methods or len(set(methods)) != len(methods):
        yield "triggerConfig.methods: holds none, or one twice"
    if not METHODS.issuperset(methods):
        yield "triggerConfig.methods: holds an unknown one"


def _handler(properties: Properties, root: Path) -> Iterator[str]:
    module, _, function = properties["handler"].rpartition(".")
    path = root / properties["code"] / f"{module}.py"
    if not path.is_file():
        yield "handler: its file is missing"
        return
    defined = {node.name for node in ast.parse(path.read_text()).body if hasattr(node, "name")}
    if function not in defined:
        yield "handler: its function is missing"
