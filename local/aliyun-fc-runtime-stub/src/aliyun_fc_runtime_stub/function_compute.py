"""Function Compute on this machine, as a context manager."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import uvicorn

from .account import ACCOUNT_ID
from .control.deployments import Deployments
from .control.plane import ControlPlane
from .control.store import Store
from .errors import FunctionNotFound, StubError
from .instances.environments import Environments
from .instances.invocation import Invocation
from .near_names import no_such
from .serving.destinations import Delivery
from .serving.gateway import Gateway
from .serving.preparation import Hint, ServiceSettings
from .serving.reloading import Reloader
from .serving.service import Notice, Service
from .template.model import Application, Function
from .template.s_yaml import load_application
from .web.access_keys import keep_access_key, new_access_key
from .web.acs3 import AccessKey
from .web.guard import Guard
from .web.ports import DEFAULT_PORT, Ports
from .web.trigger_auth import Authenticator
from .web.web_socket import WebSocketProtocol

T = TypeVar("T")
# Making an environment takes some seconds the first time: longer than a deploy's client waits.
_PREPARED = ("python3.12", "python3.10")
# The fc3 component asks again every 5 seconds, on the same connection. With a time as short as that
# the connection closes just when it asks.
_KEEP_ALIVE = 75  # seconds


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


def _ignore(_news: object) -> None:
    """Listen to nothing."""


class FunctionCompute:
    """Runs the functions of one s.yaml between `start` and `stop`, or inside a `with` block.

    `template`: the path of s.yaml. `environment`: overrides of the functions' environment
    variables (`"NAME:KEY"` for the function NAME only). `port`: of the API; HTTP triggers take the
    ports after it; 0 takes free ones. `variables`: what `${env()}` sees instead of this process's
    environment. `functions`: run only these, by name or resource. `layers`: folders by layer
    ARN. `instance_limit`: per function. `retry_delay`: the first wait in seconds before an
    asynchronous invocation is repeated. `timers`: fire the enabled timer triggers, by `clock`,
    which returns the time with a time zone. `reload`: follow changes of s.yaml and the code.
    `state`: a folder; serve what was and is deployed over the API, kept there, instead of an
    s.yaml; `region` is that of these functions.
    `freeze`: stop instances between requests.
    `authentication`: check callers of triggers by authType. `access_key`: the pair that callers
    sign with; else it is kept in `key_folder` (default: `state`), and without a folder it is a new
    one.
    `idle_seconds`: an instance without requests ends after that time. `start_seconds`: how long
    the program of a custom runtime may take to open its port.
    `listener` is called with every finished invocation, `notify` with what happens between them;
    both in the stub's thread. `announce` is told what is installed, before it is; `offline`:
    nothing is.

    Raises ConfigurationError if s.yaml, the code or an option cannot be used.
    """

    def __init__(
        self,
        template: str | Path | None = "s.yaml",
        environment: Mapping[str, str] | None = None,
        port: int = DEFAULT_PORT,
        host: str = "127.0.0.1",
        variables: Mapping[str, str] | None = None,
        *,
        functions: Collection[str] | None = None,
        layers: Mapping[str, Path] | None = None,
        instance_limit: int = 100,
        retry_delay: float = 1.0,
        timers: bool = False,
        reload: bool = False,
        state: str | Path | None = None,
        region: str = "cn-hangzhou",
        clock: Callable[[], datetime] = _utc_now,
        freeze: bool = False,
        idle_seconds: float = 300.0,
        start_seconds: float = 120.0,
        authentication: bool = True,
        access_key: tuple[str, str] | None = None,
        key_folder: str | Path | None = None,
        listener: Callable[[Invocation], None] = _ignore,
        notify: Callable[[Notice], None] = _ignore,
        announce: Callable[[str], None] = _ignore,
        offline: bool = False,
    ) -> None:
        self._template = template or "s.yaml"
        self._store = None if state is None else Store(Path(state))
        self._region = region
        self._variables = variables
        self._wanted = functions
        self._sources: set[Path] = set()
        application, chosen = self._load(self._sources)
        self._reload = reload
        self._ports = Ports(host, port)
        self._environments = Environments(announce, offline=offline)
        settings = ServiceSettings(
            environment=environment or {},
            layers=layers or {},
            instance_limit=instance_limit,
            retry_delay=retry_delay,
            freeze=freeze,
            idle_seconds=idle_seconds,
            start_seconds=start_seconds,
            open_ended=state is not None,
        )
        self._service = Service(application, chosen, settings, self._environments, listener, notify)
        self._service.opened = self._open_port
        self._access_key = new_access_key() if access_key is None else AccessKey(*access_key)
        key_folder = state if key_folder is None else key_folder
        self._key_folder = None if key_folder is None or access_key else Path(key_folder)
        self._authentication = authentication
        self._guard = Guard(host)
        self._with_timers = timers
        self._clock = clock
        self._hook_log = ""

    def _load(self, sources: set[Path]) -> tuple[Application, tuple[Function, ...]]:
        if self._store is not None:
            return Application(self._store.folder, (), {}), ()
        application = load_application(self._template, self._variables, sources)
        return application, _chosen(application, self._wanted)

    @property
    def application(self) -> Application:
        """What s.yaml says."""
        return self._service.application

    @property
    def functions(self) -> tuple[Function, ...]:
        """The functions that run."""
        return tuple(self._service.functions.values())

    @property
    def not_run(self) -> Mapping[str, str]:
        """What s.yaml says, or was deployed, and cannot run here, with the reason.

        By the name of the function; by that of its resource where its properties are not read.
        """
        return {**self.application.not_run, **self._service.not_run}

    @property
    def warnings(self) -> list[str]:
        """What differs from Function Compute because this machine lacks something."""
        return self._service.warnings

    @property
    def hints(self) -> Sequence[Hint]:
        """What in the functions' code will not work, and what to do."""
        return list(self._service.hints)

    def start(self) -> None:
        """Take the code, open the ports, and return when requests are answered."""
        try:
            reloader = Reloader(self._service, self._load, self._sources) if self._reload else None
            if self._store is not None:
                self._store.open()
            if self._key_folder is not None and (self._store is not None or self.is_signed):
                self._access_key = keep_access_key(self._key_folder)
            control = None if self._store is None else self._restore(self._store)
            self._service.prepare()
            sockets = self._ports.open(self.functions)
        except BaseException:
            self._service.discard()
            self._close_store()
            raise
        self._loop = asyncio.new_event_loop()
        gateway = Gateway(
            self._service,
            self._ports,
            self._guard,
            Authenticator(self._access_key, self._authentication),
            control,
        )
        config = uvicorn.Config(
            gateway,
            http="httptools",
            loop="asyncio",
            ws=WebSocketProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE,
        )
        # A response that breaks off halfway is a function's failure, which is reported as such.
        logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())
        self._server = uvicorn.Server(config)
        self._serving = self._loop.create_task(self._server.serve(sockets=sockets))
        self._thread = threading.Thread(target=self._run, name="fc-stub", daemon=True)
        self._thread.start()
        self._wait(self._start_beside(reloader))

    def _restore(self, store: Store) -> ControlPlane:
        """Take up what was deployed, and be ready for more."""
        for runtime in _PREPARED:
            self._environments.base(runtime)
        deployments = Deployments(store, self._service, self._region, self._ports.trigger_url)
        self._service.functions.update(deployments.restore())
        self._ports.kept = {name: one.port for name, one in deployments.all.items()}
        return ControlPlane(deployments, store, self._access_key)

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()

    async def _start_beside(self, reloader: Reloader | None) -> None:
        if self._with_timers:
            self._service.start_timers(self._clock)
        if reloader:
            self._service.refresh = reloader.refresh
            self._service.run_beside(reloader.run())

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

    def _open_port(self, function: Function) -> None:
        """Serve the trigger of a function that has come while the stub runs."""
        if listening := self._ports.open_later(function):
            self._service.run_beside(self._serve(listening))

    async def _serve(self, listening: socket.socket) -> None:
        server = self._server
        protocol: Any = server.config.http_protocol_class
        state = server.lifespan.state
        added = await self._loop.create_server(
            lambda: protocol(server.config, server.server_state, state), sock=listening
        )
        server.servers.append(added)

    def stop(self) -> str:
        """Run preStop hooks, end all instances, close the ports; return what the hooks wrote."""
        if self._thread.is_alive():
            self._hook_log = self._wait(self._shut_down())
            self._thread.join()
            self._loop.close()
            self._close_store()
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
        return self._ports.api_url

    @property
    def access_key(self) -> tuple[str, str]:
        """Id and secret that callers sign with; known once the stub has started."""
        return self._access_key

    @property
    def is_signed(self) -> bool:
        """Whether some trigger takes signed calls only (authType function)."""
        triggers = [function.http_trigger for function in self.functions]
        return self._authentication and any(
            trigger is not None and trigger.auth_type == "function" for trigger in triggers
        )

    @property
    def deploy_variables(self) -> Mapping[str, str]:
        """What lets `s deploy` deploy to here, as environment variables; empty without `state`."""
        if self._store is None:
            return {}
        return {
            "FC_CLIENT_CUSTOM_ENDPOINT": self.api_url,
            "FC_CODE_TEMP_OSS_ENDPOINT": self.api_url,
            "AccountID": ACCOUNT_ID,
            **self._key_variables,
        }

    @property
    def sign_variables(self) -> Mapping[str, str]:
        """What signs calls of triggers, as environment variables; empty where none is signed."""
        return self._key_variables if self.is_signed else {}

    @property
    def _key_variables(self) -> Mapping[str, str]:
        return {
            "AccessKeyID": self._access_key.id,
            "AccessKeySecret": self._access_key.secret,
        }

    def url(self, name: str) -> str:
        """The address of a function's HTTP trigger, with a slash at the end."""
        self._service.function(name)
        url = self._ports.trigger_url(name)
        if not url:
            raise StubError(f"the function {name!r} has no http trigger")
        return url

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
        return self._service.timers.next_times() if self._service.timers else {}

    def fire_due_timers(self) -> None:
        """Fire the timers whose time has come by `clock`; for tests that move their clock."""
        self._wait(self._fire_due_timers())

    async def _fire_due_timers(self) -> None:
        if self._service.timers is None:
            raise StubError("timers do not run: start with timers=True")
        self._service.timers.fire_due()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _chosen(application: Application, names: Collection[str] | None) -> tuple[Function, ...]:
    if names is None:
        return application.functions
    known = {function.name for function in application.functions}
    known |= {function.resource for function in application.functions}
    for name in names:
        if name not in known:
            if reason := application.not_run.get(name):
                raise FunctionNotFound(f"there is no function {name!r} to run; {reason}")
            raise FunctionNotFound(no_such("function", name, sorted(known)))
    return tuple(
        function
        for function in application.functions
        if function.name in names or function.resource in names
    )
