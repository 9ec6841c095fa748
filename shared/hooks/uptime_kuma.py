"""Uptime Kuma's notification "Webhook": ``{"heartbeat", "monitor", "msg"}``.

Source: louislam/uptime-kuma, server/notification-providers/webhook.js. The button "Test" sends
null for heartbeat and monitor.
"""

from shared.errors import InvalidRequest
from shared.hooks.contract import FIRING, RESOLVED, Alarm, Alert, Hook, text_at

_UP = "1"


def translate(hook: Hook) -> Alarm:
    """Return the alarm of a request; its monitor is the title."""
    body = hook.json()
    message = text_at(body, "msg")
    if "heartbeat" not in body and not message:
        raise InvalidRequest("is missing", field="msg")
    text = text_at(body, "heartbeat", "msg") or message
    monitor = text_at(body, "monitor", "name")
    alert = Alert(
        state=RESOLVED if text_at(body, "heartbeat", "status") == _UP else FIRING,
        title=monitor or message,
        text=text,
        labels={"monitor": monitor} if monitor else {},
        identity=" ".join(
            text_at(body, "heartbeat", name) for name in ("monitorID", "status", "time")
        ),
    )
    return Alarm(alerts=(alert,), group=message if not monitor else "")
