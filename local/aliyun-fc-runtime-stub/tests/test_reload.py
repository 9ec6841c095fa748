"""A running stub follows its code and its s.yaml, between invocations."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from aliyun_fc_runtime_stub import FunctionCompute, FunctionNotFound, Notice
from aliyun_fc_runtime_stub.serving.reloading import Reloader
from aliyun_fc_runtime_stub.template.model import Function
from stub_project import Project, until

FIRST = "def handler(event, context): return 'first'"
SECOND = "def handler(event, context): return 'second'"


class Followed:
    """A running stub that reloads, and what it has told."""

    def __init__(self, project: Project, **options: Any) -> None:
        self.notices: list[Notice] = []
        self.fc: FunctionCompute = project.start(reload=True, notify=self.notices.append, **options)

    def returns(self, name: str, payload: bytes) -> bool:
        return self.fc.invoke(name).payload == payload

    def told(self, kind: str) -> list[Notice]:
        return [notice for notice in self.notices if notice.kind == kind]


def test_changed_code_runs_at_the_next_invocation(project: Project) -> None:
    """Other functions keep their instances; nothing is reloaded where nothing has changed."""
    project.files({"two/f.py": FIRST})
    project.function("f", FIRST)
    project.function("g", handler="f.handler", code="./code/two")
    followed = Followed(project)
    assert followed.returns("f", b"first")
    assert followed.returns("g", b"first")
    time.sleep(0.15)
    assert followed.returns("f", b"first")
    assert followed.notices == []
    project.files({"two/f.py": SECOND})
    until(lambda: followed.returns("g", b"second"))
    assert {(one.kind, one.function) for one in followed.notices} >= {("reloaded", "g")}


class StandIn:
    """A service that notes what it is told, and starts nothing."""

    def __init__(self, functions: tuple[Function, ...]) -> None:
        self.functions = {function.name: function for function in functions}
        self.reloaded: list[str] = []

    async def make(self, function: Function) -> Function:
        return function

    def missing_layer(self, _function: Function) -> str:
        return ""

    def install(self, _instances: Function) -> None:
        pass

    def notify(self, notice: Notice) -> None:
        self.reloaded.append(notice.function)


def test_what_a_look_for_one_function_has_found_holds_for_all_of_its_code(project: Project) -> None:
    """They share a folder that is not looked at again at once: this clock stands still."""
    project.function("f", FIRST)
    project.function("g", handler="f.handler")
    functions = FunctionCompute(project.write(), variables={}).functions
    service = StandIn(functions)
    load = partial(pytest.fail, "s.yaml has not changed")
    reloader = Reloader(cast(Any, service), load, set(), lambda: 0.0)
    project.files({"f.py": SECOND})
    for name in ("g", "f", "g", "f"):
        asyncio.run(reloader.refresh(name))
    assert service.reloaded == ["g", "f"]


def test_a_running_invocation_ends_on_the_old_code(project: Project, tmp_path: Path) -> None:
    """And then its instance ends, with its preStop hook."""
    text = """
        import pathlib, time
        def stop(context): print("the old one stops")
        def handler(event, context):
            if event:
                signals = pathlib.Path(event.decode())
                (signals / "begun").touch()
                while not (signals / "end").exists(): time.sleep(0.01)
            return pathlib.Path("part.txt").read_text()
    """
    signals = tmp_path / "signals"
    signals.mkdir()
    project.files({"part.txt": "old"})
    hooks = {"preStop": {"handler": "f.stop", "timeout": 5}}
    project.function("f", text, instanceLifecycleConfig=hooks)
    followed = Followed(project)
    results: list[bytes] = []
    running = threading.Thread(
        target=lambda: results.append(followed.fc.invoke("f", str(signals).encode()).payload)
    )
    running.start()
    until((signals / "begun").exists)
    project.files({"part.txt": "new"})
    until(lambda: followed.returns("f", b"new"))
    assert results == []
    (signals / "end").touch()
    running.join()
    assert results == [b"old"]
    ended = until(lambda: followed.told("instance"))
    assert "the old one stops\n" in ended[0].log


def test_a_syntax_error_is_the_function_s(project: Project) -> None:
    project.function("f", FIRST)
    followed = Followed(project)
    assert followed.returns("f", b"first")
    project.files({"f.py": "def handler(:"})
    until(lambda: b"UserCodeSyntaxError" in followed.fc.invoke("f").payload)
    project.files({"f.py": SECOND})
    until(lambda: followed.returns("f", b"second"))


def test_a_broken_s_yaml_is_reported_once_and_the_old_goes_on(project: Project) -> None:
    """So are code that is gone, and a layer that is not here; what is mended is followed."""
    project.function("f", FIRST)
    followed = Followed(project)
    good = project.write().read_text()
    for bad, message in (
        ("edition: [", "is not YAML"),
        ("", "must be a map"),
        (good.replace("memorySize: 256", "memorySize: 100"), "memorySize"),
        (good.replace("./code", "./none"), "none"),
        (good.replace("timeout: 10", "layers: [arn]"), "--layer arn=FOLDER"),
        (None, "there is no such file"),
    ):
        if bad is None:
            project.path.unlink()
        else:
            project.path.write_text(bad)
        until(lambda: followed.returns("f", b"first") and followed.told("error"))
        assert [message in one.text for one in followed.told("error")] == [True]
        followed.notices.clear()
    time.sleep(0.15)
    assert followed.returns("f", b"first")
    assert followed.notices == []
    project.path.write_text(good.replace("timeout: 10", "timeout: 9"))
    until(lambda: followed.told("reloaded"))
    assert followed.fc.functions[0].timeout == 9


def test_s_yaml_adds_changes_and_removes(project: Project, tmp_path: Any) -> None:
    """New triggers are served without an invocation before; .env and ${file()} count, too."""
    text = "import os\ndef handler(event, context): return os.environ['A']"
    project.function("f", text, environmentVariables={"A": "${env('A', 'unset')}"})
    project.http("old", FIRST, environmentVariables={"A": "${file('./a.txt')}"}, timeout=5)
    (tmp_path / "a.txt").write_text("file")
    followed = Followed(project, timers=True)
    url = followed.fc.url("old")
    assert followed.returns("f", b"unset")
    (tmp_path / ".env").write_text("A=from .env\n")
    until(lambda: followed.returns("f", b"from .env"))
    (tmp_path / "a.txt").write_text("changed")
    until(lambda: [one for one in followed.told("reloaded") if one.function == "old"])
    del project.document["resources"]["old"]
    timer = {"cronExpression": "@every 5m", "enable": True}
    triggers = [{"triggerName": "t", "triggerType": "timer", "triggerConfig": timer}]
    project.http("new", SECOND)
    project.document["resources"]["new"]["props"]["triggers"] += triggers
    project.write()
    until(lambda: followed.told("removed"))
    until(lambda: "new" in {one.name for one in followed.fc.functions})
    with urllib.request.urlopen(followed.fc.url("new")) as reply:
        assert reply.read() == b"second"
    assert list(followed.fc.timer_times()) == [("new", "t")]
    with pytest.raises(FunctionNotFound):
        followed.fc.invoke("old")
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        urllib.request.urlopen(url)
    caught.value.close()


def test_what_fcignore_keeps_back_is_no_change(project: Project) -> None:
    project.function("f", FIRST)
    project.files({".fcignore": "*.log\n", "a.log": "x"})
    followed = Followed(project)
    project.files({"a.log": "changed", "b.log": "new"})
    time.sleep(0.15)
    assert followed.returns("f", b"first")
    assert followed.notices == []
    project.files({".fcignore": ""})
    until(lambda: followed.fc.invoke("f") and followed.told("reloaded"))


def test_without_reload_the_code_stays(project: Project) -> None:
    project.function("f", FIRST)
    fc = project.start()
    fc.invoke("f")
    project.files({"f.py": SECOND})
    os.utime(project.path)
    time.sleep(0.15)
    assert fc.invoke("f").payload == b"first"
