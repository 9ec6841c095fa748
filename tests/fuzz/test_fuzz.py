"""Some thousands of the inputs that `make fuzz` makes by chance."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.fuzzing import STORES, Run, fuzz

CASES = 3000


def test_no_input_crashes_a_function_or_makes_it_tell(tmp_path: Path) -> None:
    counted = fuzz(Run(seed=1, cases=CASES), tmp_path)
    assert counted["cases"] == CASES
    assert all(counted[f"store {store}"] > CASES / 5 for store in STORES)
    # Not all was refused at the door: proper inputs are among them.
    assert counted["send_sms 200"] > 0
    assert counted["receive_receipts 200"] > 0
