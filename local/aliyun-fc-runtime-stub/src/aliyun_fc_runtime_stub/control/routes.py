"""Which operation answers which method and path of the API 2023-03-30."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..web.api_paths import PREFIX
from .bindings import Tags, VpcBindings
from .call import PAGING
from .deployments import Deployments
from .functions import Functions
from .settings import KINDS, LISTS, Settings
from .store import Store
from .triggers import Triggers

Operation = Callable[[Any], Awaitable[Mapping[str, Any] | None]]


class Route(NamedTuple):
    """One operation; `shown` is its path for people, `query` are the parameters it takes."""

    method: str
    path: re.Pattern[str]
    shown: str
    operation: Operation
    query: frozenset[str]


def make_routes(deployments: Deployments, store: Store) -> list[Route]:
    """Return all operations."""
    functions, triggers = Functions(deployments, store), Triggers(deployments)
    vpcs, tags = VpcBindings(deployments), Tags(deployments)
    routes = [
        _route("POST functions", functions.create),
        _route("GET functions", functions.list, PAGING | {"fcVersion"}),
        _route("GET functions/*", functions.get, {"qualifier"}),
        _route("PUT functions/*", functions.update),
        _route("DELETE functions/*", functions.delete),
        _route("POST functions/*/triggers", triggers.create),
        _route("GET functions/*/triggers", triggers.list, PAGING),
        _route("GET functions/*/triggers/*", triggers.get),
        _route("PUT functions/*/triggers/*", triggers.update),
        _route("DELETE functions/*/triggers/*", triggers.delete),
        _route("POST functions/*/vpc-bindings", vpcs.create),
        _route("GET functions/*/vpc-bindings", vpcs.list),
        _route("DELETE functions/*/vpc-bindings/*", vpcs.delete),
        _route("POST tags-v2", tags.add),
        _route("DELETE tags-v2", tags.remove, {"ResourceId", "ResourceType", "TagKey", "All"}),
    ]
    for kind in KINDS:
        one = Settings(deployments, kind)
        routes += [
            _route(f"GET functions/*/{kind.path}", one.get, {"qualifier"}),
            _route(f"PUT functions/*/{kind.path}", one.put, {"qualifier"}),
            _route(f"DELETE functions/*/{kind.path}", one.delete, {"qualifier"}),
        ]
    for path, kind in LISTS.items():
        listing = Settings(deployments, kind).list
        routes.append(_route(f"GET {path}", listing, PAGING | {"functionName"}))
    return routes


def _route(
    text: str, operation: Operation, query: frozenset[str] | set[str] = frozenset()
) -> Route:
    method, _, path = text.partition(" ")
    pattern = re.escape(PREFIX + path).replace(r"\*", "([^/]+)")
    return Route(method, re.compile(pattern), path, operation, frozenset(query))


def offered(routes: Iterable[Route]) -> str:
    """Return a list of all operations for people; `*` stands for a name."""
    methods: dict[str, list[str]] = {}
    for route in routes:
        methods.setdefault(route.shown, []).append(route.method)
    calls = [f"{'/'.join(names)} {path}" for path, names in methods.items()]
    return (
        f"below {PREFIX}: {', '.join(calls)}, POST functions/*/invocations; and the temporary "
        "bucket for code: GET /2016-08-15/tempBucketToken, PUT of the object"
    )
