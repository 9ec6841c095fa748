"""Whether code or s.yaml has changed: by names, sizes and times of files, so on every system.

Looking costs little, and is done at most a hundred times a second, or for a twentieth of the time
where a code folder is so large that a look takes long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from ..errors import ConfigurationError
from .fcignore import NAME, uploaded

State: TypeAlias = frozenset[tuple[object, ...]]
_REST = 0.01  # seconds between two looks
_SHARE = 20


def files_state(paths: Iterable[Path]) -> State:
    """Return what tells one content of some files from another; they need not exist."""
    return frozenset(_entry(path) for path in paths)


def code_state(code: Path) -> State:
    """Return what tells one content of a code folder (or archive) from another.

    Files that `.fcignore` keeps back do not count, `.fcignore` itself does.
    """
    if not code.is_dir():
        return files_state([code])
    try:
        return files_state([code / NAME, *(code / path for path in uploaded(code))])
    except (OSError, ConfigurationError) as error:  # a folder that goes away while we look
        return frozenset({(str(code), str(error))})


def _entry(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except OSError:
        return (str(path),)
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


class Watch:
    """One thing that is looked at now and then; `changed` compares it with the time before.

    `clock` returns seconds.
    """

    def __init__(
        self, look: Callable[[], State], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._clock = clock
        self._due = 0.0
        self.state = look()

    @property
    def due(self) -> bool:
        """Whether it is time for another look."""
        return self._clock() >= self._due

    def changed(self) -> bool:
        """Look; say whether it differs from the last look."""
        begin = self._clock()
        state, before = self._look(), self.state
        self.state = state
        end = self._clock()
        self._due = end + max(_REST, _SHARE * (end - begin))
        return state != before
