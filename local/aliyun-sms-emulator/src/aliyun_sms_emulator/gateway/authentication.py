"""What the gateway checks before an operation sees a call: key, time, signature, nonce.

Codes and statuses: https://help.aliyun.com/document_detail/101346.html and
https://developer.aliyun.com/ask/278265
"""

from __future__ import annotations

import hashlib
import hmac

from aliyun_sms_emulator.config.config import AccessKey
from aliyun_sms_emulator.faults.plan import Encounter
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.wire import signatures
from aliyun_sms_emulator.wire.errors import GatewayError, missing
from aliyun_sms_emulator.wire.leniency import Leniency
from aliyun_sms_emulator.wire.request import WireRequest
from aliyun_sms_emulator.wire.signed_headers import (
    AUTHORIZATION,
    check_signed_headers,
    incomplete,
)
from aliyun_sms_emulator.wire.timestamps import Timestamp, read_timestamp

NONCE_WINDOW = 900.0
"""Seconds in which a nonce must not come again."""


def authenticate(
    platform: Platform, request: WireRequest, encounter: Encounter, leniency: Leniency
) -> AccessKey:
    """Check who calls and that the call is fresh and unaltered; raises GatewayError.

    The encounter says which node checks it, and how far that one's clock is off.
    """
    now = platform.request_time() + encounter.clock_skew
    check = _check_acs3 if request.signed_by_header else _check_rpc
    key, nonce = check(platform, request, now, leniency)
    _check_nonce(platform, key, nonce, encounter.node, now)
    return key


def _check_rpc(
    platform: Platform, request: WireRequest, now: float, leniency: Leniency
) -> tuple[AccessKey, str]:
    parameters = request.parameters
    for name in ("AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion"):
        _required(parameters, name)
    key = _find_key(platform, parameters["AccessKeyId"])
    if parameters["SignatureMethod"] != "HMAC-SHA1":
        raise GatewayError("InvalidSignatureMethod", "Specified signature method is not valid.")
    if parameters["SignatureVersion"] != "1.0":
        raise GatewayError("InvalidParameter", "Specified SignatureVersion is not valid.")
    text = _required(parameters, "Timestamp")
    timestamp = read_timestamp(text)
    if timestamp and timestamp.has_fraction and not leniency.allows("timestamp-fraction", text):
        timestamp = None
    _check_timestamp(platform, timestamp, now)
    nonce = _required(parameters, "SignatureNonce")
    _check_security_token(platform, key, parameters.get("SecurityToken"), now)
    text = signatures.rpc_string_to_sign(request.method, parameters)
    if not _same(signatures.rpc_signature(text, key.secret), parameters["Signature"]):
        raise GatewayError(
            "SignatureDoesNotMatch",
            "Specified signature is not matched with our calculation."
            f" server string to sign is:{text}",
        )
    return key, nonce


def _check_acs3(
    platform: Platform, request: WireRequest, now: float, leniency: Leniency
) -> tuple[AccessKey, str]:
    headers = request.headers
    match = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        raise incomplete(
            "the Authorization header must read"
            " ACS3-HMAC-SHA256 Credential=...,SignedHeaders=...,Signature=..."
        )
    if match["algorithm"] != signatures.ACS3_ALGORITHM:
        raise GatewayError("InvalidSignatureMethod", "Specified signature method is not valid.")
    if not match["key"]:
        raise missing("AccessKeyId")
    key = _find_key(platform, match["key"])
    timestamp = read_timestamp(_required(headers, "x-acs-date", "Timestamp"))
    # Nothing is known about fractions in V3.
    _check_timestamp(platform, None if timestamp and timestamp.has_fraction else timestamp, now)
    nonce = _required(headers, "x-acs-signature-nonce", "SignatureNonce")
    _check_security_token(platform, key, headers.get("x-acs-security-token"), now)
    signed = match["headers"].split(";")
    check_signed_headers(request, signed, leniency)
    _check_acs3_signature(request, signed, match["signature"], key.secret)
    return key, nonce


def _check_acs3_signature(
    request: WireRequest, signed: list[str], signature: str, secret: str
) -> None:
    canonical = text = ""
    body_hash = hashlib.sha256(request.body).hexdigest()
    intact = _same(body_hash, request.headers["x-acs-content-sha256"].strip())
    # The official Python SDKs do not encode parameter names, the others do.
    for encode_names in (True, False):
        canonical = signatures.acs3_canonical_request(
            request.method,
            request.path,
            signatures.acs3_canonical_query(request.query, encode_names=encode_names),
            request.headers,
            signed,
            request.body,
        )
        text = signatures.acs3_string_to_sign(canonical)
        if intact and _same(signatures.acs3_signature(text, secret), signature):
            return
    raise GatewayError(
        "SignatureDoesNotMatch",
        "Specified signature does not match our calculation."
        f" server StringToSign is [{text}], server CanonicalRequest is [{canonical}]",
    )


def _find_key(platform: Platform, access_key_id: str) -> AccessKey:
    key = platform.config.access_keys.get(access_key_id)
    if key is None:
        raise GatewayError("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
    if key.status == "inactive":
        raise GatewayError("InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
    return key


def _check_timestamp(platform: Platform, timestamp: Timestamp | None, now: float) -> None:
    if timestamp is None:
        raise GatewayError(
            "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."
        )
    if abs(now - timestamp.moment) > platform.settings.timestamp_skew_seconds:
        raise GatewayError(
            "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."
        )


def _check_security_token(
    platform: Platform, key: AccessKey, token: str | None, now: float
) -> None:
    if key.security_token is None and not token:
        return
    if not token:
        raise missing("SecurityToken")
    if key.security_token is None or not _same(key.security_token, token):
        others = (other.security_token for other in platform.config.access_keys.values())
        if key.security_token is None or any(_same(other or "", token) for other in others):
            raise GatewayError(
                "InvalidSecurityToken.MismatchWithAccessKey",
                "Specified SecurityToken mismatch with the AccessKey.",
            )
        raise GatewayError(
            "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed."
        )
    if key.expires_at is not None and now >= key.expires_at:
        raise GatewayError("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")


def _check_nonce(platform: Platform, key: AccessKey, nonce: str, node: int, now: float) -> None:
    scope = platform.settings.nonce_scope
    if scope == "off":
        return
    owner = {
        "account": f"account {key.account}",
        "access-key": f"key {key.id}",
        "node": f"node {node}",
    }[scope]
    if not platform.store.use_nonce(owner, nonce, now, NONCE_WINDOW):
        raise GatewayError("SignatureNonceUsed", "Specified signature nonce was used already.")


def _required(values: dict[str, str], name: str, shown: str = "") -> str:
    value = values.get(name, "")
    if not value:
        raise missing(shown or name)
    return value


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())
