"""What else is bound to a function by name: VPCs that may invoke it, and tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import RequestRefused
from .arguments import invalid, read_body
from .call import Call
from .deployed import Deployed
from .deployments import Deployments
from .shapes import TAG_RESOURCES, VPC_BINDING


class VpcBindings:
    """CreateVpcBinding, ListVpcBindings, DeleteVpcBinding; without effect here."""

    def __init__(self, deployments: Deployments) -> None:
        self._deployments = deployments

    async def create(self, call: Call) -> None:
        """CreateVpcBinding."""
        vpc = read_body(call.body, VPC_BINDING).get("vpcId", "")
        if not vpc.startswith("vpc-"):
            invalid("vpcId", f"must be like vpc-..., not {vpc!r}")
        async with self._deployments.alone():
            one = self._deployments.get(call.names[0])
            if vpc not in one.vpc_ids:
                await self._deployments.put(replace(one, vpc_ids=(*one.vpc_ids, vpc)))

    async def list(self, call: Call) -> Mapping[str, Any]:
        """ListVpcBindings."""
        return {"vpcIds": list(self._deployments.get(call.names[0]).vpc_ids)}

    async def delete(self, call: Call) -> None:
        """DeleteVpcBinding."""
        name, vpc = call.names
        async with self._deployments.alone():
            one = self._deployments.get(name)
            if vpc not in one.vpc_ids:
                raise RequestRefused(404, "VpcBindingNotFound", f"{vpc!r} is not bound to {name!r}")
            left = tuple(bound for bound in one.vpc_ids if bound != vpc)
            await self._deployments.put(replace(one, vpc_ids=left))


class Tags:
    """TagResources and UntagResources, of functions."""

    def __init__(self, deployments: Deployments) -> None:
        self._deployments = deployments

    async def add(self, call: Call) -> None:
        """TagResources: a tag of the same key is replaced."""
        given = read_body(call.body, TAG_RESOURCES)
        new = {_key(tag): tag for tag in given.get("Tag", [])}
        await self._change(given.get("ResourceId", []), given.get("ResourceType", ""), new, set())

    async def remove(self, call: Call) -> None:
        """UntagResources."""
        query = call.query
        old = set(_texts(query, "TagKey")) if "TagKey" in query else None
        if old is None and query.get("All", "").lower() != "true":
            invalid("TagKey", "is missing")
        await self._change(_texts(query, "ResourceId"), query.get("ResourceType", ""), {}, old)

    async def _change(
        self, arns: list[str], kind: str, new: dict[str, Any], old: set[str] | None
    ) -> None:
        if kind.lower() != "function":
            invalid("ResourceType", f"must be function here, not {kind!r}")
        async with self._deployments.alone():
            for one in [self._find(arn) for arn in arns]:
                tags = {_key(tag): tag for tag in one.config.get("tags", [])} | new
                kept = [tag for key, tag in tags.items() if old is not None and key not in old]
                if len(kept) > 20:
                    invalid("Tag", "at most 20 are allowed")
                await self._deployments.put(replace(one, config={**one.config, "tags": kept}))

    def _find(self, arn: str) -> Deployed:
        one = self._deployments.get(arn.rpartition("/")[2])
        if arn != one.arn(self._deployments.region):
            invalid("ResourceId", f"{arn!r} is not a function here")
        return one


def _key(tag: Mapping[str, str]) -> str:
    return tag.get("Key") or tag.get("key") or invalid("tags", "a tag has no Key")


def _texts(query: Mapping[str, str], field: str) -> list[str]:
    try:
        values = json.loads(query.get(field, "[]"))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        invalid(field, "must be a JSON list of strings")
    return values
