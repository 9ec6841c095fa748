"""Everything the emulator remembers, in one SQLite database.

A transaction ends before its answer is written, and the journal is a write-ahead log, so a killed
process loses no message whose acceptance was answered.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aliyun_sms_emulator import verification_codes
from aliyun_sms_emulator.clock import iso_text
from aliyun_sms_emulator.mns import tokens
from aliyun_sms_emulator.receipts import outbox, queue, replies
from aliyun_sms_emulator.records import (
    MessageFilter,
    NewMessage,
    NewRequest,
    PushAttempt,
    RequestRecord,
    SmsMessage,
)

_REQUESTS_KEPT = 10_000

_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    api TEXT NOT NULL DEFAULT 'SendSms',
    phone_number TEXT NOT NULL,
    sign_name TEXT NOT NULL,
    template_code TEXT NOT NULL,
    template_type TEXT NOT NULL,
    template_param TEXT NOT NULL,
    text TEXT NOT NULL,
    segments INTEGER NOT NULL,
    out_id TEXT NOT NULL,
    sms_up_extend_code TEXT NOT NULL,
    biz_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    accepted_at REAL NOT NULL,
    receipt_at REAL,
    receipt_code TEXT
);
CREATE INDEX IF NOT EXISTS messages_by_number ON messages (phone_number, accepted_at);
CREATE INDEX IF NOT EXISTS messages_of_globe ON messages (biz_id)
    WHERE api = 'SendMessageToGlobe';
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
    parameters TEXT NOT NULL
);
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
    outbox.SCHEMA,
    queue.SCHEMA,
    replies.SCHEMA,
    tokens.SCHEMA,
    verification_codes.SCHEMA,
)
# Version 1 knew only messages of SendSms and SendBatchSms.
_FROM_VERSION_1 = f"""BEGIN;
ALTER TABLE messages ADD COLUMN api TEXT NOT NULL DEFAULT 'SendSms';
PRAGMA user_version = {_SCHEMA_VERSION};
COMMIT;
"""

# The status follows from the clock, so no job has to move messages on.
_STATUS = """CASE WHEN receipt_at IS NULL OR receipt_at > :now THEN 'accepted'
    WHEN receipt_code IN ('DELIVERED', 'DELIVRD') THEN 'delivered' ELSE 'failed' END"""

_MESSAGE_FILTER = f"""
    (:id IS NULL OR id = :id)
    AND (:phone_number IS NULL OR phone_number = :phone_number)
    AND (:out_id IS NULL OR out_id = :out_id)
    AND (:biz_id IS NULL OR biz_id = :biz_id)
    AND (:template_code IS NULL OR template_code = :template_code)
    AND (:text IS NULL OR instr(text, :text) > 0)
    AND (:status IS NULL OR {_STATUS} = :status)"""

_COUNT_MESSAGES = f"SELECT count(*) FROM messages WHERE {_MESSAGE_FILTER}"  # noqa: S608
_SELECT_MESSAGES = f"""SELECT *, {_STATUS} AS status,
    (SELECT group_concat(attempts) FROM pushes WHERE kind = 'SmsReport' AND source_id = messages.id)
        AS attempts
    FROM messages WHERE {_MESSAGE_FILTER}
    ORDER BY CASE WHEN :newest_first THEN -id ELSE id END LIMIT :limit OFFSET :offset"""  # noqa: S608

_SELECT_DETAILS = f"""SELECT *, {_STATUS} AS status FROM messages
    WHERE account = :account AND phone_number = :phone_number AND api <> 'SendMessageToGlobe'
    AND accepted_at >= :since AND accepted_at < :until AND accepted_at <= :visible_until
    AND (:biz_id IS NULL OR biz_id = :biz_id)
    ORDER BY id DESC"""  # noqa: S608

_INSERT_MESSAGE = """INSERT INTO messages (account, api, phone_number, sign_name, template_code,
    template_type, template_param, text, segments, out_id, sms_up_extend_code, biz_id, request_id,
    accepted_at, receipt_at, receipt_code)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


