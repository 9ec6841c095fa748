"""Alibaba Cloud CloudMonitor's callback of an alert rule: a form, and in older times JSON.

Sources: document 60714; the older sample calls the state ALARM. What is absent may stand there as
the text ``null``.
"""

from collections.abc import Mapping
from typing import Any

from shared.errors import InvalidRequest
from shared.hooks.contract import FIRING, NO_DATA, RESOLVED, Alarm, Alert, Hook, text_at

_STATES = {
    "OK": RESOLVED,
    "ALERT": FIRING,
    "ALARM": FIRING,
    "INSUFFICIENT_DATA": NO_DATA,
}
_LABELS = ("instanceName", "metricName", "namespace", "metricProject", "regionId", "groupId")
_IDENTITY = ("transId", "ruleId", "alertName", "dimensions", "alertState", "timestamp")


def translate(hook: Hook) -> Alarm:
    """Return the alarm of a request; `triggerLevel`, such as CRITICAL, is its severity."""
    is_json = hook.body.lstrip()[:1] == b"{" and not hook.is_form
    body: Mapping[str, Any] = hook.json() if is_json else hook.form()
    state = _STATES.get(_said(body, "alertState"))
    if state is None:
        raise InvalidRequest("must be one of OK, ALERT, INSUFFICIENT_DATA", field="alertState")
    labels = {name: _said(body, name) for name in _LABELS}
    alert = Alert(
        state=state,
        title=_said(body, "alertName") or labels["metricName"],
        text=" ".join(filter(None, (labels["instanceName"], _value(body)))),
        severity=_said(body, "triggerLevel").lower(),
        labels={name: value for name, value in labels.items() if value},
        identity=" ".join(_said(body, name) for name in _IDENTITY),
    )
    return Alarm(alerts=(alert,))


def _value(body: Mapping[str, Any]) -> str:
    return f"{_said(body, 'curValue')}{_said(body, 'unit')}"


def _said(body: Mapping[str, Any], name: str) -> str:
    text = text_at(body, name)
    return "" if text == "null" else text
