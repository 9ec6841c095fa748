"""Mistakes that somebody could make in the send protocol; the schedules have to find each of them.

``python -m tests.faults.mutants`` makes each in a process of its own, which runs schedules until
one breaks a rule.
"""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import Phase

from shared.clock import platform_date
from shared.errors import StoreUnavailable
from shared.ids import WireId
from shared.platform.queries import SendDetail
from shared.platform.sms_api import Result
from shared.sending.attempts import (
    ABSENT,
    CLOCK_TOLERANCE,
    FOUND,
    NONCE_LIFETIME,
    Attempts,
    reconciled,
)
from shared.sending.claims import THROTTLED, Claim
from shared.sending.heads import Head
from shared.sending.intents import Intent, Part, PartOutcome
from shared.sending.limits import Charge
from shared.sending.lookups import _Search
from shared.sending.part_records import PartRecord
from shared.sending.settling import SentMessage
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Change
from tests.faults.runs import Run, do

ROOT = Path(__file__).resolve().parents[2]
SCHEDULES = 400
_SEED = 7
Right = Callable[..., Any]
"""The function as it is without the mistake."""


def skip_the_claim(_right: Right, self: Claim, record: PartRecord, charge: Charge) -> PartOutcome:
    return self._attempt(self._leased(self._blank()), charge)


def a_new_nonce_on_a_repeat(_right: Right, intent: Intent, part: int, *, attempt: int) -> str:
    return os.urandom(16).hex()


def take_a_used_nonce_for_success(right: Right, attempts: Attempts, part: Part) -> PartOutcome:
    outcome: PartOutcome = right(attempts, part)
    return reconciled(part) if outcome.code == "SignatureNonceUsed" else outcome


def forget_the_other_date(_right: Right, earliest: float, latest: float) -> list[str]:
    return [platform_date(latest)]


def unsettle_a_final_state(_right: Right, self: PartRecord, other: PartRecord) -> bool:
    return True


def take_a_live_lease_over(_right: Right, self: PartRecord, now: float) -> bool:
    return False


def resend_too_soon(_right: Right, self: Claim, record: PartRecord, seen: str) -> bool:
    return self.attempts.intent.resend_unknown and seen == ABSENT


def take_unclear_for_absent(right: Right, self: Claim, record: PartRecord, seen: str) -> bool:
    return bool(right(self, record, FOUND if seen == FOUND else ABSENT))


def resend_unasked(_right: Right, self: Claim, record: PartRecord, seen: str) -> bool:
    age = self.attempts.api.clock.now() - record.last_at
    return seen == ABSENT and age >= NONCE_LIFETIME


def take_a_lost_answer_for_a_refusal(right: Right, part: Part, result: Result) -> PartOutcome:
    outcome: PartOutcome = right(part, result)
    return outcome._replace(outcome="rejected") if outcome.outcome == "unknown" else outcome


def replay_a_refusal(right: Right, self: Claim, record: PartRecord, charge: Charge) -> PartOutcome:
    if record.state == "rejected":
        return self._replayed(record)
    outcome: PartOutcome = right(self, record, charge)
    return outcome


def write_without_comparing(right: Right, self: SqliteStore, change: Change) -> Any:
    return right(self, change._replace(old=self.get(change.key)))


def overlook_that_sending_is_stopped(right: Right, self: SqliteStore, change: Change) -> Any:
    return right(self, change._replace(unless=""))


def forget_what_was_found(
    _right: Right, self: Claim, outcome: PartOutcome, error: StoreUnavailable
) -> PartOutcome:
    return outcome._replace(outcome="rejected")


def take_anothers_message(_right: Right, self: _Search, detail: SendDetail) -> bool:
    return detail.template_code == self.part.template_code


def believe_that_clocks_agree(right: Right, first_at: float, code: str) -> float:
    return float(right(first_at, code)) + CLOCK_TOLERANCE - 60


