"""The temporary bucket: a token for one object, and the object's upload by the OSS SDK.

Sources: GET /2016-08-15/tempBucketToken and its signature as npm @alicloud/fc2 2.6.6 sends it, the
upload as npm ali-oss 6.18.1 does; both are what the fc3 component calls. The token is what lets an
upload in; the OSS signature beside it, made with the secret that came with the token, is not looked
at.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
from email.utils import parsedate_to_datetime
from typing import Any
from xml.sax.saxutils import escape

from starlette.types import Receive

from ..account import ACCOUNT_ID
from ..errors import RequestRefused
from ..http_messages import HttpRequest, HttpResponse
from ..package.unpacking import MAX_PACKAGE
from ..web.acs3 import AccessKey, check_key_id
from ..web.request_body import pieces
from .deployments import Deployments
from .store import Store

# A deployer that FC_CODE_TEMP_OSS_ENDPOINT does not reach uploads to the real OSS. No bucket there
# can have this name: names begin and end with a letter or a digit ("Bucket naming conventions").
BUCKET = "_fc-stub-temp_"
TOKEN_PATH = "/2016-08-15/tempBucketToken"  # noqa: S105
_AUTHORIZATION = re.compile(r"FC ([^:\s]+):([A-Za-z0-9+/=]+)")
_OBJECT = re.compile(rf"/(?:{BUCKET}/)?(\d{{1,32}})/([0-9a-f]{{32}})")
_SKEW = 15 * 60
_LIFETIME = 3600


def check_token_call(key: AccessKey, request: HttpRequest, now: float) -> None:
    """Check the signature of API version 2016-08-15; raises RequestRefused."""
    match = _AUTHORIZATION.fullmatch(request.header("authorization").strip())
    if match is None:
        raise RequestRefused(400, "MissingRequiredHeader", "sign the request with an access key")
    check_key_id(key, match[1])
    date = request.header("date")
    try:
        moment = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        raise RequestRefused(403, "InvalidArgument", "date must be an HTTP date") from None
    if abs(now - moment) > _SKEW:
        raise RequestRefused(403, "AccessDenied", "date is more than 15 minutes off")
    own = sorted(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in request.headers
        if name.startswith(b"x-fc-")
    )
    parts = [request.method, request.header("content-md5"), request.header("content-type"), date]
    text = "\n".join(parts) + "\n" + "".join(f"{name}:{value}\n" for name, value in own)
    text += request.raw_path.decode("latin-1")
    digest = hmac.new(key.secret.encode(), text.encode("latin-1"), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest).decode(), match[2]):
        raise RequestRefused(403, "SignatureNotMatch", "the signature is not that of this request")


def _check_account(account: str) -> None:
    if account != ACCOUNT_ID:
        message = f"the account {account!r} is not that of fc-stub: set AccountID={ACCOUNT_ID}"
        raise RequestRefused(403, "AccessDenied", message)


class Uploads:
    """Hands out tokens and takes the objects they are for. A token ends with the process."""

    def __init__(self, store: Store, deployments: Deployments) -> None:
        self._store = store
        self._deployments = deployments
        self._key = secrets.token_bytes(32)

    def token(self, account: str) -> dict[str, Any]:
        """Return the answer of tempBucketToken; refuse an account that is not the stub's."""
        _check_account(account)
        name = secrets.token_hex(16)
        expires = int(time.time()) + _LIFETIME
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
        return {
            "credentials": {
                "AccessKeyId": f"STS.{secrets.token_hex(8)}",
                "AccessKeySecret": secrets.token_hex(16),
                "SecurityToken": self._security_token(name, expires),
                "Expiration": moment,
            },
            "ossRegion": f"oss-{self._deployments.region}",
            "ossBucket": BUCKET,
            "objectName": name,
        }

    def _security_token(self, name: str, expires: int) -> str:
        text = f"{name}.{expires}"
        return f"{text}.{hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()}"

    async def take(self, request: HttpRequest, receive: Receive) -> HttpResponse:
        """Answer PutObject; the object is on disk when this returns."""
        match = _OBJECT.fullmatch(request.path)
        name, expires = self._checked(request.header("x-oss-security-token"))
        if match is None or match[2] != name:
            raise RequestRefused(403, "AccessDenied", "the token is for another object")
        _check_account(match[1])
        if time.time() > expires:
            raise RequestRefused(403, "SecurityTokenExpired", "the token is over an hour old")
        incoming = self._store.incoming()
        try:
            async for piece in pieces(receive):
                if incoming.size <= MAX_PACKAGE:
                    await asyncio.to_thread(incoming.add, piece)
            if incoming.size > MAX_PACKAGE:
                raise RequestRefused(400, "EntityTooLarge", "a code package is at most 500 MB")
            async with self._deployments.alone():  # a change removes packages that have no name
                package = await asyncio.to_thread(incoming.finish)
                await asyncio.to_thread(self._store.upload, name, package)
        finally:
            incoming.discard()
        checksum = package.checksum.encode()
        return HttpResponse(200, [(b"x-oss-hash-crc64ecma", checksum)], b"")

    def _checked(self, token: str) -> tuple[str, int]:
        name, _, rest = token.partition(".")
        expires = rest.partition(".")[0]
        if not re.fullmatch(r"\d{1,12}", expires, re.ASCII) or not hmac.compare_digest(
            self._security_token(name, int(expires)).encode(), token.encode()
        ):
            raise RequestRefused(403, "InvalidSecurityToken", "the token is not of this stub")
        return name, int(expires)


def oss_error(error: RequestRefused, request_id: str) -> HttpResponse:
    """Return an error in the form of OSS."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error>'
        f"<Code>{escape(error.code)}</Code><Message>{escape(str(error))}</Message>"
        f"<RequestId>{escape(request_id)}</RequestId></Error>"
    )
    headers = [(b"content-type", b"application/xml"), (b"x-oss-request-id", request_id.encode())]
    return HttpResponse(error.status, headers, text.encode())
