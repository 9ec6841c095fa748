"""Checks the properties of one fc3 resource and turns them into a `Function`.

Sources: the fc3 component (https://github.com/devsapp/fc3: src/schema.json, src/interface) and the
Function Compute pages "Limits", "Environment variables", "Lifecycle hooks for function instances".
The component itself stops on hardly any of these mistakes; the service would, later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from .errors import ConfigurationError
from .model import Function, Hook, HttpTrigger

PYTHON_RUNTIMES = ("python3.12", "python3.10", "python3.9", "python3")
_OTHER_RUNTIMES = re.compile(
    r"python2\.7|nodejs\d+|java\d+|php[\d.]+|dotnetcore[\d.]+|go1|custom.*|micro-sandbox"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_REQUIRED = ("region", "functionName", "runtime", "code", "handler")
_PROPERTIES = _words(
    """region functionName runtime code handler description memorySize cpu diskSize timeout
    internetAccess layers environmentVariables role vpcConfig nasConfig ossMountConfig logConfig
    instanceLifecycleConfig instanceConcurrency customRuntimeConfig customContainerConfig customDNS
    gpuConfig tracingConfig tags resourceGroupId sessionAffinity sessionAffinityConfig
    disableOndemand disableInjectCredentials idleTimeout enableLongLiving polarFsConfig
    instanceIsolationMode triggers customDomain asyncInvokeConfig concurrencyConfig provisionConfig
    scalingConfig vpcBinding endpoint"""
)
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"})
_TRIGGERS = _words("http timer oss log mns_topic cdn_events tablestore eventbridge")
_HTTP_KEYS = frozenset({"methods", "authType", "disableURLInternet", "authConfig", "corsConfig"})
_TIMER_KEYS = frozenset({"cronExpression", "enable", "payload"})
_HANDLER = re.compile(r"[A-Za-z_][\w./-]*\.[A-Za-z_]\w*")
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_VARIABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def unsupported_runtime(runtime: object) -> str:
    """Say why a runtime of FC is not run here; empty for those that are (and for unknown ones)."""
    if isinstance(runtime, str) and _OTHER_RUNTIMES.fullmatch(runtime):
        return f"runtime {runtime!r} is not one of {', '.join(PYTHON_RUNTIMES)}"
    return ""


class _Properties:
    """Typed access to a map of properties; every complaint names the place."""

    def __init__(self, values: Mapping[str, Any], place: tuple[str, ...]) -> None:
        self._values = values
        self.place = place

    def fail(self, name: str, message: str) -> NoReturn:
        raise ConfigurationError(message, *self.place, *([name] if name else []))

    def known(self, names: frozenset[str]) -> None:
        for name in self._values:
            if name not in names:
                self.fail(
                    str(name), f"is not a known property; known are {', '.join(sorted(names))}"
                )

    def get(self, name: str, kind: type, default: Any = None) -> Any:
        value = self._values.get(name, default)
        wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        if name in self._values and wrong:
            names = {str: "a string", int: "a whole number", dict: "a map", list: "a list"}
            self.fail(name, f"must be {names.get(kind, 'true or false')}, not {value!r}")
        return value

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        value: int = self.get(name, int, default)
        if not low <= value <= high:
            self.fail(name, f"must be {low} to {high}, not {value}")
        return value

    def below(self, name: str) -> _Properties | None:
        value = self.get(name, dict)
        return None if value is None else _Properties(value, (*self.place, name))

    def names(self) -> list[str]:
        return list(self._values)


def read_function(resource: str, props: Mapping[str, Any], path: Path) -> Function:
    """Check all properties of a resource; raises ConfigurationError with place and remedy."""
    given = _Properties(props, (path.name, resource, "props"))
    given.known(_PROPERTIES)
    for name in _REQUIRED:
        if name not in props:
            given.fail(name, "is missing")
    runtime = given.get("runtime", str)
    if runtime not in PYTHON_RUNTIMES:
        given.fail("runtime", f"{runtime!r} is unknown; use one of {', '.join(PYTHON_RUNTIMES)}")
    if not _FUNCTION_NAME.fullmatch(given.get("functionName", str)):
        given.fail("functionName", "must be 1-64 letters, digits, _ and -, not first a digit or -")
    http_trigger, others = _triggers(given)
    retries, age, destinations = _async(given)
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
        http_trigger=http_trigger,
        not_run=others + destinations,
        max_async_retries=retries,
        max_async_age=age,
        log_project=str(log.get("project", "")),
        log_store=str(log.get("logstore", "")),
    )


def _handler(given: _Properties, name: str) -> str:
    value: str = given.get(name, str, "")
    if not _HANDLER.fullmatch(value):
        given.fail(name, f"must be file.method, such as index.handler, not {value!r}")
    return value


def _code(given: _Properties, path: Path) -> Path:
    code = given.get("code", str) if not isinstance(given.get("code", object), dict) else None
    if code is None or code.startswith(("http://", "https://")):
        given.fail("code", "is not on this machine; locally it must be a folder, file or .zip")
    found: Path = (path.parent / code).resolve()
    if not found.exists():
        given.fail("code", f"there is no {code!r} beside {path.name}")
    return found


def _memory(given: _Properties) -> int:
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


def _environment(given: _Properties) -> dict[str, str]:
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
    size = sum(len(value.encode("utf-8", "surrogatepass")) for value in found.values())
    if size > 4096:
        given.fail("environmentVariables", f"all values together must be 4096 bytes, not {size}")
    return found


def _layers(given: _Properties) -> tuple[str, ...]:
    layers = given.get("layers", list, [])
    if not all(isinstance(layer, str) for layer in layers) or len(layers) > 5:
        given.fail("layers", "must be a list of at most 5 layer ARNs")
    return tuple(layers)


def _hook(hooks: _Properties | None, name: str, longest: int) -> Hook | None:
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


def _async(given: _Properties) -> tuple[int, int, tuple[str, ...]]:
    """maxAsyncRetryAttempts 0-8 (default 3); maxAsyncEventAgeInSeconds (default 18000)."""
    config = given.below("asyncInvokeConfig")
    if config is None:
        return 3, 18000, ()
    config.known(
        _words(
            "maxAsyncRetryAttempts maxAsyncEventAgeInSeconds destinationConfig asyncTask qualifier"
        )
    )
    retries = config.whole("maxAsyncRetryAttempts", 0, 8, 3)
    age = config.whole("maxAsyncEventAgeInSeconds", 1, 2592000, 18000)
    destinations = config.below("destinationConfig") or _Properties({}, config.place)
    destinations.known(frozenset({"onSuccess", "onFailure"}))
    return retries, age, tuple(f"destination {name}" for name in destinations.names())


def _triggers(given: _Properties) -> tuple[HttpTrigger | None, tuple[str, ...]]:
    http: HttpTrigger | None = None
    others: list[str] = []
    for index, value in enumerate(given.get("triggers", list, [])):
        if not isinstance(value, dict):
            given.fail("triggers", f"{index}: must be a map")
        trigger = _Properties(value, (*given.place, "triggers", str(index)))
        trigger.known(
            _words(
                "triggerName triggerType triggerConfig description qualifier sourceArn "
                "invocationRole"
            )
        )
        kind, name = trigger.get("triggerType", str), trigger.get("triggerName", str)
        if kind not in _TRIGGERS:
            trigger.fail("triggerType", f"{kind!r} is none of {', '.join(sorted(_TRIGGERS))}")
        if not name:
            trigger.fail("triggerName", "is missing")
        config = trigger.below("triggerConfig") or _Properties({}, trigger.place)
        if kind == "http":
            if http is not None:
                trigger.fail("triggerType", "a function version has at most one http trigger")
            http = _http_trigger(name, config)
        else:
            if kind == "timer":
                _check_timer(config)
            others.append(f"{kind} {name}")
    return http, tuple(others)


def _http_trigger(name: str, config: _Properties) -> HttpTrigger:
    config.known(_HTTP_KEYS)
    methods = config.get("methods", list, [])
    if not methods:
        config.fail("methods", "is missing: list the methods, such as [GET, POST]")
    for method in methods:
        if method not in _METHODS:
            config.fail("methods", f"{method!r} is none of {', '.join(sorted(_METHODS))}")
    auth_type = config.get("authType", str, "function")
    if auth_type not in {"anonymous", "function", "jwt"}:
        config.fail("authType", f"must be anonymous, function or jwt, not {auth_type!r}")
    return HttpTrigger(name, frozenset(methods), auth_type)


def _check_timer(config: _Properties) -> None:
    config.known(_TIMER_KEYS)
    expression = config.get("cronExpression", str, "")
    every = re.fullmatch(r"@every \d+[smh](\d+[smh])*", expression)
    if not every and len(re.sub(r"^CRON_TZ=\S+ ", "", expression).split()) != 6:
        config.fail("cronExpression", "must be '@every 5m' or six cron fields (UTC)")
    config.get("enable", bool, True)
    config.get("payload", str, "")
