"""The program of a custom runtime: started, ready when its port answers, asked over HTTP.

Sources: "Principles" (start command, 120 seconds, the address to listen on) and "Error handling" of
custom runtimes; the error codes of the API 2023-03-30 (412 CAExited, CAFileNotFound).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ...template.model import CustomRuntime, Function
from ..environment import make_program_environment
from ..instance import InstanceSettings
from ..instance_process import End, InstanceProcess
from ..platform_paths import PlatformPaths
from ..processes import tree_listens
from .client import ProgramClient
from .ports import (
    LAUNCHER,
    PYTHON,
    ProgramPorts,
    answers,
    answers_others,
    can_move_ports,
)

_PAUSE = 0.02  # seconds between two looks at the port
_WONDER = 5.0  # seconds after which it is said what a start waits for


class Failure(NamedTuple):
    """Why a program could not be started: a code of the platform and its message."""

    code: str
    message: str


class Program:
    """One program, with the process that it is, and the connections to it."""

    def __init__(
        self, function: Function, settings: InstanceSettings, on_exit: Callable[[], None]
    ) -> None:
        if function.custom is None:
            raise ValueError(f"{function.runtime} is no custom runtime")
        self.process = InstanceProcess(function.memory, self._exited, launched=True)
        self.environment: dict[str, str] = {}
        self.client = ProgramClient(0)
        self._function = function
        self._custom: CustomRuntime = function.custom
        self._settings = settings
        self._on_exit = on_exit
        self._ports: ProgramPorts | None = None

    def _exited(self) -> None:
        self.client.close()
        if self._ports:
            self._ports.release()
        self._on_exit()

    async def start(self) -> Failure | None:
        """Start it, and wait until its port answers; say why if it does not."""
        movable = await asyncio.to_thread(can_move_ports)
        ports = ProgramPorts.take(self._function.name, self._custom.port, movable=movable)
        self._ports = ports
        try:
            failure = await self._start(ports)
        except BaseException:
            ports.release()
            await self.process.kill()
            raise
        if failure:
            await self.process.kill()
            ports.release()
            ports.check_refused()
        return failure

    async def _start(self, ports: ProgramPorts) -> Failure | None:
        paths = PlatformPaths(self._settings.code, self._settings.layers)
        command = await asyncio.to_thread(self._prepare, paths, ports.given)
        if missing := self._missing_file(command[0], paths):
            return missing
        start = {
            "command": command,
            "environment": self.environment,
            "ports": [ports.wanted, ports.given],
        }
        self.process.start(
            lambda lifeline: [*PYTHON, LAUNCHER, str(lifeline)],
            code=self._settings.code,
            environment={},
            mark=self.environment["FC_INSTANCE_ID"],
            standard_input=json.dumps(start).encode(),
        )
        opening = asyncio.ensure_future(self._until_open(ports))
        ended = asyncio.ensure_future(self.process.ended())
        try:
            await asyncio.wait(
                (opening, ended),
                timeout=self._settings.start_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if opening.done():
                return opening.result()
            return self._exit_failure() if ended.done() else self._port_failure(ports)
        finally:
            opening.cancel()
            ended.cancel()

    def _prepare(self, paths: PlatformPaths, port: int) -> list[str]:
        """Set the environment; return the command. Reads and writes files."""
        self.environment = make_program_environment(self._function, self._settings, paths, port)
        command = paths.command(self._custom.command)
        if command[0] == "python" and not shutil.which("python", path=self.environment["PATH"]):
            command[0] = "python3"  # Debian has no other name for it
        return command

    def _missing_file(self, program: str, paths: PlatformPaths) -> Failure | None:
        """Name the file of the command that is not there."""
        place = Path(self._settings.code, program)
        found = (
            place.exists()
            if "/" in program
            else shutil.which(program, mode=os.F_OK, path=self.environment["PATH"])
        )
        if found:
            return None
        named = self._custom.command[0]
        hint = f"fc-stub: this machine has no {Path(named).name}"
        if paths.missing:
            hint = f"fc-stub: this machine has no {', '.join(sorted(paths.missing))}"
        elif named.startswith(("/code/", ".")):
            hint = "fc-stub: it is not in the code; customRuntimeConfig names the start command"
        return Failure(
            "CAFileNotFound",
            "The function cannot be started. Failed to start function instance. "
            f"Error: the file {named} is not exist ({hint})",
        )

    async def _until_open(self, ports: ProgramPorts) -> Failure | None:
        loop = asyncio.get_running_loop()
        wondering = loop.time() + _WONDER
        while True:
            for port in ports:
                if await answers(port):
                    return await self._opened(ports, port)
            if loop.time() > wondering:
                wondering = float("inf")
                self._settings.notice(f"its program is not ready yet: {self._where(ports)}", "")
            await asyncio.sleep(_PAUSE)

    async def _opened(self, ports: ProgramPorts, port: int) -> Failure | None:
        if not await answers_others(port):
            return Failure(
                "FunctionNotStarted",
                f"Function instance health check failed on port {ports.wanted} (fc-stub: the "
                "program listens on 127.0.0.1 alone; Function Compute reaches it on 0.0.0.0)",
            )
        ports.opened(port)
        self.client.port = port
        return None

    def _port_failure(self, ports: ProgramPorts) -> Failure:
        seconds = f"{self._settings.start_seconds:g}"
        return Failure(
            "FunctionNotStarted",
            f"Function instance health check failed on port {ports.wanted} in {seconds} seconds "
            f"(fc-stub: {self._where(ports)}).",
        )

    def _where(self, ports: ProgramPorts) -> str:
        """Say where the program should listen, and where it does."""
        process = self.process.process_id
        found = sorted(tree_listens(process) - set(ports)) if process else []
        where = f"on {', '.join(map(str, found))}" if found else "on no port"
        return f"it should listen on {ports.wanted} or FC_SERVER_PORT, and listens {where}"

    def _exit_failure(self) -> Failure:
        code = self.process.exit_code or 0
        code = 128 - code if code < 0 else code
        meaning = os.strerror(code)
        known = code and not meaning.startswith("Unknown error")
        message = f", message:{meaning.lower()}" if known else ""
        if self.process.end is End.MEMORY:
            used, limit = self.process.peak_kib // 1024, self._function.memory
            message += f", fc-stub: it used {used} MB of memory; its memorySize is {limit} MB"
        command = " ".join(self._custom.command)
        return Failure(
            "CAExited",
            f"Function instance exited unexpectedly(code {code}{message}) with start command "
            f"'{command}'.",
        )

    async def kill(self) -> None:
        """End it with all that it has started."""
        with contextlib.suppress(OSError):
            self.client.close()
        await self.process.kill()
