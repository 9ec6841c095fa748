"""The properties of one fc3 resource: one row each, how it is read and what it has no effect on.

Sources: the fc3 component (https://github.com/devsapp/fc3: src/schema.json, src/interface) and the
Function Compute pages "Limits", "Environment variables", "Lifecycle hooks for function instances".
The component itself stops on hardly any of these mistakes; the service would, later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .custom_runtime import CUSTOM_RUNTIMES, is_custom, read_concurrency, read_custom_runtime
from .model import Function, Hook
from .property_map import PropertyMap, words
from .triggers import read_triggers

PYTHON_RUNTIMES = ("python3.12", "python3.10", "python3.9", "python3")
RUNTIMES = (*PYTHON_RUNTIMES, *CUSTOM_RUNTIMES)
_OTHER_RUNTIMES = re.compile(
    r"python2\.7|nodejs\d+|java\d+|php[\d.]+|dotnetcore[\d.]+|go1|micro-sandbox"
)
_HANDLER = re.compile(r"[A-Za-z_][\w./-]*\.[A-Za-z_]\w*")
_CUSTOM_HANDLER = "handler"  # what the fc3 component sends where there is none
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_VARIABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

Fields = Mapping[str, Any]
"""Fields of a `Function` by name."""


def unsupported_runtime(runtime: object) -> str:
    """Say why a runtime of FC is not run here; empty for those that are (and for unknown ones)."""
    if runtime == "custom-container":
        return "custom containers are not run here; custom runtimes are"
    if isinstance(runtime, str) and _OTHER_RUNTIMES.fullmatch(runtime):
        return f"runtime {runtime!r} is not one of {', '.join(RUNTIMES)}"
    return ""


def _name(given: PropertyMap) -> Fields:
    name = given.get("functionName", str)
    if not _FUNCTION_NAME.fullmatch(name):
        given.fail("functionName", "must be 1-64 letters, digits, _ and -, not first a digit or -")
    return {"name": name}


def _runtime(given: PropertyMap) -> Fields:
    runtime = given.get("runtime", str)
    if runtime not in RUNTIMES:
        given.fail("runtime", f"{runtime!r} is unknown; use one of {', '.join(RUNTIMES)}")
    return {"runtime": runtime}


def _code(given: PropertyMap) -> Fields:
    """Check `code`; its path is made absolute by `read_function`, which knows where s.yaml is."""
    code = given.get("code", str) if not isinstance(given.get("code", object), dict) else None
    if code is None or code.startswith(("http://", "https://")):
        given.fail("code", "is not on this machine; locally it must be a folder, file or .zip")
    return {"code": code}


def _handler(given: PropertyMap, name: str = "handler") -> str:
    value: str = given.get(name, str, "")
    if not _HANDLER.fullmatch(value):
        given.fail(name, f"must be file.method, such as index.handler, not {value!r}")
    return value


def _main_handler(given: PropertyMap) -> Fields:
    """Check `handler`; for a custom runtime it is any text, which its program may look at."""
    if is_custom(given.get("runtime", str)):
        return {"handler": given.get("handler", str, _CUSTOM_HANDLER)}
    if "handler" not in given.names():
        given.fail("handler", "is missing")
    return {"handler": _handler(given)}


def _memory(given: PropertyMap) -> Fields:
    """memorySize: 128-32768 MB in steps of 64."""
    memory = given.whole("memorySize", 128, 32768, 512)
    if memory % 64:
        given.fail("memorySize", f"must be a multiple of 64, not {memory}")
    return {"memory": memory}


def _disk(given: PropertyMap) -> Fields:
    if "diskSize" in given.names() and given.get("diskSize", int) not in {512, 10240}:
        given.fail("diskSize", "must be 512 or 10240")
    return {}


def _cpu(given: PropertyMap) -> Fields:
    """cpu: 0.05-16 in steps of 0.05; cpu:GB 1:1 to 1:4."""
    cpu = given.get("cpu", object)
    if cpu is None:
        return {}
    if isinstance(cpu, bool) or not isinstance(cpu, (int, float)) or not 0.05 <= cpu <= 16:
        given.fail("cpu", f"must be a number from 0.05 to 16, not {cpu!r}")
    if abs(cpu * 20 - round(cpu * 20)) > 1e-6:
        given.fail("cpu", f"must be a multiple of 0.05, not {cpu}")
    memory = _memory(given)["memory"]
    if not 1 - 1e-9 <= memory / 1024 / cpu <= 4 + 1e-9:
        given.fail("cpu", f"{cpu} vCPU to {memory} MB: the ratio of vCPU to GB must be 1:1 to 1:4")
    return {}


def _environment(given: PropertyMap) -> Fields:
    """Names: a letter, then letters, digits, _; not FC_; at most 4 KB ("Environment variables")."""
    place = "environmentVariables"
    variables = given.below(place) or given.inside({}, place)
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
        given.fail(place, f"all values together must be 4096 bytes, not {size}")
    return {"environment": found}


def _layers(given: PropertyMap) -> Fields:
    layers = given.get("layers", list, [])
    if not all(isinstance(layer, str) for layer in layers) or len(layers) > 5:
        given.fail("layers", "must be a list of at most 5 layer ARNs")
    return {"layers": tuple(layers)}


def _hooks(given: PropertyMap) -> Fields:
    hooks = given.below("instanceLifecycleConfig")
    if hooks is None:
        return {}
    hooks.known(frozenset({"initializer", "preStop"}))
    return {
        "initializer": _hook(given, hooks, "initializer", 300),
        "pre_stop": _hook(given, hooks, "preStop", 90),
    }


def _hook(given: PropertyMap, hooks: PropertyMap, name: str, longest: int) -> Hook | None:
    hook = hooks.below(name)
    if hook is None:
        return None
    hook.known(frozenset({"handler", "timeout", "command"}))
    if hook.get("command", list, []):
        hook.fail("command", "is for functions with a GPU; others take a handler")
    timeout = hook.whole("timeout", 1, longest, min(3, longest))
    if not is_custom(given.get("runtime", str)):
        return Hook(_handler(hook), timeout)
    # Of a custom runtime it only says that there is a hook: its program is asked by a path.
    handler = hook.get("handler", str, "")
    return Hook(handler, timeout) if handler else None


def _triggers(given: PropertyMap) -> Fields:
    triggers = read_triggers(given)
    return {
        "http_trigger": triggers.http,
        "timers": triggers.timers,
        "event_triggers": triggers.others,
    }


def _async(given: PropertyMap) -> Fields:
    """maxAsyncRetryAttempts 0-8 (default 3); maxAsyncEventAgeInSeconds (default 18000)."""
    config = given.below("asyncInvokeConfig")
    if config is None:
        return {}
    config.known(
        words(
            "maxAsyncRetryAttempts maxAsyncEventAgeInSeconds destinationConfig asyncTask qualifier"
        )
    )
    if config.get("asyncTask", bool, False):
        config.without_effect("asyncTask", "tasks run as plain asynchronous invocations")
    config.latest()
    destinations = config.below("destinationConfig") or config.inside({}, "destinationConfig")
    destinations.known(frozenset({"onSuccess", "onFailure"}))
    return {
        "max_async_retries": config.whole("maxAsyncRetryAttempts", 0, 8, 3),
        "max_async_age": config.whole("maxAsyncEventAgeInSeconds", 1, 2592000, 18000),
        "on_success": _destination(destinations, "onSuccess"),
        "on_failure": _destination(destinations, "onFailure"),
    }


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


def _log(given: PropertyMap) -> Fields:
    log = given.get("logConfig", object)
    log = log if isinstance(log, dict) else {}
    return {
        "log_project": str(log.get("project", "")),
        "log_store": str(log.get("logstore", "")),
    }


def _nothing(_given: PropertyMap) -> Fields:
    """Read nothing: the stub has no use for it."""
    return {}


class Property(NamedTuple):
    """One property: `read` checks it, and returns the fields of a Function that it sets.

    `no_effect` says why the property changes nothing here, empty if it does change something or
    is of no consequence anywhere (tags). Nothing is said of a value that is among `usual`: what
    holds anyway.
    """

    name: str
    read: Callable[[PropertyMap], Fields] = _nothing
    required: bool = False
    no_effect: str = ""
    usual: tuple[object, ...] = (None, "", {}, [])


_HARDWARE = "an instance takes what this machine has; only memorySize is a limit"
_NETWORK = "functions reach what this machine reaches"
_MOUNT = "nothing is mounted: the folders are missing here, unless this machine has them"
_SESSION = "any instance may get any request"
_PROVISION = "instances start when requests need them"

PROPERTIES = (
    Property("region", lambda given: {"region": given.get("region", str)}, required=True),
    Property("functionName", _name, required=True),
    Property("runtime", _runtime, required=True),
    Property("code", _code, required=True),
    Property("handler", _main_handler),
    Property("description"),
    Property("memorySize", _memory),
    Property("cpu", _cpu, no_effect=_HARDWARE),
    Property("diskSize", _disk, no_effect=_HARDWARE),
    Property("timeout", lambda given: {"timeout": given.whole("timeout", 1, 86400, 3)}),
    Property("environmentVariables", _environment),
    Property("role", lambda given: {"role": given.get("role", str, "")}),
    Property("layers", _layers),
    Property("instanceLifecycleConfig", _hooks),
    Property("triggers", _triggers),
    Property("asyncInvokeConfig", _async),
    Property("logConfig", _log, no_effect="logs are printed here, not kept in Log Service"),
    Property("internetAccess", no_effect=_NETWORK, usual=(None, True)),
    Property("vpcConfig", no_effect=_NETWORK),
    Property("vpcBinding", no_effect=_NETWORK),
    Property("customDNS", no_effect="names are resolved as on this machine"),
    Property("nasConfig", no_effect=_MOUNT),
    Property("ossMountConfig", no_effect=_MOUNT),
    Property("polarFsConfig", no_effect=_MOUNT),
    Property("tracingConfig", no_effect="no trace is kept"),
    Property("gpuConfig", no_effect="an instance sees no other GPU than this machine has"),
    Property("instanceConcurrency", lambda given: {"concurrency": read_concurrency(given)}),
    Property("sessionAffinity", no_effect=_SESSION, usual=(None, "", "NONE")),
    Property("sessionAffinityConfig", no_effect=_SESSION),
    Property("instanceIsolationMode", no_effect=_SESSION, usual=(None, "", "SHARE")),
    Property("enableLongLiving", no_effect="instances end as others do", usual=(None, False)),
    Property("idleTimeout", no_effect="--idle-seconds says when an idle instance ends"),
    Property("disableOndemand", no_effect=_PROVISION, usual=(None, False)),
    Property("concurrencyConfig", no_effect="--max-instances limits the instances"),
    Property("provisionConfig", no_effect=_PROVISION),
    Property("scalingConfig", no_effect=_PROVISION),
    Property(
        "disableInjectCredentials",
        no_effect="keys are injected where there is a role",
        usual=(None, "", "None"),
    ),
    Property("customDomain", no_effect="no domain leads here; the addresses are printed"),
    Property("customRuntimeConfig", lambda given: {"custom": read_custom_runtime(given)}),
    Property("customContainerConfig", no_effect="it belongs to custom containers"),
    Property("tags"),
    Property("resourceGroupId"),
    Property("endpoint"),
)
_NAMES = frozenset(row.name for row in PROPERTIES)
_DEFAULTS: Fields = {
    "initializer": None,
    "pre_stop": None,
    "max_async_retries": 3,
    "max_async_age": 18000,
    "on_success": "",
    "on_failure": "",
}


def read_function(resource: str, props: Mapping[str, Any], path: Path) -> Function:
    """Check all properties of a resource; raises ConfigurationError with place and remedy."""
    given = PropertyMap(props, (path.name, resource, "props"))
    given.known(_NAMES)
    for row in PROPERTIES:
        if row.required and row.name not in props:
            given.fail(row.name, "is missing")
    fields: dict[str, Any] = {**_DEFAULTS, "resource": resource}
    for row in PROPERTIES:
        fields |= row.read(given)
        if row.no_effect and props.get(row.name) not in row.usual:
            given.without_effect(row.name, row.no_effect)
    fields["code"] = _found(given, fields["code"], path)
    return Function(**fields, without_effect=tuple(given.notes))


def _found(given: PropertyMap, code: str, path: Path) -> Path:
    found = (path.parent / code).resolve()
    if not found.exists():
        given.fail("code", f"there is no {code!r} beside {path.name}")
    return found
