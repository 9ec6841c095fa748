"""The store in a SQLite file, for the processes of one machine.

On Function Compute a file belongs to one instance; there the store is Redis.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from shared.errors import StoreUnavailable
from shared.state.store import (
    Answer,
    Change,
    Count,
    Differs,
    Forbidden,
    Written,
    milliseconds,
    refusal_of,
)

if TYPE_CHECKING:
    import sqlite3

_TIMEOUT = 10.0  # seconds to wait for the file: processes that write at once take turns by chance
_TABLES = ("records", "counts", "moments")
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, value TEXT, expires REAL)",
    "CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, value INTEGER, expires REAL)",
    "CREATE TABLE IF NOT EXISTS moments (key TEXT, at INTEGER, owner TEXT, expires REAL)",
    "CREATE INDEX IF NOT EXISTS moments_by_key ON moments (key, at)",
    *(f"CREATE INDEX IF NOT EXISTS {name}_by_expiry ON {name} (expires)" for name in _TABLES),
)


class SqliteStore:
    """A Store in the file at `path`, which is made when it is first used, for its owner only."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._turn = threading.Lock()  # SQLite lets some threads starve that wait for its own

    def get(self, key: str) -> str | None:
        """Return the record under `key`, or None."""
        with self._transaction() as database:
            return _record(database, key)

    def totals(self, counts: Sequence[Count]) -> list[int]:
        """Return what was counted in each of `counts`, none of which is sliding."""
        with self._transaction() as database:
            return [_total(database, count) for count in counts]

    def counted(self, counts: Sequence[Count], now: float | None = None) -> list[int]:
        """Return what is counted in each of `counts`, sliding ones among them, at `now`."""
        moment = milliseconds(time.time() if now is None else now)
        with self._transaction() as database:
            return [
                _moments(database, count, moment) if count.is_sliding else _total(database, count)
                for count in counts
            ]

    def remove(self, counts: Sequence[Count]) -> int:
        """Forget what was counted in `counts`; return in how many of them there was anything."""
        with self._transaction() as database:
            return sum(_remove(database, count) for count in counts)

    def delete(self, key: str, old: str) -> bool:
        """Remove the record under `key` if it is `old`; return whether it was."""
        with self._transaction() as database:
            statement = "DELETE FROM records WHERE key = ? AND value = ?"
            return database.execute(statement, (key, old)).rowcount > 0

    def put(self, change: Change) -> Answer:
        """Make a change, or say why it was not made."""
        now = milliseconds(time.time() if change.now is None else change.now)
        with self._transaction() as database:
            current = _record(database, change.key)
            if current == change.new:
                return Written()
            if current != change.old:
                return Differs(current)
            if change.unless and _record(database, change.unless) is not None:
                return Forbidden()
            for count in change.charge:
                if wait := _wait(database, count, now):
                    return refusal_of(count, wait)
            row = (change.key, change.new, time.time() + change.ttl)
            database.execute("REPLACE INTO records VALUES (?, ?, ?)", row)
            totals = [_add(database, count, owner=change.key, now=now) for count in change.charge]
            for count in change.give_back:
                _take_away(database, count, owner=change.key)
            return Written(tuple(totals))

    @contextmanager
    def _transaction(self) -> "Iterator[sqlite3.Connection]":
        """Open the file for one step; what is not committed is undone when it is closed."""
        import sqlite3  # only one's own machine needs it

        try:
            with self._turn, closing(self._connect()) as database:
                database.execute("BEGIN IMMEDIATE")
                # At each step, for the file may have been removed since the last one.
                for statement in _SCHEMA:
                    database.execute(statement)
                for table in _TABLES:
                    statement = f"DELETE FROM {table} WHERE expires <= ?"  # noqa: S608 (ours)
                    database.execute(statement, (time.time(),))
                yield database
                database.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the file of SMS_STATE_URL cannot be used ({error})") from None

    def _connect(self) -> "sqlite3.Connection":
        import sqlite3

        _keep_private(self._path)
        return sqlite3.connect(self._path, timeout=_TIMEOUT, isolation_level=None)


def _keep_private(path: str) -> None:
    """Let only its owner read the file, which is made where there is none; so is its journal.

    The file is opened only to be made: closing it again would release the locks that SQLite holds
    on it in this process.
    """
    with suppress(OSError):  # SQLite says what is wrong
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if os.stat(path).st_mode & 0o077:
                os.chmod(path, 0o600)


def _record(database: "sqlite3.Connection", key: str) -> str | None:
    row = database.execute("SELECT value FROM records WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def _total(database: "sqlite3.Connection", count: Count) -> int:
    row = database.execute("SELECT value FROM counts WHERE key = ?", (count.key,)).fetchone()
    return row[0] if row else 0


def _wait(database: "sqlite3.Connection", count: Count, now: int) -> int:
    """Return the milliseconds from `now` until `count` may be added, 0 when it may be at once."""
    window = milliseconds(count.window)
    if not count.is_sliding:
        return window if _total(database, count) + count.amount > count.limit else 0
    moments = database.execute(
        "SELECT at FROM moments WHERE key = ? AND at > ? ORDER BY at", (count.key, now - window)
    ).fetchall()
    over = len(moments) + count.amount - count.limit
    if over <= 0:
        return 0
    return moments[over - 1][0] + window - now if over <= len(moments) else window


def _add(database: "sqlite3.Connection", count: Count, *, owner: str, now: int) -> int:
    """Add `count` at `now` (milliseconds) and return what it comes to."""
    expires = time.time() + count.window + count.kept
    if count.is_sliding:
        rows = [(count.key, now, owner, expires)] * count.amount
        database.executemany("INSERT INTO moments VALUES (?, ?, ?, ?)", rows)
        return _moments(database, count, now)
    database.execute(
        "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT (key)"
        " DO UPDATE SET value = value + excluded.value, expires = excluded.expires",
        (count.key, count.amount, expires),
    )
    return _total(database, count)


def _moments(database: "sqlite3.Connection", count: Count, now: int) -> int:
    """Return how much a sliding `count` has counted at `now` (milliseconds)."""
    query = "SELECT COUNT(*) FROM moments WHERE key = ? AND at > ?"
    since = now - milliseconds(count.window)
    return int(database.execute(query, (count.key, since)).fetchone()[0])


def _remove(database: "sqlite3.Connection", count: Count) -> bool:
    """Forget what `count` has counted; return whether it had counted anything."""
    table = "moments" if count.is_sliding else "counts"
    statement = f"DELETE FROM {table} WHERE key = ?"  # noqa: S608 (ours)
    return database.execute(statement, (count.key,)).rowcount > 0


def _take_away(database: "sqlite3.Connection", count: Count, *, owner: str) -> None:
    """Take away what was added for `owner`, the key of a record."""
    if count.is_sliding:
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
