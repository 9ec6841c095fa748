"""Scenes: which template, signature and variables belong to what is sent.

They stand in a file of the package, shared/scenes.json, because Function Compute allows all
variables of a function 4 KB. docs/scenes.example.json has one of each kind. Without the file codes
are sent as SMS_CODE_* say.

    {"codes": {"purpose:login": {"template_code": "SMS_100000001"},
               "supabase": {"template_code": "SMS_100000002", "variable": "code"}},
     "alarms": {"*": {"template_code": "SMS_100000003", "variables": {"name": "title"},
                      "tell": [{"to": ["+8613800138000"]}]}}}
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from shared import environment, forms
from shared.errors import ConfigurationError, InvalidRequest
from shared.fields import parse_json, why_no_json
from shared.phone_numbers import anywhere
from shared.sending.template_values import LONGEST_VALUE
from shared.settings import CodeSettings

SCENES_FILE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "scenes.json")
EVERY_ALARM = "*"
STATES = ("firing", "resolved", "no-data")
# What an alarm can say; ``label:team`` is one of its labels.
SOURCES = ("title", "text", "state", "count", "severity", "receiver", "left_out")
LABEL = "label:"
_KEY = re.compile(r"(?:purpose:[A-Za-z0-9_.-]{1,32}|[a-z0-9-]{1,40}(?::[A-Za-z0-9_.-]{1,64})?)")
_FORMS = {
    "template_code": forms.ANY_TEMPLATE,
    "international_template_code": forms.ANY_TEMPLATE,
    "variable": forms.VARIABLE,
    "sign_name": forms.SIGNATURE,
    "sender_id": forms.SENDER,
    "message": forms.MESSAGE,
    "word": forms.WORD,
}
_ABROAD = ("international_template_code", "message", "sender_id")
_CODE_MEMBERS = ("template_code", "sign_name", "variable", *_ABROAD)
_ALARM_MEMBERS = (
    *("template_code", "sign_name", "variables", "longest", "words", "word"),
    *("resolved", "tell", *_ABROAD),
)


class CodeScene(NamedTuple):
    """How a code is sent; what is "" is as SMS_CODE_* says."""

    template_code: str = ""
    sign_name: str = ""
    variable: str = ""
    international_template_code: str = ""
    message: str = ""
    sender_id: str = ""

    def applied_to(self, settings: CodeSettings) -> CodeSettings:
        """Return `settings` with what this scene says in their place."""
        says_abroad = self.international_template_code or self.message
        abroad = self.international_template_code, self.message
        if not says_abroad:
            abroad = settings.international_template, settings.message
        return settings._replace(
            template=self.template_code or settings.template,
            sign_name=self.sign_name or settings.sign_name,
            variable=self.variable or settings.variable,
            international_template=abroad[0],
            message=abroad[1],
            sender_id=self.sender_id or settings.sender_id,
        )


class Tell(NamedTuple):
    """Who is told of an alarm: the numbers `to`, if `receiver` and `labels` are the alarm's.

    An empty `receiver` or no `labels` stand for any.
    """

    to: Sequence[str]
    receiver: str = ""
    labels: Mapping[str, str] = {}

    @property
    def is_for_all(self) -> bool:
        """Whether it makes no condition."""
        return not self.receiver and not self.labels


class AlarmScene(NamedTuple):
    """How an alarm is sent, and to whom.

    `variables` say for each variable of the template what goes into it, one of SOURCES or a label;
    `longest` how many characters it takes, if not LONGEST_VALUE. `words` say what each of STATES is
    called, `word` what goes where nothing is left of a text. Abroad goes `message`, in which
    ``{title}`` and the like stand for SOURCES, or `international_template_code`.
    """

    template_code: str = ""
    sign_name: str = ""
    variables: Mapping[str, str] = {}
    longest: Mapping[str, int] = {}
    words: Mapping[str, str] = {}
    word: str = "alarm"
    resolved: bool = False
    tell: Sequence[Tell] = ()
    international_template_code: str = ""
    message: str = ""
    sender_id: str = ""


class Scenes(NamedTuple):
    """All scenes, by their keys: ``supabase``, ``logto:SignIn``, ``purpose:login``."""

    codes: Mapping[str, CodeScene] = {}
    alarms: Mapping[str, AlarmScene] = {}

    def code(self, *keys: str) -> CodeScene:
        """Return the scene of the first of `keys` that has one, an empty one if none has."""
        return next((self.codes[key] for key in keys if key in self.codes), CodeScene())

    def alarm(self, *keys: str) -> AlarmScene | None:
        """Return the scene of the first of `keys` that has one, or that of every alarm."""
        found = (self.alarms[key] for key in (*keys, EVERY_ALARM) if key in self.alarms)
        return next(found, None)


def scenes_file(environ: Mapping[str, str]) -> str:
    """Return the path of the file; SMS_LOCAL_SCENES names another on a machine of one's own."""
    local = environment.text(environ, "SMS_LOCAL_SCENES")
    if local and environ.get("SMS_ALLOW_LOCAL_STATE") != "1":
        raise ConfigurationError(
            "SMS_LOCAL_SCENES is for a machine of your own; set SMS_ALLOW_LOCAL_STATE=1 there"
        )
    return local or SCENES_FILE


