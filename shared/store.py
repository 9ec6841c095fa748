"""Shared state: small records and counts, in Redis or in a SQLite file on one machine.

Every change is one atomic step, safe to repeat when its answer was lost: whoever writes the same
text again is told that it is there. Records and counts expire. A store that cannot be used raises
StoreUnavailable, and nothing is half done then.

Redis must keep what it acknowledged: `maxmemory-policy noeviction`, for a record that was evicted
lets a repeat send again; so may a fail-over to a replica that missed the last writes. All keys
carry one hash tag, so that a cluster keeps them in one slot.
"""

import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from shared.errors import ConfigurationError, StoreUnavailable

if TYPE_CHECKING:
    import sqlite3

_RECORD, _SUM, _MOMENTS = "{fc-sms}:", "{fc-sms}+", "{fc-sms}~"
_TIMEOUT = 2.0
_FILE_TIMEOUT = 10.0  # processes that write at once take turns by chance


class Count(NamedTuple):
    """An amount to add to what is counted under `key`, unless that would exceed `limit`.

    A fixed window is named in its key (by its date, say) and ends in `window` seconds; a sliding
    one looks back that long. `rule` names the limit.
    """

    rule: str
    key: str
    amount: int
    limit: int
    window: int
    sliding: bool = False


class Written(NamedTuple):
    """The record is `new`; `totals` is what each charge came to, empty if it was `new` before."""

    totals: tuple[int, ...] = ()


class Refused(NamedTuple):
    """A limit refused; nothing was counted. `retry_after` is in seconds."""

    rule: str
    retry_after: int


class Store(Protocol):
    """What both back ends do."""

    def get(self, key: str) -> str | None:
        """Return the record under `key`, or None."""

    def totals(self, counts: Sequence[Count]) -> list[int]:
        """Return what was counted in each of `counts`, none of which is sliding."""

    def put(
        self,
        key: str,
        old: str | None,
        new: str,
        ttl: int,
        now: float,
        charge: Sequence[Count] = (),
        give_back: Sequence[Count] = (),
    ) -> Written | Refused | str:
        """Write `new` if the record is `old` (None: if there is none), to last `ttl` seconds.

        With that step `charge` is added and `give_back`, once charged for the same key, taken away:
        all or nothing, and nothing when the record was `new` before. Returns the record that is
        there, empty for none, when that is neither `old` nor `new`. `now` is in epoch seconds.

        Where only one of several callers may win, `new` must hold something that only one has.
        """


@lru_cache(maxsize=1)
def open_store(url: str) -> Store:
    """Open the store that SMS_STATE_URL names, once an instance; connects when it is used.

    Raises ConfigurationError for an address of Redis that is none.
    """
    path = url.removeprefix("sqlite://")
    return RedisStore(url) if path == url else SqliteStore(path)


# A script is put together from these pieces, as Alibaba Cloud's cluster edition wants each key
# written KEYS[number] (document 92942). ARGV: old, new, ttl ms, now ms, owner, mark, then amount,
# limit and window ms of each count. The record is written first: a Redis that is full or read-only
# refuses there. A sliding window is a sorted set of moments; its members begin with their owner, so
# that they can be taken away again.
_COMPARE = """
local current = redis.call('GET', KEYS[1]) or ''
if current == ARGV[2] then return {'done'} end
if current ~= ARGV[1] then return {'differs', current} end
local now = tonumber(ARGV[4])
local answer = {'done'}"""
_WRITE = """
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])"""
_CHECK = """
if tonumber(redis.call('GET', <key>) or '0') + <amount> > <limit> then
  return {'refused', <place>, <window>}
end"""
_CHECK_SLIDING = """
do
  local begin = now - <window> + 1
  local over = redis.call('ZCOUNT', <key>, begin, '+inf') + <amount> - <limit>
  if over > 0 then
    local last = redis.call('ZRANGEBYSCORE', <key>, begin, '+inf', 'WITHSCORES')[2 * over]
    return {'refused', <place>, last and tonumber(last) + <window> - now or <window>}
  end
end"""
_ADD = """
answer[#answer + 1] = redis.call('INCRBY', <key>, <amount>)
redis.call('PEXPIRE', <key>, <window>)"""
_ADD_SLIDING = """
redis.call('ZREMRANGEBYSCORE', <key>, '-inf', now - <window>)
for n = 1, <amount> do redis.call('ZADD', <key>, now, ARGV[5] .. ARGV[6] .. n) end
redis.call('PEXPIRE', <key>, <window>)
answer[#answer + 1] = redis.call('ZCARD', <key>)"""
_TAKE_AWAY = """
if tonumber(redis.call('GET', <key>) or '0') >= <amount> then
  redis.call('DECRBY', <key>, <amount>)
end"""
_TAKE_AWAY_SLIDING = """
do
  local left = <amount>
  for _, member in ipairs(redis.call('ZREVRANGE', <key>, 0, -1)) do
    if left > 0 and string.sub(member, 1, #ARGV[5]) == ARGV[5] then
      redis.call('ZREM', <key>, member)
      left = left - 1
    end
  end
end"""
_DONE = """
return answer"""


