"""A small client that signs by the platform's pages, on its own and without the package's code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aliyun_sms_emulator import EmulatorClient

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def code(self) -> str:
        document = self.json
        return str(document.get("ResponseCode") or document["Code"])


def encode(text: str) -> str:
    return quote(text, safe="~")


def join(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{encode(n)}={encode(parameters[n])}" for n in sorted(parameters))


def utc_text(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def raw(
    emulator: EmulatorClient,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send exactly this; the Host header is left to `headers` where it is given."""
    headers = dict(headers or {})
    connection = http.client.HTTPConnection(emulator.endpoint, timeout=30)
    try:
        skip_host = any(name.lower() == "host" for name in headers)
        connection.putrequest(method, target, skip_host=skip_host, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, received, response.read())
    finally:
        connection.close()


@dataclass
class Client:
    """Calls one emulator as one key; `at` is the time requests carry (default: the real one)."""

    emulator: EmulatorClient
    key: str = "testid"
    secret: str = "testsecret"
    token: str = ""
    at: float | None = None

    def v1(
        self, action: str, parameters: Mapping[str, str], *, method: str = "POST", **common: str
    ) -> Reply:
        """Sign with HMAC-SHA1; `common` replaces common parameters, empty ones are left out."""
        values = {
            "Action": action,
            "Version": "2017-05-25",
            "Format": "JSON",
            "AccessKeyId": self.key,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": uuid.uuid4().hex,
            "Timestamp": utc_text(self.at or time.time()),
            "SecurityToken": self.token,
            **common,
        }
        values = {name: value for name, value in values.items() if value} | dict(parameters)
        text = f"{method}&%2F&{encode(join(values))}"
        digest = hmac.digest(f"{self.secret}&".encode(), text.encode(), "sha1")
        values.setdefault("Signature", base64.b64encode(digest).decode())
        if method == "GET":
            return raw(self.emulator, "GET", f"/?{join(values)}")
        return raw(self.emulator, method, "/", join(values).encode(), {"Content-Type": FORM})

    def v3(
        self,
        action: str,
        query: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        *,
        unsigned: Mapping[str, str] | None = None,
        method: str = "POST",
        **common: str,
    ) -> Reply:
        """Sign with HMAC-SHA256; `common` replaces headers (`_` for `-`), empty ones are left."""
        body = join(form).encode() if form else b""
        headers = self.headers(action, body)
        headers |= {name.replace("_", "-"): value for name, value in common.items()}
        headers = {name: value for name, value in headers.items() if value}
        authorization = self.authorization(method, join(query), headers, body)
        headers = {**headers, **(unsigned or {}), "authorization": authorization}
        target = f"/?{join(query)}" if query else "/"
        return raw(self.emulator, method, target, body, headers)

    def headers(self, action: str, body: bytes = b"") -> dict[str, str]:
        """The headers a V3 call signs; empty ones are not to be sent."""
        return {
            "host": self.emulator.endpoint,
            "x-acs-action": action,
            "x-acs-version": "2017-05-25",
            "x-acs-date": utc_text(self.at or time.time()),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-acs-security-token": self.token,
            "content-type": FORM if body else "",
        }

    def authorization(
        self,
        method: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> str:
        names = sorted(headers)
        lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
        payload = hashlib.sha256(body).hexdigest()
        signed = ";".join(names)
        canonical = f"{method}\n/\n{query}\n{lines}\n{signed}\n{payload}"
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self.secret.encode(), text.encode(), "sha256").hexdigest()
        return (
            f"ACS3-HMAC-SHA256 Credential={self.key},SignedHeaders={signed},Signature={signature}"
        )

    def send(self, number: str = "13800138000", **changes: str) -> Reply:
        """SendSms with a verification template; `changes` replace parameters, empty: left out."""
        parameters = {
            "PhoneNumbers": number,
            "SignName": "fc-sms",
            "TemplateCode": "SMS_100001",
            "TemplateParam": '{"code":"1234"}',
            **changes,
        }
        return self.v3("SendSms", {n: v for n, v in parameters.items() if v})

    def globe(self, action: str, **parameters: str) -> Reply:
        """An operation of the international API; empty parameters are left out."""
        query = {n: v for n, v in parameters.items() if v}
        return self.v3(action, query, x_acs_version="2018-05-01")

    def send_abroad(self, number: str = "85251234567", **changes: str) -> Reply:
        """SendMessageToGlobe; `changes` replace parameters, empty ones are left out."""
        return self.globe("SendMessageToGlobe", **{"To": number, "Message": "Hello", **changes})

    def notify(self, number: str = "13800138000", **changes: str) -> Reply:
        """SendSms with a notification template."""
        changes.setdefault("TemplateParam", '{"name":"Ann","order":"7"}')
        return self.send(number, TemplateCode="SMS_100002", **changes)
