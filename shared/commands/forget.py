"""`forget`: remove what the shared state holds about one number.

No index by number is stored. What was sent to it in the last 30 days shows the platform, whose
OutIds lead to our records; its replies, and what could not be read, are looked through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from shared.clock import platform_date
from shared.codes.own_codes import verification_key
from shared.commands.numbers import Asked, read_number
from shared.errors import ConfigurationError
from shared.ids import WireId, read_wire_id
from shared.platform.queries import all_details
from shared.receipts import unread
from shared.receipts.records import ReceiptsRecord, Subject
from shared.receipts.replies import replies_of_day
from shared.sending.part_records import NO_RECORD, PartRecord, number_digest, record_key
from shared.state.choice import open_store
from shared.state.records import StoredRecord, read_record, record_text
from shared.state.store import Change, Differs, OwnersStore
from shared.trigger.invocation import Invocation

_DAYS_SHOWN = 30  # that QuerySendDetails knows (document 419277), today among them
_DAY = 86400
_NOBODY = "0" * 8  # in place of the digest of the number
STAYS = (
    "The platform's own records: QuerySendDetails shows them for 30 days.",
    "The log: the number's hash and its last two digits, until the Logstore forgets them.",
    "Files of recipients and their results, in your bucket.",
    "What your own programs know, and backups of the shared state.",
    "Counts of its country, prefix and of the budgets, which are of many numbers.",
    "What was sent to it longer ago than 30 days: keyed digests, until SMS_INTENT_TTL is over.",
)

R = TypeVar("R", bound=StoredRecord)


class Forgotten(NamedTuple):
    """In how many records of each kind the number was."""

    counts: int
    parts: int
    receipts: int
    codes: int
    replies: int
    unread: int


def forget(arguments: Mapping[str, Any], invocation: Invocation) -> dict[str, object]:
    """Remove what is known of ``phone_number``; return what was removed, and what stays elsewhere.

    Raises what the platform raises: then nothing was removed yet, and it may be asked again.
    """
    number = read_number(arguments.get("phone_number"))
    url = invocation.api.settings.state_url
    if not url:
        raise ConfigurationError("this needs shared state: set SMS_STATE_URL and SMS_STATE_SECRET")
    eraser = _Eraser(invocation, open_store(url), number)
    wire_ids = eraser.wire_ids()
    removed = eraser.erase(wire_ids)
    return {"number": f"*{number.queried[-2:]}", "removed": removed._asdict(), "stays": list(STAYS)}


class _Eraser(NamedTuple):
    invocation: Invocation
    store: OwnersStore
    number: Asked

    def wire_ids(self) -> list[WireId]:
        """Return the parts that were sent to the number, as the platform shows them."""
        api, deadline = self.invocation.api, self.invocation.deadline
        found = (
            read_wire_id(detail.out_id)
            for date in self._days(_DAYS_SHOWN)
            for detail in all_details(api, self.number.queried, date, deadline=deadline)
        )
        return list(dict.fromkeys(wire_id for wire_id in found if wire_id is not None))

    def erase(self, wire_ids: list[WireId]) -> Forgotten:
        """Remove the number from all that is known of these parts, and from the rest."""
        secret = self.invocation.api.settings.state_secret
        intents = dict.fromkeys((wire_id.space, wire_id.out_id) for wire_id in wire_ids)
        codes = [verification_key(secret, *intent) for intent in intents]
        return Forgotten(
            counts=self.store.remove(self.number.counts(self.invocation)),
            receipts=sum(map(self._erase_receipts, wire_ids)),
            parts=sum(map(self._erase_part, wire_ids)),
            codes=sum(map(self._delete, codes)),
            replies=sum(map(self._delete, self._replies())),
            unread=self._erase_unread(),
        )

    def _days(self, count: int) -> Iterator[str]:
        now = self.invocation.api.clock.now()
        yield from (platform_date(now - back * _DAY) for back in range(count))

    def _erase_part(self, wire_id: WireId) -> bool:
        secret = self.invocation.api.settings.state_secret
        digests = [number_digest(form, self.number.queried, secret) for form in _forms(wire_id)]

        def without(record: PartRecord) -> PartRecord:
            own = [record.numbers[at : at + 8] for at in range(0, len(record.numbers), 8)]
            left = [_NOBODY if digest in digests else digest for digest in own]
            return record._replace(numbers="".join(left))

        return self._change(record_key(wire_id, secret), NO_RECORD, without)

    def _erase_receipts(self, wire_id: WireId) -> int:
        secret = self.invocation.api.settings.state_secret
        number_hash = self.number.hash(self.invocation)

        def without(record: ReceiptsRecord) -> ReceiptsRecord:
            left = [each for each in record.receipts if each.get("number_hash") != number_hash]
            return record._replace(receipts=left)

        subjects = [Subject(wire_id=form.text()) for form in _forms(wire_id)]
        keys = [subject.key(secret) for subject in subjects]
        keys += [subject.key_of_disagreeing(secret) for subject in subjects]
        part = read_record(self.store.get(record_key(wire_id, secret)), NO_RECORD)
        if part.biz_id:
            keys.append(Subject(message_id=part.biz_id).key(secret))
        return sum(self._change(key, ReceiptsRecord(), without) for key in keys)

    def _replies(self) -> list[str]:
        number_hash = self.number.hash(self.invocation)
        days = self.invocation.api.settings.intent_ttl // _DAY + 2
        return [
            reply.key
            for day in self._days(days)
            for reply in replies_of_day(self.store, day)
            if reply.record.number_hash == number_hash
        ]

    def _erase_unread(self) -> int:
        found = 0
        for key, record in unread.all_kept(self.store).items():
            digits = bytes(byte for byte in record.content() if 48 <= byte <= 57)
            if self.number.queried.encode() in digits:
                unread.forget(key, record, store=self.store)
                found += 1
        return found

    def _delete(self, key: str) -> bool:
        text = self.store.get(key)
        return text is not None and self.store.delete(key, text)

    def _change(self, key: str, blank: R, change: Any) -> bool:
        """Change the record under `key`, if there is one; return whether it became another."""
        text = self.store.get(key)
        while text is not None:
            record = read_record(text, blank)
            new = record_text(change(record))
            if new == text:
                return False
            api = self.invocation.api
            answer = self.store.put(
                Change(
                    key=key,
                    old=text,
                    new=new,
                    ttl=api.settings.intent_ttl,
                    now=api.clock.moved(),
                )
            )
            if not isinstance(answer, Differs):
                return True
            text = answer.current
        return False


def _forms(wire_id: WireId) -> tuple[WireId, WireId]:
    """Return both ids that a part may have had on the wire."""
    return wire_id._replace(part=None), wire_id._replace(part=wire_id.number)
