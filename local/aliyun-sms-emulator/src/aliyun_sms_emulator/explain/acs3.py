"""The mistakes clients make with signature V3 (ACS3-HMAC-SHA256).

The rules: https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from aliyun_sms_emulator.explain.encodings import MISTAKES, Encoder, as_is, twice
from aliyun_sms_emulator.explain.rpc import key_deviations, times_nearby
from aliyun_sms_emulator.explain.search import MOST_LEFT_OUT, Deviation, Finding, Recipe
from aliyun_sms_emulator.wire.request import WireRequest
from aliyun_sms_emulator.wire.signatures import (
    ACS3_ALGORITHM,
    acs3_string_to_sign,
    percent_encode,
)

_PLATFORM_HOST = "dysmsapi.aliyuncs.com"
_CHARSETS = ("; charset=utf-8", ";charset=utf-8", "; charset=UTF-8", ";charset=UTF-8")


@dataclass(frozen=True)
class Acs3Recipe(Recipe):
    """How a canonical request and a string to sign are built.

    `query` is `all` (right), `none` or `with-form`; `lines` are (name, value) of the headers;
    `wrapping` is how the canonical request gets into the string to sign.
    """

    method: str
    lines: tuple[tuple[str, str], ...]
    signed_headers: str
    payload: str
    path: str = "/"
    query: str = "all"
    query_left_out: frozenset[str] = frozenset()
    query_order: str = "bytes"
    encoder: Encoder = percent_encode
    name_encoder: Encoder = percent_encode
    empty_sign: str = "="
    header_end: str = "\n"
    wrapping: str = "hashed"


def right_recipe(request: WireRequest, secret: str, signed: list[str]) -> Acs3Recipe:
    """The recipe by the rules, for the headers the client says it signed."""
    return Acs3Recipe(
        key=secret.encode(),
        digest="sha256",
        method=request.method,
        lines=tuple((name, request.headers.get(name, "").strip()) for name in signed),
        signed_headers=";".join(signed),
        payload=hashlib.sha256(request.body).hexdigest(),
    )


def canonical_request(recipe: Acs3Recipe, request: WireRequest) -> str:
    """Build the canonical request that a recipe leads to."""
    query = {"all": request.query, "none": {}, "with-form": request.parameters}[recipe.query]
    names = [name for name in query if name not in recipe.query_left_out]
    if recipe.query_order != "sent":
        names.sort()
    pairs = (
        recipe.name_encoder(name)
        + (f"={recipe.encoder(query[name])}" if query[name] else recipe.empty_sign)
        for name in names
    )
    return "\n".join(
        (
            recipe.method,
            recipe.path,
            "&".join(pairs),
            "".join(f"{name}:{value}\n" for name, value in recipe.lines).removesuffix("\n")
            + recipe.header_end,
            recipe.signed_headers,
            recipe.payload,
        )
    )


def acs3_text(recipe: Acs3Recipe, request: WireRequest) -> str:
    """Build the string to sign that a recipe leads to."""
    canonical = canonical_request(recipe, request)
    if recipe.wrapping == "raw":
        return canonical
    if recipe.wrapping == "raw-with-algorithm":
        return f"{ACS3_ALGORITHM}\n{canonical}"
    text = acs3_string_to_sign(canonical)
    return text.partition("\n")[2] if recipe.wrapping == "hash-only" else text


def acs3_deviations(
    request: WireRequest, right: Acs3Recipe, secret: str, other_secrets: dict[str, str]
) -> list[Deviation]:
    """List the known mistakes that could have been made with this request, frequent ones first."""
    return [
        *_payloads(request, right),
        *_queries(request),
        *key_deviations(secret, other_secrets, suffix=""),
        *_headers(request, right),
        *_wrappings(request.method),
        Deviation(Finding("digest-sha1"), {"digest": "sha1"}),
    ]


def _payloads(request: WireRequest, right: Acs3Recipe) -> Iterator[Deviation]:
    given = request.headers.get("x-acs-content-sha256", "")
    nothing = hashlib.sha256(b"").hexdigest()
    if request.body:
        yield Deviation(Finding("body-unsigned-v3"), {"payload": nothing})
    yield Deviation(Finding("payload-hash"), {"payload": given})
    yield Deviation(Finding("payload-upper-case"), {"payload": right.payload.upper()})
    yield Deviation(Finding("payload-missing"), {"payload": ""})
    yield Deviation(Finding("payload-raw"), {"payload": request.body.decode(errors="replace")})


def _queries(request: WireRequest) -> Iterator[Deviation]:
    if request.query:
        yield Deviation(Finding("query-unsigned"), {"query": "none"})
    if request.form:
        yield Deviation(Finding("form-in-query"), {"query": "with-form"})
    for cause, encoder in MISTAKES.items():
        yield Deviation(Finding(cause), {"encoder": encoder})
        yield Deviation(Finding(cause), {"encoder": encoder, "name_encoder": encoder})
    yield Deviation(Finding("values-not-encoded"), {"encoder": as_is})
    yield Deviation(Finding("values-encoded-twice"), {"encoder": twice})
    yield Deviation(Finding("parameter-order"), {"query_order": "sent"})
    empty = [name for name, value in request.query.items() if not value]
    if empty:
        names = {"names": ", ".join(empty)}
        yield Deviation(Finding("empty-unsigned", names), {"query_left_out": frozenset(empty)})
        yield Deviation(Finding("empty-without-sign", names), {"empty_sign": ""})
    for name in islice(request.query, MOST_LEFT_OUT):
        finding = Finding("parameter-unsigned", {"name": name})
        yield Deviation(finding, {"query_left_out": frozenset({name})})


def _headers(request: WireRequest, right: Acs3Recipe) -> Iterator[Deviation]:
    def lines(finding: Finding, changed: dict[str, str]) -> Deviation:
        return Deviation(
            finding, {"lines": tuple((n, changed.get(n, value)) for n, value in right.lines)}
        )

    values = dict(right.lines)
    host, kind = values.get("host", ""), values.get("content-type", "")
    for other in dict.fromkeys((host.partition(":")[0], f"{host}:80", _PLATFORM_HOST)):
        if host and other != host:
            yield lines(Finding("host-header", {"signed": other, "sent": host}), {"host": other})
    bare = kind.partition(";")[0].strip()
    for other in dict.fromkeys(
        (bare, *(bare + charset for charset in _CHARSETS), "application/json")
    ):
        if kind and other != kind:
            detail = {"signed": other, "sent": kind}
            yield lines(Finding("content-type-header", detail), {"content-type": other})
    for text in times_nearby(values.get("x-acs-date", "")):
        yield lines(Finding("time-changed"), {"x-acs-date": text})
    for name in values:
        rest = tuple(line for line in right.lines if line[0] != name)
        yield Deviation(Finding("header-unsigned", {"name": name}), {"lines": rest})
    sent = [name for name in request.headers if name in values]
    yield Deviation(Finding("header-order"), {"lines": tuple((n, values[n]) for n in sent)})
    titles = tuple(("-".join(p.title() for p in n.split("-")), v) for n, v in right.lines)
    yield Deviation(Finding("header-case"), {"lines": titles})
    yield Deviation(Finding("header-blank-line"), {"header_end": ""})
    for signed in (right.signed_headers.replace(";", ","), ""):
        yield Deviation(Finding("signed-headers-line"), {"signed_headers": signed})


def _wrappings(method: str) -> Iterator[Deviation]:
    for wrapping in ("raw", "raw-with-algorithm"):
        yield Deviation(Finding("canonical-not-hashed"), {"wrapping": wrapping})
    yield Deviation(Finding("algorithm-line"), {"wrapping": "hash-only"})
    for other in ("GET", "POST"):
        if other != method:
            detail = {"signed": other, "sent": method}
            yield Deviation(Finding("other-method", detail), {"method": other})
    yield Deviation(Finding("path-missing"), {"path": ""})
