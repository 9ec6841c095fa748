"""What every kind of instance fulfils, and what it is given.

The pool (`pool.py`) knows instances by this alone; `kinds.py` says which runtime has which kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .invocation import Call, Invocation


@dataclass(frozen=True, slots=True)
class InstanceSettings:
    """How the instances of a function are run: by which Python, from where, how many.

    An instance that has had no request for `idle_seconds` ends. The program of a custom runtime has
    `start_seconds` to open its port. `notice` is told what happens
    between requests: a text and the log that belongs to it.
    """

    python: Path
    code: Path
    overrides: Mapping[str, str]
    layers: tuple[Path, ...]
    limit: int
    freeze: bool
    idle_seconds: float
    start_seconds: float
    notice: Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class InstanceState:
    """What one instance is doing: its process, memory in MB, requests so far."""

    process_id: int | None
    busy: bool
    memory_mb: float
    requests: int


class Instance(Protocol):
    """One instance of a function: a process (with what it starts) that answers its calls.

    It is made without anything being started. The first `invoke` starts it, waits until it is
    ready, and runs the initializer; all of that is part of that invocation. Nothing an instance
    runs may outlive it, not even where the stub is killed. When it ends by itself between two
    requests, it says so to `InstanceSettings.notice`, with the log that nobody has got yet.

    `last_used` is the end of its last call (`time.monotonic()`). `capacity` is how many calls it
    takes at a time: 1 in built-in runtimes, `instanceConcurrency` in custom ones; the pool never
    gives it more.
    """

    last_used: float
    capacity: int

    @property
    def alive(self) -> bool:
        """Whether it may be given another call: it has not ended and is not about to.

        True before its first call, too.
        """

    def state(self) -> InstanceState:
        """Return what it is doing."""

    async def invoke(self, call: Call) -> Invocation:
        """Run one call and return what came of it.

        A call whose `request` is set came from an HTTP trigger of a kind that takes requests
        (`kinds.py`); the Invocation then has the `response`. Any other call is an event.

        What goes wrong in the function (an error, a time-out, too much memory, an exit, a failed
        initializer) is an Invocation with `error_type`, never an exception. Its log holds what the
        function has written since the last call, with the log lines of Function Compute. Raises
        RequestRefused where this machine cannot start the instance. If the caller is cancelled, the
        instance ends.
        """

    async def stop(self) -> str:
        """Run the preStop hook (if it is idle and has been initialised), then end everything.

        Returns what was written, with the log lines of the hook. May be called at any time, also
        before the first call and after the end.
        """
