"""`/api/state`: begin again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.parameters import only_known
from aliyun_sms_emulator.platform import Platform


class StateApi:
    """Everything one platform remembers."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def reset(self, request: Request) -> JSONResponse:
        """Forget everything and go back to the configuration and the real time."""
        only_known(request, ())
        self._platform.reset()
        return JSONResponse({"reset": True})
