"""What an alarm says, in the variables of a template or in a text for abroad."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import ConfigurationError, InvalidRequest
from shared.hooks.cleaning import cleaned
from shared.phone_numbers import anywhere
from shared.sending import mainland
from shared.sending.intents import Defaults, Intent
from shared.sending.scenes import LABEL, SOURCES
from shared.sending.template_values import LONGEST_VALUE

if TYPE_CHECKING:
    from shared.hooks.alarm_recipients import Message
    from shared.sending.scenes import AlarmScene

_LONGEST_TEXT = 120  # characters that one text takes in a message abroad
_PLACE = re.compile(r"\{([a-z_]+|label:[^{}]+)\}")
_WORDS = {"firing": "firing", "resolved": "resolved", "no-data": "no data"}


class Frame(NamedTuple):
    """What is said of a whole alarm: its receiver, and the alerts that its product left out.

    `left_out` messages to the same number were held back by a limit before.
    """

    receiver: str
    more: int
    left_out: int


class Sender(NamedTuple):
    """Whose out_id a message has, and the signature if its scene has none."""

    out_id: str
    space: str
    sign_name: str


def alarm_intent(message: Message, frame: Frame, sender: Sender) -> Intent:
    """Return the intent that tells one number of an alarm.

    Raises ConfigurationError when its scene has nothing for a number of that kind.
    """
    values = _values(message, frame)
    defaults = Defaults(sender.space, sender.sign_name)
    try:
        if anywhere(message.number, "to").is_mainland:
            body = {**_body_at_home(message, values), "out_id": sender.out_id}
            return mainland.read_intent(body, "", defaults)
        from shared.sending import international

        body = {**_body_abroad(message, values), "out_id": sender.out_id}
        return international.read_intent(body, "", defaults)
    except InvalidRequest as error:
        raise ConfigurationError(f"an alarm cannot be sent as scenes.json says: {error}") from None


def _values(message: Message, frame: Frame) -> dict[str, str]:
    """Return what each source of a scene says, as the product wrote it."""
    first = message.alerts[0]
    words = {**_WORDS, **message.scene.words}
    return {
        "title": first.title,
        "text": first.text,
        "state": words[first.state],
        "count": str(len(message.alerts) + frame.more),
        "severity": first.severity,
        "receiver": frame.receiver,
        "left_out": str(frame.left_out),
        **{f"{LABEL}{name}": value for name, value in first.labels.items()},
    }


def _template_body(message: Message, values: dict[str, str], template_code: str) -> dict[str, Any]:
    """Return a request with a template, at home or abroad."""
    scene = message.scene
    body: dict[str, Any] = {
        "phone_numbers": message.number,
        "template_code": template_code,
        "template_param": _variables(message, values),
    }
    return {**body, "sign_name": scene.sign_name} if scene.sign_name else body


def _body_at_home(message: Message, values: dict[str, str]) -> dict[str, Any]:
    template_code = message.scene.template_code
    if not template_code:
        raise ConfigurationError(
            "this alarm's scene in scenes.json has no template_code, which numbers of the mainland "
            "need"
        )
    return _template_body(message, values, template_code)


def _variables(message: Message, values: dict[str, str]) -> dict[str, str]:
    """Return the template's variables, each cleaned and cut to what it takes."""
    scene = message.scene
    param = {}
    said = f" +{values['left_out']}"
    tail_at = _place_of_tail(message, values, room=len(said) + 1)
    for name, source in scene.variables.items():
        tail = said if name == tail_at else ""
        room = _longest(scene, name) - len(tail)
        param[name] = cleaned(values.get(source, ""), scene.word, room) + tail
    return param


def _place_of_tail(message: Message, values: dict[str, str], *, room: int) -> str:
    """Return the variable that also says how many were left out, "" where none has to.

    It takes `room` characters at least: what is longer than a template takes would be refused.
    """
    sources = message.scene.variables
    if values["left_out"] == "0" or "left_out" in sources.values():
        return ""
    fitting = [name for name in sources if _longest(message.scene, name) >= room]
    long_ones = [name for name in fitting if sources[name] in ("title", "text")]
    return next(iter([*long_ones, *fitting]), "")


def _longest(scene: AlarmScene, name: str) -> int:
    return scene.longest.get(name, LONGEST_VALUE)


def _body_abroad(message: Message, values: dict[str, str]) -> dict[str, Any]:
    scene = message.scene
    if scene.international_template_code:
        return _template_body(message, values, scene.international_template_code)
    if not scene.message:
        raise ConfigurationError(
            "this alarm's scene in scenes.json has no message and no international_template_code, "
            "one of which numbers abroad need"
        )
    text = _PLACE.sub(lambda place: _said(place[1], message, values), scene.message)
    if values["left_out"] != "0" and "{left_out}" not in scene.message:
        text += f" +{values['left_out']}"
    body: dict[str, Any] = {"phone_numbers": message.number, "message": text, "type": "NOTIFY"}
    return {**body, "sender_id": scene.sender_id} if scene.sender_id else body


def _said(source: str, message: Message, values: dict[str, str]) -> str:
    if source not in SOURCES and not source.startswith(LABEL):
        return "{" + source + "}"
    return cleaned(values.get(source, ""), message.scene.word, _LONGEST_TEXT)
