"""Both signatures: golden vectors, one test each, and what must hold for any input."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.signing import (
    acs3_authorization,
    acs3_canonical_request,
    acs3_signature,
    acs3_signed_headers,
    acs3_string_to_sign,
    canonical_query,
    percent_encode,
    rpc_signature,
    rpc_string_to_sign,
)

VECTORS = Path(__file__).resolve().parent.parent / "data" / "signatures"
SDK = json.loads((VECTORS / "sdk.json").read_text("utf-8"))
PUBLISHED = json.loads((VECTORS / "published.json").read_text("utf-8"))["vectors"]
PUBLISHED_V1 = [vector for vector in PUBLISHED if vector["algorithm"].startswith("RPC-V1")]
PUBLISHED_V3 = [vector for vector in PUBLISHED if vector["algorithm"] == "ACS3-HMAC-SHA256"]

quick = settings(max_examples=100, deadline=None, database=None)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
parameters = st.dictionaries(texts.filter(bool), texts, max_size=8)
header_names = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=8)
headers = st.dictionaries(
    header_names.map(str.lower), st.text(string.printable[:94], max_size=12), max_size=6
)


def by_id(vector: dict[str, Any]) -> str:
    return str(vector.get("id") or f"{vector['call']}-{vector['security_token']}")


def signed_headers(vector: dict[str, Any]) -> dict[str, str]:
    """Return the headers that a recorded request says it signed."""
    names = vector["headers"]["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    return {name: vector["headers"][name] for name in names}


def authorization(method: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> str:
    """Return the header of a request to ``/`` that is signed with a key pair of the tests."""
    return acs3_authorization(
        method,
        "/",
        query=query,
        headers=headers,
        body=body,
        access_key_id="id",
        access_key_secret="secret",
    )


def test_no_vector_is_left_out() -> None:
    assert (len(SDK["v1"]), len(SDK["v3"]), len(SDK["wire"])) == (100, 100, 6)
    assert len(PUBLISHED_V1) + len(PUBLISHED_V3) == len(PUBLISHED) == 11


@pytest.mark.parametrize("vector", PUBLISHED_V1, ids=by_id)
def test_published_rpc_vector(vector: dict[str, Any]) -> None:
    method, params = vector["method"], vector["params"]
    assert canonical_query(params) == vector["canonicalized_query_string"]
    assert rpc_string_to_sign(method, params) == vector["string_to_sign"]
    signature = rpc_signature(method, params, vector["access_key_secret"])
    assert signature == vector["published_signature"]


@pytest.mark.parametrize("vector", SDK["v1"], ids=by_id)
def test_sdk_rpc_vector(vector: dict[str, Any]) -> None:
    method, params = vector["method"], {**vector["query"], **vector["form"]}
    assert canonical_query(params) == vector["canonicalized_query_string"]
    assert rpc_string_to_sign(method, params) == vector["string_to_sign"]
    assert rpc_signature(method, params, vector["access_key_secret"]) == vector["signature"]


@pytest.mark.parametrize("vector", PUBLISHED_V3, ids=by_id)
def test_published_acs3_vector(vector: dict[str, Any]) -> None:
    check_acs3(vector, vector["canonical_uri"], vector["published_signature"])


@pytest.mark.parametrize("vector", SDK["v3"], ids=by_id)
def test_sdk_acs3_vector(vector: dict[str, Any]) -> None:
    if vector["form"]:
        assert sorted(parse_qsl(vector["body"], keep_blank_values=True)) == sorted(
            vector["form"].items()
        )
    check_acs3(vector, vector["path"], vector["signature"])


def check_acs3(vector: dict[str, Any], path: str, signature: str) -> None:
    secret = vector["access_key_secret"]
    method, body = vector["method"], vector["body"].encode()
    signed = {"query": vector["query"], "headers": vector["headers"], "body": body}
    assert acs3_canonical_request(method, path, **signed) == vector["canonical_request"]
    assert acs3_string_to_sign(vector["canonical_request"]) == vector["string_to_sign"]
    assert acs3_signature(vector["string_to_sign"], secret) == signature
    header = acs3_authorization(
        method, path, **signed, access_key_id=vector["access_key_id"], access_key_secret=secret
    )
    assert header == vector["authorization"]


@pytest.mark.parametrize("vector", SDK["wire"], ids=by_id)
def test_whole_request_of_the_official_client(vector: dict[str, Any]) -> None:
    assert vector["headers"]["authorization"] == acs3_authorization(
        vector["method"],
        vector["pathname"],
        query=vector["query"],
        headers=signed_headers(vector),
        body=(vector["body"] or "").encode(),
        access_key_id="testid",
        access_key_secret="testsecret",
    )


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("AZaz09-_.~", "AZaz09-_.~"),
        (" ", "%20"),
        ("+*/=&!'()", "%2B%2A%2F%3D%26%21%27%28%29"),
        ("é短\n", "%C3%A9%E7%9F%AD%0A"),
        ("😀", "%F0%9F%98%80"),
        ("", ""),
    ],
)
def test_percent_encoding_is_that_of_rfc_3986(text: str, encoded: str) -> None:
    assert percent_encode(text) == encoded


def test_a_lone_surrogate_cannot_be_encoded() -> None:
    with pytest.raises(UnicodeEncodeError):
        percent_encode("\ud800")


@quick
@given(parameters)
def test_the_canonical_query_is_a_form_body_of_the_same_parameters(params: dict[str, str]) -> None:
    body = canonical_query(params)
    assert body.isascii()
    assert dict(parse_qsl(body, keep_blank_values=True)) == params


@quick
@given(parameters)
def test_parameters_are_sorted_by_the_bytes_of_their_bare_names(params: dict[str, str]) -> None:
    names = [name for name, _ in parse_qsl(canonical_query(params), keep_blank_values=True)]
    assert names == sorted(params, key=str.encode)


@quick
@given(parameters, headers, st.randoms(use_true_random=False))
def test_the_order_of_parameters_and_headers_does_not_matter(
    params: dict[str, str], signed: dict[str, str], random: Any
) -> None:
    def shuffled(pairs: dict[str, str]) -> dict[str, str]:
        items = list(pairs.items())
        random.shuffle(items)
        return dict(items)

    assert rpc_signature("POST", shuffled(params), "s") == rpc_signature("POST", params, "s")
    assert authorization("POST", shuffled(params), shuffled(signed), b"x") == authorization(
        "POST", params, signed, b"x"
    )


@quick
@given(headers)
def test_the_case_of_header_names_and_space_around_values_do_not_matter(
    signed: dict[str, str],
) -> None:
    changed = {name.upper(): f"  {value}\t" for name, value in signed.items()}
    assert authorization("GET", {}, changed, b"") == authorization("GET", {}, signed, b"")


@quick
@given(headers)
def test_each_signed_header_is_a_line_in_the_order_of_the_names(signed: dict[str, str]) -> None:
    request = acs3_canonical_request("GET", "/", query={}, headers=signed, body=b"")
    lines = request.split("\n")[3 : 3 + len(signed)]
    assert [line.partition(":")[0] for line in lines] == sorted(signed)
    assert acs3_signed_headers(signed).split(";") == (sorted(signed) or [""])


def test_a_name_that_begins_another_comes_before_it() -> None:
    # ":" sorts after "-": sorting whole lines would put a-b first
    headers = {"a-b": "2", "a": "1"}
    request = acs3_canonical_request("GET", "/", query={}, headers=headers, body=b"")
    assert request.split("\n")[3:7] == ["a:1", "a-b:2", "", "a;a-b"]


def test_a_parameter_whose_name_begins_another_comes_before_it() -> None:
    # "=" sorts after "-" and "." once pairs are joined
    assert canonical_query({"a-b": "2", "a": "1", "a.c": "3"}) == "a=1&a-b=2&a.c=3"


def test_header_names_that_differ_only_in_case_are_refused() -> None:
    with pytest.raises(ValueError, match="upper and lower case"):
        authorization("GET", {}, {"Host": "a", "host": "a"}, b"")


@quick
@given(parameters, st.sampled_from(["method", "value", "secret"]))
def test_whatever_is_signed_changes_the_signature(params: dict[str, str], what: str) -> None:
    params["Action"] = "SendSms"
    signature = rpc_signature("POST", params, "secret")
    changed = {
        "method": lambda: rpc_signature("GET", params, "secret"),
        "value": lambda: rpc_signature("POST", {**params, "Action": "SendSm"}, "secret"),
        "secret": lambda: rpc_signature("POST", params, "secret2"),
    }
    assert changed[what]() != signature


def test_the_body_is_signed() -> None:
    one, other = (authorization("POST", {}, {"host": "h"}, body) for body in (b"a", b"b"))
    assert one != other
