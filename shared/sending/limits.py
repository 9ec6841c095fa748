"""Limits and budgets, checked before money is spent: in the same atomic step as the claim.

docs/limits.md has the rules. Their windows are of the clock in UTC+8; but a number's day and the
windows of codes look back, as the platform's do (document 44335). What was rejected is given back,
what is unknown is not; receipts add what a message was billed above what was counted. Unconfirmed
may also be 30 % of the codes confirmed, in a country on its best day of two weeks: authgear's fraud
protection works so.
"""

import calendar
import socket
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared.clock import PLATFORM_OFFSET
from shared.errors import InvalidRequest, LimitReached
from shared.ids import keyed
from shared.phone_numbers import country_of
from shared.platform.sms_api import SmsApi
from shared.sending.segments import segments
from shared.state.store import Count, Refused

if TYPE_CHECKING:
    from shared.sending.intents import Intent, Part
    from shared.state.store import Store

Charge = Sequence[Count]
_UNLIMITED = 2**53
_DAY = 86400
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": _DAY}
_REQUESTS = "requests-per-second"
_OWNERS = ("mainland", "international", "country", "key")
_WARN_AT = (100, 80, 50)
_SUFFIX = 4
_MOST_PREFIXES = 20  # each is several commands of a script that all others wait for
_IPV4_MAPPED = bytes(10) + b"\xff\xff"


class Limits(NamedTuple):
    """The limits as one invocation knows them."""

    api: SmsApi

    def check_destinations(self, intent: "Intent") -> None:
        """Raise InvalidRequest for a number that nothing may be sent to."""
        settings = self.api.settings.limits
        for part in intent.parts:
            for place, number in enumerate(part.phone_numbers, part.first):
                digits = number if part.is_abroad else f"86{number}"
                if digits.startswith(settings.blocked_prefixes):
                    raise InvalidRequest(
                        f"number {place} begins with one of SMS_BLOCKED_PREFIXES",
                        code="prefix-blocked",
                    )
                if part.is_abroad and (country := country_of(digits)) not in settings.countries:
                    raise InvalidRequest(
                        f"number {place} is in {country}, and SMS_COUNTRIES does not name it",
                        code="country-closed",
                    )

    def counts(self, intent: "Intent", part: "Part") -> Charge:
        """Return what the messages of `part` are charged with now."""
        numbers, size = part.phone_numbers, len(part.phone_numbers)
        charge = self._of("key", intent.caller, size) if intent.caller else []
        if size == 1:
            number = numbers[0] if part.is_abroad else f"86{numbers[0]}"
            charge += self._of("number", number)
            if intent.is_code or part.template_code in self.api.settings.code_templates:
                charge += self._of("codes", number)
        if intent.client_ip:
            charge += self._of("address", network(intent.client_ip), size)
        each = segments(part.parameters["Message"]) if "Message" in part.parameters else 1
        if part.is_abroad:
            prefixes = Counter(number[:-_SUFFIX] for number in numbers)
            for prefix, amount in prefixes.most_common(_MOST_PREFIXES):
                charge += self._of("prefix", prefix, amount)
            for country, amount in Counter(map(country_of, numbers)).items():
                own = self.api.settings.limits.countries.get(country, 0)
                charge += self._of("country", country, amount * each, own)
        return charge + self.budget(size * each, is_abroad=part.is_abroad)

    def budget(self, messages: int, *, is_abroad: bool) -> list[Count]:
        """Return what `messages` are charged to the owner's budgets with now."""
        return self._of("international" if is_abroad else "mainland", "", messages)

    def request(self) -> list[Count]:
        """Return what a request is charged with now, beside its messages."""
        return self._of("requests", "")

    def may_wait(self, error: LimitReached) -> bool:
        """Whether the limit that was reached lets more through within a second."""
        return error.code == _REQUESTS

    def put(
        self,
        store: "Store",
        key: str,
        old: str | None,
        new: str,
        charge: Charge = (),
        give_back: Charge = (),
        *,
        is_spent: bool = False,
    ) -> str | None:
        """Change a record at a price; return None when it is `new`, else the one that is there.

        Raises LimitReached when a limit of `charge` refuses; none does where limits are only
        recorded, or what is charged `is_spent`.
        """
        settings, now = self.api.settings, self.api.clock.now()
        is_free = is_spent or not settings.limits.is_enforced
        asked = [count._replace(limit=_UNLIMITED) for count in charge] if is_free else charge
        answer = store.put(key, old, new, settings.intent_ttl, now, asked, give_back)
        if isinstance(answer, str):
            return answer
        if isinstance(answer, Refused):
            self.api.log.event("warning", "limit", "refused", rule=answer.rule)
            never = any(each.rule == answer.rule and each.amount > each.limit for each in charge)
            raise LimitReached(
                f"the limit {answer.rule} is reached; nothing was sent",
                code=answer.rule,
                retry_after=0 if never else answer.retry_after,
            )
        for count, total in zip(charge, answer.totals, strict=False):
            if count.limit:
                self._warn(count, total)
        return None

    def _warn(self, count: Count, total: int) -> None:
        if total > count.limit:
            self.api.log.event("warning", "limit", "exceeded", rule=count.rule, total=total)
        elif count.rule.startswith(_OWNERS):
            shares = (total * 100 / count.limit, (total - count.amount) * 100 / count.limit)
            reached = next((share for share in _WARN_AT if shares[0] >= share > shares[1]), 0)
            if reached:
                self.api.log.event("warning", "limit", "reached", rule=count.rule, percent=reached)

    def _of(self, scope: str, name: str, amount: int = 1, own_limit: int = 0) -> list[Count]:
        """Return a count for each rule about `scope` that is in force, or for `own_limit`.

        Its key tells nothing about `name`.
        """
        settings = self.api.settings
        digest = keyed(settings.state_secret, "limit", scope, name)
        charge = []
        for rule, usual in settings.limits.rules.items():
            about, _, span = rule.partition("-per-")
            limit = own_limit or usual
            if about == scope and limit:
                sliding = scope == "codes" or (scope, span) == ("number", "day")
                window, left = (span, _SECONDS[span]) if sliding else self._window(span)
                charge.append(Count(rule, f"{digest}:{window}", amount, limit, left, sliding))
        return charge

    def _window(self, span: str) -> tuple[str, int]:
        """Return a name for the window that is open now, and its seconds left."""
        local = int(self.api.clock.now()) + PLATFORM_OFFSET
        if span == "month":
            today = time.gmtime(local)
            days = calendar.monthrange(today.tm_year, today.tm_mon)[1] - today.tm_mday + 1
            return time.strftime("%Y-%m", today), days * _DAY - local % _DAY
        length = _SECONDS[span]
        return f"{span}{local // length}", length - local % length


def network(address: str) -> str:
    """Return an IPv4 address, or the first 64 bits of one of IPv6: a household's."""
    if ":" not in address:
        return address
    packed = socket.inet_pton(socket.AF_INET6, address)
    is_ipv4 = packed.startswith(_IPV4_MAPPED)
    return socket.inet_ntoa(packed[12:]) if is_ipv4 else packed[:8].hex()
