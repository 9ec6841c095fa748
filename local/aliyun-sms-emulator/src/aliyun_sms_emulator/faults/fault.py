"""One fault: what happens to a request, and whether before or after it was processed."""

from __future__ import annotations

import math
from dataclasses import dataclass

BEFORE, AFTER = "before", "after"
NONE = "none"
NEVER = "never"
HALF = "half"
"""Where an answer is cut: after its head and half of its body."""

MAX_NODES = 16


class InvalidFault(ValueError):
    """A fault or a rule is impossible; `key` says where."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens; the file of its `kind` says which fields count. Times in seconds.

    `when` is `before` (not processed at all) or `after`. `accept_delay` and `visibility_delay` are
    by the emulator's clock; a `visibility_delay` that is infinite means never.
    """

    kind: str = NONE
    when: str = BEFORE
    seconds: float = math.inf
    cut_at: int | str = 0
    status: int = 500
    content: str = ""
    body: str | None = None
    size: int = 8 * 1024 * 1024
    code: str = ""
    message: str = ""
    retry_after: int | None = None
    chunks: int = 10
    accept_delay: float = 0.0
    visibility_delay: float | None = None
    node: int | None = None
    clock_skew: float | None = None

    @property
    def label(self) -> str:
        """Kind and moment, as the log of requests names them; empty when nothing is damaged."""
        return "" if self.kind == NONE else f"{self.kind} {self.when}"

    @property
    def does_nothing(self) -> bool:
        """Whether a request meets neither damage nor anything beside it."""
        return self == _NOTHING


_NOTHING = Fault()
