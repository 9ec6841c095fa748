"""Sends to an emulator, signed with V1; one step of the signing can be done wrongly."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import quote

from aliyun_sms_emulator import SmsEmulator

TEMPLATES = {
    "SMS_100001": {"code": "482913"},
    "SMS_100002": {"name": "Ann", "order": "7001"},
    "SMS_100003": {"code": "731046"},
}


def percent_encode(text: str) -> str:
    return quote(text, safe="~")


def send(
    emulator: SmsEmulator,
    number: str,
    template: str = "SMS_100001",
    values: dict[str, str] | None = None,
    *,
    sign_name: str = "阿里云短信测试",
    out_id: str = "",
    encode: Callable[[str], str] = percent_encode,
) -> str:
    """Call SendSms; returns the answer's code. `encode` is what values are signed with."""
    parameters = {
        "Action": "SendSms",
        "Version": "2017-05-25",
        "PhoneNumbers": number,
        "SignName": sign_name,
        "TemplateCode": template,
        "TemplateParam": json.dumps(values or TEMPLATES[template], ensure_ascii=False),
    }
    if out_id:
        parameters["OutId"] = out_id
    return str(_call(emulator, parameters, encode)["Code"])


def send_text(emulator: SmsEmulator, number: str, text: str) -> str:
    """Call SendMessageToGlobe; returns the answer's code."""
    parameters = {
        "Action": "SendMessageToGlobe",
        "Version": "2018-05-01",
        "To": number,
        "Message": text,
    }
    return str(_call(emulator, parameters, percent_encode)["ResponseCode"])


def signed_query(
    emulator: SmsEmulator,
    parameters: dict[str, str],
    method: str = "GET",
    encode: Callable[[str], str] = percent_encode,
) -> str:
    """Sign a call whose parameters stand in the query; returns it. `encode` is as in `send`."""
    parameters = {
        **parameters,
        "Format": "JSON",
        "AccessKeyId": emulator.access_key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    text = "&".join(f"{encode(n)}={encode(parameters[n])}" for n in sorted(parameters))
    key = f"{emulator.access_key_secret}&".encode()
    digest = hmac.digest(key, f"{method}&%2F&{encode(text)}".encode(), "sha1")
    parameters["Signature"] = base64.b64encode(digest).decode()
    return "&".join(f"{n}={percent_encode(v)}" for n, v in parameters.items())


def _call(
    emulator: SmsEmulator, parameters: dict[str, str], encode: Callable[[str], str]
) -> dict[str, object]:
    body = signed_query(emulator, parameters, "POST", encode)
    connection = HTTPConnection(emulator.endpoint)
    try:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/", body, form)
        answer: dict[str, object] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()