class DatabaseError(Exception):
    """The database file cannot be used; the text names it and the remedy."""


class Store:
    """The database; opened by one emulator at a time, which the file lock ensures."""

    def __init__(self, path: Path | None) -> None:
        """Open or create the database at `path`, or one in memory; raises DatabaseError."""
        self._requests_added = 0
        self._database = _open(path)
        self.codes = verification_codes.VerificationCodes(self._database)
        self.outbox = outbox.Outbox(self._database)
        self.queue = queue.MessageQueue(self._database)
        self.replies = replies.Replies(self._database)
        self.tokens = tokens.QueueTokens(self._database)

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

    def add_message(self, message: NewMessage) -> int:
        """Store an accepted message; returns its id."""
        cursor = self._database.execute(
            _INSERT_MESSAGE,
            (
                message.account,
                message.api,
                message.phone_number,
                message.sign_name,
                message.template_code,
                message.template_type,
                json.dumps(message.template_param),
                message.text,
                message.segments,
                message.out_id,
                message.sms_up_extend_code,
                message.biz_id,
                message.request_id,
                message.accepted_at,
                message.receipt_at,
                message.receipt_code,
            ),
        )
        return int(cursor.lastrowid or 0)

    def messages(
        self,
        wanted: MessageFilter,
        now: float,
        *,
        limit: int = -1,
        offset: int = 0,
        newest_first: bool = False,
    ) -> list[SmsMessage]:
        """Read messages, by default the oldest first; `limit` -1 means all."""
        bindings = wanted.bindings(now)
        bindings.update(limit=limit, offset=offset, newest_first=newest_first)
        return [_message(row) for row in self._database.execute(_SELECT_MESSAGES, bindings)]

    def count_messages(self, wanted: MessageFilter, now: float) -> int:
        """Count messages."""
        row = self._database.execute(_COUNT_MESSAGES, wanted.bindings(now)).fetchone()
        return int(row[0])

    def clear_messages(self) -> int:
        """Forget all messages and all that came of them; returns how many messages."""
        for part in (self.codes, self.outbox, self.queue, self.replies):
            part.clear()
        return self._database.execute("DELETE FROM messages").rowcount

    def globe_message(
        self, account: str, message_id: str, visible_until: float, now: float
    ) -> sqlite3.Row | None:
        """Find an account's message of the international API, None if it is not visible."""
        row: sqlite3.Row | None = self._database.execute(
            f"SELECT *, {_STATUS} AS status FROM messages WHERE biz_id = :message_id"  # noqa: S608
            " AND account = :account AND api = 'SendMessageToGlobe'"
            " AND accepted_at <= :visible_until",
            {
                "message_id": message_id,
                "account": account,
                "visible_until": visible_until,
                "now": now,
            },
        ).fetchone()
        return row

    def send_details(
        self,
        account: str,
        phone_number: str,
        *,
        since: float,
        until: float,
        visible_until: float,
        biz_id: str | None,
        now: float,
    ) -> list[sqlite3.Row]:
        """Read an account's messages to one number, accepted from `since` to before `until`."""
        bindings = {
            "account": account,
            "phone_number": phone_number,
            "since": since,
            "until": until,
            "visible_until": visible_until,
            "biz_id": biz_id,
            "now": now,
        }
        return list(self._database.execute(_SELECT_DETAILS, bindings))

    def send_times(self, phone_number: str, since: float) -> list[sqlite3.Row]:
        """Read what went to a number after `since`, one row per request and template."""
        return list(
            self._database.execute(
                "SELECT account, sign_name, template_code, template_type, accepted_at"
                " FROM messages WHERE phone_number = ? AND accepted_at > ?"
                " GROUP BY biz_id, sign_name, template_code",
                (phone_number, since),
            )
        )

    def statistics_rows(self, account: str, since: float, until: float) -> list[sqlite3.Row]:
        """Read an account's messages accepted from `since` to before `until`."""
        return list(
            self._database.execute(
                "SELECT template_type, sign_name, accepted_at, receipt_at, receipt_code"
                " FROM messages WHERE account = ? AND accepted_at >= ? AND accepted_at < ?",
                (account, since, until),
            )
        )

    def add_request(self, request: NewRequest) -> None:
        """Log a call; only the newest 10,000 are kept."""
        cursor = self._database.execute(
            "INSERT INTO requests (at, request_id, method, action, verdict, http_status, code,"
            " duration_ms, signature_method, account, parameters)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request.at,
                request.request_id,
                request.method,
                request.action,
                request.verdict,
                request.http_status,
                request.code,
                request.duration_ms,
                request.signature_method,
                request.account,
                json.dumps(request.parameters),
            ),
        )
        self._requests_added += 1
        if self._requests_added % 500 == 0 and cursor.lastrowid is not None:
            self._database.execute(
                "DELETE FROM requests WHERE id <= ?", (cursor.lastrowid - _REQUESTS_KEPT,)
            )

    def requests(self, *, limit: int, offset: int) -> list[RequestRecord]:
        """Read logged calls, the oldest first."""
        rows = self._database.execute(
            "SELECT * FROM requests ORDER BY id LIMIT ? OFFSET ?", (limit, offset)
        )
        return [_request(row) for row in rows]

    def count_requests(self) -> int:
        """Count logged calls."""
        return int(self._database.execute("SELECT count(*) FROM requests").fetchone()[0])

    def clear_requests(self) -> int:
        """Forget all logged calls; returns how many."""
        return self._database.execute("DELETE FROM requests").rowcount

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


