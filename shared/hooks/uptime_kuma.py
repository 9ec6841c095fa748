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
    names = ("monitorID", "status", "time")
    beat = " ".join(text_at(body, "heartbeat", name) for name in names).strip()
    alert = Alert(
        state=RESOLVED if text_at(body, "heartbeat", "status") == _UP else FIRING,
        title=monitor or message,
        text=text,
        labels={"monitor": monitor} if monitor else {},
        identity=beat or f"{monitor} {text} {message}",
    )
    return Alarm(alerts=(alert,))
