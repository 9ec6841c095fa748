"""The log of calls to the platform API."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, fields

from aliyun_sms_emulator.clock import iso_text
from aliyun_sms_emulator.records import RequestRecord
from aliyun_sms_emulator.tables.searches import json_pattern, like_pattern, number_part
from aliyun_sms_emulator.wire.leniency import Note

KEPT = 10_000
"""How many of the newest calls are kept."""

_CLEANED_EVERY = 500

SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    request_id TEXT NOT NULL,
    method TEXT NOT NULL,
    action TEXT NOT NULL,
    verdict TEXT NOT NULL,
    http_status INTEGER NOT NULL,
    code TEXT NOT NULL,
    duration_ms REAL NOT NULL,
    signature_method TEXT NOT NULL,
    account TEXT NOT NULL,
    parameters TEXT NOT NULL,
    fault TEXT NOT NULL DEFAULT '',
    notes TEXT NOT NULL DEFAULT ''
);
"""


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A call to the platform API as it goes into the log."""

    at: float
    request_id: str
    method: str
    action: str
    verdict: str
    http_status: int
    code: str
    duration_ms: float
    signature_method: str
    account: str
    parameters: dict[str, str]
    fault: str = ""
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which calls to read; None means any.

    `search` is a part of operation, code, request id, or of a parameter's name or value; a number
    is found in any way of writing.
    """

    verdict: str | None = None
    search: str | None = None

    def bindings(self) -> dict[str, object]:
        """The same as SQL parameters."""
        search = self.search
        return {
            "verdict": self.verdict,
            "search": search,
            "pattern": None if search is None else like_pattern(search),
            "json_pattern": None if search is None else json_pattern(search),
            "digits": None if search is None else number_part(search),
        }


_WANTED = """(:verdict IS NULL OR verdict = :verdict) AND (:search IS NULL
    OR action LIKE :pattern ESCAPE '!' OR code LIKE :pattern ESCAPE '!'
    OR request_id LIKE :pattern ESCAPE '!' OR parameters LIKE :json_pattern ESCAPE '!'
    OR instr(parameters, :digits) > 0)"""
_COLUMNS = tuple(field.name for field in fields(NewRequest))
_INSERT = f"""INSERT INTO requests ({", ".join(_COLUMNS)})
    VALUES ({", ".join(f":{column}" for column in _COLUMNS)})"""  # noqa: S608


class RequestLog:
    """The logged calls in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._added = 0

    def add(self, request: NewRequest) -> int:
        """Log a call; returns its id."""
        values = {column: getattr(request, column) for column in _COLUMNS}
        values["parameters"] = json.dumps(request.parameters)
        values["notes"] = json.dumps(request.notes) if request.notes else ""
        row_id = int(self._database.execute(_INSERT, values).lastrowid or 0)
        self._added += 1
        if self._added % _CLEANED_EVERY == 0:
            self._database.execute("DELETE FROM requests WHERE id <= ?", (row_id - KEPT,))
        return row_id

    def listed(
        self, wanted: RequestFilter, *, limit: int, offset: int, newest_first: bool = False
    ) -> list[RequestRecord]:
        """Read calls, by default the oldest first."""
        order = "DESC" if newest_first else "ASC"
        rows = self._database.execute(
            f"SELECT * FROM requests WHERE {_WANTED}"  # noqa: S608
            f" ORDER BY id {order} LIMIT :limit OFFSET :offset",
            {**wanted.bindings(), "limit": limit, "offset": offset},
        )
        return [_record(row) for row in rows]

    def find(self, request_id: int) -> RequestRecord | None:
        """Read one call, None if it is not in the log."""
        row = self._database.execute(
            "SELECT * FROM requests WHERE id = ?", (request_id,)
        ).fetchone()
        return None if row is None else _record(row)

    def count(self, wanted: RequestFilter) -> int:
        """Count calls."""
        row = self._database.execute(
            f"SELECT count(*) FROM requests WHERE {_WANTED}",  # noqa: S608
            wanted.bindings(),
        ).fetchone()
        return int(row[0])

    def clear(self) -> int:
        """Forget all calls; returns how many."""
        return self._database.execute("DELETE FROM requests").rowcount


def _record(row: sqlite3.Row) -> RequestRecord:
    values = dict(row)
    values["at"] = iso_text(row["at"])
    values["parameters"] = json.loads(row["parameters"])
    values["notes"] = [Note(*note).as_json() for note in json.loads(row["notes"] or "[]")]
    return RequestRecord(**values)