def _create_tables(database: sqlite3.Connection) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version not in {0, 1, _SCHEMA_VERSION}:
        raise sqlite3.DatabaseError(f"it was written by another version, {version}")
    if version == 1:
        database.executescript(_FROM_VERSION_1)
    for schema in _SCHEMAS:
        database.executescript(schema)
    database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")


def _open(path: Path | None) -> sqlite3.Connection:
    database: sqlite3.Connection | None = None
    try:
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = sqlite3.connect(
            ":memory:" if path is None else str(path),
            isolation_level=None,
            timeout=0,
            check_same_thread=False,
        )
        database.row_factory = sqlite3.Row
        # The exclusive lock keeps a second emulator out.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        _create_tables(database)
    except (sqlite3.Error, OSError) as error:
        if database is not None:
            database.close()
        if "locked" in str(error):
            problem = "is in use by another emulator; stop it or name another file"
        else:
            problem = f"cannot be used ({error}); name another file"
        raise DatabaseError(f"database {path} {problem} with --database") from error
    return database


def _message(row: sqlite3.Row) -> SmsMessage:
    answered = row["status"] != "accepted"
    return SmsMessage(
        id=row["id"],
        status=row["status"],
        phone_number=row["phone_number"],
        text=row["text"],
        segments=row["segments"],
        sign_name=row["sign_name"],
        template_code=row["template_code"],
        template_type=row["template_type"],
        template_param=json.loads(row["template_param"]),
        out_id=row["out_id"],
        biz_id=row["biz_id"],
        request_id=row["request_id"],
        sms_up_extend_code=row["sms_up_extend_code"],
        account=row["account"],
        api=row["api"],
        accepted_at=iso_text(row["accepted_at"]),
        receipt_at=iso_text(row["receipt_at"]) if answered else None,
        receipt_code=row["receipt_code"] if answered else None,
        push_attempts=[
            PushAttempt(**attempt)
            for attempts in json.loads(f"[{row['attempts'] or ''}]")
            for attempt in attempts
        ],
    )


def _request(row: sqlite3.Row) -> RequestRecord:
    return RequestRecord(
        id=row["id"],
        at=iso_text(row["at"]),
        request_id=row["request_id"],
        method=row["method"],
        action=row["action"],
        verdict=row["verdict"],
        http_status=row["http_status"],
        code=row["code"],
        duration_ms=row["duration_ms"],
        signature_method=row["signature_method"],
        account=row["account"],
        parameters=json.loads(row["parameters"]),
    )
