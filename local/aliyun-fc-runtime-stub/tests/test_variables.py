"""The variables of s.yaml.

Source: https://github.com/Serverless-Devs/Serverless-Devs/blob/master/docs/zh/variables.md and
trials with @serverless-devs/s 3.1.10.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aliyun_fc_runtime_stub.errors import ConfigurationError
from aliyun_fc_runtime_stub.template.variables import Variables

DOCUMENT = {
    "vars": {"region": "cn-hangzhou", "n": 7, "deep": {"list": ["a", "b"]}, "loop": "${vars.loop}"},
    "resources": {
        "a": {"props": {"name": "fa", "label": "${this.props.name}!"}},
        "b": {"props": {"name": "fb", "out": "${resources.a.output.arn}"}},
    },
}


def resolve(value: Any, folder: Path = Path(), **environment: str) -> Any:
    return Variables(DOCUMENT, folder, environment, set()).resolve(value, ("s.yaml", "b", "p"), "b")


@pytest.mark.parametrize(
    ("text", "unset", "empty", "full"),
    [
        ("${env('X', '')}", "", "", "42"),
        ("${env('X', 'd')}", "d", "d", "42"),
        ("${env(X, d)}", "d", "d", "42"),
        ("${env('X', 5)}", 5, 5, "42"),
        ("${env('X', true)}", True, True, "42"),
        ("a-${env('X', 'd')}-b", "a-d-b", "a-d-b", "a-42-b"),
    ],
)
def test_a_default_counts_where_a_variable_is_unset_or_empty(
    text: str, unset: Any, empty: Any, full: Any
) -> None:
    """Variables page and trials: the default counts when unset or empty, and keeps its type."""
    assert resolve(text) == unset
    assert resolve(text, X="") == empty
    assert resolve(text, X="42") == full


@pytest.mark.parametrize("text", ["${env('X')}", "${env(X)}", 'in ${env("X")} text'])
def test_a_variable_without_a_default_must_be_set(text: str) -> None:
    """Trials: without a default, unset and empty are the same error; it names the variable."""
    message = r"s\.yaml: b: p: env\('X'\) not found.*set"
    with pytest.raises(ConfigurationError, match=message):
        resolve(text)
    with pytest.raises(ConfigurationError, match=message):
        resolve(text, X="")
    assert "42" in resolve(text, X="42")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${vars.region}", "cn-hangzhou"),
        ("${vars.n}", 7),
        ("x-${vars.n}", "x-7"),
        ("${ vars.deep.list }", ["a", "b"]),
        ("${vars.deep.list.1}", "b"),
        ("${this.props.name}", "fb"),
        ("${resources.a.props.label}", "fa!"),
        ("${config('AccountID')}", "1234567890123456"),
        ("$X costs 5$", "$X costs 5$"),
        ("${env('A', '1')}${env('B', '2')}", "12"),
    ],
)
def test_references_are_resolved_and_keep_their_type(text: str, value: Any) -> None:
    """Variables page: vars, this, resources and config; a whole text keeps the value's type."""
    assert resolve(text) == value
    assert resolve({"k": [text]}) == {"k": [value]}


def test_files_are_found_beside_s_yaml(tmp_path: Path) -> None:
    """Variables page: file, json and path are relative to the folder of s.yaml."""
    (tmp_path / "a.json").write_text(json.dumps({"k": [1]}))
    assert resolve("${file('a.json')}", tmp_path) == '{"k": [1]}'
    assert resolve("${json(file('./a.json'))}", tmp_path) == {"k": [1]}
    assert resolve("${path('.')}", tmp_path) == str(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${X}", "not a variable"),
        ("${vars.none}", "not found"),
        ("${vars.loop}", "refers to itself"),
        ("${this.props.out}", "after a deploy"),
        ("${config('AccessKeySecret')}", "credential"),
        ("${file('none.txt')}", "cannot read the file"),
        ("${json('{')}", "not JSON"),
        ("${regex('a')}", "not supported"),
        ("${env('A'", "cannot read"),
        ("a ${env('A'", "cannot read"),
        ("${env('A', 'b'}", "cannot read"),
        ("${}", "cannot read"),
        ("${env()}", "cannot read"),
        ("${'a' 'b'}", "cannot read"),
    ],
)
def test_errors_say_where_and_why(text: str, message: str) -> None:
    """What cannot be resolved is an error that names file, resource and property."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        resolve(text)
    assert caught.value.place == ("s.yaml", "b", "p")
