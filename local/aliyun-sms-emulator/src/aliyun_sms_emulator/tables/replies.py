"""What recipients wrote back."""

from __future__ import annotations

import sqlite3

from aliyun_sms_emulator.clock import iso_text
from aliyun_sms_emulator.records import Reply

SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    phone_number TEXT NOT NULL,
    content TEXT NOT NULL,
    dest_code TEXT NOT NULL,
    sent_at REAL NOT NULL,
    after_message_id INTEGER NOT NULL DEFAULT 0
);
"""


class Replies:
    """The replies in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, account: str, phone_number: str, content: str, dest_code: str, now: float) -> int:
        """Store a reply; returns its id."""
        cursor = self._database.execute(
            "INSERT INTO replies"
            " (account, phone_number, content, dest_code, sent_at, after_message_id)"
            " VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(id), 0) FROM messages))",
            (account, phone_number, content, dest_code, now),
        )
        return int(cursor.lastrowid or 0)

    def newest_message(self, phone_number: str) -> sqlite3.Row | None:
        """The message somebody with this number would answer; None if there is none."""
        row: sqlite3.Row | None = self._database.execute(
            "SELECT account, sms_up_extend_code FROM messages WHERE phone_number = ?"
            " ORDER BY accepted_at DESC, id DESC LIMIT 1",
            (phone_number,),
        ).fetchone()
        return row

    def listed(self, *, limit: int, offset: int, phone_number: str | None = None) -> list[Reply]:
        """Read replies, of one number or of all, the oldest first."""
        rows = self._database.execute(
            "SELECT * FROM replies WHERE ?1 IS NULL OR phone_number = ?1"
            " ORDER BY id LIMIT ?2 OFFSET ?3",
            (phone_number, limit, offset),
        )
        return [_reply(row) for row in rows]

    def find(self, reply_id: int) -> Reply:
        """Read one reply that exists."""
        row = self._database.execute("SELECT * FROM replies WHERE id = ?", (reply_id,)).fetchone()
        return _reply(row)

    def count(self, phone_number: str | None = None) -> int:
        """Count replies, of one number or of all."""
        row = self._database.execute(
            "SELECT count(*) FROM replies WHERE ?1 IS NULL OR phone_number = ?1", (phone_number,)
        ).fetchone()
        return int(row[0])

    def clear(self) -> None:
        """Forget all replies."""
        self._database.execute("DELETE FROM replies")


def _reply(row: sqlite3.Row) -> Reply:
    return Reply(
        id=row["id"],
        account=row["account"],
        phone_number=row["phone_number"],
        content=row["content"],
        dest_code=row["dest_code"],
        sent_at=iso_text(row["sent_at"]),
        after_message_id=row["after_message_id"],
    )
