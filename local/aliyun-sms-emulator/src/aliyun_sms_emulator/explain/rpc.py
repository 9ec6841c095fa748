"""The mistakes clients make with signature V1 (RPC, HMAC-SHA1).

The rules: https://help.aliyun.com/zh/sdk/product-overview/rpc-mechanism
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from aliyun_sms_emulator.explain.encodings import MISTAKES, Encoder, as_is, twice
from aliyun_sms_emulator.explain.search import MOST_LEFT_OUT, Deviation, Finding, Recipe
from aliyun_sms_emulator.wire.request import WireRequest
from aliyun_sms_emulator.wire.signatures import percent_encode

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class RpcRecipe(Recipe):
    """How a string to sign is built.

    `order` is `bytes` (right), `sent` or `caseless`; `prefix` is what stands before the parameters.
    """

    method: str
    prefix: str = "{method}&%2F&"
    left_out: frozenset[str] = frozenset({"Signature"})
    timestamp: str | None = None
    order: str = "bytes"
    inner: Encoder = percent_encode
    outer: Encoder = percent_encode


def rpc_text(recipe: RpcRecipe, parameters: Mapping[str, str]) -> str:
    """Build the string to sign that a recipe leads to."""
    values = {n: v for n, v in parameters.items() if n not in recipe.left_out}
    if recipe.timestamp is not None and "Timestamp" in values:
        values["Timestamp"] = recipe.timestamp
    names = list(values)
    if recipe.order != "sent":
        names.sort(key=str.lower if recipe.order == "caseless" else None)
    joined = "&".join(f"{recipe.inner(n)}={recipe.inner(values[n])}" for n in names)
    return recipe.prefix.format(method=recipe.method) + recipe.outer(joined)


def rpc_deviations(
    request: WireRequest, secret: str, other_secrets: Mapping[str, str]
) -> list[Deviation]:
    """List the known mistakes that could have been made with this request, frequent ones first."""
    return [
        *_encodings(),
        *key_deviations(secret, other_secrets, suffix="&"),
        *_parts(request),
        *_prefixes(request.method),
        Deviation(Finding("parameter-order"), {"order": "sent"}),
        Deviation(Finding("parameter-order-caseless"), {"order": "caseless"}),
        Deviation(Finding("digest-sha256"), {"digest": "sha256"}),
        *(
            Deviation(Finding("time-changed"), {"timestamp": text})
            for text in times_nearby(request.parameters.get("Timestamp", ""))
        ),
    ]


def key_deviations(
    secret: str, other_secrets: Mapping[str, str], *, suffix: str
) -> Iterator[Deviation]:
    """Wrong keys that can be told from the right secret; `suffix` is what V1 adds to it."""

    def key(finding: Finding, text: str) -> Deviation:
        return Deviation(finding, {"key": text.encode()})

    # V1 adds the suffix, V3 does not; the other way round is the mistake.
    yield key(
        Finding("key-suffix" if suffix else "key-suffix-added"), secret + ("" if suffix else "&")
    )
    for blank in ("\n", " ", "\r\n"):
        yield key(Finding("secret-blank"), f"{secret}{blank}{suffix}")
    yield key(Finding("secret-blank"), f" {secret}{suffix}")
    for key_id, other in other_secrets.items():
        yield key(Finding("other-key", {"key": key_id}), f"{other}{suffix}")


def times_nearby(text: str) -> list[str]:
    """Times up to 3 seconds away from one in the platform's form, none for any other text."""
    try:
        moment = calendar.timegm(time.strptime(text, _TIME))
        seconds = (-1, 1, -2, 2, -3, 3)
        return [time.strftime(_TIME, time.gmtime(moment + offset)) for offset in seconds]
    except (ValueError, OverflowError):
        return []


def _encodings() -> Iterator[Deviation]:
    for cause, encoder in MISTAKES.items():
        for steps in (("inner",), ("inner", "outer"), ("outer",)):
            yield Deviation(Finding(cause), dict.fromkeys(steps, encoder))
    yield Deviation(Finding("not-encoded-twice"), {"outer": as_is})
    yield Deviation(Finding("values-not-encoded"), {"inner": as_is})
    yield Deviation(Finding("not-encoded"), {"inner": as_is, "outer": as_is})
    yield Deviation(Finding("values-encoded-twice"), {"inner": twice})


def _parts(request: WireRequest) -> Iterator[Deviation]:
    def without(finding: Finding, names: Sequence[str]) -> Deviation:
        return Deviation(finding, {"left_out": frozenset({"Signature", *names})})

    if request.form:
        yield without(Finding("body-unsigned"), list(request.form))
    if request.query:
        yield without(Finding("query-unsigned"), list(request.query))
    empty = [name for name, value in request.parameters.items() if not value]
    if empty:
        yield without(Finding("empty-unsigned", {"names": ", ".join(empty)}), empty)
    for name in islice(request.parameters, MOST_LEFT_OUT):
        if name == "SecurityToken":
            yield without(Finding("token-unsigned"), [name])
        elif name != "Signature":
            yield without(Finding("parameter-unsigned", {"name": name}), [name])


def _prefixes(method: str) -> Iterator[Deviation]:
    for other in ("GET", "POST"):
        if other != method:
            yield Deviation(
                Finding("other-method", {"signed": other, "sent": method}), {"method": other}
            )
    yield Deviation(Finding("method-lower-case"), {"method": method.lower()})
    for prefix in ("{method}&/&", "{method}&"):
        yield Deviation(Finding("path-not-encoded"), {"prefix": prefix})
    yield Deviation(Finding("no-prefix"), {"prefix": ""})
