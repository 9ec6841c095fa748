"""Receipts and replies, kept once in whatever order and however often they come.

The platform pushes a receipt again until it is answered with 200, and promises neither order nor
that each comes once (documents 101867 and 101847; smsreport-http-intl for SendMessageToGlobe). So
all steps here may be repeated, and a message that was delivered or has failed stays so. A receipt
that agrees with the record of its part settles an attempt that was in doubt (sending/settling.py);
one that does not is kept apart and changes nothing. records.py has the records, unread.py those of
what could not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from shared import phone_numbers
from shared.errors import ConfigurationError, StoreUnavailable
from shared.ids import WireId, read_wire_id
from shared.logs import logged_message_id, safe_code
from shared.platform.actions import ACTIONS
from shared.platform.queries import meaning_of
from shared.receipts import unread
from shared.receipts.pushed import Reply, Report, raw_entry, read_entry
from shared.receipts.records import (
    PartsRecord,
    Receipt,
    ReceiptsRecord,
    Subject,
    parts_key,
    shown_number,
)
from shared.receipts.replies import ListedReplies, ReplyList, kept_reply
from shared.sending.limits import Charge, Limits, put_within_limits
from shared.sending.message_index import note_message
from shared.sending.part_records import PartRecord, read_part
from shared.sending.settling import SentMessage, differences, settle
from shared.state.records import StoredRecord, read_record, record_text
from shared.state.store import Change, Differs

if TYPE_CHECKING:
    from shared.platform.sms_api import SmsApi
    from shared.state.store import Store
    from shared.trigger.invocation import Invocation

_MOST_BILLED = 8  # messages that a receipt may say one text was; no text of a template is longer
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


def keep(
    entries: Sequence[object],
    api: SmsApi,
    store: Store,
    *,
    deadline: float,
    source: str = "push",
) -> Tally:
    """Keep receipts and replies, settle what was in doubt, and log how many there were.

    What cannot be read is kept as it came from `source`, bytes among the entries always.
    `deadline` is in monotonic seconds. Raises StoreUnavailable when not all was kept, UnreadFull
    when only some of what cannot be read was not.
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
    if tally.unreadable:
        raw = [raw_entry(entry) for entry, found in zip(entries, read, strict=True) if not found]
        unread.Keeper(api, store, deadline).keep(raw, source)
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
        """Keep a reply, with its text, and its number sealed; list it under its day."""
        kept = kept_reply(reply, self.api)
        # the same reply is there, or is written
        self._put(self._change(kept.key, old=None, new=record_text(kept.record)))
        listed = ListedReplies(self.api, kept)
        self._update(listed.key(), ReplyList(), listed.with_reply)
        self.api.log.event(
            "info", "reply", "kept", record=kept.key, **self.api.log.numbers((reply.phone_number,))
        )

    def _keep_group(self, subject: Subject, reports: Sequence[Report]) -> bool:
        """Keep the receipts of one part or message; return whether they settled the part."""
        key = subject.key(self.api.settings.state_secret)
        wire_id = read_wire_id(subject.wire_id)
        if wire_id is None:
            self._keep_receipts(key, reports)
            self._log_failed(None, reports)
            return False
        record = read_part(self.store, wire_id, state_secret=self.api.settings.state_secret)
        if record.stored is None:  # not sent by us, or long ago
            self.api.log.event(
                "info", "receipt", "without-part", record=key, **self._ids_of(wire_id)
            )
            self._keep_receipts(key, reports, without_part=True)
            self._note_messages(wire_id, reports)
            self._log_failed(wire_id, reports)
            return False
        agreeing = self._agreeing(subject, wire_id, reports, record=record)
        if not agreeing:
            return False
        self._log_failed(wire_id, agreeing, template=record.template)
        is_billed = _is_billed_by_receipts(record)
        billed = self._billed(wire_id, agreeing) if is_billed else None
        self._keep_receipts(key, agreeing, billed=billed)
        self._note_messages(wire_id, agreeing)
        self._keep_highest_part(wire_id)
        message = _sent_message(wire_id, agreeing[0])
        return settle(self.store, self.api, message=message, record=record)

    def _agreeing(
        self, subject: Subject, wire_id: WireId, reports: Sequence[Report], *, record: PartRecord
    ) -> list[Report]:
        """Return the receipts that agree with the record of their part; keep the others apart."""
        agreeing, disagreeing = [], []
        # ``tester~order-17~007`` would have a budget of its own beside that of part 7.
        is_one_form = wire_id.text() == subject.wire_id
        for report in reports:
            message = _sent_message(wire_id, report)
            secret = self.api.settings.state_secret
            found = differences(record, message, secret) if is_one_form else ["wire-id"]
            if found:
                disagreeing.append((report, ",".join(found)))
            else:
                agreeing.append(report)
        if disagreeing:
            key = subject.key_of_disagreeing(self.api.settings.state_secret)
            self._keep_receipts(key, [report for report, _ in disagreeing])
            for report, names in disagreeing:
                self.api.log.event(
                    "warning",
                    "receipt",
                    "disagrees",
                    differs=names,
                    record=key,
                    **self._ids_of(wire_id),
                    **self.api.log.numbers((report.phone_number,)),
                )
        return agreeing

    def _ids_of(self, wire_id: WireId) -> dict[str, Any]:
        """Return whose send a receipt is about, as fields of the log."""
        return {**self.api.log.ids(wire_id.space, wire_id.out_id), "part": wire_id.part}

    def _log_failed(
        self, wire_id: WireId | None, reports: Sequence[Report], *, template: str = ""
    ) -> None:
        """Log each receipt that says its message failed, and why."""
        log = self.api.log
        for report in reports:
            if report.status != "failed":
                continue
            number = (report.phone_number,)
            log.event(
                "warning",
                "receipt",
                "failed",
                code=safe_code(report.err_code),
                meaning=meaning_of(report.err_code),
                template=template,
                sent_at=report.send_date,
                message_id=logged_message_id(report.message_id, number),
                **log.numbers(number),
                **(self._ids_of(wire_id) if wire_id else {}),
            )

    def _keep_receipts(
        self,
        key: str,
        reports: Sequence[Report],
        *,
        billed: Mapping[str, int] | None = None,
        without_part: bool = False,
    ) -> None:
        """Keep receipts under `key`, and correct the budget by what was `billed` (see _billed)."""
        received = [self._receipt(report, without_part=without_part) for report in reports]

        def with_received(record: ReceiptsRecord) -> ReceiptsRecord:
            merged = _merged(record.read(), received)
            most = {
                number: max(messages, record.billed.get(number, 0))
                for number, messages in (billed or {}).items()
            }
            return record._replace(
                receipts=[receipt.members() for receipt in merged],
                billed={**record.billed, **most},
            )

        def price(old: ReceiptsRecord, new: ReceiptsRecord) -> Charge:
            extra = sum(new.billed.values()) - sum(old.billed.values())
            is_abroad = not phone_numbers.is_mainland(reports[0].phone_number)
            return Limits(self.api).budget(extra, is_abroad=is_abroad) if extra else ()

        self._update(key, ReceiptsRecord(), with_received, price=price)

    def _note_messages(self, wire_id: WireId, reports: Sequence[Report]) -> None:
        """Write down which part each message is of, unless that is known since it was sent."""
        for message_id in dict.fromkeys(report.message_id for report in reports):
            if message_id:
                note_message(self.store, self.api, message_id=message_id, wire_id=wire_id)

    def _billed(self, wire_id: WireId, reports: Sequence[Report]) -> dict[str, int]:
        """Return the messages that were billed above the one that was counted, by number.

        However many receipts a number has, it was sent one text.
        """
        secret = self.api.settings.state_secret
        most: dict[str, int] = {}
        for report in reports:
            number = _sent_message(wire_id, report).digest(secret)
            extra = min(report.sms_size, _MOST_BILLED) - 1
            if extra > most.get(number, 0):
                most[number] = extra
        return most

    def _keep_highest_part(self, wire_id: WireId) -> None:
        if wire_id.number:
            self._update(
                parts_key(wire_id, self.api.settings.state_secret),
                PartsRecord(),
                lambda record: record._replace(highest=max(wire_id.number, record.highest)),
            )

    def _receipt(self, report: Report, *, without_part: bool) -> Receipt:
        kept = {name: value for name, value in report._asdict().items() if name in Receipt._fields}
        kept.update(shown_number(self.api, report.phone_number))
        return Receipt(**kept, without_part=without_part)

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
            now=self.api.clock.moved(),
            charge=charge,
        )

    def _put(self, change: Change) -> Differs | None:
        """Make a change while there is time; return what is there instead, or None."""
        if self.api.clock.monotonic() >= self.deadline:
            raise StoreUnavailable("the time was over before all receipts were kept")
        answer = put_within_limits(self.store, change, self.api, is_spent=True)
        return answer if isinstance(answer, Differs) else None


