"""What every trigger has in common: the context, the log, the invocation."""

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from shared import settings, transport
from shared.clock import Clock
from shared.logs import Log, hash_key, safe_request_id
from shared.platform.sms_api import SmsApi
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.state.store import Store

RESERVE_SECONDS = 1.0


class Context(Protocol):
    """The part of FC's context object that all runtimes have; `function.timeout` is in seconds."""

    request_id: str
    function: Any


class Invocation(NamedTuple):
    """What a function has at hand; `deadline` is in monotonic seconds, `caller` a key's name."""

    api: SmsApi
    deadline: float
    caller: str = ""

    @property
    def store(self) -> "Store | None":
        """The shared state, if SMS_STATE_URL names one."""
        url = self.api.settings.state_url
        if not url:
            return None
        from shared.state.choice import open_store

        return open_store(url)


@lru_cache(maxsize=1)
def instance_settings() -> Settings:
    """Return the settings of this instance, whose environment never changes."""
    return settings.read_settings(os.environ)


def open_log(context: Context, function: str, clock: Clock) -> Log:
    """Return the log of one invocation of `function`."""
    key = hash_key(os.environ.get("SMS_STATE_SECRET", ""))
    return Log(safe_request_id(context.request_id), function, key, clock)


def open_invocation(context: Context, log: Log, started: float) -> Invocation:
    """Return what an invocation that began at `started` (monotonic seconds) has at hand."""
    from_context = getattr(context, "credentials", None)
    api = SmsApi(
        instance_settings(),
        lambda: settings.read_credentials(os.environ, from_context),
        transport.SESSION,
        log.clock,
        log,
    )
    deadline = started + float(context.function.timeout) - RESERVE_SECONDS
    return Invocation(api, deadline)


def log_bug(error: Exception, log: Log) -> None:
    """Log where an unexpected error was raised; its text may hold anything."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else ""
    log.event("error", "internal-error", type(error).__name__, where=where)
