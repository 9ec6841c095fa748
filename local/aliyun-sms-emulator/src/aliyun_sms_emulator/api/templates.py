"""`/api/templates`: read and change the templates that messages are made of."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.parameters import json_object, only_known, whole_characters
from aliyun_sms_emulator.config.reading import read_template
from aliyun_sms_emulator.errors import ConfigError
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.rules.templates import Template

_FIELDS = ("code", "type", "content", "name", "status")


class TemplatesApi:
    """The templates of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer all templates."""
        only_known(request, ())
        now = self._platform.clock.now()
        found = self._platform.catalogue.templates.values()
        return JSONResponse({"templates": [_shown(template.at(now)) for template in found]})

    async def change(self, request: Request) -> JSONResponse:
        """Add a template with this code, or take it instead of the one that has it."""
        document = whole_characters(await json_object(request))
        try:
            template = read_template({**document, "code": request.path_params["code"]})
        except ConfigError as error:
            raise ApiError(error.problem, field=error.place) from None
        self._platform.catalogue.put_template(template)
        self._platform.changes.announce()
        return JSONResponse(_shown(template))

    async def remove(self, request: Request) -> JSONResponse:
        """Forget one template; messages that were made of it stay."""
        code = request.path_params["code"]
        if code not in self._platform.catalogue.templates:
            raise ApiError("no template has this code", field="code", status=404)
        self._platform.catalogue.remove_template(code)
        self._platform.changes.announce()
        return JSONResponse({"deleted": 1})


def _shown(template: Template) -> Mapping[str, object]:
    shown = {name: getattr(template, name) for name in _FIELDS}
    return {**shown, "variables": template.variables}
