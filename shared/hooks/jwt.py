"""JSON Web Tokens signed with HS256, as far as a hook needs them (RFC 7519, RFC 7515).

Any other algorithm is refused, whatever the token says: one that names ``none``, or a public key's
algorithm, would let everybody in.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

LEEWAY = 60  # seconds that clocks may differ
_LONGEST = 8192  # characters
_LATEST = 1e12  # seconds since the epoch


def is_valid(token: str, *, keys: Sequence[bytes], subject: str, audience: str, now: float) -> bool:
    """Whether `token` is signed with one of `keys`, and speaks for `subject` to `audience`.

    `now` is in seconds since the epoch. ``exp``, ``nbf`` and ``iat`` count where they are there.
    ``aud`` may be a text or a list of texts.
    """
    parts = token.split(".")
    if len(token) > _LONGEST or len(parts) != 3 or not token.isascii():
        return False
    header, claims, signature = _json(parts[0]), _json(parts[1]), _bytes(parts[2])
    if header.get("alg") != "HS256" or "crit" in header or signature is None:
        return False
    signed = f"{parts[0]}.{parts[1]}".encode()
    expected = [hmac.digest(key, signed, "sha256") for key in keys]
    matches = [hmac.compare_digest(signature, each) for each in expected]
    return any(matches) and _speaks_for(claims, subject, audience) and _is_in_time(claims, now)


def _speaks_for(claims: Mapping[str, Any], subject: str, audience: str) -> bool:
    given = claims.get("aud")
    audiences = given if isinstance(given, list) else [given]
    return claims.get("sub") == subject and audience in audiences


def _is_in_time(claims: Mapping[str, Any], now: float) -> bool:
    ends = _time(claims, "exp", math.inf)
    begins = max(_time(claims, "nbf", -math.inf), _time(claims, "iat", -math.inf))
    return begins - LEEWAY <= now < ends + LEEWAY


def _time(claims: Mapping[str, Any], name: str, default: float) -> float:
    """Return a time of the claims; one that is no number is over, or has not come."""
    if name not in claims:
        return default
    value = claims[name]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # A whole number may be too large for a float; no time is.
    return float(value) if is_number and abs(value) < _LATEST else -default


def _json(part: str) -> Mapping[str, Any]:
    content = _bytes(part)
    try:
        value = json.loads(content or b"")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _bytes(part: str) -> bytes | None:
    """Return what base64url without padding stands for, None when it is none."""
    try:
        padded = part.translate(str.maketrans("-_", "+/")) + "=" * (-len(part) % 4)
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        return None
