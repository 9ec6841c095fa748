"""The official SDK alibabacloud_dysmsapi20170525 with one client, as its documentation shows."""

from __future__ import annotations

import json
import os

from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import SendSmsRequest
from alibabacloud_tea_openapi.models import Config

_protocol, _, _host = os.environ["SMS_ENDPOINT"].partition("://")
CLIENT = Client(
    Config(
        access_key_id=os.environ["SMS_ACCESS_KEY_ID"],
        access_key_secret=os.environ["SMS_ACCESS_KEY_SECRET"],
        endpoint=_host,
        protocol=_protocol,
        ca=os.environ["REQUESTS_CA_BUNDLE"] if _protocol == "https" else None,
    )
)


def send(number: str) -> None:
    """Send one SMS; raise unless it is accepted."""
    answer = CLIENT.send_sms(
        SendSmsRequest(
            phone_numbers=number,
            sign_name="fc-sms",
            template_code="SMS_100002",
            template_param=json.dumps({"name": "Li", "order": "A-17"}),
        )
    )
    if answer.body.code != "OK":
        raise RuntimeError(answer.body.code)
