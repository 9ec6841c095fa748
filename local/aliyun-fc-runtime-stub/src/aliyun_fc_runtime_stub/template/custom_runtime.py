"""How the program of a custom runtime is started, and when it is ready.

Sources: "CustomRuntimeConfig" and "CustomHealthCheckConfig" of the API 2023-03-30, and "Configure
instance concurrency".
"""

from __future__ import annotations

from .model import CustomRuntime, HealthCheck
from .property_map import PropertyMap, words

CUSTOM_RUNTIMES = ("custom", "custom.debian10", "custom.debian11", "custom.debian12")
MOST_CONCURRENT = 200
_DEFAULT_PORT = 9000
_DEFAULT_COMMAND = ("/code/bootstrap",)


def is_custom(runtime: object) -> bool:
    """Say whether a runtime of s.yaml is a custom one (not: a custom container)."""
    return runtime in CUSTOM_RUNTIMES


def read_custom_runtime(given: PropertyMap) -> CustomRuntime | None:
    """Read `customRuntimeConfig`; None for runtimes that it does not belong to."""
    config = given.below("customRuntimeConfig")
    if not is_custom(given.get("runtime", str)):
        if config is not None and config.names():
            given.without_effect("customRuntimeConfig", "it belongs to custom runtimes")
        return None
    config = config or given.inside({}, "customRuntimeConfig")
    config.known(words("command args port healthCheckConfig"))
    command = _texts(config, "command")
    arguments = _texts(config, "args")
    if arguments and not command:
        config.fail("command", "is missing: args are its arguments")
    return CustomRuntime(
        command=(*command, *arguments) or _DEFAULT_COMMAND,
        port=config.whole("port", 1, 65535, _DEFAULT_PORT),
        health_check=_health_check(config),
    )


def read_concurrency(given: PropertyMap) -> int:
    """Read `instanceConcurrency`: 1 to 200 in custom runtimes, 1 in all others."""
    concurrency = given.whole("instanceConcurrency", 1, MOST_CONCURRENT, 1)
    if concurrency > 1 and not is_custom(given.get("runtime", str)):
        reason = "an instance of a built-in runtime takes one request at a time"
        given.without_effect("instanceConcurrency", reason)
        return 1
    return concurrency


def _texts(config: PropertyMap, name: str) -> tuple[str, ...]:
    texts = config.get(name, list, [])
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        config.fail(name, "must be a list of strings, such as [python3, server.py]")
    if texts and not texts[0]:
        config.fail(name, "begins with an empty string")
    return tuple(texts)


def _health_check(config: PropertyMap) -> HealthCheck | None:
    check = config.below("healthCheckConfig")
    if check is None or not check.names():
        return None
    check.known(
        words(
            "httpGetUrl initialDelaySeconds periodSeconds timeoutSeconds failureThreshold "
            "successThreshold"
        )
    )
    path = check.get("httpGetUrl", str, "")
    if not path:
        check.fail("httpGetUrl", "is missing: the path that is asked for, such as /ready")
    if not path.startswith("/") or len(path) > 2048 or not path.isascii() or not path.isprintable():
        check.fail("httpGetUrl", f"must be a path of at most 2048 characters, not {path!r}")
    return HealthCheck(
        path=path,
        delay=check.whole("initialDelaySeconds", 0, 120, 0),
        period=check.whole("periodSeconds", 1, 120, 3),
        timeout=check.whole("timeoutSeconds", 1, 3, 1),
        failures=check.whole("failureThreshold", 1, 120, 3),
        successes=check.whole("successThreshold", 1, 120, 1),
    )
