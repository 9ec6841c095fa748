"""Mistakes that somebody could make in the send protocol; the schedules have to find each of them.

``python -m tests.faults.mutants`` makes each in a copy of the deployed half and runs schedules
against that copy until one breaks a rule.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SCHEDULES = 400
_SEED = 7
_TRY = """
import sys
from hypothesis import Phase
from tests.faults.runs import Run, do
do(Run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), (Phase.generate,))
"""


class Mutant(NamedTuple):
    """A mistake: `old` becomes `new`; schedules with `store` show it."""

    name: str
    store: str
    old: str
    new: str
    file: str

    def text(self, root: Path = ROOT) -> str:
        """Return the file as it is without the mistake."""
        return (root / self.file).read_text(encoding="utf-8")


MUTANTS = (
    Mutant(
        "skip the claim",
        "redis",
        "if existing is None:\n            return self._attempt(first, charge)",
        "if True:\n            return self._attempt(first, charge)",
        "shared/sending/claims.py",
    ),
    Mutant(
        "a new nonce on a repeat",
        "none",
        "nonce = attempt_nonce(out_id, part.number, number)",
        "nonce = self.api.token()",
        "shared/sending/attempts.py",
    ),
    Mutant(
        "take SignatureNonceUsed for success",
        "none",
        'if outcome.outcome == "unknown" and platform.look_up(outcome, began, began) == "found":',
        'if outcome.code == _NONCE_USED or platform.look_up(outcome, began, began) == "found":',
        "shared/sending/claims.py",
    ),
    Mutant(
        "forget the other date near midnight",
        "redis",
        "days = (*range(int(since), int(until), _DAY), until)",
        "days = (until,)",
        "shared/sending/attempts.py",
    ),
    Mutant(
        "unsettle a final state",
        "redis",
        "while existing and existing.is_before(final):",
        "while existing:",
        "shared/sending/claims.py",
    ),
    Mutant(
        "take a live lease over",
        "redis",
        'if existing.state == "sending" and existing.lease_until > now:',
        "if False:",
        "shared/sending/claims.py",
    ),
    Mutant(
        "resend before 15 minutes have passed",
        "redis",
        'if resend is not None and seen == "absent" and age >= NONCE_LIFETIME:',
        'if resend is not None and seen == "absent":',
        "shared/sending/claims.py",
    ),
    Mutant(
        "take what cannot be looked up for absent",
        "redis",
        'if resend is not None and seen == "absent" and age >= NONCE_LIFETIME:',
        'if resend is not None and seen != "found" and age >= NONCE_LIFETIME:',
        "shared/sending/claims.py",
    ),
    Mutant(
        "take a lost answer for a refusal",
        "redis",
        'outcome = "unknown" if result.verdict == IN_DOUBT else "rejected"',
        'outcome = "rejected"',
        "shared/sending/attempts.py",
    ),
    Mutant(
        "replay a refusal instead of trying again",
        "redis",
        'if existing.state == "rejected":\n            return self._next_attempt(existing, charge)',
        'if existing.state == "rejected":\n            return self._replayed(existing)',
        "shared/sending/claims.py",
    ),
    Mutant(
        "write without comparing",
        "sqlite",
        'if current != old:\n                return current or ""',
        'if False:\n                return ""',
        "shared/state/sqlite_store.py",
    ),
    Mutant(
        "forget what was found when the store failed",
        "sqlite",
        '            self.platform.api.log.failed("store", error)\n            return outcome\n',
        '            return outcome._replace(outcome="rejected")\n',
        "shared/sending/claims.py",
    ),
    Mutant(
        "take another intent's message for this one's",
        "redis",
        "detail.out_id == part.out_id\n                and ",
        "",
        "shared/sending/attempts.py",
    ),
    Mutant(
        "believe that clocks agree within a minute",
        "redis",
        "_CLOCK_TOLERANCE = NONCE_LIFETIME  #",
        "_CLOCK_TOLERANCE = 60  #",
        "shared/sending/attempts.py",
    ),
    Mutant(
        "make an attempt that another invocation began",
        "redis",
        "if self._begin(record, following, charge) is not None:\n            return",
        "if self._begin(record, following, charge) is ...:\n            return",
        "shared/sending/claims.py",
    ),
    Mutant(
        "try again after an error that says nothing",
        "redis",
        'is_throttled = outcome.outcome == "rejected" and outcome.code in _THROTTLED',
        'is_throttled = outcome.code in (*_THROTTLED, "http-502", "isp.SYSTEM_ERROR")',
        "shared/sending/claims.py",
    ),
    Mutant(
        "resend unasked",
        "redis",
        "charge if self.intent.resend_unknown else None",
        "charge",
        "shared/sending/claims.py",
    ),
    Mutant(
        "let a receipt settle nothing",
        "redis",
        'state="accepted", lease_until=0, code="OK", biz_id=message_id or record.biz_id',
        'state="unknown", lease_until=0, code="OK", biz_id=message_id or record.biz_id',
        "shared/sending/part_records.py",
    ),
)


def survives(mutant: Mutant, seed: int = _SEED) -> str:
    """Return nothing when a schedule shows the mistake, else why not."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        shutil.copytree(ROOT / "shared", copy / "shared")
        wrong = mutant.text().replace(mutant.old, mutant.new, 1)
        (copy / mutant.file).write_text(wrong, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", _TRY, mutant.store, str(seed), str(SCHEDULES)],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode == 0:
        return "no schedule shows it"
    return "" if "AssertionError" in done.stdout + done.stderr else done.stderr[-2000:]


def main() -> int:
    """Try every mutant and say which were found."""
    argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=__doc__).parse_args()
    failed = 0
    for mutant in MUTANTS:
        problem = survives(mutant)
        failed += bool(problem)
        print(f"{'survives' if problem else 'found':9} {mutant.name}  {problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
