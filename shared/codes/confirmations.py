"""Codes that were sent and those that were confirmed, counted by origin."""

import json
from typing import TYPE_CHECKING, NamedTuple

from shared.clock import PLATFORM_OFFSET
from shared.errors import LimitReached
from shared.ids import compact_json, keyed, letters
from shared.phone_numbers import country_of
from shared.sending.limits import Charge, Limits, network
from shared.state.store import Count

if TYPE_CHECKING:
    from shared.codes.code_requests import CodeRequest
    from shared.state.store import Store

_SHARE = 0.3
_DAYS = 14
_DAY = 86400


class _Origin(NamedTuple):
    """What codes are counted by; `name` tells nothing about an address."""

    rule: str
    name: str
    days: int


class Confirmations(NamedTuple):
    """The codes of a store, as one invocation counts them."""

    limits: Limits
    store: "Store"

    def admit(self, request: "CodeRequest", verification_id: str) -> None:
        """Raise LimitReached, or log it, when too many codes of the same origin are unconfirmed.

        A code that was counted before is let through: it is a repeat.
        """
        if self.store.get(_key(verification_id)):
            return
        api, today = self.limits.api, self._today()
        for origin in self._origins(request):
            floor = api.settings.limits.rules[origin.rule]
            days = [_confirmed(origin, today - back) for back in range(origin.days)]
            unconfirmed, *confirmed = self.store.totals([_unconfirmed(origin, today), *days])
            if not floor or unconfirmed < max(floor, _SHARE * max(confirmed)):
                continue
            is_enforced = api.settings.limits.is_confirmation_enforced
            outcome = "refused" if is_enforced else "exceeded"
            api.log.event("warning", "limit", outcome, rule=origin.rule, total=unconfirmed)
            if is_enforced:
                raise LimitReached(
                    "too few codes of this origin are confirmed; no code was sent",
                    code=origin.rule,
                    retry_after=_DAY - int(api.clock.now() + PLATFORM_OFFSET) % _DAY,
                )

    def sent(self, request: "CodeRequest", verification_id: str) -> None:
        """Count a code that was sent, once."""
        today, origins = self._today(), self._origins(request)
        text = compact_json(["sent", today, origins])
        charge = [_unconfirmed(origin, today) for origin in origins]
        self._put(verification_id, None, text, charge, ())

    def confirmed(self, verification_id: str) -> None:
        """Count a code that was right, once."""
        text = self.store.get(_key(verification_id))
        state, day, rows = json.loads(text or '["", 0, []]')
        if state == "sent":
            origins = [_Origin(*row) for row in rows]
            self._put(
                verification_id,
                text,
                compact_json(["confirmed", day, rows]),
                [_confirmed(origin, self._today()) for origin in origins],
                [_unconfirmed(origin, day) for origin in origins],
            )

    def _put(
        self, verification_id: str, old: str | None, new: str, charge: Charge, give_back: Charge
    ) -> None:
        key = _key(verification_id)
        self.limits.put(self.store, key, old, new, charge, give_back, is_spent=True)

    def _origins(self, request: "CodeRequest") -> list[_Origin]:
        country = country_of(request.recipient.e164.removeprefix("+"))
        origins = [_Origin("unconfirmed-per-country", country, _DAYS)]
        if request.client_ip:
            secret = self.limits.api.settings.state_secret
            name = letters(keyed(secret, "code address", network(request.client_ip)))
            origins.append(_Origin("unconfirmed-per-address", name, 1))
        return origins

    def _today(self) -> int:
        return int(self.limits.api.clock.now() + PLATFORM_OFFSET) // _DAY


def _key(verification_id: str) -> str:
    return f"confirmation:{verification_id}"


def _unconfirmed(origin: _Origin, day: int) -> Count:
    return Count(origin.rule, f"unconfirmed:{origin.name}:{day}", 1, 0, _DAY)


def _confirmed(origin: _Origin, day: int) -> Count:
    return Count(origin.rule, f"confirmed:{origin.name}:{day}", 1, 0, (_DAYS + 1) * _DAY)
