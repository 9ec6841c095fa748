"""A small client of a running stub: InvokeFunction and what lies below /stub/.

Source: https://www.alibabacloud.com/help/en/functioncompute/fc/developer-reference/api-fc-2023-03-30-invokefunction;
its headers as the official SDK sends them, signed where the stub's key pair is known.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import quote

from ..errors import ConfigurationError, NotRunning
from ..http_messages import HttpRequest
from ..web.acs3 import AccessKey, signature
from ..web.ports import DEFAULT_API

_ADDRESS = re.compile(r"https?://[\w.-]+(:\d{1,5})?/?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?/?")
_TIMEOUT = 86_400.0  # the longest a function may run


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the control port; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        """The id of the invocation."""
        return self.headers.get("x-fc-request-id", "")

    @property
    def error_type(self) -> str:
        """X-Fc-Error-Type, empty if the function succeeded."""
        return self.headers.get("x-fc-error-type", "")

    @property
    def log(self) -> str:
        """The end of the function's log."""
        return base64.b64decode(self.headers.get("x-fc-log-result", "")).decode("utf-8", "replace")

    def message(self) -> str:
        """What an error answer says."""
        try:
            error = json.loads(self.body)
            return f"{error['Code']}: {error['Message']}"
        except (ValueError, KeyError, TypeError):
            return f"answered {self.status}; is it the API of a running fc-stub?"


class ControlClient:
    """Talks to one running stub; raises NotRunning if it cannot be reached."""

    def __init__(self, api: str) -> None:
        if not _ADDRESS.fullmatch(api):
            raise ConfigurationError(f"must be an address such as {DEFAULT_API}", "--api")
        self._api = api.rstrip("/")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def invoke(
        self, function: str, event: bytes, *, access_key: AccessKey | None, asynchronous: bool
    ) -> Reply:
        """Invoke a function; asynchronous ones answer 202 with the request id.

        `access_key` signs the call, as `fc-stub serve` asks for; `fc-stub start` does not.
        """
        headers = {
            "Content-Type": "application/octet-stream",
            "X-Fc-Invocation-Type": "Async" if asynchronous else "Sync",
            "X-Fc-Log-Type": "None" if asynchronous else "Tail",
            "x-acs-action": "InvokeFunction",
            "x-acs-version": "2023-03-30",
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-content-sha256": hashlib.sha256(event).hexdigest(),
        }
        path = f"/2023-03-30/functions/{quote(function, safe='')}/invocations"
        if access_key is not None:
            headers["Authorization"] = _authorization(access_key, path, headers)
        return self._open(urllib.request.Request(self._api + path, event, headers))  # noqa: S310

    def invocation(self, request_id: str) -> Any:
        """Return what is known of an invocation: `pending` and its finished `attempts`."""
        return self._read(f"/stub/invocations/{quote(request_id, safe='')}")

    def status(self) -> Any:
        """Return what the stub is doing."""
        return self._read("/stub/status")

    def _read(self, path: str) -> Any:
        reply = self._open(urllib.request.Request(self._api + path))  # noqa: S310
        if reply.status != 200:
            raise ConfigurationError(reply.message(), self._api)
        return json.loads(reply.body)

    def _open(self, request: urllib.request.Request) -> Reply:
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as answer:
                return _reply(answer)
        except urllib.error.HTTPError as error:
            with error:
                return _reply(error)
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            reason = getattr(reason, "strerror", None) or reason
            raise NotRunning(
                f"{self._api}: cannot be reached ({reason}): start it with fc-stub start, or name "
                "it with --api"
            ) from None


def _authorization(key: AccessKey, path: str, headers: Mapping[str, str]) -> str:
    signed = {name: value for name, value in headers.items() if name.startswith("x-acs-")}
    names = sorted(signed)
    listed = [(name.encode(), signed[name].encode()) for name in names]
    request = HttpRequest("POST", path.encode(), path, b"", listed, b"", "")
    text = signature(key.secret, request, names, headers["x-acs-content-sha256"])
    credential = f"Credential={key.id},SignedHeaders={';'.join(names)},Signature={text}"
    return f"ACS3-HMAC-SHA256 {credential}"


def _reply(answer: Any) -> Reply:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(answer.status, headers, answer.read())
