"""`/api/health`: whether the emulator is up, and which one it is."""

from __future__ import annotations

import os

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.version import __version__


class HealthApi:
    """The state of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, _request: Request) -> JSONResponse:
        """Answer that the emulator is up."""
        keys = list(self._platform.config.access_keys)
        return JSONResponse(
            {
                "status": "ok",
                "version": __version__,
                "pid": os.getpid(),
                "access_key_ids": keys,
            }
        )
