"""Scenes: which template, signature and variables belong to what is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigurationError
from shared.sending.scenes import SCENES_FILE, load_scenes, read_scenes
from shared.settings import read_code_settings

ALARM: dict[str, Any] = {
    "template_code": "SMS_1",
    "variables": {"name": "title"},
    "tell": [{"to": ["+8613800138000"]}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


def test_the_example_is_right(project: Path) -> None:
    scenes = load_scenes(str(project / "docs" / "scenes.example.json"))
    assert scenes.codes
    assert scenes.alarms


def test_without_a_file_there_are_no_scenes(tmp_path: Path) -> None:
    assert load_scenes(str(tmp_path / "scenes.json")) == read_scenes({})
    assert SCENES_FILE.endswith("/shared/scenes.json")


def test_what_a_scene_does_not_say_is_as_the_settings_say() -> None:
    settings = read_code_settings(
        {"SMS_CODE_TEMPLATE": "SMS_1", "SMS_SIGN_NAME": "店", "SMS_CODE_MESSAGE": "{code}"}
    )
    codes = {"a": {"sign_name": "新店"}, "b": {"international_template_code": "SMS_9"}}
    scenes = read_scenes({"codes": codes})
    assert scenes.code("none").applied_to(settings) == settings
    of_a = scenes.code("a:x", "a").applied_to(settings)
    assert (of_a.sign_name, of_a.template, of_a.message) == ("新店", "SMS_1", "{code}")
    of_b = scenes.code("b").applied_to(settings)
    assert (of_b.international_template, of_b.message) == ("SMS_9", "")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ([], "scenes.json must be an object"),
        ({"other": {}}, "scenes.json.other is not known"),
        ({"codes": []}, "codes must be an object"),
        ({"codes": {"a b": {}}}, "codes has a key"),
        ({"codes": {"*": {}}}, "codes has a key"),
        ({"codes": {"a": 1}}, "codes.a must be an object"),
        ({"codes": {"a": {"template_code": "?"}}}, "codes.a.template_code must be the code of a"),
        ({"codes": {"a": {"variable": "1"}}}, "codes.a.variable must be a name of 1 to 64 letters"),
        ({"codes": {"a": {"sign_name": "【店】"}}}, "codes.a.sign_name must be 1 to 100 char"),
        ({"codes": {"a": {"sender_id": "-"}}}, "codes.a.sender_id must be 1 to 11 letters"),
        ({"codes": {"a": {"message": "no code"}}}, "codes.a.message must hold {code} once"),
        (
            {"codes": {"a": {"message": "{code}", "international_template_code": "SMS_1"}}},
            "codes.a has a message and an international_template_code",
        ),
        ({"alarms": {"a": {}}}, "alarms.a needs a template_code"),
        ({"alarms": {"a": {**ALARM, "tell": []}}}, "alarms.a.tell must be a list"),
        ({"alarms": {"a": {**ALARM, "tell": [{"to": ["12"]}]}}}, "alarms.a.tell[0].to[0] "),
        ({"alarms": {"a": {**ALARM, "tell": [{"to": []}]}}}, "alarms.a.tell[0].to must be"),
        ({"alarms": {"a": {**ALARM, "variables": {"n": "x"}}}}, "alarms.a.variables.n must be"),
        ({"alarms": {"a": {**ALARM, "variables": {"1": "text"}}}}, "alarms.a.variables.1 has"),
        ({"alarms": {"a": {**ALARM, "longest": {"x": 5}}}}, "alarms.a.longest.x must be one"),
        ({"alarms": {"a": {**ALARM, "longest": {"name": 36}}}}, "alarms.a.longest.name must"),
        ({"alarms": {"a": {**ALARM, "words": {"up": "x"}}}}, "alarms.a.words.up must be one of"),
        ({"alarms": {"a": {**ALARM, "resolved": "yes"}}}, "alarms.a.resolved must be"),
    ],
)
def test_a_mistake_is_named_by_its_place(content: object, place: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_scenes(content)
    assert place in str(caught.value)
    assert str(caught.value).startswith("scenes.json")


@pytest.mark.parametrize("name", ["template_code", "international_template_code", "message"])
def test_an_alarm_needs_something_to_say_at_home_or_abroad(name: str) -> None:
    scene = {name: "SMS_1", "tell": [{"to": ["+85251234567"]}]}
    assert getattr(read_scenes({"alarms": {"*": scene}}).alarms["*"], name) == "SMS_1"


def test_a_file_that_is_no_json_says_in_which_line(tmp_path: Path) -> None:
    (tmp_path / "scenes.json").write_text('{"codes": {},\n "alarms" {}}')
    with pytest.raises(ConfigurationError, match="is no JSON: line 2, column 11: expecting"):
        load_scenes(str(tmp_path / "scenes.json"))


@pytest.mark.parametrize("text", ["", "{", "[" * 100000, '{"codes": {}, "codes": {}}', "\x00"])
def test_a_file_that_is_no_json_says_so(text: str, tmp_path: Path) -> None:
    (tmp_path / "scenes.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"scenes\.json"):
        load_scenes(str(tmp_path / "scenes.json"))


def problem_of(content: object) -> str:
    """Return what is wrong with a file, "" when nothing is."""
    try:
        read_scenes(json.loads(json.dumps(content)))
    except ConfigurationError as error:
        return str(error)
    return ""


@given(content=JSON)
def test_whatever_the_file_holds_it_is_scenes_or_a_mistake_that_is_named(content: object) -> None:
    for whole in (content, {"codes": {"a": content}}, {"alarms": {"*": content}}):
        problem = problem_of(whole)
        assert problem == "" or problem.startswith("scenes.json")
