"""Triggers of deployed functions: create, update, get, list, delete."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import RequestRefused
from .arguments import invalid, read_body
from .call import Call
from .deployed import Deployed, describe_trigger, now
from .deployments import Deployments
from .shapes import CREATE_TRIGGER, UPDATE_TRIGGER

_MOST = 50  # per function ("Limits")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")


class Triggers:
    """The operations on triggers."""

    def __init__(self, deployments: Deployments) -> None:
        self._deployments = deployments

    async def create(self, call: Call) -> Mapping[str, Any]:
        """CreateTrigger; the answer names the URL of an HTTP trigger."""
        given = read_body(call.body, CREATE_TRIGGER)
        name = given.get("triggerName", "")
        if not _NAME.fullmatch(name):
            message = "must be 1-128 letters, digits, _ and -, not first a digit or -"
            invalid("triggerName", message)
        async with self._deployments.alone():
            one = self._deployments.get(call.names[0])
            if name in one.triggers:
                message = f"trigger {name!r} of function {one.name!r} already exists"
                raise RequestRefused(409, "TriggerAlreadyExists", message)
            if len(one.triggers) >= _MOST:
                raise RequestRefused(400, "LimitExceededError", f"at most {_MOST} triggers")
            moment = now()
            given |= {"createdTime": moment, "lastModifiedTime": moment}
            one = await self._put(one, name, given)
        return self._describe(one, name)

    async def update(self, call: Call) -> Mapping[str, Any]:
        """UpdateTrigger: fields that are not given stay as they are."""
        given = read_body(call.body, UPDATE_TRIGGER)
        async with self._deployments.alone():
            one, name = self._find(call)
            given = {**one.triggers[name], **given, "lastModifiedTime": now()}
            one = await self._put(one, name, given)
        return self._describe(one, name)

    async def get(self, call: Call) -> Mapping[str, Any]:
        """GetTrigger."""
        return self._describe(*self._find(call))

    async def list(self, call: Call) -> Mapping[str, Any]:
        """ListTriggers."""
        one = self._deployments.get(call.names[0])
        return call.page(one.triggers, "triggers", lambda name, _: self._describe(one, name))

    async def delete(self, call: Call) -> None:
        """DeleteTrigger."""
        async with self._deployments.alone():
            one, name = self._find(call)
            others = {key: value for key, value in one.triggers.items() if key != name}
            await self._deployments.put(replace(one, triggers=others))

    def _find(self, call: Call) -> tuple[Deployed, str]:
        one = self._deployments.get(call.names[0])
        name = call.names[1]
        if name not in one.triggers:
            message = f"trigger {name!r} of function {one.name!r} does not exist"
            raise RequestRefused(404, "TriggerNotFound", message)
        return one, name

    async def _put(self, one: Deployed, name: str, given: Mapping[str, Any]) -> Deployed:
        try:
            config = json.loads(given.get("triggerConfig", ""))
        except (ValueError, RecursionError):
            invalid("triggerConfig", "must be JSON in a string")
        if not isinstance(config, dict):
            invalid("triggerConfig", "must be a JSON object in a string")
        # it comes last, so that a clash with another trigger is said of this one
        others = {key: value for key, value in one.triggers.items() if key != name}
        return await self._deployments.put(replace(one, triggers={**others, name: given}))

    def _describe(self, one: Deployed, name: str) -> Mapping[str, Any]:
        deployments = self._deployments
        http = one.triggers[name]["triggerType"] == "http"
        url = deployments.url(one.name) if http else ""
        function = deployments.function(one.name)
        return describe_trigger(one, name, deployments.region, function, url)
