"""`/api/requests`: the log of calls to the platform API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.parameters import only_known, whole_number
from aliyun_sms_emulator.platform import Platform


class RequestsApi:
    """The request log of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer the logged calls, the oldest first."""
        only_known(request, ("limit", "offset"))
        limit = whole_number(request, "limit", 1000, highest=10_000)
        offset = whole_number(request, "offset", 0, highest=10**12)
        records = self._platform.store.requests(limit=limit, offset=offset)
        total = self._platform.store.count_requests()
        return JSONResponse({"requests": [r.as_json() for r in records], "total": total})

    async def clear(self, request: Request) -> JSONResponse:
        """Forget all logged calls."""
        only_known(request, ())
        return JSONResponse({"deleted": self._platform.store.clear_requests()})
