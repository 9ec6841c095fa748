"""Receipts and replies that are to be pushed over HTTP, with every attempt.

Retries: 1, 5 and 10 minutes after a failed attempt, 1 and 5 minutes for messages of the
international API, then dropped. Sources: https://help.aliyun.com/document_detail/101867.html,
https://help.aliyun.com/zh/sms/smsreport-http-intl
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from aliyun_sms_emulator.clock import iso_text
from aliyun_sms_emulator.records import PushAttempt, ReceiptPush
from aliyun_sms_emulator.tables.message_queue import source_body

RETRY_SECONDS = (60.0, 300.0, 600.0)
INTERNATIONAL_RETRY_SECONDS = (60.0, 300.0)
STATES = ("waiting", "pushed", "dropped")

SCHEMA = """
CREATE TABLE IF NOT EXISTS pushes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    source_id INTEGER NOT NULL,
    international INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    next_at REAL NOT NULL,
    attempts TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS pushes_by_source ON pushes (kind, source_id);
CREATE INDEX IF NOT EXISTS pushes_waiting ON pushes (kind, international, next_at)
    WHERE state = 'waiting';
"""

_FILTER = "(:kind IS NULL OR kind = :kind) AND (:state IS NULL OR state = :state)"


class Outbox:
    """The pushes in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, kind: str, source_id: int, ready_at: float, *, international: bool) -> None:
        """Plan to push the receipt of a message, or a reply, from `ready_at` on."""
        self._database.execute(
            "INSERT INTO pushes (kind, source_id, international, next_at) VALUES (?, ?, ?, ?)",
            (kind, source_id, international, ready_at),
        )

    def next_time(self, kind: str, *, international: bool) -> float | None:
        """When the first waiting push is due, None if there is none."""
        row = self._database.execute(
            "SELECT min(next_at) FROM pushes"
            " WHERE state = 'waiting' AND kind = ? AND international = ?",
            (kind, international),
        ).fetchone()
        return None if row[0] is None else float(row[0])

    def due(
        self, kind: str, now: float, limit: int, *, international: bool
    ) -> list[tuple[int, dict[str, object]]]:
        """Read up to `limit` due pushes as (id, body), those that have waited longest first."""
        rows = self._database.execute(
            "SELECT id, source_id FROM pushes WHERE state = 'waiting'"
            " AND kind = ? AND international = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?",
            (kind, international, now, limit),
        ).fetchall()
        return [(row["id"], source_body(self._database, kind, row["source_id"])) for row in rows]

    def record_attempt(self, push_ids: Sequence[int], attempt: PushAttempt, now: float) -> None:
        """Note an attempt, and when the next one follows if it failed."""
        for push_id in push_ids:
            row = self._database.execute(
                "SELECT international, attempts FROM pushes WHERE id = ?", (push_id,)
            ).fetchone()
            if row is None:  # cleared meanwhile
                continue
            attempts = [*json.loads(row["attempts"]), attempt.as_json()]
            waits = INTERNATIONAL_RETRY_SECONDS if row["international"] else RETRY_SECONDS
            state, next_at = "pushed", now
            if not attempt.accepted and len(attempts) > len(waits):
                state = "dropped"
            elif not attempt.accepted:
                state, next_at = "waiting", now + waits[len(attempts) - 1]
            self._database.execute(
                "UPDATE pushes SET state = ?, next_at = ?, attempts = ? WHERE id = ?",
                (state, next_at, json.dumps(attempts), push_id),
            )

    def listed(
        self, kind: str | None, state: str | None, *, limit: int, offset: int
    ) -> list[ReceiptPush]:
        """Read pushes, the oldest first."""
        rows = self._database.execute(
            f"SELECT * FROM pushes WHERE {_FILTER} ORDER BY id LIMIT :limit OFFSET :offset",  # noqa: S608
            {"kind": kind, "state": state, "limit": limit, "offset": offset},
        ).fetchall()
        return [self._push(row) for row in rows]

    def count(self, kind: str | None, state: str | None) -> int:
        """Count pushes."""
        row = self._database.execute(
            f"SELECT count(*) FROM pushes WHERE {_FILTER}",  # noqa: S608
            {"kind": kind, "state": state},
        ).fetchone()
        return int(row[0])

    def forget(self, kind: str, source_id: int) -> None:
        """Forget the pushes of a message or reply."""
        self._database.execute(
            "DELETE FROM pushes WHERE kind = ? AND source_id = ?", (kind, source_id)
        )

    def clear(self) -> None:
        """Forget all pushes."""
        self._database.execute("DELETE FROM pushes")

    def _push(self, row: sqlite3.Row) -> ReceiptPush:
        return ReceiptPush(
            id=row["id"],
            kind=row["kind"],
            state=row["state"],
            source_id=row["source_id"],
            next_at=iso_text(row["next_at"]) if row["state"] == "waiting" else None,
            attempts=[PushAttempt(**attempt) for attempt in json.loads(row["attempts"])],
            body=source_body(self._database, row["kind"], row["source_id"]),
        )
