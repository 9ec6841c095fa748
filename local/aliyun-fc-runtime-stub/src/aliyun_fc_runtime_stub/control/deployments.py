"""All deployed functions, and how a changed one takes the place of the old."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import NoReturn, Protocol
from urllib.parse import urlsplit

from ..errors import ConfigurationError, NoRoom, RequestRefused
from ..instances.pool import Instances
from ..serving.service import Notice
from ..template.model import Function
from .arguments import invalid
from .deployed import Deployed, to_function
from .store import Store


class Host(Protocol):
    """What runs the functions."""

    notify: Callable[[Notice], None]

    async def make(self, function: Function) -> Instances:
        """Take the code of a function; raises ConfigurationError if it cannot be used."""

    def discard_made(self, instances: Instances) -> None:
        """Drop what `make` returned."""

    def install(self, instances: Instances) -> None:
        """Run a function by these instances from now on."""

    def update(self, function: Function) -> None:
        """Take changed triggers and asynchronous settings of a function that runs."""

    def remove(self, name: str) -> None:
        """Run a function no more."""

    def missing_layer(self, function: Function) -> str:
        """Say why a function cannot run here; empty if it can."""

    def set_aside(self, name: str, reason: str) -> None:
        """Know of a function that cannot run here."""


class Deployments:
    """The deployed functions by name; `alone` is held while one of them changes."""

    def __init__(self, store: Store, host: Host, region: str, url: Callable[[str], str]) -> None:
        self.region = region
        self.url = url
        self.all: dict[str, Deployed] = {}
        self._functions: dict[str, Function] = {}
        self._store = store
        self._host = host
        self._lock = asyncio.Lock()

    def restore(self) -> dict[str, Function]:
        """Read the store; return the functions by name. Raises ConfigurationError."""
        for one in self._store.load():
            try:
                self._functions[one.name] = self._function(one)
            except RequestRefused as error:
                message = f"{error}; this version of fc-stub cannot run it"
                raise ConfigurationError(message, self._store.folder, one.name) from None
            self.all[one.name] = one
        self._store.sweep(self.all.values())
        return dict(self._functions)

    def function(self, name: str) -> Function:
        """Return a function as it runs."""
        return self._functions[name]

    def get(self, name: str) -> Deployed:
        """Return a deployed function; raises RequestRefused (FunctionNotFound)."""
        if name not in self.all:
            raise RequestRefused(404, "FunctionNotFound", f"function {name!r} does not exist")
        return self.all[name]

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Let one change at a time through; of one that is refused no package stays."""
        async with self._lock:
            try:
                yield
            except BaseException:
                with contextlib.suppress(OSError):
                    self._store.sweep(self.all.values())
                raise

    async def put(self, one: Deployed) -> Deployed:
        """Put a new or changed function in place: all of it or, if this raises, nothing of it."""
        before = self.all.get(one.name)
        function = self._function(one)
        if reason := self._host.missing_layer(function):
            await self._save(one)
            self._host.set_aside(one.name, reason)
        else:
            one = await self._run(one, before, function)
        self.all[one.name], self._functions[one.name] = one, function
        if before is not None and before.package != one.package:
            self._store.sweep(self.all.values())
        return one

    async def _run(self, one: Deployed, before: Deployed | None, function: Function) -> Deployed:
        """Save a function and run it; return it with its port."""
        instances = None if one.same_code(before) else await self._make(function)
        try:
            await self._save(one)
        except BaseException:
            if instances is not None:
                self._host.discard_made(instances)
            raise
        if instances is None:
            self._host.update(function)
        else:
            self._host.install(instances)
        if function.http_trigger is not None and (port := self._port(one.name)) != one.port:
            one = replace(one, port=port)
            with contextlib.suppress(OSError):  # it runs, and is on disk; only its port is not
                await self._save(one)
        if before is None or not one.same_code(before) or one.triggers != before.triggers:
            text = "the function is new" if before is None else "the function has changed"
            self._host.notify(Notice("deployed", one.name, text))
        return one

    async def remove(self, name: str) -> None:
        """Remove a function with all that belongs to it."""
        self.get(name)
        await asyncio.to_thread(self._store.forget, name)
        del self.all[name], self._functions[name]
        self._host.remove(name)
        self._host.notify(Notice("removed", name, "the function was deleted"))
        self._store.sweep(self.all.values())

    async def _save(self, one: Deployed) -> None:
        """Force a function to disk; a slow disk keeps nobody else waiting."""
        await asyncio.to_thread(self._store.save, one)

    def _port(self, name: str) -> int:
        return urlsplit(self.url(name)).port or 0

    def _function(self, one: Deployed) -> Function:
        return to_function(one, self.region, self._store.code(one.package))

    async def _make(self, function: Function) -> Instances:
        try:
            return await self._host.make(function)
        except NoRoom as error:
            raise RequestRefused(500, "InternalServerError", str(error)) from None
        except ConfigurationError as error:
            _unusable(error)


def _unusable(error: ConfigurationError) -> NoReturn:
    text = str(error).removeprefix(": ".join((*error.place, "")))
    invalid("layers" if error.place[-1:] == ("layers",) else "code", text)
