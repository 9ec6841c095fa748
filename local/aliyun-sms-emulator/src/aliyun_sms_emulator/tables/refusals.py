"""The newest requests the gateway refused, as they came, so that they can be explained."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from aliyun_sms_emulator.wire.request import WireRequest, parse_request

KEPT = 200
"""How many are kept."""

LARGEST_BODY = 64 * 1024
"""Bytes of body up to which a request is kept."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS refusals (
    request_id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    code TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    query TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused request; `at` is the time it was judged by, in seconds since the epoch."""

    request: WireRequest
    code: str
    at: float


class Refusals:
    """The refused requests in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, request_id: int, refusal: Refusal) -> None:
        """Keep a request that was logged as `request_id`."""
        request = refusal.request
        if len(request.body) > LARGEST_BODY:
            return
        self._database.execute(
            "INSERT INTO refusals VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request_id,
                refusal.at,
                refusal.code,
                request.method,
                request.path,
                request.raw_query,
                json.dumps(request.headers),
                request.body,
            ),
        )
        self._database.execute(
            "DELETE FROM refusals WHERE request_id NOT IN"
            " (SELECT request_id FROM refusals ORDER BY request_id DESC LIMIT ?)",
            (KEPT,),
        )

    def find(self, request_id: int) -> Refusal | None:
        """Read a refused request, None if it was not kept."""
        row = self._database.execute(
            "SELECT * FROM refusals WHERE request_id = ?", (request_id,)
        ).fetchone()
        if row is None:
            return None
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in json.loads(row["headers"]).items()
        ]
        query = row["query"].encode("latin-1")
        request = parse_request(row["method"], row["path"], headers, query, row["body"])
        return Refusal(request, row["code"], row["at"])

    def clear(self) -> None:
        """Forget all."""
        self._database.execute("DELETE FROM refusals")
