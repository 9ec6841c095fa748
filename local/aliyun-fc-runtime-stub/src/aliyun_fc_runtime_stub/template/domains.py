"""Custom domains: their names, and the functions that their routes lead to.

Sources: the components fc3 (`customDomain`) and fc3-domain (`domainName`, `routeConfig`) of
Serverless Devs. A route leads to its function whether or not that has an HTTP trigger; official
templates of web frameworks have routes alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..errors import ConfigurationError
from .model import Function, HttpTrigger
from .triggers import METHODS
from .variables import Variables


class Domain(NamedTuple):
    """One custom domain: its name in lower case, empty where the platform chooses it (auto), and
    the names of the functions it leads to."""

    name: str
    functions: tuple[str, ...]


NO_DOMAIN = Domain("", ())


def read_domain(resolver: Variables, props: object, place: tuple[str, ...]) -> Domain:
    """Read a domain, as far as it can be read: no function depends on it."""
    if not isinstance(props, Mapping):
        return NO_DOMAIN
    name = _resolved(resolver, props.get("domainName"), (*place, "domainName"))
    routed = props.get("routeConfig")
    routes = routed.get("routes") if isinstance(routed, Mapping) else None
    functions = []
    for route in routes if isinstance(routes, list) else []:
        named = route.get("functionName") if isinstance(route, Mapping) else None
        function = _resolved(resolver, named, (*place, "routeConfig", "routes"))
        if isinstance(function, str):
            functions.append(function)
    own = name.lower() if isinstance(name, str) and name != "auto" else ""
    return Domain(own, tuple(functions))


def _resolved(resolver: Variables, value: Any, place: tuple[str, ...]) -> Any:
    try:
        return resolver.resolve(value, place)
    except ConfigurationError:
        return None


def with_routes(functions: Iterable[Function], routed: set[str]) -> list[Function]:
    """Give an address to the functions that only a domain leads to."""
    trigger = HttpTrigger("custom-domain", METHODS, "anonymous")
    return [
        replace(function, http_trigger=trigger)
        if function.http_trigger is None and function.name in routed
        else function
        for function in functions
    ]
