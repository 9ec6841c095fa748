"""What code imports, read from its text."""

from __future__ import annotations

from pathlib import Path

import pytest

from aliyun_fc_runtime_stub.package.handlers import Handler, look_at
from aliyun_fc_runtime_stub.package.imports import read_imports, requirements_of


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def found(folder: Path, module: str = "index") -> list[str]:
    return [one.modules[-1] for one in read_imports([folder], [module]) if not one.optional]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import pymysql, json, os.path", ["pymysql"]),
        ("import aliyun.log as log", ["aliyun.log"]),
        ("from PIL import Image", ["PIL"]),
        ("def f():\n    import lazily", ["lazily"]),
        ("from __future__ import annotations", []),
        ("try:\n    import fast\nexcept ImportError:\n    fast = None", []),
        ("try:\n    import fast\nexcept (OSError, ModuleNotFoundError):\n    import slow", []),
        ("try:\n    import fast\nexcept ValueError:\n    pass", ["fast"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import types_only", []),
        ("import broken(", []),
        ("text = '''\nimport nothing\n'''", []),
    ],
)
def test_imports_are_read_from_the_text(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert found(write(tmp_path, index=text)) == expected


def test_modules_of_the_code_are_followed(tmp_path: Path) -> None:
    write(
        tmp_path,
        index="from shared.db import connect\nfrom shared import other",
        shared__db="from . import near\nimport pymysql",
        shared__near="import redis",
        shared__other="import yaml",
        unused="import never",
    )
    assert sorted(found(tmp_path)) == ["pymysql", "redis", "yaml"]


def test_a_place_is_told_by_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, index="import lib", lib="\n\nimport yaml")
    (one,) = read_imports([tmp_path], ["index"])
    assert (one.file.name, one.line) == ("lib.py", 3)


def test_installed_packages_are_taken_as_whole_but_for_what_they_require(tmp_path: Path) -> None:
    write(tmp_path, index="import flask, extension", flask____init__="import never_looked_at")
    info = tmp_path / "Flask-3.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("flask/__init__.py,,\nextension.cpython-310.so,,\n")
    (tmp_path / "Werkzeug-3.0.1.dist-info").mkdir()
    (info / "METADATA").write_text(
        "Requires-Dist: Werkzeug>=3.0\nRequires-Dist: redis ; python_version > '3'\n"
        "Requires-Dist: typing_extensions (>=4)\nRequires-Dist: pytest; extra == 'test'\n"
    )
    assert found(tmp_path) == []
    assert requirements_of([tmp_path]) == {"redis", "typing-extensions"}


def test_a_folder_without_init_and_a_compiled_module_are_there(tmp_path: Path) -> None:
    write(tmp_path, index="import space.inner, fast", space__inner="")
    (tmp_path / "fast.cpython-39-x86_64-linux-gnu.so").touch()
    assert found(tmp_path) == []


HANDLERS = [
    ("def handler(event, context): pass", Handler.FOUND),
    ("async def handler(event, context): pass", Handler.FOUND),
    ("handler = make()", Handler.FOUND),
    ("class handler: pass", Handler.FOUND),
    ("from other import handler", Handler.UNKNOWN),
    ("from other import *", Handler.UNKNOWN),
    ("globals()['handler'] = print", Handler.UNKNOWN),
    ("def __getattr__(name): return print", Handler.UNKNOWN),
    ("def broken(", Handler.UNKNOWN),
    ("def main(event, context): pass", Handler.NO_FUNCTION),
    ("import os", Handler.NO_FUNCTION),
    ("def handler(environ, start_response): pass", Handler.WSGI),
    ("import flask\nhandler = flask.Flask(__name__)", Handler.WSGI),
    (
        "from django.core.wsgi import get_wsgi_application\nhandler = get_wsgi_application()",
        Handler.WSGI,
    ),
]


@pytest.mark.parametrize(("text", "kind"), HANDLERS)
def test_a_handler_is_looked_at_without_running_it(
    tmp_path: Path, text: str, kind: Handler
) -> None:
    write(tmp_path, functions__send=text)
    assert look_at([tmp_path], "functions/send.handler") is kind


def test_a_handler_without_a_file_is_told(tmp_path: Path) -> None:
    assert look_at([tmp_path], "index.handler") is Handler.NO_FILE
