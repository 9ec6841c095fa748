"""What a kind of fault has to say, and what it can do with the call that meets it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from aliyun_sms_emulator.faults.fault import Fault
from aliyun_sms_emulator.wire.written import Written


class Gone(Exception):
    """The caller has hung up, or the emulator was told to let go of those who wait."""


class Turn(Protocol):
    """One call that meets a fault, as the fault's kind sees it."""

    @property
    def fault(self) -> Fault:
        """The fault it meets."""

    async def hold(self, seconds: float) -> None:
        """Let real seconds pass; raises Gone when the caller does not wait so long."""

    async def true_answer(self) -> Written:
        """The platform's answer once it is there, or an invented one if there will be none."""

    def refusal(self, code: str, message: str, status: int) -> Written:
        """The answer of a refusal: the service's with status 200, else the gateway's."""

    async def send(self, whole: Written) -> None:
        """Answer as always."""

    async def send_slowly(self, whole: Written, pieces: list[bytes], pause: float) -> None:
        """Answer with the head of `whole` at once, then its body piece by piece."""

    async def break_off(self, sent: bytes, *, reset: bool) -> None:
        """Send bytes as they are, then end the connection with a TCP RST or FIN."""


class Unprocessed(Enum):
    """What becomes of a call whose fault is to come before it is processed."""

    PROCESSED = auto()  # the kind has no such moment
    REFUSED = auto()  # with the fault's code
    REPLACED = auto()  # nothing is done, and something else is answered
    CUT = auto()  # nothing is done, and no whole answer is given


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault. Nothing has a default: what a kind forgets, fails when it is loaded.

    `usual` is the fault when no field is given, `fields` are those it has of its own. `complete`
    checks what depends on several fields and adds what follows from others; it raises InvalidFault.
    """

    usual: Fault
    fields: tuple[str, ...]
    before: Unprocessed
    complete: Callable[[Fault, str], Fault]
    deliver: Callable[[Turn], Awaitable[None]]

    @property
    def refuses(self) -> bool:
        """Whether its calls are refused, rather than processed and answered otherwise."""
        return self.before is Unprocessed.REFUSED


def as_given(fault: Fault, _prefix: str) -> Fault:
    """Leave a fault as it is: no field depends on another."""
    return fault
