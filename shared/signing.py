"""The two signatures of Alibaba Cloud's RPC APIs, step by step.

V1 signs the parameters of a call, and travels as one more of them:

    percent_encode -> canonical_query -> rpc_string_to_sign -> rpc_signature

ACS3 signs method, path, query, headers and body, and travels in the header ``Authorization``:

    canonical_query -> acs3_canonical_request -> acs3_string_to_sign -> acs3_signature
    -> acs3_authorization

Each step is a pure function. To find why a signature is refused, print what the steps return and
compare it with what the platform's answer says that it calculated.

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

    ``a b*~`` becomes ``a%20b%2A~``. Raises UnicodeEncodeError for a lone surrogate.
    """
    # Most texts are names, numbers and ids: to look is quicker than to encode.
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="")


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Join encoded ``name=value`` pairs with ``&``, sorted by the bytes of the bare name.

    ``{"b": "2 3", "a": "1"}`` becomes ``a=1&b=2%203``. The same text is a form body.
    """
    return "&".join(
        f"{percent_encode(name)}={percent_encode(parameters[name])}" for name in sorted(parameters)
    )


def rpc_string_to_sign(method: str, parameters: Mapping[str, str]) -> str:
    """Return the string that V1 signs: method, encoded path ``/``, encoded canonical query.

    `parameters` are all but ``Signature``. ``POST&%2F&a%3D1%26b%3D2`` is that of ``a=1&b=2``.
    """
    return f"{method}&%2F&{percent_encode(canonical_query(parameters))}"


def rpc_signature(method: str, parameters: Mapping[str, str], access_key_secret: str) -> str:
    """Return the parameter ``Signature`` of V1: HMAC-SHA1 in base64; its key is secret and ``&``.

    `parameters` are all others.
    """
    key = f"{access_key_secret}&".encode()
    digest = hmac.digest(key, rpc_string_to_sign(method, parameters).encode(), "sha1")
    return base64.b64encode(digest).decode("ascii")


def acs3_signed_headers(headers: Mapping[str, str]) -> str:
    """Return the names of `headers` in lower case, sorted and joined: ``host;x-acs-date``.

    Raises ValueError when two differ only in case, which the official SDKs merge in different ways.
    """
    names = sorted(name.lower() for name in headers)
    if len(set(names)) != len(names):
        raise ValueError("two header names differ only in upper and lower case")
    return ";".join(names)


def acs3_canonical_request(
    method: str,
    path: str,
    *,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> str:
    """Return the canonical request of ACS3: six fields, one below the other.

    They are method, path, query, headers (a line each, and an empty line), names of headers, and
    SHA-256 of the body in hex. `path` is URI-encoded, ``/`` for RPC APIs. `headers` are exactly
    those to be signed. Raises ValueError when two of them differ only in case.
    """
    # Sorted are the names, not the lines: ``a-b:`` comes before ``a:``, but ``a`` before ``a-b``.
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
    *,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    access_key_id: str,
    access_key_secret: str,
) -> str:
    """Return the header ``Authorization`` of ACS3-HMAC-SHA256.

    `headers` are ``host``, ``content-type`` and every ``x-acs-*`` that is sent; for the others see
    acs3_canonical_request. Raises ValueError when two headers differ only in case.
    """
    request = acs3_canonical_request(method, path, query=query, headers=headers, body=body)
    signature = acs3_signature(acs3_string_to_sign(request), access_key_secret)
    return (
        f"{ACS3_ALGORITHM} Credential={access_key_id},"
        f"SignedHeaders={acs3_signed_headers(headers)},Signature={signature}"
    )
