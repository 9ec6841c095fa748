"""Who may call an HTTP trigger: anonymous, or signed with ACS3-HMAC-SHA256 (authType function).

Source: "Configure signature authentication for an HTTP trigger".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ..errors import RequestRefused
from ..http_messages import HttpRequest
from ..template.model import HttpTrigger
from .acs3 import AccessKey, check


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Checks callers of triggers against one key pair; `enabled` False lets everybody in."""

    access_key: AccessKey
    enabled: bool = True

    def check(self, trigger: HttpTrigger, request: HttpRequest, now: float) -> None:
        """Let the request pass or raise RequestRefused; `now` in seconds since 1970."""
        if not self.enabled or trigger.auth_type == "anonymous":
            return
        if trigger.auth_type == "jwt":
            message = "authType jwt is not checked locally: start with --no-auth to let all in"
            raise RequestRefused(403, "AccessDenied", message)
        check(self.access_key, request, _digests(request), now)


def _digests(request: HttpRequest) -> tuple[str, ...]:
    """The body's digest; FC's own samples sign an empty one, so that is accepted as well."""
    real = hashlib.sha256(request.body).hexdigest()
    stated = request.header("x-acs-content-sha256")
    return (real,) if stated == real else ("", real)
