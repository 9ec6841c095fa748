"""What the functions log, for `make demo`: shown under the step whose call it belongs to."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

from tools.languages import own

_RECEIPTS_TAKEN = re.compile(r'"action": "receipts".*"reports": (\d+)')
_SECONDS = 30  # how long a line may take after the answer to the call


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class FunctionLog:
    """Reads what fc-stub reports in a thread of its own, and shows what is asked for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._kept: list[dict[str, Any]] = []
        self._is_live = self._has_ended = False

    def read(self, output: IO[str]) -> None:
        """Read the reports, a JSON object a line, until fc-stub ends."""
        for line in output:
            report = json.loads(line)
            with self._changed:
                if self._is_live:
                    _show(report)
                else:
                    self._kept.append(report)
                    self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def show(self, request_id: str) -> None:
        """Show what one invocation has logged; its line may come after its answer."""
        if not request_id:  # no function was reached
            return
        found = self._wait_for(lambda: self._of(request_id), at_least=1)
        for report in found:
            _show(report)

    def show_receipts(self, count: int, *, after: int = 0) -> None:
        """Show the invocations that have taken the receipts, once `count` of them are there.

        Of the first `after` receipts nothing is shown: they have been.
        """
        taken = 0
        for report in self._wait_for(self._with_receipts, at_least=count, weight=_receipts):
            if taken >= after:
                _show(report)
            taken += _receipts(report)

    def follow(self) -> None:
        """Show everything from now on, as it comes; nothing is kept any more."""
        with self._changed:
            self._is_live = True

    def _of(self, request_id: str) -> list[dict[str, Any]]:
        return [report for report in self._kept if report.get("request_id") == request_id]

    def _with_receipts(self) -> list[dict[str, Any]]:
        return [report for report in self._kept if _receipts(report)]

    def _wait_for(
        self,
        find: Callable[[], list[dict[str, Any]]],
        *,
        at_least: int,
        weight: Callable[[dict[str, Any]], int] = lambda _: 1,
    ) -> list[dict[str, Any]]:
        with self._changed:
            self._changed.wait_for(
                lambda: self._has_ended or sum(map(weight, find())) >= at_least, _SECONDS
            )
            found = find()
        if sum(map(weight, found)) < at_least:
            english = f"fc-stub has reported no log of this step within {_SECONDS} seconds"
            raise DemoError(own(english, f"{_SECONDS} 秒内没有从 fc-stub 收到这一步的日志"))
        return found


def _entries(report: dict[str, Any]) -> list[str]:
    """Return the lines of a report's log without the platform's own."""
    lines = str(report.get("log", "")).splitlines()
    return [line for line in lines if not line.startswith("FC Invoke")]


def _receipts(report: dict[str, Any]) -> int:
    """Return how many receipts an invocation has taken."""
    found = map(_RECEIPTS_TAKEN.search, _entries(report))
    return sum(int(match[1]) for match in found if match)


def _show(report: dict[str, Any]) -> None:
    for entry in _entries(report):
        sys.stdout.write(f"   log {entry}\n")
    sys.stdout.flush()
