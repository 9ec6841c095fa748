"""Which runtime has which kind of instance: one row a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..template.custom_runtime import is_custom
from ..template.model import Function
from .built_in import BuiltInInstance
from .custom.instance import CustomInstance
from .instance import Instance, InstanceSettings


class InstanceKind(NamedTuple):
    """One kind; `make` returns an instance that is not started yet.

    `takes_requests`: whether calls of an HTTP trigger reach it as requests (custom runtimes), not
    as events that are made of them.
    """

    make: Callable[[Function, InstanceSettings], Instance]
    takes_requests: bool


_BUILT_IN = InstanceKind(BuiltInInstance, takes_requests=False)
_CUSTOM = InstanceKind(CustomInstance, takes_requests=True)


def kind_of(runtime: str) -> InstanceKind:
    """Return the kind of a runtime that s.yaml may name."""
    return _CUSTOM if is_custom(runtime) else _BUILT_IN
