"""docs/ram-policy.json and docs/permissions.md grant what the deployed code calls, no more."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from aliyun_sms_emulator.operations import OPERATIONS
from shared.clock import Clock
from shared.logs import Log
from shared.platform.sms_api import SmsApi
from shared.settings import Credentials, read_file_settings, read_settings
from shared.transport import new_session

OBJECT_CALLS = {  # the method of oss2.Bucket, and the action that it needs ("RAM Policy" of OSS)
    "head_object": "oss:GetObject",
    "get_object": "oss:GetObject",
    "put_object": "oss:PutObject",
}
NEVER_ASKED_FOR = {  # a code goes to one number, by no legacy API; the code that it shares could
    "verify_code": {"dysms:SendBatchSms", "dysms:SendInterSms"},
    "receive_hook": {
        "dysms:SendBatchSms",
        "dysms:SendInterSms",
    },  # an SMS to each, by no legacy API
}
ROW = re.compile(r"^\| `(\w+)` \| (`[^|]+`|none) \|$", re.MULTILINE)


class Code:
    """The deployed modules as a graph: which definition at their top refers to which others."""

    def __init__(self, root: Path) -> None:
        self._definitions: dict[tuple[str, str], list[ast.stmt]] = {}
        self._imports: dict[str, dict[str, tuple[str, str]]] = {}
        paths = [*root.glob("shared/**/*.py"), *root.glob("functions/*.py")]
        sources = {".".join(path.relative_to(root).with_suffix("").parts): path for path in paths}
        self._modules = set(sources)
        for module, path in sources.items():
            self._read(module, ast.parse(path.read_text()))

    def actions(self, function: str) -> set[str]:
        """The actions that may be asked for from the handler of `function` on."""
        found: set[str] = set()
        for definition in self._reachable((f"functions.{function}", "handler")):
            for statement in self._definitions[definition]:
                found.update(_actions(statement))
        return found

    def _read(self, module: str, tree: ast.Module) -> None:
        imports = self._imports[module] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    name = alias.asname or alias.name
                    whole = f"{node.module}.{alias.name}"
                    is_module = whole in self._modules
                    imports[name] = (whole, "") if is_module else (node.module, alias.name)
        for statement in tree.body:
            for name in _names(statement):
                self._definitions.setdefault((module, name), []).append(statement)

    def _reachable(self, start: tuple[str, str]) -> set[tuple[str, str]]:
        seen, waiting = set(), [start]
        while waiting:
            definition = waiting.pop()
            if definition in self._definitions and definition not in seen:
                seen.add(definition)
                for statement in self._definitions[definition]:
                    waiting += self._references(definition[0], statement)
        return seen

    def _references(self, module: str, statement: ast.stmt) -> Iterator[tuple[str, str]]:
        imports = self._imports[module]
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                yield imports.get(node.id, (module, node.id))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                yield imports.get(node.value.id, ("", ""))[0], node.attr


def _names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]


def _actions(statement: ast.stmt) -> Iterator[str]:
    """Yield the actions named in a call's arguments, and those that a bucket's methods need."""
    for node in ast.walk(statement):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        named = (keyword.value for keyword in node.keywords if keyword.arg == "action")
        values = [*node.args, *named]
        texts = [each.value for each in values if isinstance(each, ast.Constant)]
        yield from (ACTIONS[text] for text in texts if text in ACTIONS)
        if isinstance(called, ast.Attribute):
            if called.attr in ("call", "query", "sign"):
                first = texts[:1]
                assert set(first) <= ACTIONS.keys(), "an operation that the emulator does not know"
            if isinstance(called.value, ast.Attribute) and called.value.attr == "_bucket":
                yield OBJECT_CALLS[called.attr]


def _ram_names() -> dict[str, str]:
    """Map every operation to its action, which begins with the RamCode of its product.

    The endpoints' host names do so too: dysmsapi..., dypnsapi..., dybaseapi...
    """
    api = SmsApi(
        read_settings({}),
        lambda: Credentials("id", "secret"),
        new_session(),
        Clock(),
        Log("", "", b"", Clock()),
    )
    hosts = {
        operation: urlsplit(api.sign(operation, {}).url).hostname or ""
        for operations in OPERATIONS.values()
        for operation in operations
    }
    return {name: f"{host.partition('api')[0]}:{name}" for name, host in hosts.items()}


ACTIONS = _ram_names()


@pytest.fixture(scope="module")
def policy(project: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((project / "docs" / "ram-policy.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def needed(project: Path) -> dict[str, set[str]]:
    """The actions of every function."""
    code = Code(project)
    return {path.stem: code.actions(path.stem) for path in project.glob("functions/[a-z]*.py")}


def test_the_table_says_what_each_function_needs(
    needed: dict[str, set[str]], project: Path
) -> None:
    rows = ROW.findall((project / "docs" / "permissions.md").read_text())
    listed = {name: re.findall(r"`([^`]+)`", actions) for name, actions in rows}
    assert len(rows) == len(listed)
    assert {name: sorted(actions) for name, actions in listed.items()} == {
        name: sorted(actions - NEVER_ASKED_FOR.get(name, set())) for name, actions in needed.items()
    }
    for name, actions in NEVER_ASKED_FOR.items():
        assert actions <= needed[name], "an exception that is none any more"


def test_the_policy_grants_what_is_called_and_no_more(
    policy: dict[str, Any], needed: dict[str, set[str]]
) -> None:
    granted = [action for statement in policy["Statement"] for action in statement["Action"]]
    assert sorted(granted) == sorted(set.union(*needed.values()))
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Allow"}


def test_files_are_read_under_their_prefix_and_results_written_under_theirs(
    policy: dict[str, Any],
) -> None:
    prefixes = read_file_settings({})
    resources = {tuple(entry["Action"]): entry["Resource"] for entry in policy["Statement"]}
    assert resources.pop(("oss:GetObject",)) == [f"acs:oss:*:*:*/{prefixes.prefix}*"]
    assert resources.pop(("oss:PutObject",)) == [f"acs:oss:*:*:*/{prefixes.results_prefix}*"]
    # the product knows no narrower resource ("RAM authorization" of Short Message Service)
    assert list(resources.values()) == [["*"]]


def test_the_template_s_role_has_the_same_policy(policy: dict[str, Any], project: Path) -> None:
    template = yaml.safe_load((project / "template.yml").read_text())
    [granted] = template["Resources"]["FunctionRole"]["Properties"]["Policies"]
    assert granted["PolicyDocument"] == policy
