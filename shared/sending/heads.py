"""Heads: one record for each intent of several parts, which lets one content of two run.

A caller may correct what was refused and send it again under the same out_id. Of several parts some
may have been sent: before any part of other content is attempted, all records are compared. While
one call is at work, calls with other content wait; those with the same content are kept apart by
the records of the parts. An intent of one part needs no head, for its record does all that.

Clocks differ, so a lease is not all that is trusted. Whoever takes the head over reads the records
of the parts and then writes the head, if it is still the one that was read; whoever sends a part
writes the part's record and then the head. So one of two notices the other.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from shared.errors import InProgress, OutIdConflict, StoreUnavailable
from shared.ids import WireId, keyed
from shared.platform.sms_api import SmsApi
from shared.sending.intents import Intent
from shared.sending.part_records import read_part
from shared.state.records import read_record, record_text
from shared.state.store import Change, Differs, Store

_ROUNDS = 30  # more than the changes that a head sees while a call is at work


class HeadRecord(NamedTuple):
    """The head of an intent.

    `digest` is a keyed one of the content that ran last, `parts` the most parts that any content
    had. Each call that is at work on it has a lease in `leases`, until a time in epoch seconds;
    `mark` is a fresh one for each part that is attempted. For `others` and `stored` see
    state/records.py.
    """

    digest: str = ""
    parts: int = 0
    leases: Mapping[str, int] = {}
    mark: str = ""
    others: Mapping[str, Any] = {}
    stored: str | None = None


_NO_HEAD = HeadRecord()


class Head:
    """The head of an intent, as one invocation sees it; `digests` are those of the intent's parts.

    The invocation's lease lasts until `lease_until` (epoch seconds).
    """

    def __init__(
        self,
        api: SmsApi,
        store: Store,
        *,
        intent: Intent,
        digests: Sequence[str],
        lease_until: int,
    ) -> None:
        self._api = api
        self._store = store
        self._intent = intent
        self._digests = digests
        self._digest = keyed(api.settings.state_secret, "content of parts", *digests)
        self._lease_until = lease_until
        self._owner = api.token()
        self._record = _NO_HEAD  # as it was in the store when it was last seen
        self._is_new = False  # whether this invocation wrote the first record

    @contextmanager
    def held(self) -> Iterator[Head]:
        """Hold the head while the parts are sent.

        Raises InProgress while a call with other content is at work, OutIdConflict when a part that
        was or may have been sent differs from this content or is not in it.
        """
        self._claim()
        try:
            yield self
        finally:
            self._release()

    def is_still_held(self) -> bool:
        """Whether other content did not take the head over; asked when a part's record is written.

        From now on whoever wants to take it over finds that record.
        """
        for _ in range(_ROUNDS):
            record = self._record
            if not hmac.compare_digest(record.digest, self._digest):
                return False
            if self._put(record._replace(mark=self._api.token())):
                return True
        raise StoreUnavailable("this out_id is being sent by many others; try again")

    def remove(self) -> bool:
        """Remove the record if this invocation made it and no other saw it; return whether it did.

        Whoever comes later finds no head, and reads what the parts' records say.
        """
        stored = self._record.stored
        if not self._is_new or stored is None or not self._store.delete(self._key(), stored):
            return False
        self._record = _NO_HEAD
        return True

    def _claim(self) -> None:
        for _ in range(_ROUNDS):
            record = self._record
            leases = self._live_leases()
            is_same = hmac.compare_digest(record.digest, self._digest)
            if record.stored is not None and not is_same:
                if leases:
                    raise InProgress(max(leases.values()) - self._now())
                self._compare()
            claimed = record._replace(
                digest=self._digest,
                parts=max(record.parts, len(self._digests)),
                leases={**leases, self._owner: self._lease_until},
            )
            if self._put(claimed):
                self._is_new = record.stored is None
                return
        raise StoreUnavailable("this out_id is being sent by many others; try again")

    def _compare(self) -> None:
        """Raise unless each part that was or may have been sent is in this content as it was."""
        for number in range(max(self._record.parts, len(self._digests))):
            wire_id = WireId(self._intent.space, self._intent.out_id, number)
            secret = self._api.settings.state_secret
            record = read_part(self._store, wire_id, state_secret=secret)
            if record.stored is None or record.state == "rejected":
                continue
            digest = self._digests[number] if number < len(self._digests) else ""
            if hmac.compare_digest(record.digest, digest):
                continue
            if record.is_leased(self._now()):
                raise InProgress(record.lease_until - self._now())
            raise OutIdConflict

    def _release(self) -> None:
        """End this invocation's lease, if it is still there."""
        try:
            for _ in range(_ROUNDS):
                leases = dict(self._record.leases)
                if self._owner not in leases:
                    return
                del leases[self._owner]
                if self._put(self._record._replace(leases=leases)):
                    return
        except StoreUnavailable as error:  # the lease ends by itself
            self._api.log.failed("store", error)

    def _live_leases(self) -> dict[str, int]:
        now = self._now()
        return {owner: until for owner, until in self._record.leases.items() if until > now}

    def _put(self, new: HeadRecord) -> bool:
        """Replace the head by `new`, if it is as it was last seen; see it as it is now."""
        text = record_text(new)
        change = Change(
            key=self._key(),
            old=self._record.stored,
            new=text,
            ttl=self._api.settings.intent_ttl,
        )
        answer = self._store.put(change)
        if isinstance(answer, Differs):
            self._record = read_record(answer.current, _NO_HEAD)
            return False
        self._record = new._replace(stored=text)
        return True

    def _key(self) -> str:
        secret = self._api.settings.state_secret
        return f"head:{keyed(secret, 'head', self._intent.space, self._intent.out_id)}"

    def _now(self) -> int:
        return int(self._api.clock.now())
