"""`/api/faults`: the rules by which requests to the platform API meet faults."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.parameters import json_object, only_known
from aliyun_sms_emulator.faults.fault import InvalidFault
from aliyun_sms_emulator.faults.rule import Rule
from aliyun_sms_emulator.platform import Platform


class FaultsApi:
    """The fault rules of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer the rules with what they have done."""
        only_known(request, ())
        return self._shown()

    async def replace(self, request: Request) -> JSONResponse:
        """Put other rules in force, all or none; their counters begin at 0."""
        document = await json_object(request)
        for key in document:
            if key != "rules":
                raise ApiError("unknown field; known is rules", field=key)
        try:
            self._platform.faults.replace(document.get("rules"))
        except InvalidFault as error:
            raise ApiError(error.message, field=error.key) from None
        self._platform.changes.announce()
        return self._shown()

    async def add(self, request: Request) -> JSONResponse:
        """Append one rule."""
        try:
            rule = self._platform.faults.add(await json_object(request))
        except InvalidFault as error:
            raise ApiError(error.message, field=error.key) from None
        self._platform.changes.announce()
        return JSONResponse(rule.as_json(), 201)

    async def clear(self, request: Request) -> JSONResponse:
        """Take all rules out of force."""
        only_known(request, ())
        deleted = len(self._platform.faults.rules)
        self._platform.faults.replace([])
        self._platform.changes.announce()
        return JSONResponse({"deleted": deleted})

    async def read_one(self, request: Request) -> JSONResponse:
        """Answer one rule."""
        return JSONResponse(self._find(request).as_json())

    async def change(self, request: Request) -> JSONResponse:
        """Take another rule instead of one, at its place; its counters begin at 0."""
        rule, document = self._find(request), await json_object(request)
        try:
            changed = self._platform.faults.change(rule, document)
        except InvalidFault as error:
            raise ApiError(error.message, field=error.key) from None
        self._platform.changes.announce()
        return JSONResponse(changed.as_json())

    async def remove(self, request: Request) -> JSONResponse:
        """Take one rule out of force."""
        self._platform.faults.remove(self._find(request))
        self._platform.changes.announce()
        return JSONResponse({"deleted": 1})

    def _find(self, request: Request) -> Rule:
        rule = self._platform.faults.find(request.path_params["id"])
        if rule is None:
            raise ApiError("no rule has this id", field="id", status=404)
        return rule

    def _shown(self) -> JSONResponse:
        rules = [rule.as_json() for rule in self._platform.faults.rules]
        late = len(self._platform.late)
        return JSONResponse({"rules": rules, "late_acceptances": late})
