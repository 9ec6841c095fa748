"""`/api/signatures`: read and change the signatures (sender names)."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.parameters import json_object, only_known, whole_characters
from aliyun_sms_emulator.config.reading import read_signature
from aliyun_sms_emulator.errors import ConfigError
from aliyun_sms_emulator.platform import Platform


class SignaturesApi:
    """The signatures of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer all signatures."""
        only_known(request, ())
        found = self._platform.catalogue.signatures.values()
        return JSONResponse({"signatures": [asdict(signature) for signature in found]})

    async def change(self, request: Request) -> JSONResponse:
        """Add a signature with this name, or take it instead of the one that has it."""
        document = whole_characters(await json_object(request))
        try:
            signature = read_signature({**document, "name": request.path_params["name"]})
        except ConfigError as error:
            raise ApiError(error.problem, field=error.place) from None
        self._platform.catalogue.put_signature(signature)
        self._platform.changes.announce()
        return JSONResponse(asdict(signature))

    async def remove(self, request: Request) -> JSONResponse:
        """Forget one signature; messages that bear it stay."""
        name = request.path_params["name"]
        if name not in self._platform.catalogue.signatures:
            raise ApiError("no signature has this name", field="name", status=404)
        self._platform.catalogue.remove_signature(name)
        self._platform.changes.announce()
        return JSONResponse({"deleted": 1})