def _script(charge: tuple[bool, ...], give_back: tuple[bool, ...]) -> str:
    """Return the script of a put with such counts; true stands for one that is sliding."""
    checks = [_CHECK_SLIDING if sliding else _CHECK for sliding in charge]
    adds = [_ADD_SLIDING if sliding else _ADD for sliding in charge]
    take_aways = [_TAKE_AWAY_SLIDING if sliding else _TAKE_AWAY for sliding in give_back]
    pieces = [
        *(_for_count(piece, place) for place, piece in enumerate(checks)),
        _WRITE,
        *(_for_count(piece, place) for place, piece in enumerate([*adds, *take_aways])),
    ]
    return "".join((_COMPARE, *pieces, _DONE))


def _for_count(piece: str, place: int) -> str:
    for offset, name in enumerate(("<amount>", "<limit>", "<window>"), 7 + 3 * place):
        piece = piece.replace(name, f"tonumber(ARGV[{offset}])")
    return piece.replace("<key>", f"KEYS[{place + 2}]").replace("<place>", str(place))


class RedisStore:
    """Keeps state in Redis; each step is one script, one round trip."""

    def __init__(self, url: str) -> None:
        import redis

        self._failure = redis.RedisError
        try:
            parts = urlsplit(url)
            if not parts.hostname or not re.fullmatch(r"(/[0-9]{0,4})?", parts.path):
                raise ValueError
            options = {}
            if parts.scheme == "rediss" and "ssl_cert_reqs=" not in parts.query:
                options["ssl_check_hostname"] = True  # redis-py 6 does; the URL may say false
            self._client = client = redis.Redis.from_url(
                url,
                decode_responses=True,
                socket_connect_timeout=_TIMEOUT,
                socket_timeout=_TIMEOUT,
                **options,
            )
            self._script = lru_cache(64)(lambda *kinds: client.register_script(_script(*kinds)))
            client.connection_pool.make_connection()  # reads the options; does not connect
        except (TypeError, ValueError, redis.RedisError):
            raise ConfigurationError(
                "SMS_STATE_URL is not of the form redis://user:password@host:port/db, with the "
                "special characters of the password percent-encoded"
            ) from None

    def get(self, key: str) -> str | None:
        """See Store."""
        found: str | None = self._run(lambda: self._client.get(_RECORD + key))
        return found

    def totals(self, counts: Sequence[Count]) -> list[int]:
        """See Store."""
        keys = [_SUM + count.key for count in counts]
        found = self._run(lambda: self._client.mget(keys))
        return [int(total or 0) for total in found]

    def put(
        self,
        key: str,
        old: str | None,
        new: str,
        ttl: int,
        now: float,
        charge: Sequence[Count] = (),
        give_back: Sequence[Count] = (),
    ) -> Written | Refused | str:
        """See Store."""
        counts = (*charge, *give_back)
        kinds = tuple(tuple(count.sliding for count in each) for each in (charge, give_back))
        script = self._script(*kinds)
        keys = [_RECORD + key]
        keys += [(_MOMENTS if count.sliding else _SUM) + count.key for count in counts]
        mark = os.urandom(8).hex()
        arguments: list[Any] = [old or "", new, ttl * 1000, _ms(now), f"{key}\n", f"{mark}\n"]
        for count in counts:
            arguments += [count.amount, count.limit, count.window * 1000]
        answer = self._run(lambda: script(keys=keys, args=arguments))
        if answer[0] == "refused":
            return _refused(charge[answer[1]], answer[2])
        return str(answer[1]) if answer[0] == "differs" else Written(tuple(answer[1:]))

    def _run(self, step: Callable[[], Any]) -> Any:
        """Run a step, which may be repeated, a second time when the connection broke."""
        try:
            return step()
        except self._failure:
            pass
        try:
            return step()
        except self._failure as error:  # its text may repeat the command, the password included
            code = re.search(r"(?:^|\d: -)([A-Z]{3,}) ", str(error))  # of Redis 6: inside
            reason = f"{type(error).__name__} {code[1] if code else ''}".strip()
        raise StoreUnavailable(f"the Redis of SMS_STATE_URL cannot be used ({reason})")


