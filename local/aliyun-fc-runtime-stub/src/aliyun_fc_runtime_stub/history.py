"""What has happened, as far as there is room for it."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
_MOST = 10_000
_MOST_BYTES = 64 * 1024 * 1024


class History(Generic[T]):
    """The last 10,000 things, fewer if they come to more than 64 MB by `size`."""

    def __init__(self, size: Callable[[T], int]) -> None:
        self._things: collections.deque[T] = collections.deque()
        self._size = size
        self._bytes = 0

    def append(self, thing: T) -> None:
        """Add one; the oldest go where there is no room, the newest stays in any case."""
        self._things.append(thing)
        self._bytes += self._size(thing)
        while len(self._things) > _MOST or (self._bytes > _MOST_BYTES and len(self._things) > 1):
            self._bytes -= self._size(self._things.popleft())

    def __iter__(self) -> Iterator[T]:
        """Go through them, oldest first."""
        return iter(list(self._things))
