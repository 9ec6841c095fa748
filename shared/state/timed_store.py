"""A store that nobody waits for longer than until a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import StoreUnavailable

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.state.store import Change, Count, Differs, Refused, Store, Written


class TimedStore(NamedTuple):
    """A Store each of whose steps ends at `deadline` (monotonic seconds) at the latest.

    A step that is given up raises StoreUnavailable. It may still be made: then a repeat of the
    caller finds what it wrote, as after every answer that was lost.
    """

    store: Store
    clock: Clock
    deadline: float

    def get(self, key: str) -> str | None:
        """Return the record under `key`, or None."""
        found: str | None = self._in_time(lambda: self.store.get(key))
        return found

    def totals(self, counts: Sequence[Count]) -> list[int]:
        """Return what was counted in each of `counts`."""
        found: list[int] = self._in_time(lambda: self.store.totals(counts))
        return found

    def delete(self, key: str, old: str) -> bool:
        """Remove the record under `key` if it is `old`; return whether it was."""
        return bool(self._in_time(lambda: self.store.delete(key, old)))

    def put(self, change: Change) -> Written | Differs | Refused:
        """Make a change, or say why it was not made."""
        answer: Written | Differs | Refused = self._in_time(lambda: self.store.put(change))
        return answer

    def _in_time(self, step: Callable[[], Any]) -> Any:
        left = self.deadline - self.clock.monotonic()
        if left <= 0:
            raise StoreUnavailable("there was no time left for the shared state")
        ended = _Step(step)
        # A daemon: a step that hangs must not keep the process.
        thread = threading.Thread(target=ended.run, daemon=True)
        thread.start()
        thread.join(left)
        return ended.result()


class _Step:
    """A step of a store in a thread of its own, and how it ended."""

    def __init__(self, step: Callable[[], Any]) -> None:
        self._step = step
        self._answer: Any = None
        self._error: Exception | None = StoreUnavailable("the shared state took too long")

    def run(self) -> None:
        """Make the step."""
        try:
            self._answer = self._step()
            self._error = None
        except Exception as error:  # it is raised in the thread that waits
            self._error = error

    def result(self) -> Any:
        """Return what the step returned, or raise what it raised."""
        if self._error:
            raise self._error
        return self._answer
