"""Limits and budgets, checked before money is spent: in the same atomic step as the claim.

limit_rules.py has the rules, docs/limits.md says what they mean. What was rejected is given back,
what is unknown is not; receipts add what a message was billed above what was counted.
"""

from __future__ import annotations

import calendar
import re
import socket
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from shared.clock import PLATFORM_OFFSET
from shared.errors import InvalidRequest, LimitReached, SendingStopped
from shared.ids import is_of_api_key, keyed
from shared.limit_rules import DAY, RULE_OF, RULES, SPANS, Rule
from shared.phone_numbers import country_of, or_in_mainland, read_as
from shared.platform.actions import ACTIONS
from shared.platform.sms_api import SmsApi
from shared.sending.intents import Intent, Part, PartOutcome
from shared.sending.segments import segments
from shared.state.store import (
    MOST_COUNTS,
    Change,
    Count,
    Differs,
    Forbidden,
    Refused,
    Store,
    Written,
)

Charge = Sequence[Count]
_UNLIMITED = 2**53  # the largest whole number that Lua counts exactly
_WARN_AT = (100, 80, 50)  # percent of a budget, the highest first
_SUFFIX = 4  # last digits of a number; what stands before them is its prefix
_MOST_PREFIXES = 20  # of a list; each is several commands of a script that all others wait for
_MOST_COUNTRIES = 50  # of a list
# Counts beside those of countries and prefixes: two each for key, address and budget, a request's.
_OTHER_COUNTS = 7
_SEGMENTS = re.compile("[1-9][0-9]{0,2}")
_BILLED_SCOPES = ("country", "international", "mainland")  # they count messages as they are billed
_BUDGETS = ("mainland", "international")
_IPV4_MAPPED = bytes(10) + b"\xff\xff"


class Correction(NamedTuple):
    """What is charged beside what was charged before, and what is given back of that."""

    charge: Charge = ()
    give_back: Charge = ()


