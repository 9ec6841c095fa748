"""Keeps a running service as s.yaml and the code say.

Code is looked at right before an invocation, s.yaml also twice a second, because a new function
needs a port before anybody can invoke it. What cannot be used is reported once; the old goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import StubError
from ..package.watch import State, Watch, code_state, files_state
from ..template.model import Application, Function
from .service import Notice, Service

_POLL = 0.5  # seconds

Load = Callable[[set[Path]], tuple[Application, tuple[Function, ...]]]


class Reloader:
    """Puts changed functions in the place of old ones.

    `load` reads s.yaml, says which functions to run, and adds each file it has looked at to a set;
    `sources` are those it has looked at before the service took the code; `clock` returns seconds.
    """

    def __init__(
        self,
        service: Service,
        load: Load,
        sources: set[Path],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._load = load
        self._sources = sources
        self._functions = dict(service.functions)
        self._clock = clock
        self._settings = Watch(lambda: files_state(self._sources), clock)
        self._folders: dict[Path, Watch] = {}
        self._made: dict[str, State] = {
            name: self._folder(function.code).state for name, function in self._functions.items()
        }
        self._told: dict[str, str] = {}
        self._again = False
        self._turn = asyncio.Lock()

    def _folder(self, code: Path) -> Watch:
        if code not in self._folders:
            self._folders[code] = Watch(lambda: code_state(code), self._clock)
        return self._folders[code]

    async def run(self) -> None:
        """Look at s.yaml now and then, until cancelled."""
        while True:
            await asyncio.sleep(_POLL)
            async with self._turn:
                await self._follow_settings()

    async def refresh(self, name: str) -> None:
        """Bring one function up to date, if it is time to look again or another's look told so."""
        if not self._settings.due and not self._is_due(name):
            return
        async with self._turn:
            await self._follow_settings()
            await self._follow_code(name)

    def _is_due(self, name: str) -> bool:
        function = self._functions.get(name)
        if function is None:
            return False
        folder = self._folder(function.code)
        return folder.due or folder.state != self._made[name]

    async def _follow_settings(self) -> None:
        if self._settings.due and (await asyncio.to_thread(self._settings.changed) or self._again):
            self._again = False
            await self._reload()

    async def _follow_code(self, name: str) -> None:
        function = self._functions.get(name)
        if function is None:
            return
        folder = self._folder(function.code)
        if folder.due:
            await asyncio.to_thread(folder.changed)
        if folder.state != self._made[name]:
            await self._replace(function, "the code has changed")

    async def _reload(self) -> None:
        sources: set[Path] = set()
        try:
            application, functions = await asyncio.to_thread(self._load, sources)
        except (StubError, OSError) as error:
            self._sources |= sources
            self._tell_error("", f"{error}; the functions run on as they were")
            return
        self._sources = sources
        self._told.pop("", None)
        self._service.application = application
        for name in self._functions.keys() - {function.name for function in functions}:
            self._remove(name)
        for function in functions:
            if function != self._functions.get(function.name):
                await self._replace(function, "s.yaml has changed")

    async def _replace(self, function: Function, reason: str) -> None:
        folder = self._folder(function.code)
        await asyncio.to_thread(folder.changed)  # before the copy: what comes later is a change
        state = folder.state
        missing = self._service.missing_layer(function)
        if missing and function.name not in self._service.functions:
            self._service.set_aside(function.name, missing)
        elif not await self._installed(function, reason):
            return
        self._functions[function.name] = function
        self._made[function.name] = state
        self._told.pop(function.name, None)

    async def _installed(self, function: Function, reason: str) -> bool:
        """Put a function in place of the one before; say whether it can run."""
        try:
            instances = await self._service.make(function)
        except (StubError, OSError) as error:
            self._again = True
            self._tell_error(function.name, f"{error}; the function runs on as it was")
            return False
        self._service.install(instances)
        self._service.notify(Notice("reloaded", function.name, reason))
        return True

    def _remove(self, name: str) -> None:
        del self._functions[name], self._made[name]
        self._service.remove(name)
        self._service.notify(Notice("removed", name, "it is no longer in s.yaml"))

    def _tell_error(self, name: str, text: str) -> None:
        if self._told.get(name) != text:
            self._told[name] = text
            self._service.notify(Notice("error", name, text))
