"""What can go wrong before or beside the platform API.

EmulatorError
├── BindError       the address cannot be listened on
├── ConfigError     the configuration cannot be used
├── DatabaseError   the database file cannot be used
├── NotRunning      no emulator answers at the address
└── TlsError        https cannot be served, or clients cannot be made to trust it
"""

from __future__ import annotations


class EmulatorError(Exception):
    """Any error of the emulator itself; the text says what is wrong and the remedy."""


class BindError(EmulatorError):
    """The address cannot be listened on; the text says why and what to do."""


class ConfigError(EmulatorError):
    """The configuration is unusable; the text names the file, the line, the key and the remedy.

    `source` is the file, `place` the key (such as `templates[0].code`, empty for the whole file),
    `line` counts from 1 and is None where there is none.
    """

    def __init__(self, source: str, place: str, problem: str, line: int | None = None) -> None:
        where = source if line is None else f"{source}:{line}"
        super().__init__(": ".join(filter(None, (where, place, problem))))
        self.source = source
        self.place = place
        self.problem = problem
        self.line = line


class DatabaseError(EmulatorError):
    """The database file cannot be used; the text names it and the remedy."""


class NotRunning(EmulatorError, ConnectionError):
    """No emulator answers at the address."""


class TlsError(EmulatorError):
    """https cannot be served, or clients cannot be made to trust it; the text has the remedy."""
