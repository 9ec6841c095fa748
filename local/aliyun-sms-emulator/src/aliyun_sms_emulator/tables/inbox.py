"""The accepted messages, and all that is asked about them."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass, fields

from aliyun_sms_emulator.clock import iso_text
from aliyun_sms_emulator.records import DELIVERED_CODES, PushAttempt, SmsMessage
from aliyun_sms_emulator.tables.searches import like_pattern, number_part

SCHEMA = """
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
    receipt_code TEXT,
    visible_at REAL,
    version TEXT NOT NULL DEFAULT '2017-05-25'
);
CREATE INDEX IF NOT EXISTS messages_by_number ON messages (phone_number, accepted_at);
CREATE INDEX IF NOT EXISTS messages_by_out_id ON messages (out_id);
CREATE INDEX IF NOT EXISTS messages_by_receipt ON messages (receipt_at);
CREATE INDEX IF NOT EXISTS messages_by_message_id ON messages (biz_id)
    WHERE version = '2018-05-01';
"""

# The status follows from the clock, so no job has to move messages on.
STATUS = f"""CASE WHEN receipt_at IS NULL OR receipt_at > :now THEN 'accepted'
    WHEN receipt_code IN {DELIVERED_CODES} THEN 'delivered' ELSE 'failed' END"""

# A message is visible from its own time on if it has one; a query's own view overrides both.
_VISIBLE = """CASE WHEN :own IS NOT NULL THEN accepted_at <= :own
    WHEN visible_at IS NOT NULL THEN visible_at <= :now ELSE accepted_at <= :usual END"""

# Only the conditions asked for stand in a statement, so that it can use an index.
_CONDITIONS = {
    "id": "id = :id",
    "phone_number": "phone_number = :phone_number",
    "out_id": "out_id = :out_id",
    "out_id_prefix": "out_id >= :out_id_prefix AND out_id < :out_id_prefix || char(1114111)",
    "biz_id": "biz_id = :biz_id",
    "template_code": "template_code = :template_code",
    "text": "instr(text, :text) > 0",
    "search": """(text LIKE :pattern ESCAPE '!' OR out_id LIKE :pattern ESCAPE '!'
        OR biz_id LIKE :pattern ESCAPE '!' OR template_code LIKE :pattern ESCAPE '!'
        OR request_id LIKE :pattern ESCAPE '!' OR instr(phone_number, :digits) > 0)""",
    "number_part": "instr(phone_number, :number_part) > 0",
    "since": "accepted_at >= :since",
    "until": "accepted_at < :until",
    "status": f"{STATUS} = :status",
}
_SELECT_MESSAGES = f"""SELECT *, {STATUS} AS status,
    (SELECT group_concat(attempts) FROM pushes WHERE kind = 'SmsReport' AND source_id = messages.id)
        AS attempts
    FROM messages"""  # noqa: S608

_SELECT_DETAILS = f"""SELECT *, {STATUS} AS status FROM messages
    WHERE account = :account AND phone_number = :phone_number AND version <> '2018-05-01'
    AND accepted_at >= :since AND accepted_at < :until AND {_VISIBLE}
    AND (:biz_id IS NULL OR biz_id = :biz_id)
    ORDER BY id DESC"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message the platform has accepted; times in seconds since the epoch.

    Queries show it from `visible_at` on, which may be infinite; None leaves that to the setting.
    """

    account: str
    api: str
    version: str
    phone_number: str
    sign_name: str
    template_code: str
    template_type: str
    template_param: dict[str, str]
    text: str
    segments: int
    out_id: str
    sms_up_extend_code: str
    biz_id: str
    request_id: str
    accepted_at: float
    receipt_at: float | None
    receipt_code: str | None
    visible_at: float | None = None


@dataclass(frozen=True, slots=True)
class Visibility:
    """Which messages a query sees: those accepted by then, in seconds since the epoch.

    `usual` is for messages without a time of their own, `own` takes the place of both.
    """

    now: float
    usual: float
    own: float | None

    def bindings(self) -> dict[str, object]:
        """The same as SQL parameters."""
        return {"now": self.now, "usual": self.usual, "own": self.own}


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages to read; None means any. `text` is a part of the message's text.

    `search` is a part of text, number (in any way of writing), out_id, biz_id, template_code or
    request_id. `out_id_prefix` is what `out_id` begins with, `number_part` a part of the number;
    accepted from `since` to before `until`, in seconds since the epoch.
    """

    id: int | None = None
    phone_number: str | None = None
    out_id: str | None = None
    out_id_prefix: str | None = None
    biz_id: str | None = None
    template_code: str | None = None
    text: str | None = None
    search: str | None = None
    status: str | None = None
    number_part: str | None = None
    since: float | None = None
    until: float | None = None


