"""The table of codes: the same as the data it was made from, and what follows from each row."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from shared.platform.error_codes import ERROR_CODES, ErrorCode, find

with (Path(__file__).resolve().parent.parent / "data" / "error-codes.csv").open(
    encoding="utf-8", newline=""
) as stream:
    ROWS = [row for row in csv.DictReader(stream) if row["layer"] != "manage"]  # never called
IN_ANSWERS = ("business", "gateway", "intl", "pnvs")
STATUS = {
    "ok": 200,
    "caller": 422,
    "risk": 422,
    "config": 502,
    "account": 502,
    "rate": 429,
    "transient": 503,
}
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['layer']}-{row['code']}")


def known(row: dict[str, str]) -> ErrorCode:
    entry = find(row["code"])
    assert entry is not None
    return entry


def expected_status(row: dict[str, str]) -> int:
    """Return the HTTP status that the contract gives to the answer to a send with this code."""
    if row["layer"] not in IN_ANSWERS or row["retryable"] == "reconcile":
        return 504
    if row["code"] == "Throttling.Api":
        return 503  # overloaded, surely nothing processed
    if row["layer"] == "gateway" and row["class"] == "caller":
        return 502  # we built that request, not the caller
    return STATUS[row["class"]]


@each_row
def test_the_table_says_what_its_source_says(row: dict[str, str]) -> None:
    entry = known(row)
    assert (entry.kind, entry.retryable) == (row["class"], row["retryable"])
    assert entry.layer == row["layer"] or {entry.layer, row["layer"]} <= set(IN_ANSWERS)
    assert entry.meaning


@each_row
def test_outcome_and_status_follow_from_the_row(row: dict[str, str]) -> None:
    entry = known(row)
    in_answer = row["layer"] in IN_ANSWERS
    final = "accepted" if row["class"] == "ok" else "rejected"
    unknown = not in_answer or row["retryable"] == "reconcile"
    assert entry.answers_calls == in_answer
    assert entry.outcome == ("unknown" if unknown else final)
    assert entry.http_status(row["code"]) == expected_status(row)


@each_row
def test_there_is_a_sentence_of_advice(row: dict[str, str]) -> None:
    advice = known(row).advice
    assert advice[0].isupper()
    assert advice.endswith(".")


@each_row
def test_a_receipt_says_delivered_failed_or_not_yet(row: dict[str, str]) -> None:
    entry = known(row)
    delivered, waiting = row["class"] == "ok", row["class"] == "unknown"
    if delivered:
        assert entry.delivery_status == "delivered"
    elif waiting and row["retryable"] == "no":
        assert entry.delivery_status == "waiting"
    else:
        assert entry.delivery_status == "failed"


def test_nothing_is_in_the_table_that_is_not_in_its_source() -> None:
    assert set(ERROR_CODES) <= {row["code"] for row in ROWS}


@pytest.mark.parametrize("code", ["", "ok", "isv.BRAND_NEW", "DELIVERED ", "isv"])
def test_an_unlisted_code_is_not_found(code: str) -> None:
    assert find(code) is None


@pytest.mark.parametrize("code", ["MissingOutId", "MissingPhoneNumberJson", "MissingFoo"])
def test_every_missing_parameter_is_known_by_its_pattern(code: str) -> None:
    assert find(code) == find("MissingParameter")


@pytest.mark.parametrize("code", ["Missing", "missingOutId", "Missing.OutId", "MissingoutId"])
def test_nothing_else_is_taken_for_a_missing_parameter(code: str) -> None:
    assert find(code) is None


def test_only_ok_is_success() -> None:
    succeed = {code for code, entry in ERROR_CODES.items() if entry.outcome == "accepted"}
    assert succeed == {"OK"}
