"""The message queues (MNS) of receipts and replies, one per account and kind.

A received entry is invisible for 30 seconds and comes again unless it is deleted.
Source: https://www.alibabacloud.com/help/en/mns/developer-reference/receivemessage
"""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from aliyun_sms_emulator.wire.reports import REPORT, reply_body, report_body

VISIBILITY_SECONDS = 30.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS queue_entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    source_id INTEGER NOT NULL,
    enqueued_at REAL NOT NULL,
    visible_at REAL NOT NULL,
    first_dequeued_at REAL,
    dequeue_count INTEGER NOT NULL DEFAULT 0,
    receipt_handle TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS queue_entries_by_time ON queue_entries (account, kind, visible_at);
"""


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One entry as a consumer gets it; times in seconds since the epoch."""

    id: int
    body: dict[str, object]
    enqueued_at: float
    first_dequeued_at: float
    next_visible_at: float
    dequeue_count: int
    receipt_handle: str


class MessageQueue:
    """The queues in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, account: str, kind: str, source_id: int, ready_at: float) -> None:
        """Queue the receipt of a message, or a reply, to be visible from `ready_at`."""
        self._database.execute(
            "INSERT INTO queue_entries (account, kind, source_id, enqueued_at, visible_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (account, kind, source_id, ready_at, ready_at),
        )

    def count_visible(self, account: str, kind: str, now: float) -> int:
        """Count the entries that could be received, up to one."""
        row = self._database.execute(
            "SELECT count(*) FROM (SELECT 1 FROM queue_entries"
            " WHERE account = ? AND kind = ? AND visible_at <= ? LIMIT 1)",
            (account, kind, now),
        ).fetchone()
        return int(row[0])

    def receive(self, account: str, kind: str, now: float, limit: int) -> list[QueueEntry]:
        """Take up to `limit` visible entries and hide them for a while."""
        rows = self._visible(account, kind, now, limit)
        for row in rows:
            self._database.execute(
                "UPDATE queue_entries SET visible_at = ?, dequeue_count = dequeue_count + 1,"
                " first_dequeued_at = coalesce(first_dequeued_at, ?), receipt_handle = ?"
                " WHERE id = ?",
                (now + VISIBILITY_SECONDS, now, f"{row['id']}-{secrets.token_hex(12)}", row["id"]),
            )
        return [self._entry(row["id"]) for row in rows]

    def delete(self, account: str, kind: str, receipt_handle: str, now: float) -> bool:
        """Delete a received entry; False if its handle is unknown or no longer valid."""
        cursor = self._database.execute(
            "DELETE FROM queue_entries WHERE id = ? AND account = ? AND kind = ?"
            " AND receipt_handle = ? AND visible_at > ?",
            (int(receipt_handle.partition("-")[0]), account, kind, receipt_handle, now),
        )
        return cursor.rowcount == 1

    def forget(self, kind: str, source_id: int) -> None:
        """Take what a message or reply has brought out of the queue."""
        self._database.execute(
            "DELETE FROM queue_entries WHERE kind = ? AND source_id = ?", (kind, source_id)
        )

    def clear(self) -> None:
        """Empty all queues."""
        self._database.execute("DELETE FROM queue_entries")

    def _visible(self, account: str, kind: str, now: float, limit: int) -> list[sqlite3.Row]:
        return list(
            self._database.execute(
                "SELECT id FROM queue_entries WHERE account = ? AND kind = ? AND visible_at <= ?"
                " ORDER BY visible_at, id LIMIT ?",
                (account, kind, now, limit),
            )
        )

    def _entry(self, entry_id: int) -> QueueEntry:
        row = self._database.execute(
            "SELECT * FROM queue_entries WHERE id = ?", (entry_id,)
        ).fetchone()
        return QueueEntry(
            id=row["id"],
            body=source_body(self._database, row["kind"], row["source_id"]),
            enqueued_at=row["enqueued_at"],
            first_dequeued_at=row["first_dequeued_at"],
            next_visible_at=row["visible_at"],
            dequeue_count=row["dequeue_count"],
            receipt_handle=row["receipt_handle"],
        )


def source_body(database: sqlite3.Connection, kind: str, source_id: int) -> dict[str, object]:
    """Write the receipt of message `source_id`, or reply `source_id`, as the platform does."""
    if kind == REPORT:
        row = database.execute("SELECT * FROM messages WHERE id = ?", (source_id,)).fetchone()
        return report_body(row)
    return reply_body(
        database.execute("SELECT * FROM replies WHERE id = ?", (source_id,)).fetchone()
    )