def make_anothers_attempt(
    _right: Right, self: Claim, record: PartRecord, charge: Charge
) -> PartOutcome:
    following = self._leased(record)
    self._begin(record, following, charge)
    return self._attempt(following, charge)


def try_again_after_an_empty_error(right: Right, outcome: PartOutcome) -> bool:
    return outcome.code in (*THROTTLED, "http-502", "isp.SYSTEM_ERROR")


def let_a_receipt_settle_nothing(right: Right, record: PartRecord, message_id: str) -> PartRecord:
    settled: PartRecord = right(record, message_id)
    return settled._replace(state="unknown")


def believe_a_receipt_of_any_number(_right: Right, self: PartRecord, number_digest: str) -> bool:
    return True


def believe_a_receipt_of_any_time(_right: Right, record: PartRecord, message: SentMessage) -> bool:
    return True


def skip_the_comparison_of_parts(_right: Right, self: Head) -> None:
    return None


def forget_that_there_were_more_parts(right: Right, self: Claim) -> PartRecord:
    blank: PartRecord = right(self)
    return blank._replace(parts=1)


def forget_that_it_was_in_doubt(right: Right, self: Claim, record: PartRecord) -> PartRecord:
    leased: PartRecord = right(self, record)
    return leased._replace(was_in_doubt=False)


def one_space_for_all(right: Right, self: Intent, part: Part) -> WireId:
    wire_id: WireId = right(self, part)
    return wire_id._replace(space="all")


class Mutant(NamedTuple):
    """A mistake: at `place`, a function, something else is done; schedules with `store` show it.

    `place` is ``module:function`` or ``module:class.method``. `wrong` takes what the function takes
    and, before it, the function itself. Only its own module calls the function.
    """

    name: str
    store: str
    place: str
    wrong: Callable[..., Any]

    def owner(self) -> tuple[Any, str]:
        """Return the module or class that holds the function, and the function's name there."""
        module, _, path = self.place.partition(":")
        *classes, name = path.split(".")
        owner = functools.reduce(getattr, classes, import_module(module))
        return owner, name

    def right(self) -> Right:
        """Return the function as it is."""
        owner, name = self.owner()
        function: Right = getattr(owner, name)
        return function

    def make(self) -> None:
        """Make the mistake in this process, for good."""
        owner, name = self.owner()
        right, wrong = getattr(owner, name), self.wrong

        @functools.wraps(right)
        def mistaken(*values: Any, **named: Any) -> Any:
            return wrong(right, *values, **named)

        setattr(owner, name, mistaken)


