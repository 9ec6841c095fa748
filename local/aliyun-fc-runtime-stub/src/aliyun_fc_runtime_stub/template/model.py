"""What a function is, once s.yaml has been read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .schedule import Schedule

MAX_ASYNC_EVENT = 128 * 1024  # bytes ("Limits")


@dataclass(frozen=True, slots=True)
class Hook:
    """A lifecycle hook (initializer or preStop); `timeout` in seconds."""

    handler: str
    timeout: int


@dataclass(frozen=True, slots=True)
class Cors:
    """The corsConfig of an HTTP trigger; `max_age` in seconds, 0 for none."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    credentials: bool
    max_age: int


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """An HTTP trigger; `auth_type` is anonymous, function or jwt, `cors` None where it is not set.

    Without `cors` pages of all sites may read answers, as on Function Compute.
    """

    name: str
    methods: frozenset[str]
    auth_type: str
    cors: Cors | None = None


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """A timer; `expression` is its cronExpression, of which `schedule` is the meaning."""

    name: str
    expression: str
    schedule: Schedule
    enabled: bool
    payload: str


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """A trigger whose source is not on this machine.

    `send_event` is the command of fc-stub that plays it; the function's name comes after it.
    """

    name: str
    kind: str
    send_event: str


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """What is asked for at the start and ever after; times in seconds.

    An instance is healthy after `successes` checks in a row that succeed, and no longer is after
    `failures` in a row that fail.
    """

    path: str
    delay: int
    period: int
    timeout: int
    failures: int
    successes: int


@dataclass(frozen=True, slots=True)
class CustomRuntime:
    """The program of a custom runtime: its command with all arguments, and where it listens."""

    command: tuple[str, ...]
    port: int
    health_check: HealthCheck | None


class WithoutEffect(NamedTuple):
    """A property, such as `asyncInvokeConfig.asyncTask`, and why it has no effect here."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class Function:
    """One function of s.yaml: memory in MB, timeout and age in seconds.

    `name` is what it is called here: its functionName, or NAME@REGION where functions of several
    regions have that name.
    `on_success` and `on_failure` are the ARNs of the destinations of asynchronous invocations,
    empty where there is none. An instance takes `concurrency` requests at a time. `custom` is None
    for a built-in runtime. `without_effect`: what s.yaml sets, and the stub does not follow.
    `before_deploy`: the commands that s deploy runs first (actions), which the stub does not run.
    """

    resource: str
    name: str
    region: str
    runtime: str
    handler: str
    code: Path
    memory: int
    timeout: int
    environment: Mapping[str, str]
    role: str
    layers: tuple[str, ...]
    initializer: Hook | None
    pre_stop: Hook | None
    http_trigger: HttpTrigger | None
    timers: tuple[TimerTrigger, ...]
    event_triggers: tuple[EventTrigger, ...]
    max_async_retries: int
    max_async_age: int
    on_success: str
    on_failure: str
    log_project: str
    log_store: str
    concurrency: int
    custom: CustomRuntime | None
    without_effect: tuple[WithoutEffect, ...] = ()
    before_deploy: tuple[str, ...] = ()

    @property
    def starts_jar(self) -> bool:
        """Whether its code, if that is a .jar, is started and not unpacked (so in fc3)."""
        return self.custom is not None and "java -jar" in " ".join(self.custom.command)

    @property
    def function_name(self) -> str:
        """Its functionName, which holds no @."""
        return self.name.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Application:
    """All functions of one s.yaml, and the resources the stub does not run with the reason.

    `domains` are the names of its custom domains, in lower case, such as `sms.example.com` or
    `*.example.com`.
    """

    path: Path
    functions: tuple[Function, ...]
    not_run: Mapping[str, str]
    domains: frozenset[str] = frozenset()
