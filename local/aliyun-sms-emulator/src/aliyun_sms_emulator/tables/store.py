"""Everything the emulator remembers, in one SQLite database.

A transaction ends before its answer is written, so a killed process loses no message whose
acceptance was answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aliyun_sms_emulator.tables import (
    conversations,
    inbox,
    message_queue,
    outbox,
    queue_tokens,
    refusals,
    replies,
    request_log,
    verification_codes,
)
from aliyun_sms_emulator.tables.database import open_database
from aliyun_sms_emulator.wire.reports import REPORT

_SCHEMA = """
CREATE TABLE IF NOT EXISTS nonces (
    scope TEXT NOT NULL,
    nonce TEXT NOT NULL,
    seen_at REAL NOT NULL,
    PRIMARY KEY (scope, nonce)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nonces_by_time ON nonces (seen_at);
CREATE TABLE IF NOT EXISTS numbers (phone_number TEXT PRIMARY KEY, fate TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_SCHEMAS = (
    _SCHEMA,
    conversations.SCHEMA,
    inbox.SCHEMA,
    outbox.SCHEMA,
    message_queue.SCHEMA,
    refusals.SCHEMA,
    replies.SCHEMA,
    request_log.SCHEMA,
    queue_tokens.SCHEMA,
    verification_codes.SCHEMA,
)


class Store:
    """The database; opened by one emulator at a time, which the file lock ensures."""

    def __init__(self, path: Path | None) -> None:
        """Open or create the database at `path`, or one in memory; raises DatabaseError."""
        self._database = open_database(path, _SCHEMAS)
        self.codes = verification_codes.VerificationCodes(self._database)
        self.conversations = conversations.Conversations(self._database)
        self.inbox = inbox.Inbox(self._database)
        self.outbox = outbox.Outbox(self._database)
        self.queue = message_queue.MessageQueue(self._database)
        self.refusals = refusals.Refusals(self._database)
        self.replies = replies.Replies(self._database)
        self.request_log = request_log.RequestLog(self._database)
        self.tokens = queue_tokens.QueueTokens(self._database)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of the block or nothing of it."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            # Some faults, such as a full disk, have already ended the transaction.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def delete_message(self, message_id: int) -> bool:
        """Forget one message and its receipt; False if there is none with this id."""
        with self.transaction():
            self.outbox.forget(REPORT, message_id)
            self.queue.forget(REPORT, message_id)
            return self.inbox.delete(message_id)

    def clear_messages(self) -> int:
        """Forget all messages and all that came of them; returns how many messages."""
        with self.transaction():
            return self._clear_messages()

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            self._clear_messages()
            for table in ("requests", "refusals", "nonces", "numbers", "queue_tokens", "state"):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608

    def _clear_messages(self) -> int:
        for part in (self.codes, self.conversations, self.outbox, self.queue, self.replies):
            part.clear()
        return self.inbox.clear()

    def clear_requests(self) -> int:
        """Forget all logged calls and why they were refused; returns how many calls."""
        with self.transaction():
            self.refusals.clear()
            return self.request_log.clear()

    def use_nonce(self, scope: str, nonce: str, now: float, window: float) -> bool:
        """Remember a nonce; False if it was used less than `window` seconds ago."""
        self._database.execute("DELETE FROM nonces WHERE seen_at <= ?", (now - window,))
        cursor = self._database.execute(
            "INSERT OR IGNORE INTO nonces (scope, nonce, seen_at) VALUES (?, ?, ?)",
            (scope, nonce, now),
        )
        return cursor.rowcount == 1

    def fate(self, phone_number: str) -> str | None:
        """The fate set for a number, None if none was."""
        row = self._database.execute(
            "SELECT fate FROM numbers WHERE phone_number = ?", (phone_number,)
        ).fetchone()
        return None if row is None else str(row[0])

    def set_fate(self, phone_number: str, fate: str) -> None:
        """Set the fate of messages that will be sent to a number."""
        self._database.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?)", (phone_number, fate))

    def state(self, name: str) -> object:
        """Read a remembered JSON value, None if there is none."""
        row = self._database.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def set_state(self, name: str, value: object) -> None:
        """Remember a JSON value."""
        self._database.execute(
            "INSERT OR REPLACE INTO state VALUES (?, ?)", (name, json.dumps(value))
        )
