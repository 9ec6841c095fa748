"""Configurations beside a function: asynchronous invocation, concurrency, provisioned instances.

Only the asynchronous one has an effect here. Error codes of what is not there: as the Terraform
provider aliyun/alicloud expects them (service fcv3); a provision or scaling configuration that is
not there is answered as an empty one, which the fc3 component takes for none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import RequestRefused
from .arguments import invalid, read_body
from .call import Call
from .deployed import Deployed
from .deployments import Deployments
from .shapes import ASYNC_CONFIG, CONCURRENCY, PROVISION, SCALING, Object

MOST_PROVISIONED = 10_000
"""Instances: "Valid values: 0 to 10000" (`target`, `defaultTarget` of PutProvisionConfig)."""


class Kind(NamedTuple):
    """One kind of configuration; `missing` is the code of the error if there is none, empty if
    an empty one is answered; `listed` is the key of a list of them."""

    path: str
    shape: Object
    missing: str
    listed: str
    required: tuple[str, ...] = ()


KINDS = (
    Kind("async-invoke-config", ASYNC_CONFIG, "AsyncConfigNotExists", "configs"),
    Kind(
        "concurrency",
        CONCURRENCY,
        "OnDemandConfigNotFound",
        "configs",
        required=("reservedConcurrency",),
    ),
    Kind("provision-config", PROVISION, "", "provisionConfigs"),
    Kind("scaling-config", SCALING, "", "scalingConfigs"),
)
LISTS = {
    "async-invoke-configs": KINDS[0],
    "concurrency-configs": KINDS[1],
    "provision-configs": KINDS[2],
    "scaling-configs": KINDS[3],
}


class Settings:
    """The operations on one kind of configuration."""

    def __init__(self, deployments: Deployments, kind: Kind) -> None:
        self._deployments = deployments
        self._kind = kind

    async def put(self, call: Call) -> Mapping[str, Any]:
        """PutAsyncInvokeConfig, PutConcurrencyConfig and so on."""
        call.latest()
        given = read_body(call.body, self._kind.shape)
        for field in self._kind.required:
            if field not in given:
                invalid(field, "is missing")
        for field, number in _counts(given):
            if number < 0:
                invalid(field, f"must not be below 0, not {number}")
            if field.lower().endswith("target") and number > MOST_PROVISIONED:
                invalid(field, f"must be at most {MOST_PROVISIONED}, not {number}")
        async with self._deployments.alone():
            one = self._deployments.get(call.names[0])
            one = await self._deployments.put(one.with_settings(self._kind.path, given))
        return self._describe(one)

    async def get(self, call: Call) -> Mapping[str, Any]:
        """GetAsyncInvokeConfig, GetConcurrencyConfig and so on."""
        call.latest()
        one = self._deployments.get(call.names[0])
        return self._describe(one) if self._present(one) else {}

    async def delete(self, call: Call) -> None:
        """DeleteAsyncInvokeConfig, DeleteConcurrencyConfig and so on."""
        call.latest()
        async with self._deployments.alone():
            one = self._deployments.get(call.names[0])
            if self._present(one):
                await self._deployments.put(one.with_settings(self._kind.path, None))

    async def list(self, call: Call) -> Mapping[str, Any]:
        """ListAsyncInvokeConfigs, ListConcurrencyConfigs and so on."""
        wanted = call.query.get("functionName", "")
        found = {
            name: one
            for name, one in self._deployments.all.items()
            if self._kind.path in one.settings and wanted in {"", name}
        }
        return call.page(found, self._kind.listed, lambda _, one: self._describe(one))

    def _present(self, one: Deployed) -> bool:
        there = self._kind.path in one.settings
        if not there and self._kind.missing:
            message = f"function {one.name!r} has no {self._kind.path}"
            raise RequestRefused(404, self._kind.missing, message)
        return there

    def _describe(self, one: Deployed) -> dict[str, Any]:
        found = {**one.settings[self._kind.path], "functionArn": one.arn(self._deployments.region)}
        if self._kind.path == "provision-config":
            # fc3 waits until the instances there are (`current`) are those wanted (`target`)
            found["target"] = found.get("target", found.get("defaultTarget", 0))
            found["current"] = found["target"]
        elif self._kind.path == "scaling-config":
            found["currentInstances"] = found["targetInstances"] = found.get("minInstances", 0)
        return found


def _counts(given: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, float]]:
    for name, value in given.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{place}{name}", value
        elif isinstance(value, dict):
            yield from _counts(value, f"{place}{name}.")
        elif isinstance(value, list):
            for number, one in enumerate(value):
                yield from _counts(one, f"{place}{name}[{number}].")