class Limits(NamedTuple):
    """The limits as one invocation knows them."""

    api: SmsApi

    def check_destinations(self, intent: Intent) -> None:
        """Raise InvalidRequest for a number that nothing may be sent to."""
        settings = self.api.settings.limits
        for part in intent.parts:
            if part.is_abroad and len(set(map(country_of, part.phone_numbers))) > _MOST_COUNTRIES:
                raise InvalidRequest(
                    f"are in more than {_MOST_COUNTRIES} countries; send in several requests",
                    field="phone_numbers",
                )
            for place, number in enumerate(part.phone_numbers, part.first):
                digits = _with_country_code(number, part)
                if digits.startswith(settings.blocked_prefixes):
                    raise InvalidRequest(
                        "begins with one of SMS_BLOCKED_PREFIXES; leave the number out",
                        field=part.path_of(place),
                        code="prefix-blocked",
                    )
                if part.is_abroad and country_of(digits) not in settings.countries:
                    raise InvalidRequest(
                        f"{read_as(digits)}, and SMS_COUNTRIES does not name that country; leave "
                        f"the number out, or add the country there{or_in_mainland(digits)}",
                        field=part.path_of(place),
                        code="country-closed",
                    )

    def counts(self, intent: Intent, part: Part) -> Charge:
        """Return what the messages of `part` are charged with now."""
        numbers, size = part.phone_numbers, len(part.phone_numbers)
        charge: list[Count] = []
        if is_of_api_key(intent.space):
            charge += self.counts_of("key", intent.space, size)
        if size == 1:  # docs/limits.md says why rules for a number count requests to it alone
            number = _with_country_code(numbers[0], part)
            charge += self.counts_of("number", number)
            if intent.is_code or part.template_code in self.api.settings.code_templates:
                charge += self.counts_of("codes", number)
        if intent.client_ip:
            charge += self.counts_of("address", network(intent.client_ip), size)
        text = part.parameters.get(ACTIONS[part.action].billed_by, "")
        billed = segments(text) if text else 1
        if part.is_abroad:
            charge += self._abroad(numbers, billed)
        return charge + self.budget(size * billed, is_abroad=part.is_abroad)

    def _abroad(self, numbers: Sequence[str], billed: int) -> list[Count]:
        """Return what `numbers` abroad are charged, each with a text that is `billed` so often."""
        countries = Counter(map(country_of, numbers))
        prefixes = Counter(number[:-_SUFFIX] for number in numbers)
        room = MOST_COUNTS - _OTHER_COUNTS - len(countries)
        charge: list[Count] = []
        for prefix, amount in prefixes.most_common(min(_MOST_PREFIXES, room // 2)):
            charge += self.counts_of("prefix", prefix, amount)
        for country, amount in countries.items():
            own_limit = self.api.settings.limits.countries.get(country, 0)
            charge += self.counts_of("country", country, amount * billed, own_limit=own_limit)
        return charge

    def budget(self, messages: int, *, is_abroad: bool) -> list[Count]:
        """Return what `messages` are charged to the owner's budgets with now."""
        return self.counts_of("international" if is_abroad else "mainland", "", messages)

    def correction(self, charge: Charge, outcome: PartOutcome) -> Correction:
        """Return what `charge`, that of a part that ended so, has to be corrected by.

        What was rejected is given back. Where the answer says in how many messages a text was sent,
        and we counted others (segments.py), the difference is.
        """
        if outcome.outcome == "rejected":
            return Correction(give_back=charge)
        text = outcome.part.parameters.get(ACTIONS[outcome.part.action].billed_by, "")
        told = str(outcome.details.get("Segments", ""))
        if not text or not _SEGMENTS.fullmatch(told):
            return Correction()
        more = int(told) - segments(text)
        billed = [count for count in charge if RULE_OF[count.rule].scope in _BILLED_SCOPES]
        difference = [count._replace(amount=abs(more)) for count in billed]
        return Correction(charge=difference) if more > 0 else Correction(give_back=difference)

    def counted_yesterday(self, *, is_abroad: bool) -> Count | None:
        """Return what the owner's budget counted yesterday (UTC+8), None where it has no limit."""
        scope = "international" if is_abroad else "mainland"
        yesterday = self.counts_of(scope, "", days_ago=1)
        return next((count for count in yesterday if RULE_OF[count.rule].span == "day"), None)

    def request(self) -> list[Count]:
        """Return what a request is charged with now, beside its messages."""
        return self.counts_of("requests", "")

    def of_number(self, number: str) -> list[Count]:
        """Return the counts that a number has to itself; it is in E.164 without ``+``."""
        return [*self.counts_of("number", number), *self.counts_of("codes", number)]

    def may_wait(self, error: LimitReached) -> bool:
        """Whether the limit that was reached lets more through within a second."""
        return RULE_OF[error.code].span == "second"

    def counts_of(
        self, scope: str, name: str, amount: int = 1, *, own_limit: int = 0, days_ago: int = 0
    ) -> list[Count]:
        """Return a count for each rule of `scope` that is in force.

        `own_limit` is that of a country for a day, in place of the rule's. The key of a count tells
        nothing about `name`.
        """
        settings = self.api.settings
        digest = keyed(settings.state_secret, "limit", scope, name)
        charge = []
        for rule in RULES:
            limit = settings.limits.rules[rule.name]
            if own_limit and rule.span == "day":  # SMS_COUNTRIES says what a country may get a day
                limit = own_limit
            if rule.scope == scope and limit:
                window, seconds = self._window(rule, days_ago)
                charge.append(
                    Count(
                        rule=rule.name,
                        key=f"{digest}:{window}",
                        amount=amount,
                        limit=limit,
                        window=seconds,
                        is_sliding=rule.is_sliding,
                        kept=DAY if scope in _BUDGETS else 0,  # for the report of the day after
                    )
                )
        return charge

    def _window(self, rule: Rule, days_ago: int) -> tuple[str, int]:
        """Return a name for the window of a rule, and its seconds left if it is today's.

        It is the one that was open `days_ago`.

        A sliding window has all its seconds left, and its span for a name.
        """
        if rule.is_sliding:
            return rule.span, SPANS[rule.span]
        local = int(self.api.clock.now()) + PLATFORM_OFFSET - days_ago * DAY
        if rule.span == "month":
            today = time.gmtime(local)
            days = calendar.monthrange(today.tm_year, today.tm_mon)[1] - today.tm_mday + 1
            return time.strftime("%Y-%m", today), days * DAY - local % DAY
        length = SPANS[rule.span]
        return f"{rule.span}{local // length}", length - local % length


def put_within_limits(
    store: Store, change: Change, api: SmsApi, *, is_spent: bool = False
) -> Written | Differs:
    """Make a change of the store at its price, and warn the owner of budgets that run low.

    Raises LimitReached when a limit refuses. None does where limits are only recorded
    (SMS_LIMIT_MODE), or when what is charged `is_spent`. Raises SendingStopped where the change is
    forbidden by what its `unless` names.
    """
    is_free = is_spent or not api.settings.limits.is_enforced
    charge = change.charge
    if is_free:
        charge = [count._replace(limit=_UNLIMITED) for count in charge]
    answer = store.put(change._replace(charge=charge))
    if isinstance(answer, Refused):
        api.log.event("warning", "limit", "refused", rule=answer.rule)
        raise _limit_reached(answer, change.charge)
    if isinstance(answer, Forbidden):
        api.log.event("warning", "send", "stopped")
        raise SendingStopped
    if isinstance(answer, Written) and answer.totals:
        for count, total in zip(change.charge, answer.totals, strict=True):
            _warn(api, count, total)
    return answer


def is_refused_by_us(code: str) -> bool:
    """Whether `code` says that a limit of ours or the owner refused, before any attempt."""
    return code in RULE_OF or code == SendingStopped.code


def _limit_reached(refused: Refused, charge: Charge) -> LimitReached:
    """Return the error; a charge that is more than its whole limit is not worth a repeat."""
    is_hopeless = any(count.rule == refused.rule and count.amount > count.limit for count in charge)
    remedy = "" if is_hopeless else "; repeat it later"
    return LimitReached(
        f"the limit {refused.rule} is reached; nothing was sent{remedy}",
        code=refused.rule,
        retry_after=0 if is_hopeless else refused.retry_after,
    )


def _warn(api: SmsApi, count: Count, total: int) -> None:
    """Log a limit that was exceeded, or a share of an owner's budget that was just reached."""
    if not count.limit:
        return
    if total > count.limit:
        api.log.event("warning", "limit", "exceeded", rule=count.rule, total=total)
    elif RULE_OF[count.rule].warns_owner:
        before = total - count.amount
        for percent in _WARN_AT:
            share = count.limit * percent / 100
            if before < share <= total:
                api.log.event("warning", "limit", "reached", rule=count.rule, percent=percent)
                return


def network(address: str) -> str:
    """Return an IPv4 address, or the first 64 bits of one of IPv6: a household's."""
    if ":" not in address:
        return address
    packed = socket.inet_pton(socket.AF_INET6, address)
    is_ipv4 = packed.startswith(_IPV4_MAPPED)
    return socket.inet_ntoa(packed[12:]) if is_ipv4 else packed[:8].hex()


def _with_country_code(number: str, part: Part) -> str:
    return number if part.is_abroad else f"86{number}"
