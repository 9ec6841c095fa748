"""`/api/clock`: read, set and move the emulator's clock."""

from __future__ import annotations

import math
import sqlite3
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.parameters import json_object
from aliyun_sms_emulator.clock import iso_text
from aliyun_sms_emulator.platform import Platform

_KEYS = ("now", "advance_seconds", "running", "mode")
_FIRST, _LAST = 946_684_800.0, 32_503_680_000.0  # the years 2000 to 2999


class ClockApi:
    """The clock of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, _request: Request) -> JSONResponse:
        """Answer the time and how it passes."""
        return self._shown()

    async def change(self, request: Request) -> JSONResponse:
        """Set, move, stop, start or give up the virtual clock."""
        changes = await json_object(request)
        for key in changes:
            if key not in _KEYS:
                raise ApiError(f"unknown field; known are {', '.join(_KEYS)}", field=key)
        clock = self._platform.clock
        before = clock.offset, clock.frozen_at
        if changes.get("mode") == "real" and len(changes) == 1:
            clock.follow_real_time()
        else:
            self._set_virtual(changes)
        try:
            self._platform.remember_clock()
        except sqlite3.Error:
            clock.offset, clock.frozen_at = before
            raise
        return self._shown()

    def _set_virtual(self, changes: dict[str, object]) -> None:
        clock = self._platform.clock
        if changes.get("mode", "virtual") != "virtual":
            raise ApiError("must be virtual, or real and the only field", field="mode")
        running = changes.get("running", clock.running and "now" not in changes)
        if not isinstance(running, bool):
            raise ApiError("must be true or false", field="running")
        now = _moment(changes["now"]) if "now" in changes else clock.now()
        now += _advance(changes.get("advance_seconds", 0))
        if not _FIRST <= now <= _LAST:
            raise ApiError("leads out of the years 2000 to 2999", field="advance_seconds")
        clock.set(now, running=running)

    def _shown(self) -> JSONResponse:
        clock = self._platform.clock
        now = clock.now()
        return JSONResponse(
            {"mode": clock.mode, "running": clock.running, "now": iso_text(now), "epoch": now}
        )


def _moment(value: object) -> float:
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not 2000 <= moment.year < 2999:
        raise ApiError(
            "must be a time with its zone, such as 2026-01-31T23:59:00+08:00", field="now"
        )
    return moment.timestamp()


def _advance(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ApiError("must be a number of seconds", field="advance_seconds")
    if abs(value) > _LAST:
        raise ApiError("leads out of the years 2000 to 2999", field="advance_seconds")
    return float(value)
