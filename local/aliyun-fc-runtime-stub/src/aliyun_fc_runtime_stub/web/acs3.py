"""The signature ACS3-HMAC-SHA256: what it is of a request, and whether a request has it.

Source: https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from ..errors import RequestRefused
from ..http_messages import HttpRequest

_SKEW = 15 * 60
_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})"
)


class AccessKey(NamedTuple):
    """The key pair that callers sign with."""

    id: str
    secret: str


def check(key: AccessKey, request: HttpRequest, digests: Iterable[str], now: float) -> None:
    """Let a signed request pass or raise RequestRefused; `now` in seconds since 1970.

    `digests`: the SHA-256 of the body in hexadecimal, and what else may be signed in its place.
    """
    match = _AUTHORIZATION.fullmatch(request.header("authorization").strip())
    if match is None:
        raise RequestRefused(400, "MissingRequiredHeader", "sign the request with ACS3-HMAC-SHA256")
    key_id, signed, given = match.groups()
    check_key_id(key, key_id)
    _check_date(request.header("x-acs-date"), now)
    names = signed.lower().split(";")
    if "x-acs-date" not in names:
        raise RequestRefused(403, "SignatureNotMatch", "x-acs-date must be signed")
    if not any(
        hmac.compare_digest(given, signature(key.secret, request, names, digest))
        for digest in digests
    ):
        raise RequestRefused(403, "SignatureNotMatch", "the signature is not that of this request")


def signature(secret: str, request: HttpRequest, names: Iterable[str], digest: str) -> str:
    """Return the signature of a request over the headers `names`, in hexadecimal."""
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(
            parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)
        )
    )
    headers = "".join(f"{name}:{request.header(name).strip()}\n" for name in names)
    path = request.raw_path.decode("latin-1")
    canonical = "\n".join((request.method, path, query, headers, ";".join(names), digest))
    hashed = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    text = f"ACS3-HMAC-SHA256\n{hashed}".encode()
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def check_key_id(key: AccessKey, key_id: str) -> None:
    """Refuse a key id that is not the stub's."""
    if not hmac.compare_digest(key_id.encode(), key.id.encode()):
        raise RequestRefused(403, "InvalidAccessKeyID", "the access key id is not the stub's")


def _check_date(text: str, now: float) -> None:
    try:
        stamp = timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        raise RequestRefused(
            403, "InvalidArgument", "x-acs-date must be like 2026-01-31T12:00:00Z"
        ) from None
    if abs(now - stamp) > _SKEW:
        raise RequestRefused(403, "AccessDenied", "x-acs-date is more than 15 minutes off")
