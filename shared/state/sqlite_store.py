"""The store in a SQLite file."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from shared.errors import StoreUnavailable
from shared.state.store import Count, Refused, Written, milliseconds, refused

if TYPE_CHECKING:
    import sqlite3

_FILE_TIMEOUT = 10.0  # processes that write at once take turns by chance
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
                if wait := _wait(database, count, milliseconds(now)):
                    return refused(count, wait)
            row = (key, new, time.time() + ttl)
            database.execute("REPLACE INTO records VALUES (?, ?, ?)", row)
            totals = tuple(_add(database, count, key, milliseconds(now)) for count in charge)
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
