"""What a caller may ask of codes: each rule of each field."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared.codes.code_requests import read_check, read_request
from shared.errors import InvalidRequest
from tests.unit.code_desk import NUMBER, code_request


@pytest.mark.parametrize("field", ["code", "verification_id"])
def test_a_check_at_the_path_of_sends_is_told_its_path(field: str) -> None:
    with pytest.raises(InvalidRequest, match="POST it to /codes/check"):
        read_request({"phone_number": NUMBER, "purpose": "login", field: "1"}, "")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"phone_number": None}, "phone_number"),
        ({"phone_number": 13800138000}, "phone_number"),
        ({"phone_number": "123"}, "phone_number"),
        ({"phone_number": "+861012345678"}, "phone_number"),
        ({"phone_number": "+2101234567"}, "phone_number"),
        ({"phone_number": "1 862 401 7194"}, "phone_number"),
        ({"phone_number": "😀"}, "phone_number"),
        ({"purpose": None}, "purpose"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": "log in"}, "purpose"),
        ({"purpose": "x" * 33}, "purpose"),
        ({"purpose": ["login"]}, "purpose"),
        ({"client_ip": "300.1.1.1"}, "client_ip"),
        ({"client_ip": "127.1"}, "client_ip"),
        ({"client_ip": "fe80::1%eth0"}, "client_ip"),
        ({"client_ip": "1.2.3.4\0"}, "client_ip"),
        ({"client_ip": "\ud800:"}, "client_ip"),
        ({"client_ip": 16909060}, "client_ip"),
        ({"out_id": "a b"}, "out_id"),
        ({"out_id": None}, "out_id"),
        ({"code": "123456"}, "code"),
        ({"phone_numbers": [NUMBER]}, "phone_numbers"),
    ],
)
def test_a_bad_request_names_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_request({"phone_number": NUMBER, "purpose": "login", **change}, "")
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"verification_id": None}, "verification_id"),
        ({"verification_id": "A" * 32}, "verification_id"),
        ({"verification_id": "a" * 31}, "verification_id"),
        ({"verification_id": "a" * 65}, "verification_id"),
        ({"code": 123456}, "code"),
        ({"code": ""}, "code"),
        ({"code": "1" * 33}, "code"),
        ({"code": "\ud800"}, "code"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"phone_number": "x"}, "phone_number"),
        ({"client_ip": "127.0.0.1"}, "client_ip"),
    ],
)
def test_a_bad_check_names_its_field(change: dict[str, Any], field: str) -> None:
    body = {
        "verification_id": "a" * 32,
        "phone_number": NUMBER,
        "purpose": "login",
        "code": "123456",
    }
    assert read_check(body)
    with pytest.raises(InvalidRequest) as caught:
        read_check({**body, **change})
    assert caught.value.field == field


def test_a_check_names_the_purpose_that_its_code_was_made_for() -> None:
    body = {"verification_id": "a" * 32, "phone_number": NUMBER, "code": "123456"}
    assert read_check({**body, "purpose": "login"}).purpose == "login"
    with pytest.raises(InvalidRequest) as caught:
        read_check(body)
    assert caught.value.field == "purpose"


@pytest.mark.parametrize("typed", ["041233 ", " 041233", "041 233", "０４１２３３", "041233\n"])
def test_a_typed_code_is_read_without_its_white_space(typed: str) -> None:
    body = {"verification_id": "a" * 32, "phone_number": NUMBER, "code": typed}
    assert read_check({**body, "purpose": "login"}).code == "041233"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("8624017194", "has no country code; write + and the country code in front"),
        ("1 862 401 7194", "is ambiguous: write +86 in front"),
        ("+86 10 6555 1234", "is not a mobile number of the Chinese mainland"),
        ("1.38E+10", "was shortened by a spreadsheet"),
        ("+852 0 5123 4567", "has a 0 behind its country code"),
        (13800138000, "must be a string"),
    ],
)
def test_a_number_is_refused_with_its_true_reason(number: object, reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_request({"phone_number": number, "purpose": "login"}, "")
    assert caught.value.problem.startswith(reason)
    assert "POST" not in caught.value.problem


@pytest.mark.parametrize(
    ("given", "read"),
    [("203.0.113.7", "203.0.113.7"), ("2001:DB8:0::1", "2001:db8::1"), (None, "")],
)
def test_an_address_is_read(given: str | None, read: str) -> None:
    assert code_request(client_ip=given).client_ip == read


def test_the_idempotency_key_is_the_out_id() -> None:
    body = {"phone_number": NUMBER, "purpose": "login"}
    assert read_request(body, '"order-1"').out_id == "order-1"
    assert read_request({**body, "out_id": "order-1"}, "order-1").out_id == "order-1"
    with pytest.raises(InvalidRequest):
        read_request({**body, "out_id": "order-2"}, "order-1")
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        read_request(body, "a b")
    assert re.fullmatch("[a-z]{32}", read_request(body, "").out_id)
