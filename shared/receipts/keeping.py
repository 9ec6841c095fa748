"""Keeping receipts and replies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared import phone_numbers
from shared.errors import ConfigurationError, StoreUnavailable
from shared.ids import compact_json, split_wire_id
from shared.receipts.pushed import Reply, Report, read_entry
from shared.receipts.records import Receipt, key_of, read_receipts, shown_number
from shared.sending.limits import Charge, Limits
from shared.sending.part_records import record_key, settle

if TYPE_CHECKING:
    from shared.platform.sms_api import SmsApi
    from shared.state.store import Store
    from shared.trigger.invocation import Invocation

_MOST_BILLED = 20  # no text of a template is that long
_MOST_RECEIPTS = 1000  # of one id on the wire; a send has at most that many numbers


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


def keep(entries: Iterable[object], api: SmsApi, store: Store, deadline: float) -> Tally:
    """Keep receipts and replies, settle what was in doubt, and log how many there were.

    `deadline` is in monotonic seconds. Raises StoreUnavailable when not all was kept.
    """
    read = [read_entry(entry) for entry in entries]
    reports = [entry for entry in read if isinstance(entry, Report)]
    replies = [entry for entry in read if isinstance(entry, Reply)]
    shelf = _Shelf(api, store, deadline, Limits(api))
    settled = shelf.keep_reports(reports)
    for reply in replies:
        shelf.keep_reply(reply)
    tally = Tally(len(reports), len(replies), read.count(None), settled)
    api.log.event("warning" if tally.unreadable else "info", "receipts", "kept", **tally._asdict())
    return tally


class _Shelf(NamedTuple):
    api: SmsApi
    store: Store
    deadline: float
    limits: Limits

    def keep_reports(self, reports: Sequence[Report]) -> int:
        groups: dict[str, list[Report]] = {}
        for report in reports:
            groups.setdefault(report.out_id or f"\n{report.message_id}", []).append(report)
        return sum(self._keep_group(wire_id, group) for wire_id, group in groups.items())

    def keep_reply(self, reply: Reply) -> None:
        who = shown_number(self.api, reply.phone_number)
        shown = {**who, **reply._asdict(), "phone_number": who["phone_number"]}
        text = compact_json(shown)
        name = f"{who['number_hash']}\n{reply.sequence_id or text}"
        key = key_of("reply", name, self.api.settings.state_secret)
        self._change(key, lambda current: current or text)
        self.api.log.event(
            "info", "reply", "kept", record=key, **self.api.log.numbers((reply.phone_number,))
        )

    def _keep_group(self, wire_id: str, reports: Sequence[Report]) -> bool:
        secret = self.api.settings.state_secret
        received = [self._receipt(report) for report in reports]
        self._change(
            key_of("receipts", wire_id, secret),
            lambda current: _merged(current, received),
            lambda current, new: self._correction(wire_id, reports, _extra(new) - _extra(current)),
        )
        if wire_id.startswith("\n"):
            return False
        out_id, part = split_wire_id(wire_id)
        for message_id in dict.fromkeys(report.message_id for report in reports):
            if message_id:
                self._change(key_of("message", message_id, secret), lambda _: wire_id)
        if part:
            highest = str(part)
            self._change(
                key_of("parts", out_id, secret),
                lambda current: highest if part > int(current or 0) else str(current),
            )
        return settle(self.store, self.api, wire_id, reports[0].message_id)

    def _receipt(self, report: Report) -> Receipt:
        kept = {name: value for name, value in report._asdict().items() if name in Receipt._fields}
        return Receipt(**{**kept, **shown_number(self.api, report.phone_number)})

    def _correction(self, wire_id: str, reports: Sequence[Report], extra: int) -> Charge:
        """Return what a part of ours was billed above what was counted; SendMessageToGlobe is
        counted exactly.
        """
        key = record_key(*split_wire_id(wire_id), self.api.settings.state_secret)
        if extra <= 0 or reports[0].is_of_globe or not self.store.get(key):
            return ()
        is_abroad = not phone_numbers.is_mainland(reports[0].phone_number)
        return self.limits.budget(extra, is_abroad=is_abroad)

    def _change(
        self,
        key: str,
        change: Callable[[str | None], str],
        price: Callable[[str | None, str], Charge] = lambda _current, _new: (),
    ) -> None:
        current: str | None = None
        new = change(None)
        while new != current:
            if self.api.clock.monotonic() >= self.deadline:
                raise StoreUnavailable("the time was over before all receipts were kept")
            charge = price(current, new)
            there = self.limits.put(self.store, key, current, new, charge, is_spent=True)
            if there is None:
                return
            current = str(there) or None
            new = change(current)


def _merged(current: str | None, received: Sequence[Receipt]) -> str:
    kept = {_identity(receipt): receipt for receipt in read_receipts(current)}
    for receipt in received:
        if not kept.setdefault(_identity(receipt), receipt).is_final:
            kept[_identity(receipt)] = receipt
    newest = sorted(kept.values(), key=lambda receipt: receipt.receive_date)[-_MOST_RECEIPTS:]
    return compact_json(sorted(receipt[1:] for receipt in newest))


def _extra(text: str | None) -> int:
    return sum(max(min(receipt.sms_size, _MOST_BILLED) - 1, 0) for receipt in read_receipts(text))


def _identity(receipt: Receipt) -> tuple[str, str]:
    return receipt.number_hash, receipt.message_id
