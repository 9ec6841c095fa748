"""Codes that were sent and those that were confirmed, counted by origin.

Bots ask for codes and never type them in. In a country on its best day of two weeks, 30 % of the
codes that were confirmed may also be unconfirmed: authgear's fraud protection works so.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.clock import PLATFORM_OFFSET
from shared.errors import LimitReached
from shared.ids import keyed, letters
from shared.phone_numbers import country_of
from shared.sending.limits import Charge, network, put_within_limits
from shared.state.records import read_record, record_text
from shared.state.store import Change, Count

if TYPE_CHECKING:
    from shared.codes.code_requests import CodeRequest
    from shared.platform.sms_api import SmsApi
    from shared.state.store import Store

_SHARE = 0.3  # of the confirmed codes of the best day
_DAYS = 14  # that a country's best day is looked for in
_DAY = 86400


class ConfirmationRecord(NamedTuple):
    """A code that was counted: `state` is sent or confirmed, `day` that of the first count.

    `origins` are those it was counted for, each with rule and name. Days are counted from 1970 in
    UTC+8. For `others` and `stored` see state/records.py.
    """

    state: str = ""
    day: int = 0
    origins: Sequence[Mapping[str, str]] = ()
    others: Mapping[str, Any] = {}
    stored: str | None = None


class _Origin(NamedTuple):
    """What codes are counted by; `name` tells nothing about an address.

    They are compared with the confirmed ones of so many `days`.
    """

    rule: str
    name: str
    days: int = 1

    @property
    def words(self) -> str:
        """Whose codes they are, for the caller."""
        is_country = self.rule == "unconfirmed-per-country"
        return "to this country" if is_country else "for this client_ip"


class Confirmations(NamedTuple):
    """The codes of a store, as one invocation counts them."""

    api: "SmsApi"
    store: "Store"

    def admit(self, request: "CodeRequest", verification_id: str) -> None:
        """Raise LimitReached, or log it, when too many codes of the same origin are unconfirmed.

        A code that was counted before is let through: it is a repeat.
        """
        if self._record(verification_id).stored is not None:
            return
        for origin in self._origins(request):
            self._admit(origin)

    def _admit(self, origin: _Origin) -> None:
        api, today = self.api, self._today()
        days = [_confirmed(origin, today - back) for back in range(origin.days)]
        unconfirmed, *confirmed = self.store.totals([_unconfirmed(origin, today), *days])
        floor = api.settings.limits.rules[origin.rule]
        if not floor or unconfirmed < max(floor, _SHARE * max(confirmed)):
            return
        is_enforced = api.settings.limits.is_confirmation_enforced
        outcome = "refused" if is_enforced else "exceeded"
        api.log.event("warning", "limit", outcome, rule=origin.rule, total=unconfirmed)
        if is_enforced:
            raise LimitReached(
                f"too few of today's codes {origin.words} were confirmed; no code was sent; try "
                "again tomorrow",
                code=origin.rule,
                retry_after=_DAY - int(api.clock.now() + PLATFORM_OFFSET) % _DAY,
            )

    def sent(self, request: "CodeRequest", verification_id: str) -> None:
        """Count a code that was sent, once."""
        today, origins = self._today(), self._origins(request)
        members = [{"rule": origin.rule, "name": origin.name} for origin in origins]
        record = ConfirmationRecord(state="sent", day=today, origins=members)
        charge = [_unconfirmed(origin, today) for origin in origins]
        self._put(verification_id, ConfirmationRecord(), record, charge=charge)

    def confirmed(self, verification_id: str) -> None:
        """Count a code that was right, once."""
        record = self._record(verification_id)
        if record.state != "sent":
            return
        origins = [
            _Origin(members.get("rule", ""), members.get("name", "")) for members in record.origins
        ]
        self._put(
            verification_id,
            record,
            record._replace(state="confirmed"),
            charge=[_confirmed(origin, self._today()) for origin in origins],
            give_back=[_unconfirmed(origin, record.day) for origin in origins],
        )

    def _record(self, verification_id: str) -> ConfirmationRecord:
        return read_record(self.store.get(_key(verification_id)), ConfirmationRecord())

    def _put(
        self,
        verification_id: str,
        old: ConfirmationRecord,
        new: ConfirmationRecord,
        *,
        charge: Charge,
        give_back: Charge = (),
    ) -> None:
        change = Change(
            key=_key(verification_id),
            old=old.stored,
            new=record_text(new),
            ttl=self.api.settings.intent_ttl,
            now=self.api.clock.moved(),
            charge=charge,
            give_back=give_back,
        )
        put_within_limits(self.store, change, self.api, is_spent=True)

    def _origins(self, request: "CodeRequest") -> list[_Origin]:
        country = country_of(request.recipient.e164.removeprefix("+"))
        origins = [_Origin("unconfirmed-per-country", country, days=_DAYS)]
        if request.client_ip:
            secret = self.api.settings.state_secret
            name = letters(keyed(secret, "code address", network(request.client_ip)))
            origins.append(_Origin("unconfirmed-per-address", name))
        return origins

    def _today(self) -> int:
        return _today(self.api)


def _key(verification_id: str) -> str:
    return f"confirmation:{verification_id}"


def unconfirmed_of(country: str, api: "SmsApi") -> Count:
    """Return the count of today's codes to a country that nobody confirmed, with its floor."""
    rule = "unconfirmed-per-country"
    count = _unconfirmed(_Origin(rule, country), _today(api))
    return count._replace(limit=api.settings.limits.rules[rule])


def _today(api: "SmsApi") -> int:
    return int(api.clock.now() + PLATFORM_OFFSET) // _DAY


def _unconfirmed(origin: _Origin, day: int) -> Count:
    return Count(
        rule=origin.rule,
        key=f"unconfirmed:{origin.name}:{day}",
        amount=1,
        limit=0,
        window=_DAY,
    )


def _confirmed(origin: _Origin, day: int) -> Count:
    return Count(
        rule=origin.rule,
        key=f"confirmed:{origin.name}:{day}",
        amount=1,
        limit=0,
        window=(_DAYS + 1) * _DAY,
    )
