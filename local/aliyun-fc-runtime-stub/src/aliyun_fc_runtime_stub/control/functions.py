"""Functions: create, update, get, list, delete.

Sources: the operations' pages below
https://www.alibabacloud.com/help/en/functioncompute/fc/developer-reference/ (API 2023-03-30);
"Limits" (mount points, packages); the SDK's documentation of the fields.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import RequestRefused
from .arguments import invalid, read_body
from .call import Call
from .deployed import Deployed, Package, describe, now
from .deployments import Deployments
from .shapes import CREATE_FUNCTION, UPDATE_FUNCTION
from .store import Store
from .uploads import BUCKET

MAX_BODY = 100 * 1024 * 1024  # a package in the body, base64 included ("Limits")
_PIECE = 1 << 20
_CHOICES = {
    "disableInjectCredentials": ("", "None", "Env", "Request", "All"),
    "sessionAffinity": (
        "",
        "NONE",
        "MCP_SSE",
        "MCP_STREAMABLE",
        "GENERATED_COOKIE",
        "HEADER_FIELD",
    ),
}


class Functions:
    """The operations on functions."""

    def __init__(self, deployments: Deployments, store: Store) -> None:
        self._deployments = deployments
        self._store = store

    async def create(self, call: Call) -> Mapping[str, Any]:
        """CreateFunction."""
        given = read_body(call.body, CREATE_FUNCTION)
        name = given.get("functionName", "")
        async with self._deployments.alone():
            if name in self._deployments.all:
                message = f"function {name!r} already exists"
                raise RequestRefused(409, "FunctionAlreadyExists", message)
            _check(given)
            package = await self._package(given.pop("code", None))
            if package is None:
                invalid("code", "is missing")
            moment = now()
            config = given | {
                "functionId": str(uuid.uuid4()),
                "createdTime": moment,
                "lastModifiedTime": moment,
            }
            one = await self._deployments.put(Deployed(config, package))
        return describe(one, self._deployments.region)

    async def update(self, call: Call) -> Mapping[str, Any]:
        """UpdateFunction: fields that are not given stay as they are."""
        given = read_body(call.body, UPDATE_FUNCTION)
        _check(given)
        async with self._deployments.alone():
            one = self._deployments.get(call.names[0])
            package = await self._package(given.pop("code", None)) or one.package
            config = {**one.config, **given, "lastModifiedTime": now()}
            one = await self._deployments.put(replace(one, config=config, package=package))
        return describe(one, self._deployments.region)

    async def get(self, call: Call) -> Mapping[str, Any]:
        """GetFunction."""
        call.latest()
        return describe(self._deployments.get(call.names[0]), self._deployments.region)

    async def list(self, call: Call) -> Mapping[str, Any]:
        """ListFunctions."""
        region = self._deployments.region
        return call.page(self._deployments.all, "functions", lambda _, one: describe(one, region))

    async def delete(self, call: Call) -> None:
        """DeleteFunction, with its triggers and configurations."""
        async with self._deployments.alone():
            await self._deployments.remove(call.names[0])

    async def _package(self, code: Mapping[str, str] | None) -> Package | None:
        if not code:
            return None
        bucket, name = code.get("ossBucketName"), code.get("ossObjectName")
        if bool(code.get("zipFile")) == bool(bucket or name):
            invalid("code", "either ossBucketName/ossObjectName or zipFile must be set")
        if code.get("zipFile"):
            package = await asyncio.to_thread(self._inline, code["zipFile"])
        elif bucket != BUCKET:
            message = f"{bucket!r} is not on this machine; upload the code to the temporary bucket"
            invalid("code.ossBucketName", message)
        else:
            found = self._store.uploaded((name or "").rpartition("/")[2])
            if found is None:
                invalid("code.ossObjectName", f"there is no object {name!r}: upload it first")
            package = found
        if code.get("checksum", package.checksum) != package.checksum:
            invalid("code.checksum", f"the package's CRC-64 is {package.checksum}")
        return package

    def _inline(self, text: str) -> Package:
        incoming = self._store.incoming()
        try:
            data = base64.b64decode(text, validate=True)
            for start in range(0, len(data), _PIECE):
                incoming.add(data[start : start + _PIECE])
            return incoming.finish()
        except (binascii.Error, ValueError):
            invalid("code.zipFile", "is not base64")
        finally:
            incoming.discard()


def _check(given: Mapping[str, Any]) -> None:
    """Check what the properties of an s.yaml do not share."""
    for field, allowed in _CHOICES.items():
        if given.get(field, "") not in allowed:
            invalid(field, f"{given[field]!r} is none of {', '.join(filter(None, allowed))}")
    concurrency = given.get("instanceConcurrency", 1)
    if not 1 <= concurrency <= 200:
        invalid("instanceConcurrency", f"must be 1 to 200, not {concurrency}")
    for field in ("nasConfig", "ossMountConfig"):
        if len(given.get(field, {}).get("mountPoints", [])) > 5:
            invalid(f"{field}.mountPoints", "at most 5 are allowed")
    if len(given.get("tags", [])) > 20:
        invalid("tags", "at most 20 are allowed")
