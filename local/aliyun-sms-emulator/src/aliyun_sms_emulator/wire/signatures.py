"""Both request signatures of the platform, each in separate, printable steps.

V1 (RPC): https://help.aliyun.com/zh/sdk/product-overview/rpc-mechanism
V3: https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import quote

ACS3_ALGORITHM = "ACS3-HMAC-SHA256"


def percent_encode(text: str) -> str:
    """Encode by RFC 3986: only letters, digits and `-_.~` stay as they are."""
    return quote(text, safe="-_.~")


def rpc_canonical_query(parameters: Mapping[str, str]) -> str:
    """Join all parameters but `Signature`, sorted by name, as `name=value&...`, encoded."""
    return "&".join(
        f"{percent_encode(name)}={percent_encode(parameters[name])}"
        for name in sorted(parameters)
        if name != "Signature"
    )


def rpc_string_to_sign(method: str, parameters: Mapping[str, str]) -> str:
    """Build `METHOD&%2F&...` from query and form parameters together."""
    return f"{method}&%2F&{percent_encode(rpc_canonical_query(parameters))}"


def rpc_signature(string_to_sign: str, access_key_secret: str) -> str:
    """Sign with HMAC-SHA1; the key is the secret followed by `&`; base64."""
    key = f"{access_key_secret}&".encode()
    return base64.b64encode(hmac.digest(key, string_to_sign.encode(), "sha1")).decode()


def acs3_canonical_query(query: Mapping[str, str], *, encode_names: bool = True) -> str:
    """Join the query parameters, sorted by name; an empty value is `name=`.

    The official Python SDKs leave parameter names unencoded (`encode_names=False`).
    """
    encode = percent_encode if encode_names else str
    return "&".join(f"{encode(name)}={percent_encode(query[name])}" for name in sorted(query))


def acs3_canonical_headers(headers: Mapping[str, str], signed_headers: Sequence[str]) -> str:
    """List the signed headers as `name:value` lines, values trimmed."""
    return "".join(f"{name}:{headers[name].strip()}\n" for name in signed_headers)


def acs3_canonical_request(
    method: str,
    path: str,
    canonical_query: str,
    headers: Mapping[str, str],
    signed_headers: Sequence[str],
    body: bytes,
) -> str:
    """Build the canonical request; `headers` have lower-case names."""
    return "\n".join(
        (
            method,
            path,
            canonical_query,
            acs3_canonical_headers(headers, signed_headers),
            ";".join(signed_headers),
            hashlib.sha256(body).hexdigest(),
        )
    )


def acs3_string_to_sign(canonical_request: str) -> str:
    """Name the algorithm and the hash of the canonical request."""
    return f"{ACS3_ALGORITHM}\n{hashlib.sha256(canonical_request.encode()).hexdigest()}"


def acs3_signature(string_to_sign: str, access_key_secret: str) -> str:
    """Sign with HMAC-SHA256; the key is the bare secret; hexadecimal."""
    return hmac.digest(access_key_secret.encode(), string_to_sign.encode(), "sha256").hex()
