"""What a function is, once s.yaml has been read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_ID = "1234567890123456"


@dataclass(frozen=True, slots=True)
class Hook:
    """A lifecycle hook (initializer or preStop); `timeout` in seconds."""

    handler: str
    timeout: int


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """An HTTP trigger; `auth_type` is anonymous, function or jwt."""

    name: str
    methods: frozenset[str]
    auth_type: str


@dataclass(frozen=True, slots=True)
class Function:
    """One function of s.yaml: memory in MB, timeout and age in seconds.

    `not_run` names its triggers and destinations that have no local counterpart yet.
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
    not_run: tuple[str, ...]
    max_async_retries: int
    max_async_age: int
    log_project: str
    log_store: str


@dataclass(frozen=True, slots=True)
class Application:
    """All functions of one s.yaml, and the resources the stub does not run with the reason."""

    path: Path
    functions: tuple[Function, ...]
    not_run: Mapping[str, str]
