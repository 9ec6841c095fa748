"""`POST /api/messages`: send one SMS, as the page's form does.

The call is signed here, with a key of the configuration, and processed as any client's: it counts
for the limits and stands in the log of requests. Only faults on demand do not meet it.
"""

from __future__ import annotations

import json
import time
import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.parameters import json_object, whole_characters
from aliyun_sms_emulator.faults.plan import Encounter
from aliyun_sms_emulator.gateway.exchange import Exchange, Processor
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.wire.leniency import Leniency
from aliyun_sms_emulator.wire.request import WireRequest, parse_request
from aliyun_sms_emulator.wire.signatures import (
    percent_encode,
    rpc_signature,
    rpc_string_to_sign,
)

_TEXTS = ("phone_number", "template_code", "sign_name", "out_id")
_FIELDS = (*_TEXTS, "template_param")


class SendApi:
    """Sends to one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._processor = Processor(platform)

    async def send(self, request: Request) -> JSONResponse:
        """Send one SMS; answers what the platform answered."""
        document = whole_characters(await json_object(request))
        call = self._signed(_parameters(document), request.headers["host"])
        exchange = Exchange(call, Encounter(node=0), Leniency(self._platform.settings.strict))
        answer = self._processor.process(exchange, self._platform.clock.now())
        return JSONResponse(
            {
                "code": answer.code,
                "message": answer.fields.get("Message", ""),
                "biz_id": answer.fields.get("BizId", ""),
                "request_id": exchange.request_id,
            }
        )

    def _signed(self, parameters: dict[str, str], host: str) -> WireRequest:
        keys = list(self._platform.config.access_keys.values())
        key = next((key for key in keys if key.status == "active"), keys[0])
        seconds = time.gmtime(self._platform.request_time())
        parameters |= {
            "Action": "SendSms",
            "Version": "2017-05-25",
            "Format": "JSON",
            "AccessKeyId": key.id,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": uuid.uuid4().hex,
            "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", seconds),
        }
        if key.security_token:
            parameters["SecurityToken"] = key.security_token
        text = rpc_string_to_sign("POST", parameters)
        parameters["Signature"] = rpc_signature(text, key.secret)
        body = "&".join(f"{name}={percent_encode(value)}" for name, value in parameters.items())
        return parse_request("POST", "/", [(b"host", host.encode())], b"", body.encode())


def _parameters(document: dict[str, object]) -> dict[str, str]:
    """Check what is to be sent; returns it as parameters of SendSms."""
    for key in document:
        if key not in _FIELDS:
            raise ApiError(f"unknown field; known are {', '.join(_FIELDS)}", field=key)
    texts = {name: document.get(name, "") for name in _TEXTS}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise ApiError("must be a string", field=name)
    values = document.get("template_param", {})
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise ApiError("must be an object of strings", field="template_param")
    parameters = {
        "PhoneNumbers": str(texts["phone_number"]),
        "SignName": str(texts["sign_name"]),
        "TemplateCode": str(texts["template_code"]),
        "TemplateParam": json.dumps(values),
        "OutId": str(texts["out_id"]),
    }
    return {name: value for name, value in parameters.items() if value}
