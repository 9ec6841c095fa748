"""Function Compute on this machine, as a context manager."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import uvicorn

from .destinations import Delivery
from .errors import ConfigurationError, FunctionNotFound, StubError
from .gateway import Gateway
from .interpreters import runtime_environment
from .invocation import Invocation
from .model import Application, Function
from .s_yaml import load_application
from .service import Service, ServiceSettings
from .timers import Timers
from .trigger_auth import LOCAL_ACCESS_KEY, Authenticator

T = TypeVar("T")


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


def _ignore(_invocation: Invocation) -> None:
    """Listen to nothing."""


class FunctionCompute:
    """Runs the functions of one s.yaml between `start` and `stop`, or inside a `with` block.

    `template`: the path of s.yaml. `environment`: overrides of the functions' environment
    variables (`"NAME:KEY"` for the function NAME only). `port`: of the API; HTTP triggers take the
    ports after it; 0 takes free ones. `variables`: what `${env()}` sees instead of this process's
    environment. `functions`: run only these, by name or resource. `layers`: folders by layer
    ARN. `instance_limit`: per function. `retry_delay`: the first wait in seconds before an
    asynchronous invocation is repeated. `timers`: fire the enabled timer triggers, by `clock`,
    which returns the time with a time zone. `freeze`: stop instances between requests.
    `authentication`: check callers of triggers by authType. `access_key`: the pair that may call
    triggers of authType function.
    `listener` is called with every finished invocation, in the stub's thread.

    Raises ConfigurationError if s.yaml, the code or an option cannot be used.
    """

    def __init__(
        self,
        template: str | Path = "s.yaml",
        environment: Mapping[str, str] | None = None,
        port: int = 9000,
        host: str = "127.0.0.1",
        variables: Mapping[str, str] | None = None,
        *,
        functions: Collection[str] | None = None,
        layers: Mapping[str, Path] | None = None,
        instance_limit: int = 100,
        retry_delay: float = 1.0,
        timers: bool = False,
        clock: Callable[[], datetime] = _utc_now,
        freeze: bool = False,
        authentication: bool = True,
        access_key: tuple[str, str] = LOCAL_ACCESS_KEY,
        listener: Callable[[Invocation], None] = _ignore,
    ) -> None:
        self.application: Application = load_application(template, variables)
        self._host = host
        self._port = port
        settings = ServiceSettings(
            environment or {}, layers or {}, instance_limit, retry_delay, freeze
        )
        self.functions = _chosen(self.application, functions)
        self._service = Service(
            self.application, self.functions, settings, runtime_environment, listener
        )
        self._authenticator = Authenticator(access_key, authentication)
        self._with_timers = timers
        self._timers: Timers | None = None
        self._clock = clock
        self._ports: dict[str, int] = {}
        self._api_port = 0
        self._hook_log = ""

    @property
    def warnings(self) -> list[str]:
        """What differs from Function Compute because this machine lacks something."""
        return self._service.warnings

    def start(self) -> None:
        """Take the code, open the ports, and return when requests are answered."""
        sockets: list[socket.socket] = []
        try:
            self._service.prepare()
            self._open_ports(sockets)
        except BaseException:
            for opened in sockets:
                opened.close()
            self._service.discard()
            raise
        self._loop = asyncio.new_event_loop()
        gateway = Gateway(
            self._service,
            {port: name for name, port in self._ports.items()},
            self._authenticator,
        )
        config = uvicorn.Config(
            gateway,
            http="httptools",
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        self._server = uvicorn.Server(config)
        self._serving = self._loop.create_task(self._server.serve(sockets=sockets))
        self._thread = threading.Thread(target=self._run, name="fc-stub", daemon=True)
        self._thread.start()
        if self._with_timers:
            self._timers = self._wait(self._start_timers())

    async def _start_timers(self) -> Timers:
        return self._service.start_timers(self._clock)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serving)

    async def _shut_down(self) -> str:
        """End the service, then the server: its own way of ending takes 0.2 s more."""
        hook_log = await self._service.stop()
        while not self._server.started:
            await asyncio.sleep(0.01)
        for server in self._server.servers:
            server.close()
        state = self._server.server_state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=1)
        self._serving.cancel()
        return hook_log

    def _open_ports(self, sockets: list[socket.socket]) -> None:
        try:
            api = _listen(self._host, self._port)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self._host}:{self._port} ({error.strerror}): choose another "
                "port with --port, or --port 0 for free ones"
            ) from None
        sockets.append(api)
        self._api_port = api.getsockname()[1]
        following = self._port
        for function in self.functions:
            if function.http_trigger is None:
                continue
            following += 1 if following else 0
            sockets.append(self._listen_or_free(following))
            self._ports[function.name] = sockets[-1].getsockname()[1]

    def _listen_or_free(self, port: int) -> socket.socket:
        if port <= 65535:
            with contextlib.suppress(OSError):
                return _listen(self._host, port)
        return _listen(self._host, 0)

    def stop(self) -> str:
        """Run preStop hooks, end all instances, close the ports; return what the hooks wrote."""
        if self._thread.is_alive():
            self._hook_log = self._wait(self._shut_down())
            self._thread.join()
            self._loop.close()
        return self._hook_log

    def __enter__(self) -> FunctionCompute:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def api_url(self) -> str:
        """The address of the Function Compute API (InvokeFunction)."""
        return f"http://{self._host}:{self._api_port}"

    def url(self, name: str) -> str:
        """The address of a function's HTTP trigger, with a slash at the end."""
        self._service.function(name)
        if name not in self._ports:
            raise StubError(f"the function {name!r} has no http trigger")
        return f"http://{self._host}:{self._ports[name]}/"

    def invoke(self, name: str, payload: bytes = b"", asynchronous: bool = False) -> Invocation:
        """Invoke a function as InvokeFunction does; asynchronous ones answer 202 at once.

        Raises FunctionNotFound, Throttled or RequestRefused where the API would refuse.
        """
        if not asynchronous:
            return self._wait(self._service.invoke(name, payload))
        request_id = self._wait(self._later(name, payload))
        headers = {"X-Fc-Request-Id": request_id}
        return Invocation(
            name, request_id, 202, headers, b"", None, "", 0.0, 0, 0.0, trigger="async"
        )

    async def _later(self, name: str, payload: bytes) -> str:
        return self._service.invoke_later(name, payload)

    def wait_for_async(self, timeout: float = 60.0) -> None:
        """Wait until all asynchronous invocations, with their repeats, are over."""
        self._wait(asyncio.wait_for(self._service.queue.drain(), timeout))

    def invocations(self) -> Sequence[Invocation]:
        """Return the finished invocations, oldest first (the last 10,000)."""
        return list(self._service.recorded)

    def destinations(self) -> Sequence[Delivery]:
        """Return what destinations of asynchronous invocations were told, oldest first.

        Functions of this s.yaml have been invoked with it; for other services (MNS, EventBridge,
        ...) nothing else has happened. The last 10,000 are kept.
        """
        return list(self._service.queue.deliveries)

    def timer_times(self) -> Mapping[tuple[str, str], datetime]:
        """Return when each running timer fires next, by names of function and trigger."""
        return self._timers.next_times() if self._timers else {}

    def fire_due_timers(self) -> None:
        """Fire the timers whose time has come by `clock`; for tests that move their clock."""
        self._wait(self._fire_due_timers())

    async def _fire_due_timers(self) -> None:
        if self._timers is None:
            raise StubError("timers do not run: start with timers=True")
        self._timers.fire_due()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _chosen(application: Application, names: Collection[str] | None) -> tuple[Function, ...]:
    if names is None:
        return application.functions
    known = {function.name for function in application.functions}
    known |= {function.resource for function in application.functions}
    for name in names:
        if name not in known:
            reason = application.not_run.get(name, f"there are: {', '.join(sorted(known))}")
            raise FunctionNotFound(f"there is no function {name!r} to run; {reason}")
    return tuple(
        function
        for function in application.functions
        if function.name in names or function.resource in names
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only for sockets that name their protocol.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(2048)
    except BaseException:
        opened.close()
        raise
    return opened
