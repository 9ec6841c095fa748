"""Temporary keys for the queues, given out by QueryTokenForMnsQueue."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass, field

LIFETIME_SECONDS = 600.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS queue_tokens (
    access_key_id TEXT PRIMARY KEY,
    access_key_secret TEXT NOT NULL,
    security_token TEXT NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    queue_name TEXT NOT NULL,
    created_at REAL NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class QueueToken:
    """A temporary key pair; `queue_name` is empty when it is good for every queue of its kind."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(repr=False)
    account: str
    kind: str
    queue_name: str
    created_at: float

    @property
    def expires_at(self) -> float:
        """The end of its life, in seconds since the epoch."""
        return self.created_at + LIFETIME_SECONDS


class QueueTokens:
    """The temporary keys in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def create(self, account: str, kind: str, queue_name: str, now: float) -> QueueToken:
        """Make a key and forget those that are over."""
        token = QueueToken(
            access_key_id=f"STS.{secrets.token_hex(12)}",
            access_key_secret=secrets.token_urlsafe(30),
            security_token=secrets.token_urlsafe(60),
            account=account,
            kind=kind,
            queue_name=queue_name,
            created_at=now,
        )
        self._database.execute(
            "DELETE FROM queue_tokens WHERE created_at < ?", (now - 2 * LIFETIME_SECONDS,)
        )
        self._database.execute(
            "INSERT INTO queue_tokens VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                token.access_key_id,
                token.access_key_secret,
                token.security_token,
                token.account,
                token.kind,
                token.queue_name,
                token.created_at,
            ),
        )
        return token

    def find(self, access_key_id: str) -> QueueToken | None:
        """Find a key, be it over or not."""
        row = self._database.execute(
            "SELECT * FROM queue_tokens WHERE access_key_id = ?", (access_key_id,)
        ).fetchone()
        return None if row is None else QueueToken(*row)
