"""Requests as people paste them: from documents, Postman, a shell, a trace of curl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aliyun_sms_emulator.explain.explanation import explain
from aliyun_sms_emulator.explain.pasted import read_pasted
from signing_client import join

VECTORS: list[dict[str, Any]] = json.loads(
    Path(__file__).parents[1].joinpath("data", "vectors.json").read_text("utf-8")
)["wire"]
QUERY = "Action=SendSms&SignName=%E9%98%BF&Signature=a%2Bb"
HEADERS = {"authorization": "ACS3-HMAC-SHA256 Credential=k", "x-acs-date": "2026-01-31T23:59:00Z"}


@pytest.mark.parametrize(
    ("text", "method", "query", "form", "headers"),
    [
        (f"http://h:1/?{QUERY}", "GET", QUERY, {}, {"host": "h:1"}),
        (f"curl 'http://h/?{QUERY}'", "GET", QUERY, {}, {"host": "h"}),
        (f"$ curl -s -k http://h/ \\\n  -d '{QUERY}'", "POST", "", "query", {"host": "h"}),
        (f"curl -XPOST --url=http://h/ --data={QUERY}", "POST", "", "query", {}),
        (f"curl -G http://h/ -d '{QUERY}' -o file", "GET", QUERY, {}, {}),
        ("curl http://h/ --data-urlencode 'SignName=a b' -d x=1", "POST", "", "urlencoded", {}),
        (
            "curl -X POST http://h/ -H 'X-Acs-Date: now' --compressed",
            "POST",
            "",
            {},
            {"x-acs-date": "now"},
        ),
        ("curl $'http://h/?a=\\u0062\\'' -u me:you", "GET", "a=b'", {}, {}),
        (
            "curl http://h/ -H 'X-Acs-A:b' -H 'Content-Type: x' -d $'\\ud83d\\ude00'",
            "POST",
            "",
            {},
            {},
        ),
        (f"POST / HTTP/1.1\r\nHost: h\r\n\r\n{QUERY}", "POST", "", "query", {"host": "h"}),
        (f"GET /?{QUERY} HTTP/1.1\nX-Acs-Date:  now ", "GET", QUERY, {}, {"x-acs-date": "now"}),
        (f"GET https://h/?{QUERY}", "GET", QUERY, {}, {"host": "h"}),
        (
            f"* Trying\n> GET /?{QUERY} HTTP/2\n> Host: h\n> \n< 400",
            "GET",
            QUERY,
            {},
            {"host": "h"},
        ),
        (f"'http://h/?{QUERY}'", "GET", QUERY, {}, {}),
        ("http://h/?" + QUERY.replace("&", "\n  &"), "GET", QUERY, {}, {"host": "h"}),
        (f"curl 'http://h/?{QUERY}' | jq .", "GET", QUERY, {}, {}),
        (f"curl 'http://h/?{QUERY}' > out.json 2>&1", "GET", QUERY, {}, {}),
        (f"curl --limit-rate 1k 'http://h/?{QUERY}' --ciphers ALL", "GET", QUERY, {}, {}),
        (f'# A=1 time curl.exe "http://h/?{QUERY}"', "GET", QUERY, {}, {}),
        (f'curl -X GET ^\n  "http://h/?{QUERY}"', "GET", QUERY, {}, {}),
        (f"curl -X GET \\ \n 'http://h/?{QUERY}' `\n -s", "GET", QUERY, {}, {}),
        ("curl http://h/ --json '{}'", "POST", "", {}, {"content-type": "application/json"}),
    ],
)
def test_a_pasted_request_is_read(
    text: str, method: str, query: str, form: Any, headers: dict[str, str]
) -> None:
    forms = {
        "query": {"Action": "SendSms", "SignName": "阿", "Signature": "a+b"},
        "urlencoded": {"SignName": "a b", "x": "1"},
    }
    request = read_pasted(text)
    assert (request.method, request.path, request.raw_query) == (method, "/", query)
    assert request.form == (forms[form] if form else {})
    assert headers.items() <= request.headers.items()


@pytest.mark.parametrize("number", range(len(VECTORS)))
def test_vectors_of_the_official_sdks_are_right(number: int) -> None:
    """Whole V3 requests of the official client, pasted as raw HTTP."""
    vector = VECTORS[number]
    head = "".join(f"{name}: {value}\n" for name, value in vector["headers"].items())
    target = f"{vector['pathname']}?{join(vector['query'])}"
    text = f"{vector['method']} {target} HTTP/1.1\n{head}\n{vector['body'] or ''}"
    explanation = explain(read_pasted(text), {"testid": "testsecret"})
    assert (explanation.signature, explanation.findings) == ("V3", ())
