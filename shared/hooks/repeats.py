"""The out_id of what a hook sends: the same one when the product repeats its request.

A product that names its request (`repeat_key`) has its out_id made of that. For others what is sent
is compared: the same thing within ten minutes is a repeat. With shared state a record says so, put
where there is none, so that the ten minutes begin with the first request. Without it they are those
of the clock: a repeat across their border is another out_id.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import StoreUnavailable
from shared.hooks.hook_settings import secrets_of
from shared.ids import HOOK_KEY_PREFIX, compact_json, keyed, letters, new_out_id
from shared.settings import read_access
from shared.state.records import read_record, record_text
from shared.state.store import Change, Differs

if TYPE_CHECKING:
    from shared.hooks.products import Product
    from shared.platform.sms_api import SmsApi
    from shared.state.store import Store

MEMORY = 600  # seconds for which the same thing is a repeat
_ROUNDS = 5  # the record may expire between two steps


class HookRecord(NamedTuple):
    """What was sent for a hook, for MEMORY seconds.

    `left_out` is how many messages to its number a limit had held back before, which its text says:
    they were taken out of the count for it. They `were_put_back` when it was not sent. It
    `was_left_out` if a limit held it back itself. For `others` and `stored` see state/records.py.
    """

    out_id: str = ""
    left_out: int = 0
    were_put_back: bool = False
    was_left_out: bool = False
    others: Mapping[str, Any] = {}
    stored: str | None = None


class Repeats(NamedTuple):
    """The requests of one product, as one invocation sees them."""

    product: Product
    api: SmsApi
    store: Store | None

    def out_id(self, what: Sequence[str], repeat_key: str) -> str:
        """Return the out_id of what is sent, `what` in words that tell it from anything else."""
        if repeat_key:
            return self._derived("named", [*what, repeat_key])
        if self.store is not None:
            return self.record(what, HookRecord(out_id=new_out_id())).out_id
        window = int(self.api.clock.now()) // MEMORY
        return self._derived("window", [*what, str(window)])

    def known(self, what: Sequence[str]) -> HookRecord | None:
        """Return the record of what was sent before, None where there is none."""
        text = self.store.get(self._key(what)) if self.store else None
        return read_record(text, HookRecord()) if text is not None else None

    def record(self, what: Sequence[str], fresh: HookRecord) -> HookRecord:
        """Return the record of what is sent, which becomes `fresh` where there is none.

        Needs the store; raises StoreUnavailable.
        """
        for _ in range(_ROUNDS):
            found = self.put(what, HookRecord(), fresh)
            if found.stored is not None:
                return found
        raise StoreUnavailable("the record of this hook is being changed by others; try again")

    def put(self, what: Sequence[str], old: HookRecord, new: HookRecord) -> HookRecord:
        """Replace a record that is still `old`, and return the one that is there now."""
        if self.store is None:
            return new
        change = Change(
            key=self._key(what),
            old=old.stored,
            new=record_text(new),
            ttl=MEMORY,
            now=self.api.clock.moved(),
        )
        answer = self.store.put(change)
        if isinstance(answer, Differs):
            return read_record(answer.current, HookRecord())
        return new._replace(stored=change.new)

    def _key(self, what: Sequence[str]) -> str:
        return f"hook:{self._keyed('hook', what)}"

    def _derived(self, label: str, what: Sequence[str]) -> str:
        return letters(self._keyed(f"out_id of a hook, {label}", what))

    def _keyed(self, label: str, what: Sequence[str]) -> str:
        """Return a digest of `what` that tells nothing: a code has few digits, and could be tried.

        Without a secret of the state it is keyed with what opens the hook.
        """
        secret = self.api.settings.state_secret or "\n".join(_credentials(self.product))
        return keyed(secret, label, compact_json([self.product.name, *what]))


def _credentials(product: Product) -> list[str]:
    keys = read_access(os.environ).keys
    name = f"{HOOK_KEY_PREFIX}{product.name}"
    of_keys = sorted(digest for digest, of in keys.items() if of == name)
    return [*secrets_of(product, os.environ), *of_keys]
