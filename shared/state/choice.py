"""Which store SMS_STATE_URL names."""

from functools import lru_cache

from shared.state.store import OwnersStore

_SQLITE = "sqlite://"


@lru_cache(maxsize=1)
def open_store(url: str) -> OwnersStore:
    """Open the store at `url` once an instance; it connects when it is used.

    `url` is ``sqlite:///path`` or ``redis://host:port/db``. Raises ConfigurationError for an
    address of Redis that is none.
    """
    if url.startswith(_SQLITE):
        from shared.state.sqlite_store import SqliteStore

        return SqliteStore(url.removeprefix(_SQLITE))
    from shared.state.redis_store import RedisStore

    return RedisStore(url)
