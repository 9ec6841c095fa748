"""`/api/receipts`: which receipts and replies were pushed, and with what success."""

from __future__ import annotations

import math

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.messages import MAX_LIMIT, MAX_WAIT_SECONDS
from aliyun_sms_emulator.api.parameters import only_known, seconds, whole_number
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.tables.outbox import STATES
from aliyun_sms_emulator.wire.reports import KINDS


class ReceiptsApi:
    """The pushes of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer the pushes that match, after waiting for `count` of them if asked to."""
        only_known(request, ("kind", "state", "limit", "offset", "wait", "count"))
        kind, state = _one_of(request, "kind", KINDS), _one_of(request, "state", STATES)
        limit = whole_number(request, "limit", 100, highest=MAX_LIMIT)
        offset = whole_number(request, "offset", 0, highest=10**12)
        wait = seconds(request, "wait", highest=MAX_WAIT_SECONDS)
        enough = whole_number(request, "count", 1, highest=10**6)
        outbox = self._platform.store.outbox
        total = await self._platform.wait_for(
            lambda: outbox.count(kind, state), enough, wait, math.inf
        )
        pushes = outbox.listed(kind, state, limit=limit, offset=offset)
        return JSONResponse({"receipts": [push.as_json() for push in pushes], "total": total})


def _one_of(request: Request, name: str, allowed: tuple[str, ...]) -> str | None:
    value = request.query_params.get(name)
    if value is not None and value not in allowed:
        raise ApiError(f"must be one of {', '.join(allowed)}", field=name)
    return value