def _sent_message(wire_id: WireId, report: Report) -> SentMessage:
    return SentMessage(
        wire_id=wire_id,
        phone_number=report.phone_number,
        send_date=report.send_date,
        message_id=report.message_id,
    )


def _is_billed_by_receipts(part: PartRecord) -> bool:
    """Whether the length of its text was not known when it was counted."""
    action = ACTIONS.get(part.action)
    return action is None or not action.billed_by


def _merged(kept: Sequence[Receipt], received: Sequence[Receipt]) -> list[Receipt]:
    """Return the receipts that are known then, by number and message.

    The first final one of each message stays, and notes another that says something else.
    """
    known = {_identity(receipt): receipt for receipt in kept}
    for receipt in received:
        before = known.get(_identity(receipt))
        known[_identity(receipt)] = _later(before, receipt) if before else receipt
    newest = sorted(known.values(), key=lambda receipt: receipt.receive_date)[-_MOST_RECEIPTS:]
    return sorted(newest, key=lambda receipt: (receipt.phone_number, _identity(receipt)))


def _later(before: Receipt, receipt: Receipt) -> Receipt:
    """Return what is known of a message when another receipt of it comes."""
    is_comparable = before.without_part == receipt.without_part
    if not before.is_final or (before.without_part and not is_comparable):
        return receipt._replace(others=before.others)
    is_news = receipt.is_final and receipt.status != before.status and not before.contradicted_by
    if not is_news or not is_comparable:
        return before
    return before._replace(
        contradicted_by={
            "status": receipt.status,
            "err_code": receipt.err_code,
            "receive_date": receipt.receive_date,
        }
    )


def _identity(receipt: Receipt) -> tuple[str, str]:
    return receipt.number_hash, receipt.message_id
