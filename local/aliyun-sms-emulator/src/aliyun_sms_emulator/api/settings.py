"""`/api/settings`: read and change settings; changes survive a restart."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.parameters import json_object
from aliyun_sms_emulator.config.settings import InvalidSetting
from aliyun_sms_emulator.platform import Platform


class SettingsApi:
    """The settings of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, _request: Request) -> JSONResponse:
        """Answer all settings."""
        return JSONResponse(self._platform.settings.as_json())

    async def change(self, request: Request) -> JSONResponse:
        """Change the settings that are named and leave the others; all of them or none."""
        try:
            self._platform.change_settings(await json_object(request))
        except InvalidSetting as error:
            raise ApiError(error.message, field=error.key) from None
        return JSONResponse(self._platform.settings.as_json())

    async def reset(self, _request: Request) -> JSONResponse:
        """Go back to the settings of the configuration."""
        self._platform.reset_settings()
        return JSONResponse(self._platform.settings.as_json())
