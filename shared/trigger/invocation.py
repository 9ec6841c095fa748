"""What every trigger has in common: the context, the log, the invocation.

An instance of a function serves many invocations. Settings, connections and the store are kept from
one to the next; what belongs to one alone is made by open_log and open_invocation.
"""

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from shared import settings, transport
from shared.clock import Clock
from shared.logs import Log, hash_key, safe_request_id
from shared.platform.sms_api import SmsApi
from shared.settings import Settings

if TYPE_CHECKING:  # not when it runs: a function without a store never loads it
    from shared.state.store import Store

RESERVE_SECONDS = 1.0  # of the function's timeout, kept for the answer


class Context(Protocol):
    """The part of FC's context object that all runtimes have; `function.timeout` is in seconds.

    Source: "Context" of the Function Compute documentation for Python.
    """

    request_id: str
    function: Any


class Invocation(NamedTuple):
    """What a function has at hand.

    `deadline`, in monotonic seconds, is when it has to be done. `space` says whose out_ids it is
    about (ids.py): the name of an API key, or a space of ours; "" where nobody called. A caller who
    does not wait long has a `store_deadline`, at which every step of the store ends.
    """

    api: SmsApi
    deadline: float
    space: str = ""
    store_deadline: float | None = None

    @property
    def store(self) -> "Store | None":
        """The shared state, or None where SMS_STATE_URL names none."""
        url = self.api.settings.state_url
        if not url:
            return None
        from shared.state.choice import open_store  # what a function without a store never needs

        store = open_store(url)
        if self.store_deadline is None:
            return store
        from shared.state.timed_store import TimedStore

        return TimedStore(store, self.api.clock, self.store_deadline)


@lru_cache(maxsize=1)
def instance_settings() -> Settings:
    """Return the settings of this instance, read once: its environment never changes.

    Raises ConfigurationError.
    """
    return settings.read_settings(os.environ)


def open_log(context: Context, function: str, clock: Clock) -> Log:
    """Return the log of one invocation of `function`.

    It reads no settings, so that what is wrong with them can be logged.
    """
    return Log(
        request_id=safe_request_id(context.request_id),
        function=function,
        hash_key=hash_key(os.environ.get("SMS_STATE_SECRET", "")),
        clock=clock,
    )


def open_invocation(context: Context, log: Log, started: float, *, space: str = "") -> Invocation:
    """Return what an invocation that began at `started` (monotonic seconds) has at hand.

    Raises ConfigurationError.
    """
    from_context = getattr(context, "credentials", None)  # python3.10 has them, python3.12 not
    api = SmsApi(
        settings=instance_settings(),
        credentials=lambda: settings.read_credentials(os.environ, from_context),
        session=transport.SESSION,
        clock=log.clock,
        log=log,
    )
    deadline = started + float(context.function.timeout) - RESERVE_SECONDS
    return Invocation(api, deadline, space)


def log_bug(error: Exception, log: Log) -> None:
    """Log the kind of an unexpected error and where it was raised: ``function:line``.

    Its text is left out, for it may hold a phone number or a code.
    """
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else ""
    log.event("error", "internal-error", type(error).__name__, where=where)
