"""Grafana Alerting's contact point "Webhook": Alertmanager's form, and a little more.

Source: grafana/alerting, receivers/webhook/v1/webhook.go.
"""

from shared.hooks.alertmanager import alarm_of
from shared.hooks.contract import NO_DATA, Alarm, Alert, Hook

_NO_DATA_ALERTS = ("DatasourceNoData", "DatasourceError")


def translate(hook: Hook) -> Alarm:
    """Return the alarm of a request."""
    alarm = alarm_of(hook.json())
    return alarm._replace(alerts=[_with_rule(alert) for alert in alarm.alerts])


def _with_rule(alert: Alert) -> Alert:
    """Return an alert of a missing data source with the name of its rule, which is a label."""
    if alert.title not in _NO_DATA_ALERTS:
        return alert
    return alert._replace(
        title=alert.labels.get("rulename", alert.title),
        state=NO_DATA if alert.state != "resolved" else alert.state,
    )