_CLAIM = "shared.sending.claims:Claim"
_ATTEMPTS = "shared.sending.attempts"
_LOOKUPS = "shared.sending.lookups"
_RECORDS = "shared.sending.part_records"
MUTANTS = (
    Mutant("skip the claim", "redis", f"{_CLAIM}._go_on", skip_the_claim),
    Mutant(
        "a new nonce on a repeat", "none", f"{_ATTEMPTS}:attempt_nonce", a_new_nonce_on_a_repeat
    ),
    Mutant(
        "take SignatureNonceUsed for success",
        "none",
        "shared.sending.protocol:_send_unclaimed",
        take_a_used_nonce_for_success,
    ),
    Mutant(
        "forget the other date near midnight",
        "redis",
        f"{_LOOKUPS}:dates_between",
        forget_the_other_date,
    ),
    Mutant(
        "unsettle a final state",
        "redis",
        f"{_RECORDS}:PartRecord.is_before",
        unsettle_a_final_state,
    ),
    Mutant(
        "take a live lease over",
        "redis",
        f"{_RECORDS}:PartRecord.is_leased",
        take_a_live_lease_over,
    ),
    Mutant(
        "resend before 15 minutes have passed", "redis", f"{_CLAIM}._may_resend", resend_too_soon
    ),
    Mutant(
        "take what cannot be looked up for absent",
        "redis",
        f"{_CLAIM}._may_resend",
        take_unclear_for_absent,
    ),
    Mutant(
        "take a lost answer for a refusal",
        "redis",
        f"{_ATTEMPTS}:_outcome",
        take_a_lost_answer_for_a_refusal,
    ),
    Mutant(
        "replay a refusal instead of trying again",
        "redis",
        f"{_CLAIM}._go_on",
        replay_a_refusal,
    ),
    Mutant(
        "write without comparing",
        "sqlite",
        "shared.state.sqlite_store:SqliteStore.put",
        write_without_comparing,
    ),
    Mutant(
        "overlook that sending is stopped",
        "sqlite",
        "shared.state.sqlite_store:SqliteStore.put",
        overlook_that_sending_is_stopped,
    ),
    Mutant(
        "forget what was found when the store failed",
        "sqlite",
        f"{_CLAIM}._unrecorded",
        forget_what_was_found,
    ),
    Mutant(
        "take another intent's message for this one's",
        "redis",
        f"{_LOOKUPS}:_Search.is_about",
        take_anothers_message,
    ),
    Mutant(
        "believe that clocks agree within a minute",
        "redis",
        f"{_LOOKUPS}:_sent_since",
        believe_that_clocks_agree,
    ),
    Mutant(
        "make an attempt that another invocation began",
        "redis",
        f"{_CLAIM}._next_attempt",
        make_anothers_attempt,
    ),
    Mutant(
        "try again after an error that says nothing",
        "redis",
        "shared.sending.claims:is_throttled",
        try_again_after_an_empty_error,
    ),
    Mutant("resend unasked", "redis", f"{_CLAIM}._may_resend", resend_unasked),
    Mutant(
        "let a receipt settle nothing",
        "redis",
        "shared.sending.settling:_settled",
        let_a_receipt_settle_nothing,
    ),
    Mutant(
        "believe a receipt of any number",
        "redis",
        "shared.sending.part_records:PartRecord.is_to",
        believe_a_receipt_of_any_number,
    ),
    Mutant(
        "believe a receipt of any time",
        "redis",
        "shared.sending.settling:_is_of_its_time",
        believe_a_receipt_of_any_time,
    ),
    Mutant(
        "skip the comparison of parts",
        "sqlite",
        "shared.sending.heads:Head._compare",
        skip_the_comparison_of_parts,
    ),
    Mutant(
        "forget that there were more parts",
        "sqlite",
        f"{_CLAIM}._blank",
        forget_that_there_were_more_parts,
    ),
    Mutant(
        "forget that an attempt was in doubt",
        "redis",
        f"{_CLAIM}._leased",
        forget_that_it_was_in_doubt,
    ),
    Mutant(
        "one space for all",
        "redis",
        "shared.sending.intents:Intent.wire_id",
        one_space_for_all,
    ),
)
MUTANT_OF = {mutant.name: mutant for mutant in MUTANTS}


def survives(mutant: Mutant, seed: int = _SEED) -> str:
    """Return nothing when a schedule shows the mistake, else why not."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.mutants", "--seed", str(seed), "--make", mutant.name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return "no schedule shows it"
    return "" if "AssertionError" in done.stdout + done.stderr else done.stderr[-2000:]


def live_with(mutant: Mutant, seed: int) -> None:
    """Make a mistake, and run schedules in this process; raises at the first that shows it."""
    mutant.make()
    do(Run(mutant.store, seed, SCHEDULES), (Phase.generate,))


def main() -> int:
    """Do what the command line asks for; returns 1 when a mistake was not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=__doc__)
    parser.add_argument("--make", choices=MUTANT_OF, help="only this, in this process")
    parser.add_argument("--seed", type=int, default=_SEED)
    asked = parser.parse_args()
    if asked.make:
        live_with(MUTANT_OF[asked.make], asked.seed)
        return 0
    failed = 0
    for mutant in MUTANTS:
        problem = survives(mutant, asked.seed)
        failed += bool(problem)
        print(f"{'survives' if problem else 'found':9} {mutant.name}  {problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
