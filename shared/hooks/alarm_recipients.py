"""Who is told of an alarm, and of which of its alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared.errors import ConfigurationError
from shared.hooks.contract import FIRING, RESOLVED, Alarm, Alert
from shared.sending.scenes import AlarmScene, Scenes, Tell

if TYPE_CHECKING:
    from shared.hooks.products import Product


class Message(NamedTuple):
    """What one number is told: the alerts that concern it, those that fire first."""

    number: str
    scene: AlarmScene
    alerts: Sequence[Alert]

    def identity(self, group: str) -> list[str]:
        """Return words that tell it from any other message, and are the same in a repeat."""
        alerts = sorted(f"{alert.state} {alert.identity}" for alert in self.alerts)
        return [self.number, group, *alerts]


def messages_of(alarm: Alarm, product: Product, scenes: Scenes) -> list[Message]:
    """Return a message for each number that is told; none where nothing is to be told.

    The first alert that concerns a number chooses the scene of its message. Raises
    ConfigurationError where no alert has a scene, or all concern nobody.
    """
    scened = _with_scenes(alarm, product, scenes)
    told: dict[str, list[Alert]] = {}
    scene_of: dict[str, AlarmScene] = {}
    for alert, scene in scened:
        for number in _numbers(alarm, alert, scene):
            scene_of.setdefault(number, scene)
            told.setdefault(number, []).append(alert)
    if scened and not told:
        raise ConfigurationError(
            "scenes.json tells nobody of this alarm: no entry of `tell` has its receiver and "
            "labels; add one without conditions"
        )
    return [Message(number, scene_of[number], alerts) for number, alerts in told.items()]


def _with_scenes(alarm: Alarm, product: Product, scenes: Scenes) -> list[tuple[Alert, AlarmScene]]:
    """Return each alert with its scene, those that fire first; what is not told is left out.

    So is an alert that has no scene beside one that has: who wants critical ones alone gives a
    scene to these alone.
    """
    found = [
        (alert, scene)
        for alert in sorted(alarm.alerts, key=lambda alert: alert.state != FIRING)
        if (scene := scenes.alarm(f"{product.name}:{alert.severity}", product.name))
    ]
    if not found:
        raise ConfigurationError(
            f"scenes.json has no scene for alarms of {product.name}: add one to `alarms`, "
            "see docs/hooks.md"
        )
    return [(alert, scene) for alert, scene in found if alert.state != RESOLVED or scene.resolved]


def _numbers(alarm: Alarm, alert: Alert, scene: AlarmScene) -> list[str]:
    """Return the numbers that an alert concerns, each once.

    One that cannot be read concerns those who are told of everything, or all where there are none.
    """
    entries = [entry for entry in scene.tell if _concerns(entry, alarm, alert)]
    if alarm.is_unreadable and not entries:
        entries = list(scene.tell)
    return list(dict.fromkeys(number for entry in entries for number in entry.to))


def _concerns(entry: Tell, alarm: Alarm, alert: Alert) -> bool:
    if entry.receiver and entry.receiver != alarm.receiver:
        return False
    return all(alert.labels.get(name) == value for name, value in entry.labels.items())
