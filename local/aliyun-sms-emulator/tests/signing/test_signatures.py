from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aliyun_sms_emulator.wire import signatures

VECTORS: dict[str, Any] = json.loads(
    Path(__file__).parents[1].joinpath("data", "vectors.json").read_text("utf-8")
)
PUBLISHED_V1 = [v for v in VECTORS["published"] if v["algorithm"].startswith("RPC")]
PUBLISHED_V3 = [v for v in VECTORS["published"] if not v["algorithm"].startswith("RPC")]


def case_id(vector: dict[str, Any]) -> str:
    return str(vector["id"])


@pytest.mark.parametrize("vector", PUBLISHED_V1, ids=case_id)
def test_v1_signs_as_published(vector: dict[str, Any]) -> None:
    assert signatures.rpc_canonical_query(vector["params"]) == vector["canonicalized_query_string"]
    text = signatures.rpc_string_to_sign(vector["method"], vector["params"])
    assert text == vector["string_to_sign"]
    assert (
        signatures.rpc_signature(text, vector["access_key_secret"]) == vector["published_signature"]
    )


@pytest.mark.parametrize("vector", VECTORS["v1"], ids=case_id)
def test_v1_signs_as_the_sdk_does(vector: dict[str, Any]) -> None:
    parameters = {**vector["query"], **vector["form"], "Signature": "is left out"}
    text = signatures.rpc_string_to_sign(vector["method"], parameters)
    assert text == vector["string_to_sign"]
    assert signatures.rpc_signature(text, vector["access_key_secret"]) == vector["signature"]


@pytest.mark.parametrize("vector", PUBLISHED_V3 + VECTORS["v3"], ids=case_id)
def test_v3_signs_as_published_and_as_the_sdk_does(vector: dict[str, Any]) -> None:
    canonical = signatures.acs3_canonical_request(
        vector["method"],
        "/",
        signatures.acs3_canonical_query(vector["query"]),
        vector["headers"],
        sorted(vector["headers"]),
        vector["body"].encode(),
    )
    assert canonical == vector["canonical_request"]
    text = signatures.acs3_string_to_sign(canonical)
    assert text == vector["string_to_sign"]
    expected = vector.get("signature") or vector["published_signature"]
    assert signatures.acs3_signature(text, vector["access_key_secret"]) == expected


def test_names_are_encoded_or_not() -> None:
    query = {"a b": "c d"}
    assert signatures.acs3_canonical_query(query) == "a%20b=c%20d"
    assert signatures.acs3_canonical_query(query, encode_names=False) == "a b=c%20d"
