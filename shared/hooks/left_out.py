"""How many messages to a number were held back by a limit, and by no other message told yet.

A message that is to tell them takes them out of the count first, so that of several messages at
once one tells them. It puts them back if it is not sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.ids import keyed
from shared.state.records import read_record, record_text
from shared.state.store import Change, Differs

if TYPE_CHECKING:
    from shared.platform.sms_api import SmsApi
    from shared.state.store import Store

_ROUNDS = 30  # more than the alarms to one number that end at once


class LeftOutRecord(NamedTuple):
    """How many `messages` to one number were held back; `mark` tells every change from others.

    For `others` and `stored` see state/records.py.
    """

    messages: int = 0
    mark: str = ""
    others: Mapping[str, Any] = {}
    stored: str | None = None


class LeftOut(NamedTuple):
    """The counts of all numbers, as one invocation sees them. Without a store there are none."""

    api: SmsApi
    store: Store | None

    def count(self, number: str) -> int:
        """Return how many messages to `number` were held back."""
        return self._read(number).messages

    def take(self, number: str) -> int:
        """Take all messages to `number` out of the count, and return how many there were."""
        for _ in range(_ROUNDS):
            record = self._read(number)
            if not record.messages:
                return 0
            if self._replace_count(number, record, messages=0):
                return record.messages
        return 0

    def add(self, number: str, change: int) -> None:
        """Count so many more, or fewer where `change` is negative; a count never falls below 0."""
        if self.store is None or change == 0:
            return
        for _ in range(_ROUNDS):
            record = self._read(number)
            if record.stored is None and change < 0:
                return
            if self._replace_count(number, record, messages=max(record.messages + change, 0)):
                return

    def _replace_count(self, number: str, record: LeftOutRecord, *, messages: int) -> bool:
        """Let the count be `messages` if it is still as in `record`; return whether it was."""
        if self.store is None:
            return False
        new = record._replace(messages=messages, mark=self.api.token())
        answer = self.store.put(
            Change(
                key=self._key(number),
                old=record.stored,
                new=record_text(new),
                ttl=self.api.settings.intent_ttl,
                now=self.api.clock.moved(),
            )
        )
        return not isinstance(answer, Differs)

    def _read(self, number: str) -> LeftOutRecord:
        text = self.store.get(self._key(number)) if self.store else None
        return read_record(text, LeftOutRecord())

    def _key(self, number: str) -> str:
        return f"left-out:{keyed(self.api.settings.state_secret, 'left out', number)}"
