"""`/readyz`: whether calls are answered, for those who wait for a container."""

from __future__ import annotations

import sqlite3

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import error_response
from aliyun_sms_emulator.platform import Platform


class ReadyApi:
    """The readiness of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, _request: Request) -> JSONResponse:
        """Answer 200 when the database can be read, 503 when it cannot or the end has begun."""
        if self._platform.closing:
            return error_response("the emulator is stopping", status=503)
        try:
            self._platform.store.state("settings")
        except sqlite3.Error as error:
            return error_response(f"the database cannot be read ({error})", status=503)
        return JSONResponse({"status": "ready"})
