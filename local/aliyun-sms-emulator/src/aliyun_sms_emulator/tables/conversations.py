"""Messages and replies by the number they went to or came from, and what of them is unread."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict

from aliyun_sms_emulator.clock import iso_text
from aliyun_sms_emulator.records import Conversation
from aliyun_sms_emulator.tables.inbox import STATUS, MessageFilter, where

SCHEMA = """
CREATE TABLE IF NOT EXISTS read_marks (
    phone_number TEXT PRIMARY KEY,
    message_id INTEGER NOT NULL
) WITHOUT ROWID;
"""

# Ids tell the order, also where the clock was moved back. A reply stands behind the message that
# was the newest of all when it was written, and before the next one.
_PLACES = 1_000_000_000
# Only what an index holds is read of all messages, texts only of those that are shown.
_MESSAGES = f"""SELECT phone_number, max(id) AS message_id, max(id) * {_PLACES} AS place,
    count(*) AS messages, sum(id > coalesce((SELECT message_id FROM read_marks
        WHERE read_marks.phone_number = messages.phone_number), 0)) AS unread
    FROM messages"""  # noqa: S608
_REPLIES = f"""SELECT phone_number, NULL, max(after_message_id * {_PLACES} + id), 0, 0
    FROM replies"""  # noqa: S608
_LISTED = f"""SELECT found.*, coalesce(replies.content, messages.text) AS text,
    coalesce(replies.sent_at, messages.accepted_at) AS at,
    CASE WHEN replies.id IS NULL THEN {STATUS} END AS status,
    messages.template_type = 'international' AS international
    FROM (SELECT phone_number, max(message_id) AS message_id, max(place) AS place,
            sum(messages) AS messages, sum(unread) AS unread
        FROM ({{found}}) GROUP BY phone_number ORDER BY max(place) DESC
        LIMIT :limit OFFSET :offset) AS found
    LEFT JOIN messages ON messages.id = message_id
    LEFT JOIN replies ON replies.id = place % {_PLACES}
    ORDER BY place DESC"""  # noqa: S608
_COUNTED = "SELECT count(DISTINCT phone_number) FROM ({found})"

# Replies have no other property that a filter could ask for.
_REPLY_CONDITIONS = {
    "phone_number": "phone_number = :phone_number",
    "text": "instr(content, :text) > 0",
    "search": "(content LIKE :pattern ESCAPE '!' OR instr(phone_number, :digits) > 0)",
    "number_part": "instr(phone_number, :number_part) > 0",
    "since": "sent_at >= :since",
    "until": "sent_at < :until",
}


class Conversations:
    """The conversations in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def listed(
        self, wanted: MessageFilter, now: float, *, limit: int, offset: int
    ) -> list[Conversation]:
        """Read the numbers with something that matches, the newest message or reply first."""
        found, bindings = _found(wanted, now)
        bindings.update(limit=limit, offset=offset)
        rows = self._database.execute(_LISTED.format(found=found), bindings)
        return [_conversation(row) for row in rows]

    def count(self, wanted: MessageFilter, now: float) -> int:
        """Count the numbers with something that matches."""
        found, bindings = _found(wanted, now)
        return int(self._database.execute(_COUNTED.format(found=found), bindings).fetchone()[0])

    def unread(self) -> int:
        """Count the messages that nobody has read on the page."""
        row = self._database.execute(
            "SELECT count(*) FROM messages LEFT JOIN read_marks USING (phone_number)"
            " WHERE id > coalesce(message_id, 0)"
        ).fetchone()
        return int(row[0])

    def mark_read(self, phone_number: str, message_id: int) -> bool:
        """Remember that the messages to a number were read, up to this one; False if it was."""
        done = self._database.execute(
            "INSERT INTO read_marks VALUES (?, ?) ON CONFLICT DO UPDATE"
            " SET message_id = excluded.message_id WHERE message_id < excluded.message_id",
            (phone_number, message_id),
        )
        return done.rowcount == 1

    def mark_all_read(self) -> None:
        """Remember that all messages were read."""
        self._database.execute(
            "INSERT OR REPLACE INTO read_marks"
            " SELECT phone_number, max(id) FROM messages GROUP BY phone_number"
        )

    def clear(self) -> None:
        """Forget what was read."""
        self._database.execute("DELETE FROM read_marks")


def _found(wanted: MessageFilter, now: float) -> tuple[str, dict[str, object]]:
    """The rows that match, as a statement with its bindings."""
    conditions, bindings = where(wanted, now)
    found = f"{_MESSAGES}{conditions} GROUP BY phone_number"
    names = [name for name, value in asdict(wanted).items() if value is not None]
    if all(name in _REPLY_CONDITIONS for name in names):
        conditions = " AND ".join(_REPLY_CONDITIONS[name] for name in names)
        found += f" UNION ALL {_REPLIES}{f' WHERE {conditions}' if conditions else ''}"
        found += " GROUP BY phone_number"
    return found, bindings


def _conversation(row: sqlite3.Row) -> Conversation:
    return Conversation(
        phone_number=row["phone_number"],
        messages=row["messages"],
        unread=row["unread"],
        text=row["text"],
        status=row["status"],
        reply=row["status"] is None,
        international=bool(row["international"]),
        at=iso_text(row["at"]),
    )
