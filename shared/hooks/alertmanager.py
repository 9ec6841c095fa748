"""Prometheus Alertmanager's webhook, version 4.

Source: prometheus/alertmanager, notify/webhook/webhook.go and template/template.go.
"""

import json
from collections.abc import Mapping
from typing import Any

from shared.errors import InvalidRequest
from shared.hooks.contract import FIRING, RESOLVED, Alarm, Alert, Hook, text_at, whole_characters

# What people call an alert, in this order.
_TEXTS = ("summary", "description", "message")
_MOST_LABELS = 64


def translate(hook: Hook) -> Alarm:
    """Return the alarm of a request."""
    return alarm_of(hook.json())


def alarm_of(body: Mapping[str, Any]) -> Alarm:
    """Return the alarm of a body in Alertmanager's form, which Grafana has, too.

    Raises InvalidRequest where it has no alerts.
    """
    entries = body.get("alerts")
    if not isinstance(entries, list):
        raise InvalidRequest("must be a list", field="alerts")
    alerts = [_alert(entry, body) for entry in entries if isinstance(entry, dict)]
    if not alerts:
        raise InvalidRequest("holds no alert", field="alerts")
    more = text_at(body, "truncatedAlerts")
    return Alarm(
        alerts=alerts,
        receiver=text_at(body, "receiver"),
        group=text_at(body, "groupKey"),
        more=int(more) if more.isascii() and more.isdigit() and len(more) < 7 else 0,
    )


def _alert(entry: Mapping[str, Any], body: Mapping[str, Any]) -> Alert:
    labels = {**_texts(body.get("commonLabels")), **_texts(entry.get("labels"))}
    notes = {**_texts(body.get("commonAnnotations")), **_texts(entry.get("annotations"))}
    state = text_at(entry, "status") or text_at(body, "status")
    # Alertmanager before 0.19, and what imitates it, has no fingerprint: the labels tell as much.
    name = text_at(entry, "fingerprint") or json.dumps(labels, sort_keys=True)
    return Alert(
        state=RESOLVED if state == "resolved" else FIRING,
        title=labels.get("alertname", ""),
        text=next((notes[name] for name in _TEXTS if notes.get(name)), ""),
        severity=labels.get("severity", ""),
        labels=labels,
        identity=f"{name} {text_at(entry, 'startsAt')}",
    )


def _texts(value: object) -> dict[str, str]:
    """Return the members of an object that are texts."""
    members = list(value.items())[:_MOST_LABELS] if isinstance(value, dict) else []
    return {
        whole_characters(name): whole_characters(text)
        for name, text in members
        if isinstance(text, str)
    }
