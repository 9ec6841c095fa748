"""What can go wrong before a function runs.

StubError
├── ConfigurationError   s.yaml or the code cannot be used; says where and what to do
│   └── NoRoom           this machine has no room for a copy of the code
├── FunctionNotFound     no function of that name
├── Throttled            every allowed instance is busy (429)
├── NotRunning           no stub answers at the address
└── RequestRefused       the platform would refuse the request before any code runs
"""

from __future__ import annotations


class StubError(Exception):
    """Any error of the stub itself."""


class ConfigurationError(StubError):
    """Something in s.yaml, or that it points at, cannot be used.

    `place` names the file, resource and property, as far as they are known.
    """

    def __init__(self, message: str, *place: object) -> None:
        self.place = tuple(str(part) for part in place)
        super().__init__(": ".join((*self.place, message)))


class NoRoom(ConfigurationError):
    """The code is in order, but this machine cannot write a copy of it."""


class FunctionNotFound(StubError):
    """There is no function of this name."""


class NotRunning(StubError):
    """No stub answers where one is expected."""


class Throttled(StubError):
    """All instances a function may have are busy."""


class RequestRefused(StubError):
    """The request breaks a documented limit or is not allowed; it never reaches the code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
