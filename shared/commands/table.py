"""The commands of the function `operate`: a row each.

To add one: a file beside this one, with a function that takes arguments and invocation and returns
an object of JSON; a row here; and a tool that asks for it (tools/).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from shared.commands import (
    budget,
    forget,
    hashes,
    replies,
    sending_switch,
    unread_receipts,
    why,
    why_number,
)
from shared.trigger.invocation import Invocation

Run = Callable[[Mapping[str, Any], Invocation], dict[str, object]]


class Command(NamedTuple):
    """One command.

    `run` gets the arguments, of which it checks the values, and returns the answer. `arguments` are
    the names of all that it takes. Where it `needs_state` it is not run without SMS_STATE_URL.
    """

    run: Run
    arguments: frozenset[str] = frozenset()
    needs_state: bool = True


COMMANDS = {
    "start-sending": Command(sending_switch.start, needs_state=False),
    "stop-sending": Command(sending_switch.stop, needs_state=False),
    "budget": Command(budget.show),
    "forget": Command(forget.forget, frozenset(("phone_number",))),
    "replies": Command(replies.of_day, frozenset(("day",))),
    "hashes": Command(hashes.show, frozenset(("text",)), needs_state=False),
    "why-number": Command(
        why_number.by_number, frozenset(("phone_number", "day")), needs_state=False
    ),
    "why": Command(why.by_id, frozenset(("id", "caller", "first_part")), needs_state=False),
    "unread": Command(unread_receipts.show, frozenset(("raw", "only_show"))),
}
