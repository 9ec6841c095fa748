"""Replies as the store keeps them, and finding those of a day.

    reply:<number, sequence>    one record a reply, with its text
    replies:<day>:<0-f>         which replies came on a day of UTC+8, in sixteen lists

The number of a reply is sealed: only who has the state secret reads it. That tells the owner which
send a reply answers, and needs no index by number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.clock import parse_platform_time, platform_date
from shared.ids import compact_json, keyed, seal, unseal
from shared.platform.sms_api import SmsApi
from shared.receipts.pushed import Reply
from shared.receipts.records import shown_number
from shared.state.records import read_record

if TYPE_CHECKING:
    from shared.state.store import Store

MOST_LISTED = 1000  # in each list; of more replies only the records are kept
_LISTS = "0123456789abcdef"
_LABEL = "number of reply"


class ReplyRecord(NamedTuple):
    """A reply: `content` is its text, `dest_code` what it was sent to.

    `phone_number` is ``*`` and the last two digits, `number_hash` the log's. `send_date` is
    ``yyyy-MM-dd HH:mm:ss`` in UTC+8, or "". For `others` and `stored` see state/records.py.
    """

    phone_number: str = ""
    number_hash: str = ""
    content: str = ""
    dest_code: str = ""
    sign_name: str = ""
    send_date: str = ""
    sequence_id: str = ""
    sealed_number: str = ""
    others: Mapping[str, Any] = {}
    stored: str | None = None

    def number(self, key: str, state_secret: str) -> str:
        """Return the number, in the form in which numbers go out; "" where it is not known."""
        try:
            return unseal(self.sealed_number, state_secret, label=_LABEL, name=key)
        except ValueError:
            return ""


class ReplyList(NamedTuple):
    """What the keys of some replies of a day end with."""

    replies: Sequence[str] = ()
    others: Mapping[str, Any] = {}
    stored: str | None = None


class KeptReply(NamedTuple):
    """A reply and its key in the store."""

    key: str
    record: ReplyRecord


def kept_reply(reply: Reply, api: SmsApi) -> KeptReply:
    """Return the record of a reply; it is the same one however often the reply comes."""
    secret = api.settings.state_secret
    shown = {**reply._asdict(), **shown_number(api, reply.phone_number)}
    name = f"{shown['number_hash']}\n{reply.sequence_id or compact_json(shown)}"
    key = f"reply:{keyed(secret, 'reply', name)}"
    number = reply.phone_number if reply.phone_number.isascii() else ""
    sealed = seal(number, secret, label=_LABEL, name=key)
    return KeptReply(key, ReplyRecord(**shown, sealed_number=sealed))


class ListedReplies(NamedTuple):
    """The list that a reply stands in."""

    api: SmsApi
    reply: KeptReply

    def key(self) -> str:
        """Return the key of the list: by the day, and the first digit of the reply's key."""
        sent_at = parse_platform_time(self.reply.record.send_date)
        day = platform_date(self.api.clock.now() if sent_at is None else sent_at)
        return _list_key(day, self._digest()[0])

    def with_reply(self, record: ReplyList) -> ReplyList:
        """Return the list with the reply in it, if there is room."""
        known = list(record.replies)
        if self._digest() in known or len(known) >= MOST_LISTED:
            return record
        return record._replace(replies=[*known, self._digest()])

    def _digest(self) -> str:
        return self.reply.key.removeprefix("reply:")


def replies_of_day(store: Store, day: str) -> Iterator[KeptReply]:
    """Yield the replies that came on a day of UTC+8, such as ``20260131``, in no order."""
    for first in _LISTS:
        listed = read_record(store.get(_list_key(day, first)), ReplyList())
        for digest in listed.replies:
            key = f"reply:{digest}"
            record = read_record(store.get(key), ReplyRecord())
            if record.stored is not None:
                yield KeptReply(key, record)


def _list_key(day: str, first: str) -> str:
    return f"replies:{day}:{first}"
