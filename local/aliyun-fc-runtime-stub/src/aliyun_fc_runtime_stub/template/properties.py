"""Checks the properties of one fc3 resource and turns them into a `Function`.

Sources: the fc3 component (https://github.com/devsapp/fc3: src/schema.json, src/interface) and the
Function Compute pages "Limits", "Environment variables", "Lifecycle hooks for function instances".
The component itself stops on hardly any of these mistakes; the service would, later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .model import Function, Hook
from .property_map import PropertyMap, words
from .triggers import read_triggers

PYTHON_RUNTIMES = ("python3.12", "python3.10", "python3.9", "python3")
_OTHER_RUNTIMES = re.compile(
    r"python2\.7|nodejs\d+|java\d+|php[\d.]+|dotnetcore[\d.]+|go1|custom.*|micro-sandbox"
)


_REQUIRED = ("region", "functionName", "runtime", "code", "handler")
_PROPERTIES = words(
    """region functionName runtime code handler description memorySize cpu diskSize timeout
    internetAccess layers environmentVariables role vpcConfig nasConfig ossMountConfig logConfig
    instanceLifecycleConfig instanceConcurrency customRuntimeConfig customContainerConfig customDNS
    gpuConfig tracingConfig tags resourceGroupId sessionAffinity sessionAffinityConfig
    disableOndemand disableInjectCredentials idleTimeout enableLongLiving polarFsConfig
    instanceIsolationMode triggers customDomain asyncInvokeConfig concurrencyConfig provisionConfig
    scalingConfig vpcBinding endpoint"""
)
_HANDLER = re.compile(r"[A-Za-z_][\w./-]*\.[A-Za-z_]\w*")
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_VARIABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def unsupported_runtime(runtime: object) -> str:
    """Say why a runtime of FC is not run here; empty for those that are (and for unknown ones)."""
    if isinstance(runtime, str) and _OTHER_RUNTIMES.fullmatch(runtime):
        return f"runtime {runtime!r} is not one of {', '.join(PYTHON_RUNTIMES)}"
    return ""


def read_function(resource: str, props: Mapping[str, Any], path: Path) -> Function:
    """Check all properties of a resource; raises ConfigurationError with place and remedy."""
    given = PropertyMap(props, (path.name, resource, "props"))
    given.known(_PROPERTIES)
    for name in _REQUIRED:
        if name not in props:
            given.fail(name, "is missing")
    runtime = given.get("runtime", str)
    if runtime not in PYTHON_RUNTIMES:
        given.fail("runtime", f"{runtime!r} is unknown; use one of {', '.join(PYTHON_RUNTIMES)}")
    if not _FUNCTION_NAME.fullmatch(given.get("functionName", str)):
        given.fail("functionName", "must be 1-64 letters, digits, _ and -, not first a digit or -")
    triggers = read_triggers(given)
    retries, age, on_success, on_failure = _async(given)
    hooks = given.below("instanceLifecycleConfig")
    log = props.get("logConfig")
    log = log if isinstance(log, dict) else {}
    return Function(
        resource=resource,
        name=given.get("functionName", str),
        region=given.get("region", str),
        runtime=runtime,
        handler=_handler(given, "handler"),
        code=_code(given, path),
        memory=_memory(given),
        timeout=given.whole("timeout", 1, 86400, 3),
        environment=_environment(given),
        role=given.get("role", str, ""),
        layers=_layers(given),
        initializer=_hook(hooks, "initializer", 300),
        pre_stop=_hook(hooks, "preStop", 90),
        http_trigger=triggers.http,
        timers=triggers.timers,
        event_triggers=triggers.others,
        max_async_retries=retries,
        max_async_age=age,
        on_success=on_success,
        on_failure=on_failure,
        log_project=str(log.get("project", "")),
        log_store=str(log.get("logstore", "")),
    )


def _handler(given: PropertyMap, name: str) -> str:
    value: str = given.get(name, str, "")
    if not _HANDLER.fullmatch(value):
        given.fail(name, f"must be file.method, such as index.handler, not {value!r}")
    return value


def _code(given: PropertyMap, path: Path) -> Path:
    code = given.get("code", str) if not isinstance(given.get("code", object), dict) else None
    if code is None or code.startswith(("http://", "https://")):
        given.fail("code", "is not on this machine; locally it must be a folder, file or .zip")
    found: Path = (path.parent / code).resolve()
    if not found.exists():
        given.fail("code", f"there is no {code!r} beside {path.name}")
    return found


def _memory(given: PropertyMap) -> int:
    """memorySize: 128-32768 MB in steps of 64; cpu: 0.05-16 in steps of 0.05; cpu:GB 1:1 to 1:4."""
    memory = given.whole("memorySize", 128, 32768, 512)
    if memory % 64:
        given.fail("memorySize", f"must be a multiple of 64, not {memory}")
    if "diskSize" in given.names() and given.get("diskSize", int) not in {512, 10240}:
        given.fail("diskSize", "must be 512 or 10240")
    cpu = given.get("cpu", object)
    if cpu is None:
        return memory
    if isinstance(cpu, bool) or not isinstance(cpu, (int, float)) or not 0.05 <= cpu <= 16:
        given.fail("cpu", f"must be a number from 0.05 to 16, not {cpu!r}")
    if abs(cpu * 20 - round(cpu * 20)) > 1e-6:
        given.fail("cpu", f"must be a multiple of 0.05, not {cpu}")
    if not 1 - 1e-9 <= memory / 1024 / cpu <= 4 + 1e-9:
        given.fail("cpu", f"{cpu} vCPU to {memory} MB: the ratio of vCPU to GB must be 1:1 to 1:4")
    return memory


def _environment(given: PropertyMap) -> dict[str, str]:
    """Names: a letter, then letters, digits, _; not FC_; at most 4 KB ("Environment variables")."""
    variables = given.below("environmentVariables")
    if variables is None:
        return {}
    found: dict[str, str] = {}
    for name in variables.names():
        if not _VARIABLE_NAME.fullmatch(str(name)):
            variables.fail(str(name), "a name starts with a letter; then letters, digits and _")
        if name.startswith("FC_"):
            variables.fail(name, "the prefix FC_ is reserved; choose another name")
        found[name] = variables.get(name, str)
        if "\0" in found[name]:
            variables.fail(name, "holds a zero byte")
    size = sum(len(value.encode("utf-8", "surrogatepass")) for value in found.values())
    if size > 4096:
        given.fail("environmentVariables", f"all values together must be 4096 bytes, not {size}")
    return found


def _layers(given: PropertyMap) -> tuple[str, ...]:
    layers = given.get("layers", list, [])
    if not all(isinstance(layer, str) for layer in layers) or len(layers) > 5:
        given.fail("layers", "must be a list of at most 5 layer ARNs")
    return tuple(layers)


def _hook(hooks: PropertyMap | None, name: str, longest: int) -> Hook | None:
    if hooks is None:
        return None
    hooks.known(frozenset({"initializer", "preStop"}))
    hook = hooks.below(name)
    if hook is None:
        return None
    hook.known(frozenset({"handler", "timeout", "command"}))
    if "command" in hook.names():
        hook.fail("command", "is for custom runtimes; python runtimes take a handler")
    return Hook(_handler(hook, "handler"), hook.whole("timeout", 1, longest, min(3, longest)))


def _async(given: PropertyMap) -> tuple[int, int, str, str]:
    """maxAsyncRetryAttempts 0-8 (default 3); maxAsyncEventAgeInSeconds (default 18000)."""
    config = given.below("asyncInvokeConfig")
    if config is None:
        return 3, 18000, "", ""
    config.known(
        words(
            "maxAsyncRetryAttempts maxAsyncEventAgeInSeconds destinationConfig asyncTask qualifier"
        )
    )
    retries = config.whole("maxAsyncRetryAttempts", 0, 8, 3)
    age = config.whole("maxAsyncEventAgeInSeconds", 1, 2592000, 18000)
    destinations = config.below("destinationConfig") or PropertyMap({}, config.place)
    destinations.known(frozenset({"onSuccess", "onFailure"}))
    return (
        retries,
        age,
        _destination(destinations, "onSuccess"),
        _destination(destinations, "onFailure"),
    )


def _destination(given: PropertyMap, name: str) -> str:
    config = given.below(name)
    if config is None:
        return ""
    config.known(frozenset({"destination"}))
    arn: str = config.get("destination", str, "")
    if arn and not arn.startswith("acs:"):
        config.fail(
            "destination",
            f"must be an ARN such as acs:fc:REGION:ACCOUNT:functions/NAME, not {arn!r}",
        )
    return arn
