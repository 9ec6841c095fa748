"""Who may call an HTTP trigger: anonymous, or signed with ACS3-HMAC-SHA256 (authType function).

Sources: "Configure signature authentication for an HTTP trigger" and
https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

from .errors import RequestRefused
from .http_trigger import HttpRequest
from .model import HttpTrigger

LOCAL_ACCESS_KEY = ("fc-stub-access-key-id", "fc-stub-access-key-secret")
_SKEW = 15 * 60
_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Checks callers of triggers against one key pair; `enabled` False lets everybody in."""

    access_key: tuple[str, str] = LOCAL_ACCESS_KEY
    enabled: bool = True

    def check(self, trigger: HttpTrigger, request: HttpRequest, now: float) -> None:
        """Let the request pass or raise RequestRefused; `now` in seconds since 1970."""
        if not self.enabled or trigger.auth_type == "anonymous":
            return
        if trigger.auth_type == "jwt":
            message = "authType jwt is not checked locally: start with --no-auth to let all in"
            raise RequestRefused(403, "AccessDenied", message)
        match = _AUTHORIZATION.fullmatch(request.header("authorization").strip())
        if match is None:
            raise _refused("MissingRequiredHeader", "sign the request with ACS3-HMAC-SHA256", 400)
        key_id, signed, signature = match.groups()
        if not hmac.compare_digest(key_id.encode(), self.access_key[0].encode()):
            raise _refused("InvalidAccessKeyID", "the access key id is not the stub's")
        _check_date(request.header("x-acs-date"), now)
        names = signed.lower().split(";")
        if "x-acs-date" not in names:
            raise _refused("SignatureNotMatch", "x-acs-date must be signed")
        if not any(
            hmac.compare_digest(signature, self._signature(request, names, digest))
            for digest in _digests(request)
        ):
            raise _refused("SignatureNotMatch", "the signature is not that of this request")

    def _signature(self, request: HttpRequest, names: list[str], digest: str) -> str:
        query = "&".join(
            f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
            for name, value in sorted(
                parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)
            )
        )
        headers = "".join(f"{name}:{request.header(name).strip()}\n" for name in names)
        canonical = "\n".join(
            (
                request.method,
                request.raw_path.decode("latin-1"),
                query,
                headers,
                ";".join(names),
                digest,
            )
        )
        hashed = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
        text = f"ACS3-HMAC-SHA256\n{hashed}".encode()
        return hmac.new(self.access_key[1].encode(), text, hashlib.sha256).hexdigest()


def _digests(request: HttpRequest) -> tuple[str, ...]:
    """The body's digest; FC's own samples sign an empty one, so that is accepted as well."""
    real = hashlib.sha256(request.body).hexdigest()
    stated = request.header("x-acs-content-sha256")
    return (real,) if stated == real else ("", real)


def _check_date(text: str, now: float) -> None:
    try:
        stamp = timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        raise _refused("InvalidArgument", "x-acs-date must be like 2026-01-31T12:00:00Z") from None
    if abs(now - stamp) > _SKEW:
        raise _refused("AccessDenied", "x-acs-date is more than 15 minutes off")


def _refused(code: str, message: str, status: int = 403) -> RequestRefused:
    return RequestRefused(status, code, message)
