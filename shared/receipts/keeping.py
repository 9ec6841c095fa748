"""Receipts and replies, kept once in whatever order and however often they come.

The platform pushes a receipt again until it is answered with 200, and promises neither order nor
that each comes once (documents 101867 and 101847; smsreport-http-intl for SendMessageToGlobe). So
all steps here may be repeated, and a message that was delivered or has failed stays so. A receipt
settles an attempt that was in doubt (sending/part_records.py). records.py has the records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from shared import phone_numbers
from shared.errors import ConfigurationError, StoreUnavailable
from shared.ids import WireId, compact_json, keyed, read_wire_id
from shared.receipts.pushed import Reply, Report, read_entry
from shared.receipts.records import (
    PartsRecord,
    Receipt,
    ReceiptsRecord,
    Subject,
    parts_key,
    shown_number,
)
from shared.sending.limits import Charge, Limits, put_within_limits
from shared.sending.message_index import note_message
from shared.sending.part_records import read_part
from shared.sending.settling import settle
from shared.state.records import StoredRecord, read_record, record_text
from shared.state.store import Change, Differs

if TYPE_CHECKING:
    from shared.platform.sms_api import SmsApi
    from shared.state.store import Store
    from shared.trigger.invocation import Invocation

_MOST_BILLED = 20  # messages of one receipt; no text of a template is that long
_MOST_RECEIPTS = 1000  # of one id on the wire; a send has at most that many numbers

R = TypeVar("R", bound=StoredRecord)


class Tally(NamedTuple):
    """What became of a push: entries kept, entries not understood, parts settled."""

    reports: int = 0
    replies: int = 0
    unreadable: int = 0
    settled: int = 0


def required_store(invocation: Invocation) -> Store:
    """Return the store; raises ConfigurationError when there is none."""
    store = invocation.store
    if store is None:
        raise ConfigurationError("SMS_STATE_URL is not set, so receipts cannot be kept: set it")
    return store


def keep(entries: Iterable[object], api: SmsApi, store: Store, *, deadline: float) -> Tally:
    """Keep receipts and replies, settle what was in doubt, and log how many there were.

    `deadline` is in monotonic seconds. Raises StoreUnavailable when not all was kept.
    """
    read = [read_entry(entry) for entry in entries]
    reports = [entry for entry in read if isinstance(entry, Report)]
    replies = [entry for entry in read if isinstance(entry, Reply)]
    keeper = _Keeper(api=api, store=store, deadline=deadline)
    settled = keeper.keep_reports(reports)
    for reply in replies:
        keeper.keep_reply(reply)
    tally = Tally(
        reports=len(reports),
        replies=len(replies),
        unreadable=read.count(None),
        settled=settled,
    )
    api.log.event("warning" if tally.unreadable else "info", "receipts", "kept", **tally._asdict())
    return tally


class _Keeper(NamedTuple):
    """Writes records of receipts and replies."""

    api: SmsApi
    store: Store
    deadline: float

    def keep_reports(self, reports: Sequence[Report]) -> int:
        """Keep receipts, and return how many parts they settled."""
        groups: dict[Subject, list[Report]] = {}
        for report in reports:
            has_our_id = bool(report.out_id)
            subject = Subject(
                wire_id=report.out_id, message_id="" if has_our_id else report.message_id
            )
            groups.setdefault(subject, []).append(report)
        return sum(self._keep_group(subject, group) for subject, group in groups.items())

    def keep_reply(self, reply: Reply) -> None:
        """Keep a reply, with its text and without its number."""
        who = shown_number(self.api, reply.phone_number)
        text = compact_json({**who, **reply._asdict(), "phone_number": who["phone_number"]})
        name = f"{who['number_hash']}\n{reply.sequence_id or text}"
        key = f"reply:{keyed(self.api.settings.state_secret, 'reply', name)}"
        self._put(self._change(key, old=None, new=text))  # the same reply is there, or is written
        self.api.log.event(
            "info", "reply", "kept", record=key, **self.api.log.numbers((reply.phone_number,))
        )

    def _keep_group(self, subject: Subject, reports: Sequence[Report]) -> bool:
        """Keep the receipts of one part or message; return whether they settled the part."""
        self._keep_receipts(subject, reports)
        wire_id = read_wire_id(subject.wire_id)
        if wire_id is None:
            return False
        self._note_messages(wire_id, reports)
        self._keep_highest_part(wire_id)
        return settle(self.store, self.api, wire_id=wire_id, message_id=reports[0].message_id)

    def _keep_receipts(self, subject: Subject, reports: Sequence[Report]) -> None:
        received = [self._receipt(report) for report in reports]

        def with_received(record: ReceiptsRecord) -> ReceiptsRecord:
            merged = _merged(record.read(), received)
            return record._replace(receipts=[receipt.members() for receipt in merged])

        def price(old: ReceiptsRecord, new: ReceiptsRecord) -> Charge:
            return self._correction(subject, reports, _extra(new) - _extra(old))

        key = subject.key(self.api.settings.state_secret)
        self._update(key, ReceiptsRecord(), with_received, price=price)

    def _note_messages(self, wire_id: WireId, reports: Sequence[Report]) -> None:
        for message_id in dict.fromkeys(report.message_id for report in reports):
            if message_id:
                note_message(self.store, self.api, message_id=message_id, wire_id=wire_id)

    def _keep_highest_part(self, wire_id: WireId) -> None:
        if wire_id.number:
            self._update(
                parts_key(wire_id, self.api.settings.state_secret),
                PartsRecord(),
                lambda record: record._replace(highest=max(wire_id.number, record.highest)),
            )

    def _receipt(self, report: Report) -> Receipt:
        kept = {name: value for name, value in report._asdict().items() if name in Receipt._fields}
        return Receipt(**{**kept, **shown_number(self.api, report.phone_number)})

    def _correction(self, subject: Subject, reports: Sequence[Report], extra: int) -> Charge:
        """Return what a part of ours was billed above what was counted.

        SendMessageToGlobe is counted exactly.
        """
        wire_id = read_wire_id(subject.wire_id)
        if extra <= 0 or reports[0].is_of_globe or wire_id is None:
            return ()
        state_secret = self.api.settings.state_secret
        if read_part(self.store, wire_id, state_secret=state_secret).stored is None:
            return ()
        is_abroad = not phone_numbers.is_mainland(reports[0].phone_number)
        return Limits(self.api).budget(extra, is_abroad=is_abroad)

    def _update(
        self,
        key: str,
        blank: R,
        change: Callable[[R], R],
        *,
        price: Callable[[R, R], Charge] = lambda _old, _new: (),
    ) -> None:
        """Change the record under `key`, which is most often not there yet, at a price."""
        old = blank
        while True:
            new = change(old)
            text = record_text(new)
            if text == old.stored:
                return
            answer = self._put(self._change(key, old=old.stored, new=text, charge=price(old, new)))
            if answer is None:
                return
            old = read_record(answer.current, blank)

    def _change(self, key: str, *, old: str | None, new: str, charge: Charge = ()) -> Change:
        return Change(
            key=key,
            old=old,
            new=new,
            ttl=self.api.settings.intent_ttl,
            now=self.api.clock.now(),
            charge=charge,
        )

    def _put(self, change: Change) -> Differs | None:
        """Make a change while there is time; return what is there instead, or None."""
        if self.api.clock.monotonic() >= self.deadline:
            raise StoreUnavailable("the time was over before all receipts were kept")
        answer = put_within_limits(self.store, change, self.api, is_spent=True)
        return answer if isinstance(answer, Differs) else None


def _merged(kept: Sequence[Receipt], received: Sequence[Receipt]) -> list[Receipt]:
    """Return the receipts that are known then, by number and message.

    The first final one of each message stays.
    """
    known = {_identity(receipt): receipt for receipt in kept}
    for receipt in received:
        before = known.get(_identity(receipt))
        if before is None:
            known[_identity(receipt)] = receipt
        elif not before.is_final:
            known[_identity(receipt)] = receipt._replace(others=before.others)
    newest = sorted(known.values(), key=lambda receipt: receipt.receive_date)[-_MOST_RECEIPTS:]
    return sorted(newest, key=lambda receipt: (receipt.phone_number, _identity(receipt)))


def _extra(record: ReceiptsRecord) -> int:
    """Return the messages that were billed above one for each receipt."""
    sizes = [min(receipt.sms_size, _MOST_BILLED) for receipt in record.read()]
    return sum(size - 1 for size in sizes if size > 1)


def _identity(receipt: Receipt) -> tuple[str, str]:
    return receipt.number_hash, receipt.message_id
