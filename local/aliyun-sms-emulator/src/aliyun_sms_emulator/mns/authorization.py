"""Checks the header `Authorization: MNS AccessKeyId:Signature` of the queue API.

The signature is HMAC-SHA1 over method, content headers, date, `x-mns-` headers and resource.
Source: https://help.aliyun.com/document_detail/27487.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime

from aliyun_sms_emulator.mns.answers import MnsError
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.tables.queue_tokens import QueueToken

_AUTHORIZATION = re.compile(r"MNS ([^:\s]+):(\S+)")
_DATE_SKEW = 900.0


def authorize(
    platform: Platform, method: str, resource: str, headers: Mapping[str, str], body: bytes
) -> QueueToken:
    """Check a call and return the temporary key it was made with; raises MnsError."""
    if "x-mns-version" not in headers:
        raise MnsError("MissingVersionHeader", "The x-mns-version header is required.")
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        code = "Invalid" if "authorization" in headers else "Missing"
        raise MnsError(f"{code}AuthorizationHeader", "Authorization: MNS AccessKeyId:Signature.")
    token = platform.store.tokens.find(match[1])
    if token is None:
        raise MnsError("InvalidAccessKeyId", "The AccessKey Id you provided is not exist.", 403)
    _check_date(platform, headers)
    _check_body(headers, body)
    text = string_to_sign(method, resource, headers)
    if not _same(mns_signature(text, token.access_key_secret), match[2]):
        raise MnsError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided."
            f" Check your key and signing method. String to sign: {text}",
            403,
        )
    if not _same(token.security_token, headers.get("security-token", "")):
        raise MnsError("AccessDenied", "The security-token header does not fit the key.", 403)
    if platform.request_time() >= token.expires_at:
        raise MnsError("AccessDenied", "The security token is expired.", 403)
    return token


def string_to_sign(method: str, resource: str, headers: Mapping[str, str]) -> str:
    """Build the text that is signed; `resource` is path and query as they were sent."""
    extra = "".join(
        f"{name}:{headers[name].strip()}\n" for name in sorted(headers) if name.startswith("x-mns-")
    )
    fixed = (headers.get(name, "") for name in ("content-md5", "content-type", "date"))
    return "\n".join((method, *fixed, f"{extra}{resource}"))


def mns_signature(text: str, access_key_secret: str) -> str:
    """Sign with HMAC-SHA1, base64."""
    digest = hmac.digest(access_key_secret.encode(), text.encode(), "sha1")
    return base64.b64encode(digest).decode()


def _check_date(platform: Platform, headers: Mapping[str, str]) -> None:
    if "date" not in headers:
        raise MnsError("MissingDateHeader", "The Date header is required.")
    try:
        moment = parsedate_to_datetime(headers["date"])
    except (ValueError, TypeError, IndexError) as error:
        raise MnsError("InvalidDateHeader", "The Date header format is invalid.") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    if abs(platform.request_time() - moment.timestamp()) > _DATE_SKEW:
        raise MnsError("TimeExpired", "The http request you sent is expired.", 408)


def _check_body(headers: Mapping[str, str], body: bytes) -> None:
    """Content-MD5 is the base64 of the hexadecimal digest, in the SDKs, or of the digest."""
    given = headers.get("content-md5")
    if given is None:
        return
    digest = hashlib.md5(body, usedforsecurity=False)
    accepted = (base64.b64encode(d) for d in (digest.hexdigest().encode(), digest.digest()))
    if given.encode("latin-1", "replace") not in accepted:
        raise MnsError("InvalidDegist", "The Content-MD5 you specified is invalid.")


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())
