"""Requests of two products for the demo: a signed code of Supabase, an alarm of Alertmanager."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

from tools.languages import own

SUPABASE_NUMBER, TOLD_NUMBER = "13800138004", "13800138005"


def scenes() -> dict[str, Any]:
    """Return the scene of the alarm, in the reader's language: its template and who is told."""
    words = {"firing": own("firing", "触发"), "resolved": own("over", "恢复")}
    return {
        "alarms": {
            "alertmanager": {
                "template_code": own("SMS_100008", "SMS_100007"),
                "variables": {"name": "title", "severity": "severity", "state": "state"},
                "words": words,
                "tell": [{"to": [f"+86{TOLD_NUMBER}"]}],
            }
        }
    }


def supabase_request(secret: str) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of the hook "Send SMS", signed as Supabase does.

    `secret` is what its dashboard shows: ``v1,whsec_`` and base64.
    """
    body = json.dumps(
        {
            "metadata": {"uuid": f"demo-{time.time_ns()}", "name": "send-sms"},
            "sms": {"otp": "561166", "phone": f"86{SUPABASE_NUMBER}"},
        }
    ).encode()
    key = base64.b64decode(secret.partition("whsec_")[2])
    now = str(int(time.time()))
    digest = hmac.digest(key, f"demo.{now}.".encode() + body, "sha256")
    return body, {
        "Content-Type": "application/json",
        "webhook-id": "demo",
        "webhook-timestamp": now,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def alertmanager_body() -> dict[str, Any]:
    """Return the body of a notification of Alertmanager."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "InstanceDown", "severity": "critical", "instance": "web-1"},
        "annotations": {"summary": "web-1 does not answer"},
        "startsAt": "2026-11-30T10:00:00.000Z",
        "fingerprint": "2f0bd2f3f0e6b1a7",
    }
    return {"version": "4", "receiver": "fc-sms", "groupKey": "{}", "alerts": [alert]}
