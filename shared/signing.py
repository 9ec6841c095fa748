"""The two signatures of Alibaba Cloud's RPC APIs, step by step.

Each step is a pure function that can be printed, which is how a refused signature is found.

Sources: "V3 request structure and signature" and "RPC mechanism (V2)" of the Alibaba Cloud SDK
documentation; "HTTP protocol and signature" (document 56189).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote

ACS3_ALGORITHM = "ACS3-HMAC-SHA256"
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*")


def percent_encode(text: str) -> str:
    """Encode `text` by RFC 3986: only ``A-Z a-z 0-9 - _ . ~`` stay, a space becomes ``%20``.

    Raises UnicodeEncodeError for a lone surrogate.
    """
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="")


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Join encoded ``name=value`` pairs with ``&``, sorted by the bytes of the bare name."""
    return "&".join(
        f"{percent_encode(name)}={percent_encode(parameters[name])}" for name in sorted(parameters)
    )


def rpc_string_to_sign(method: str, parameters: Mapping[str, str]) -> str:
    """Return the string that V1 signs: method, encoded path ``/``, encoded canonical query.

    `parameters` lack only ``Signature``.
    """
    return f"{method}&%2F&{percent_encode(canonical_query(parameters))}"


def rpc_signature(method: str, parameters: Mapping[str, str], access_key_secret: str) -> str:
    """Return the base64 ``Signature`` of V1 (HMAC-SHA1); its key is the secret and ``&``."""
    key = f"{access_key_secret}&".encode()
    digest = hmac.digest(key, rpc_string_to_sign(method, parameters).encode(), "sha1")
    return base64.b64encode(digest).decode("ascii")


def acs3_signed_headers(headers: Mapping[str, str]) -> str:
    """Return the lower-case names of `headers`, sorted and joined with ``;``.

    Raises ValueError when two differ only in case: SDKs merge them differently.
    """
    names = sorted(name.lower() for name in headers)
    if len(set(names)) != len(names):
        raise ValueError("two header names differ only in upper and lower case")
    return ";".join(names)


def acs3_canonical_request(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> str:
    """Return the canonical request of ACS3: six fields, one below the other.

    `path` is URI-encoded (``/`` for RPC APIs); `headers` are exactly those to be signed.
    """
    values = {name.lower(): value.strip() for name, value in headers.items()}
    return "\n".join(
        (
            method,
            path,
            canonical_query(query),
            "".join(f"{name}:{values[name]}\n" for name in sorted(values)),
            acs3_signed_headers(headers),
            hashlib.sha256(body).hexdigest(),
        )
    )


def acs3_string_to_sign(canonical_request: str) -> str:
    """Return the algorithm's name and the SHA-256 of `canonical_request` in hex, on two lines."""
    return f"{ACS3_ALGORITHM}\n{hashlib.sha256(canonical_request.encode()).hexdigest()}"


def acs3_signature(string_to_sign: str, access_key_secret: str) -> str:
    """Return the hex signature of `string_to_sign`; the HMAC key is the bare secret."""
    return hmac.digest(access_key_secret.encode(), string_to_sign.encode(), "sha256").hex()


def acs3_authorization(
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    access_key_id: str,
    access_key_secret: str,
) -> str:
    """Return the ``Authorization`` header of ACS3-HMAC-SHA256.

    `headers` are ``host``, ``content-type`` and every ``x-acs-*`` that is sent.
    """
    request = acs3_canonical_request(method, path, query, headers, body)
    signature = acs3_signature(acs3_string_to_sign(request), access_key_secret)
    return (
        f"{ACS3_ALGORITHM} Credential={access_key_id},"
        f"SignedHeaders={acs3_signed_headers(headers)},Signature={signature}"
    )
