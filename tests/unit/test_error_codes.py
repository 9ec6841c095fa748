"""The table of codes: each line by itself, the same as its source, and what follows from it."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import get_args

import pytest

from shared.platform.error_codes import ERROR_CODES, TABLE, ErrorCode, Kind, Layer, Retryable, find

SOURCE = "tests/data/error-codes.csv"
with (Path(__file__).resolve().parents[2] / SOURCE).open(encoding="utf-8", newline="") as stream:
    ROWS = list(csv.DictReader(stream))
IN_ANSWERS = ("business", "gateway", "intl", "pnvs", "manage")
STATUS = {
    "ok": 200,
    "caller": 422,
    "risk": 422,
    "config": 502,
    "account": 502,
    "rate": 429,
    "transient": 503,
}
# codes that say the same thing, besides those that differ only in isv. or isp. before them
SYNONYMS = {
    "MOBILE_TERMINAL_ERROR": "MOBLLE_TERMINAL_ERROR",  # what the platform misspells
    "DB:0144": "DBBLACK",
    "MK:0013": "MK:0005",
    "Forbidden.RAM": "Forbidden",
    "Forbidden.NoPermission": "Forbidden",
    "NoPermission": "Forbidden",
    "NoSuchVersion": "InvalidVersion",
    "InvalidAction.NotFound": "InvalidAction",
    "IllegalTimestamp": "InvalidTimeStamp.Format",
    "UnknownError": "InternalError",
}
each_line = pytest.mark.parametrize(("code", "entry"), ERROR_CODES.items(), ids=ERROR_CODES)
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['layer']}-{row['code']}")


def expected_status(row: dict[str, str]) -> int:
    """Return the HTTP status that the contract gives to the answer to a send with this code."""
    if row["layer"] not in IN_ANSWERS or row["retryable"] == "reconcile":
        return 504
    if row["code"] == "Throttling.Api":
        return 503  # overloaded, surely nothing processed
    if row["layer"] == "gateway" and row["class"] == "caller":
        return 502  # we built that request, not the caller
    return STATUS[row["class"]]


# each line by itself: what a new one may get wrong


@each_line
def test_a_line_uses_the_words_of_layer_kind_and_retryable(code: str, entry: ErrorCode) -> None:
    assert entry.layer in get_args(Layer)
    assert entry.kind in get_args(Kind)
    assert entry.retryable in get_args(Retryable)


@each_line
def test_a_code_can_be_answered_with_an_http_status(code: str, entry: ErrorCode) -> None:
    assert entry.http_status(code) in {*STATUS.values(), 504}


@each_line
def test_a_meaning_fits_into_a_sentence(code: str, entry: ErrorCode) -> None:
    words = entry.meaning.split()
    assert len(words) >= 2
    assert entry.meaning == " ".join(words)
    assert not entry.meaning.endswith((".", ";", ","))
    names = ("SendSmsVerifyCode:", "CheckSmsVerifyCode:", "TemplateParam", "China")
    assert entry.meaning[0].islower() or words[0] in names


@each_line
def test_advice_is_a_sentence(code: str, entry: ErrorCode) -> None:
    assert entry.advice[0].isupper()
    assert entry.advice.endswith(".")
    assert entry.advice == " ".join(entry.advice.split())


@each_line
def test_own_advice_is_shown_and_is_not_that_of_the_kind(code: str, entry: ErrorCode) -> None:
    if entry.own_advice:
        assert entry.advice == entry.own_advice
        assert entry.own_advice != entry._replace(own_advice="").advice


def test_no_code_stands_in_two_layers() -> None:
    layers = defaultdict(list)
    for layer, rows in TABLE.items():
        for code in rows:
            layers[code].append(layer)
    assert {code: found for code, found in layers.items() if len(found) > 1} == {}


def test_no_two_codes_have_one_meaning_unless_they_say_the_same_thing() -> None:
    codes = defaultdict(set)
    for code, entry in ERROR_CODES.items():
        name = code.removeprefix("isv.").removeprefix("isp.")
        codes[entry.meaning].add(SYNONYMS.get(name, name))
    assert [sorted(names) for names in codes.values() if len(names) > 1] == []


@pytest.mark.parametrize(("code", "other"), SYNONYMS.items(), ids=SYNONYMS)
def test_synonyms_are_told_in_the_same_words(code: str, other: str) -> None:
    assert ERROR_CODES[code] == ERROR_CODES[other]


# the same as the source


@each_row
def test_the_table_says_what_its_source_says(row: dict[str, str]) -> None:
    entry = ERROR_CODES[row["code"]]
    assert (entry.kind, entry.retryable) == (row["class"], row["retryable"])
    layers = [other["layer"] for other in ROWS if other["code"] == row["code"]]
    assert entry.layer in layers


def test_only_ok_is_in_the_source_of_two_layers() -> None:
    codes = [row["code"] for row in ROWS]
    assert [code for code in ERROR_CODES if codes.count(code) > 1] == ["OK"]


def test_every_code_of_the_table_is_in_its_source() -> None:
    missing = [
        f'{code},{entry.layer},"{entry.meaning}",{entry.kind},{entry.retryable}'
        for code, entry in ERROR_CODES.items()
        if code not in {row["code"] for row in ROWS}
    ]
    assert missing == [], f"add to {SOURCE}:\n" + "\n".join(missing)


# what follows from a line


@each_row
def test_outcome_and_status_follow_from_the_row(row: dict[str, str]) -> None:
    entry = ERROR_CODES[row["code"]]
    in_answer = row["layer"] in IN_ANSWERS
    final = "accepted" if row["class"] == "ok" else "rejected"
    unknown = not in_answer or row["retryable"] == "reconcile"
    assert entry.answers_calls == in_answer
    assert entry.outcome == ("unknown" if unknown else final)
    assert entry.http_status(row["code"]) == expected_status(row)


@each_row
def test_a_receipt_says_delivered_failed_or_not_yet(row: dict[str, str]) -> None:
    entry = ERROR_CODES[row["code"]]
    delivered, waiting = row["class"] == "ok", row["class"] == "unknown"
    if delivered:
        assert entry.delivery_status == "delivered"
    elif waiting and row["retryable"] == "no":
        assert entry.delivery_status == "waiting"
    else:
        assert entry.delivery_status == "failed"


def test_only_ok_is_success() -> None:
    succeed = {code for code, entry in ERROR_CODES.items() if entry.outcome == "accepted"}
    assert succeed == {"OK"}


def test_what_has_an_unknown_outcome_is_to_be_queried_first() -> None:
    advice = {entry.advice for entry in ERROR_CODES.values() if entry.retryable == "reconcile"}
    assert advice == {"It may have been sent: query the delivery status before you send again."}


# looking a code up


@each_line
def test_a_code_with_a_line_is_found_by_it(code: str, entry: ErrorCode) -> None:
    assert find(code) is entry


@pytest.mark.parametrize("prefix", ["isv.", "isp."])
def test_a_code_without_a_line_is_found_with_its_prefix(prefix: str) -> None:
    for code, entry in ERROR_CODES.items():
        name = code.removeprefix(prefix)
        if name not in ERROR_CODES:
            assert find(name) is entry


def test_a_code_with_and_without_prefix_may_mean_two_things() -> None:
    domestic, abroad = find("isv.PARAM_LENGTH_LIMIT"), find("PARAM_LENGTH_LIMIT")
    assert domestic
    assert abroad
    assert (domestic.layer, abroad.layer) == ("business", "intl")
    assert domestic.meaning != abroad.meaning


@pytest.mark.parametrize("code", ["", "ok", "isv.BRAND_NEW", "DELIVERED ", "isv"])
def test_an_unlisted_code_is_not_found(code: str) -> None:
    assert find(code) is None


@pytest.mark.parametrize("code", ["MissingOutId", "MissingPhoneNumberJson", "MissingFoo"])
def test_every_missing_parameter_is_known_by_its_pattern(code: str) -> None:
    assert find(code) == find("MissingParameter")


@pytest.mark.parametrize("code", ["Missing", "missingOutId", "Missing.OutId", "MissingoutId"])
def test_nothing_else_is_taken_for_a_missing_parameter(code: str) -> None:
    assert find(code) is None
