"""`/api/numbers/{phone_number}`: what becomes of messages to a number."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.parameters import json_object
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.rules.fates import FATE_RULE, is_fate
from aliyun_sms_emulator.rules.phone_numbers import stored_form


class NumbersApi:
    """The numbers of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer the fate of messages to a number."""
        return self._shown(_number(request))

    async def change(self, request: Request) -> JSONResponse:
        """Set the fate of messages that will be sent to a number."""
        number = _number(request)
        changes = await json_object(request)
        for key in changes:
            if key != "fate":
                raise ApiError("unknown field; known is fate", field=key)
        fate = changes.get("fate")
        if not is_fate(fate):
            raise ApiError(f"must be {FATE_RULE}", field="fate")
        self._platform.store.set_fate(number, str(fate))
        self._platform.changes.announce()
        return self._shown(number)

    def _shown(self, number: str) -> JSONResponse:
        return JSONResponse({"phone_number": number, "fate": self._platform.fate(number)})


def _number(request: Request) -> str:
    number = stored_form(request.path_params["phone_number"])
    if number is None:
        raise ApiError("is no phone number; write digits only", field="phone_number")
    return number
