"""What an operation of the platform has to say of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.wire.answers import Dialect


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. Nothing has a default: what one forgets, fails when it is loaded.

    `required` are the parameters that must be neither absent nor empty, in the order in which the
    gateway misses them; `dialect` says how answers name their result.
    """

    version: str
    name: str
    required: tuple[str, ...]
    run: Callable[[Call], dict[str, object]]
    dialect: Dialect