_TABLES = ("records", "counts", "moments")
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, value TEXT, expires REAL)",
    "CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, value INTEGER, expires REAL)",
    "CREATE TABLE IF NOT EXISTS moments (key TEXT, at INTEGER, owner TEXT, expires REAL)",
    "CREATE INDEX IF NOT EXISTS moments_by_key ON moments (key, at)",
    *(f"CREATE INDEX IF NOT EXISTS {name}_by_expiry ON {name} (expires)" for name in _TABLES),
)


class SqliteStore:
    """Keeps state in a file that the processes of one machine share."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._turn = threading.Lock()  # SQLite lets some threads starve that wait for its own

    def get(self, key: str) -> str | None:
        """See Store."""
        with self._transaction() as database:
            return _record(database, key)

    def totals(self, counts: Sequence[Count]) -> list[int]:
        """See Store."""
        with self._transaction() as database:
            return [_total(database, count) for count in counts]

    def put(
        self,
        key: str,
        old: str | None,
        new: str,
        ttl: int,
        now: float,
        charge: Sequence[Count] = (),
        give_back: Sequence[Count] = (),
    ) -> Written | Refused | str:
        """See Store."""
        with self._transaction() as database:
            current = _record(database, key)
            if current == new:
                return Written()
            if current != old:
                return current or ""
            for count in charge:
                if wait := _wait(database, count, _ms(now)):
                    return _refused(count, wait)
            row = (key, new, time.time() + ttl)
            database.execute("REPLACE INTO records VALUES (?, ?, ?)", row)
            totals = tuple(_add(database, count, key, _ms(now)) for count in charge)
            for count in give_back:
                _take_away(database, count, key)
            return Written(totals)

    @contextmanager
    def _transaction(self) -> "Iterator[sqlite3.Connection]":
        """Open the file for one step; what is not committed is undone when it is closed."""
        import sqlite3

        try:
            connection = sqlite3.connect(self._path, timeout=_FILE_TIMEOUT, isolation_level=None)
            with self._turn, closing(connection) as database:
                database.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    database.execute(statement)
                for table in _TABLES:
                    statement = f"DELETE FROM {table} WHERE expires <= ?"  # noqa: S608 (ours)
                    database.execute(statement, (time.time(),))
                yield database
                database.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the file of SMS_STATE_URL cannot be used ({error})") from None


def _record(database: "sqlite3.Connection", key: str) -> str | None:
    row = database.execute("SELECT value FROM records WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def _total(database: "sqlite3.Connection", count: Count) -> int:
    row = database.execute("SELECT value FROM counts WHERE key = ?", (count.key,)).fetchone()
    return row[0] if row else 0


def _wait(database: "sqlite3.Connection", count: Count, now: int) -> int:
    """Return the milliseconds until `count` may be added."""
    window = count.window * 1000
    if not count.sliding:
        return window if _total(database, count) + count.amount > count.limit else 0
    moments = database.execute(
        "SELECT at FROM moments WHERE key = ? AND at > ? ORDER BY at", (count.key, now - window)
    ).fetchall()
    over = len(moments) + count.amount - count.limit
    if over <= 0:
        return 0
    return moments[over - 1][0] + window - now if over <= len(moments) else window


def _add(database: "sqlite3.Connection", count: Count, owner: str, now: int) -> int:
    """Add `count` and return what it comes to."""
    expires = time.time() + count.window
    if count.sliding:
        rows = [(count.key, now, owner, expires)] * count.amount
        database.executemany("INSERT INTO moments VALUES (?, ?, ?, ?)", rows)
        query = "SELECT COUNT(*) FROM moments WHERE key = ? AND at > ?"
        since = now - count.window * 1000
        return int(database.execute(query, (count.key, since)).fetchone()[0])
    database.execute(
        "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT (key)"
        " DO UPDATE SET value = value + excluded.value, expires = excluded.expires",
        (count.key, count.amount, expires),
    )
    return _total(database, count)


def _take_away(database: "sqlite3.Connection", count: Count, owner: str) -> None:
    if count.sliding:
        database.execute(
            "DELETE FROM moments WHERE rowid IN (SELECT rowid FROM moments"
            " WHERE key = ? AND owner = ? ORDER BY at DESC LIMIT ?)",
            (count.key, owner, count.amount),
        )
        return
    database.execute(
        "UPDATE counts SET value = value - ? WHERE key = ? AND value >= ?",
        (count.amount, count.key, count.amount),
    )


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _refused(count: Count, wait: int) -> Refused:
    """Return the refusal of `count`, which may be added in `wait` milliseconds."""
    return Refused(count.rule, max(1, math.ceil(wait / 1000)))
