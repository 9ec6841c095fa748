"""Which store the settings name."""

from functools import lru_cache

from shared.state.redis_store import RedisStore
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Store


@lru_cache(maxsize=1)
def open_store(url: str) -> Store:
    """Open the store that SMS_STATE_URL names, once an instance; connects when it is used.

    Raises ConfigurationError for an address of Redis that is none.
    """
    path = url.removeprefix("sqlite://")
    return RedisStore(url) if path == url else SqliteStore(path)
