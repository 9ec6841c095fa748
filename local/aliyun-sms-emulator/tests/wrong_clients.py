"""Clients that sign wrongly, each in one way that is seen in the wild, with code of their own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, urlencode

from aliyun_sms_emulator import EmulatorClient
from signing_client import FORM, Client, Reply, encode, join, raw, utc_text

AWKWARD = {
    "PhoneNumbers": "13800138000",
    "SignName": "阿里云短信测试",
    "TemplateCode": "SMS_100001",
    "TemplateParam": '{"code":"12 ab"}',
    "OutId": "a*b~c/d'e(f)!:",
}


def java(text: str) -> str:
    """What java.net.URLEncoder makes of a text."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def javascript(text: str) -> str:
    """What encodeURIComponent makes of a text."""
    return quote(text, safe="-_.~!*'()")


@dataclass
class WrongV1:
    """Signs with V1; every field is one step, right by default."""

    emulator: EmulatorClient
    secret: str = "testsecret"
    method: str = "POST"
    signed_method: str = ""
    parameters: Mapping[str, str] = field(default_factory=lambda: AWKWARD)
    inner: Callable[[str], str] = encode
    outer: Callable[[str], str] = encode
    order: Callable[[list[str]], list[str]] = sorted
    suffix: str = "&"
    unsigned: tuple[str, ...] = ()
    signed_time: float = 0
    digest: str = "sha1"
    prefix: str = "&%2F&"
    write: Callable[[bytes], str] = lambda digest: base64.b64encode(digest).decode()
    write_query: Callable[[Mapping[str, str]], str] = join
    common: Mapping[str, str] = field(default_factory=dict)

    def send(self) -> Reply:
        now = time.time()
        values = {
            **self.parameters,
            "Version": "2017-05-25",
            "Action": "SendSms",
            "Format": "JSON",
            "AccessKeyId": "testid",
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": uuid.uuid4().hex,
            "Timestamp": utc_text(now),
            **self.common,
        }
        signed = {**values, "Timestamp": utc_text(now + self.signed_time)}
        if self.common.get("Timestamp"):
            signed = dict(values)
        names = self.order([name for name in signed if name not in self.unsigned])
        text = "&".join(f"{self.inner(n)}={self.inner(signed[n])}" for n in names)
        text = f"{self.signed_method or self.method}{self.prefix}{self.outer(text)}"
        key = f"{self.secret}{self.suffix}".encode()
        values["Signature"] = self.write(hmac.digest(key, text.encode(), self.digest))
        if self.method == "GET":
            return raw(self.emulator, "GET", f"/?{self.write_query(values)}")
        body = self.write_query(values).encode()
        return raw(self.emulator, "POST", "/", body, {"Content-Type": FORM})


def unsorted(values: Mapping[str, str]) -> str:
    """A query in the order in which the parameters were set."""
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in values.items())


def form_pairs(values: Mapping[str, str]) -> str:
    """A query whose signature alone was not encoded."""
    rest = {name: value for name, value in values.items() if name != "Signature"}
    return f"{urlencode(rest)}&Signature={values['Signature']}"


@dataclass
class WrongV3:
    """Signs with V3; every field is one step, right by default."""

    emulator: EmulatorClient
    secret: str = "testsecret"
    method: str = "POST"
    signed_method: str = ""
    query: Mapping[str, str] = field(default_factory=lambda: AWKWARD)
    form: Mapping[str, str] = field(default_factory=dict)
    encode: Callable[[str], str] = encode
    order: Callable[[list[str]], list[str]] = sorted
    signs_query: bool = True
    sent_headers: Mapping[str, str] = field(default_factory=dict)
    signed_headers: Mapping[str, str] = field(default_factory=dict)
    line_order: Callable[[list[str]], list[str]] = sorted
    payload: str | None = None
    payload_header: str | None = None
    blank_line: str = "\n"
    hashes_canonical: bool = True
    algorithm_line: str = "ACS3-HMAC-SHA256\n"
    path: str = "/"
    upper: bool = False
    write: Callable[[bytes], str] = bytes.hex
    write_query: Callable[[Mapping[str, str]], str] = join

    def send(self) -> Reply:
        body = join(self.form).encode()
        client = Client(self.emulator)
        headers = {n: v for n, v in client.headers("SendSms", body).items() if v}
        headers |= self.sent_headers
        right_hash = hashlib.sha256(body).hexdigest()
        payload = right_hash if self.payload is None else self.payload
        if self.payload_header is not None:
            headers["x-acs-content-sha256"] = self.payload_header
        names = sorted(headers)
        signed = {**headers, **self.signed_headers}
        lines = "\n".join(f"{n}:{signed[n]}" for n in self.line_order(list(headers)))
        query_names = self.order(list(self.query)) if self.signs_query else []
        query = "&".join(f"{n}={self.encode(self.query[n])}" for n in query_names)
        canonical = "\n".join(
            (
                self.signed_method or self.method,
                self.path,
                query,
                lines + self.blank_line,
                ";".join(names),
                payload,
            )
        )
        text = hashlib.sha256(canonical.encode()).hexdigest()
        text = self.algorithm_line + (text if self.hashes_canonical else canonical)
        signature = self.write(hmac.digest(self.secret.encode(), text.encode(), "sha256"))
        headers["authorization"] = (
            f"ACS3-HMAC-SHA256 Credential=testid,SignedHeaders={';'.join(names)},"
            f"Signature={signature.upper() if self.upper else signature}"
        )
        return raw(self.emulator, self.method, f"/?{self.write_query(self.query)}", body, headers)