_COLUMNS = tuple(field.name for field in fields(NewMessage))
_INSERT = f"""INSERT INTO messages ({", ".join(_COLUMNS)})
    VALUES ({", ".join(f":{column}" for column in _COLUMNS)})"""  # noqa: S608


class Inbox:
    """The messages in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, message: NewMessage) -> int:
        """Store an accepted message; returns its id."""
        values = asdict(message) | {"template_param": json.dumps(message.template_param)}
        return int(self._database.execute(_INSERT, values).lastrowid or 0)

    def listed(
        self,
        wanted: MessageFilter,
        now: float,
        *,
        limit: int = -1,
        offset: int = 0,
        newest_first: bool = False,
    ) -> list[SmsMessage]:
        """Read messages, by default the oldest first; `limit` -1 means all."""
        conditions, bindings = where(wanted, now)
        order = "DESC" if newest_first else "ASC"
        statement = (
            f"{_SELECT_MESSAGES}{conditions} ORDER BY id {order} LIMIT :limit OFFSET :offset"
        )
        bindings.update(limit=limit, offset=offset)
        return [_message(row) for row in self._database.execute(statement, bindings)]

    def count(self, wanted: MessageFilter, now: float) -> int:
        """Count messages."""
        conditions, bindings = where(wanted, now)
        statement = f"SELECT count(*) FROM messages{conditions}"  # noqa: S608
        return int(self._database.execute(statement, bindings).fetchone()[0])

    def next_receipt_at(self, now: float) -> float | None:
        """When the status of a message changes next, None if none will."""
        row = self._database.execute(
            "SELECT min(receipt_at) FROM messages WHERE receipt_at > ?", (now,)
        ).fetchone()
        return None if row[0] is None else float(row[0])

    def globe_message(
        self, account: str, message_id: str, visibility: Visibility
    ) -> sqlite3.Row | None:
        """Find an account's message of the international API, None if it is not visible."""
        row: sqlite3.Row | None = self._database.execute(
            f"SELECT *, {STATUS} AS status FROM messages WHERE biz_id = :message_id"  # noqa: S608
            f" AND account = :account AND version = '2018-05-01' AND {_VISIBLE}",
            {"message_id": message_id, "account": account, **visibility.bindings()},
        ).fetchone()
        return row

    def send_details(
        self,
        account: str,
        phone_number: str,
        *,
        since: float,
        until: float,
        visibility: Visibility,
        biz_id: str | None,
    ) -> list[sqlite3.Row]:
        """Read an account's messages to one number, accepted from `since` to before `until`."""
        bindings = {
            "account": account,
            "phone_number": phone_number,
            "since": since,
            "until": until,
            "biz_id": biz_id,
            **visibility.bindings(),
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

    def delete(self, message_id: int) -> bool:
        """Forget one message; False if there is none with this id."""
        done = self._database.execute("DELETE FROM messages WHERE id = ?", (message_id,))
        return done.rowcount == 1

    def clear(self) -> int:
        """Forget all messages; returns how many."""
        return self._database.execute("DELETE FROM messages").rowcount


def where(wanted: MessageFilter, now: float) -> tuple[str, dict[str, object]]:
    """Write the conditions on messages as SQL; returns it with its bindings."""
    bindings = {key: value for key, value in asdict(wanted).items() if value is not None}
    conditions = " AND ".join(_CONDITIONS[key] for key in bindings)
    bindings["now"] = now
    if wanted.search is not None:
        bindings["pattern"] = like_pattern(wanted.search)
        bindings["digits"] = number_part(wanted.search)
    return f" WHERE {conditions}" if conditions else "", bindings


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