@lru_cache(maxsize=1)
def instance_scenes() -> Scenes:
    """Return the scenes of this instance, read once; raises ConfigurationError."""
    return load_scenes(scenes_file(os.environ))


def load_scenes(path: str) -> Scenes:
    """Read the file at `path`; where there is none there are no scenes.

    Raises ConfigurationError, which names the place in the file.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            content = parse_json(file.read())
    except FileNotFoundError:
        return Scenes()
    except InvalidRequest as error:
        raise ConfigurationError(f"scenes.json: {error.problem}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"scenes.json {_unreadable(error)}") from None
    return read_scenes(content)


def _unreadable(error: Exception) -> str:
    """Return why the file cannot be read, and what to do."""
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8: save it as UTF-8"
    if isinstance(error, OSError):
        return "cannot be read: deploy the package again, with a file that can be"
    return f"is no JSON: {why_no_json(error)}; compare it with docs/scenes.example.json"


def read_scenes(content: object) -> Scenes:
    """Read what the file says; raises ConfigurationError, which names the place in it."""
    whole = _members(content, "scenes.json", ("codes", "alarms"))
    return Scenes(
        codes=_read_each(whole.get("codes", {}), "codes", _read_code_scene),
        alarms=_read_each(whole.get("alarms", {}), "alarms", _read_alarm_scene),
    )


def _read_each(content: object, section: str, read: Callable[[object, str], Any]) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise _wrong(section, "must be an object with a scene for each key")
    scenes = {}
    for key, scene in content.items():
        place = f"{section}.{key}"
        if not (_KEY.fullmatch(key) or (key == EVERY_ALARM and section == "alarms")):
            raise _wrong(
                section, "has a key that is not like supabase, logto:SignIn, purpose:login"
            )
        scenes[key] = read(scene, place)
    return scenes


def _read_code_scene(content: object, place: str) -> CodeScene:
    members = _members(content, place, _CODE_MEMBERS)
    scene = CodeScene(**_read_texts(members, place, _CODE_MEMBERS))
    _check_abroad(members, place)
    if scene.message and scene.message.count("{code}") != 1:
        raise _wrong(f"{place}.message", "must hold {code} once, where the code goes")
    return scene


def _read_alarm_scene(content: object, place: str) -> AlarmScene:
    members = _members(content, place, _ALARM_MEMBERS)
    texts = _read_texts(members, place, _ALARM_MEMBERS)
    _check_abroad(members, place)
    if not any(
        texts.get(name) for name in ("template_code", "international_template_code", "message")
    ):
        raise _wrong(
            place,
            "needs a template_code for the mainland, or for abroad a message or an "
            "international_template_code",
        )
    variables = _object(members, "variables", place)
    for name, source in variables.items():
        here = f"{place}.variables.{name}"
        if not forms.VARIABLE.fits(name):
            raise _wrong(here, f"has a name that is not {forms.VARIABLE.words}")
        if not _is_source(source):
            raise _wrong(here, f"must be one of {', '.join(SOURCES)}, or label:<name>")
    return AlarmScene(
        variables=variables,
        longest=_read_longest(members, place, variables),
        words=_read_words(members, place),
        resolved=_read_resolved(members, place),
        tell=_read_tell(members.get("tell"), f"{place}.tell"),
        **texts,
    )


def _is_source(source: object) -> bool:
    is_label = isinstance(source, str) and source.startswith(LABEL) and source != LABEL
    return source in SOURCES or is_label


def _read_longest(
    members: Mapping[str, Any], place: str, variables: Mapping[str, str]
) -> dict[str, int]:
    longest = _object(members, "longest", place)
    for name, most in longest.items():
        here = f"{place}.longest.{name}"
        if name not in variables:
            raise _wrong(here, "must be one of the names in variables")
        if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= LONGEST_VALUE:
            raise _wrong(here, f"must be a whole number from 1 to {LONGEST_VALUE}")
    return longest


def _read_words(members: Mapping[str, Any], place: str) -> dict[str, str]:
    words = _object(members, "words", place)
    for state, word in words.items():
        here = f"{place}.words.{state}"
        if state not in STATES:
            raise _wrong(here, f"must be one of {', '.join(STATES)}")
        if not isinstance(word, str) or not forms.WORD.fits(word):
            raise _wrong(here, f"must be {forms.WORD.words}")
    return words


def _read_resolved(members: Mapping[str, Any], place: str) -> bool:
    resolved = members.get("resolved", False)
    if not isinstance(resolved, bool):
        raise _wrong(f"{place}.resolved", "must be true or false")
    return resolved


def _read_tell(content: object, place: str) -> tuple[Tell, ...]:
    if not isinstance(content, list) or not content:
        raise _wrong(place, 'must be a list such as [{"to": ["+8613800138000"]}]')
    return tuple(_read_entry(entry, f"{place}[{number}]") for number, entry in enumerate(content))


def _read_entry(content: object, place: str) -> Tell:
    entry = _members(content, place, ("to", "receiver", "labels"))
    numbers = entry.get("to")
    if not isinstance(numbers, list) or not 1 <= len(numbers) <= 100:
        raise _wrong(f"{place}.to", "must be a list of 1 to 100 phone numbers")
    try:
        found = [anywhere(number, f"{place}.to[{at}]") for at, number in enumerate(numbers)]
    except InvalidRequest as error:
        raise _wrong(error.field, error.problem) from None
    receiver = entry.get("receiver", "")
    if not isinstance(receiver, str):
        raise _wrong(f"{place}.receiver", "must be a text")
    labels = _object(entry, "labels", place)
    if not all(isinstance(value, str) for value in labels.values()):
        raise _wrong(f"{place}.labels", "must be an object of texts")
    return Tell(to=[number.e164 for number in found], receiver=receiver, labels=labels)


def _read_texts(members: Mapping[str, Any], place: str, names: Sequence[str]) -> dict[str, str]:
    texts = {}
    for name in names:
        form = _FORMS.get(name)
        if form is None or name not in members:
            continue
        value = members[name]
        if not isinstance(value, str) or not form.fits(value):
            raise _wrong(f"{place}.{name}", f"must be {form.words}")
        texts[name] = value
    return texts


def _check_abroad(members: Mapping[str, Any], place: str) -> None:
    if "message" in members and "international_template_code" in members:
        raise _wrong(place, "has a message and an international_template_code: leave one out")


def _object(members: Mapping[str, Any], name: str, place: str) -> dict[str, Any]:
    value = members.get(name, {})
    if not isinstance(value, dict):
        raise _wrong(f"{place}.{name}", "must be an object")
    return value


def _members(content: object, place: str, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise _wrong(place, "must be an object")
    unknown = sorted(set(content) - set(known))
    if unknown:
        raise _wrong(f"{place}.{unknown[0]}", f"is not known; known are {', '.join(known)}")
    return content


def _wrong(place: str, problem: str) -> ConfigurationError:
    where = place if place.startswith("scenes.json") else f"scenes.json: {place}"
    return ConfigurationError(f"{where} {problem}")
