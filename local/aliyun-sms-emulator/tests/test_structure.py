"""The house of the emulator: which way imports run, and one file and one row for each thing.

Imports inside functions and imports for types count like any other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path

import aliyun_sms_emulator
from aliyun_sms_emulator.explain.search import LIKELY, PROVEN, SEEN
from aliyun_sms_emulator.faults.fault import NONE
from aliyun_sms_emulator.faults.kind import Kind
from aliyun_sms_emulator.faults.kinds import KINDS
from aliyun_sms_emulator.operations import OPERATIONS
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.page.languages import LANGUAGES, page_texts

PACKAGE = Path(aliyun_sms_emulator.__file__).parent
ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "faults.md")


def modules() -> dict[str, Path]:
    """Return each module of the package by its dotted name, with its file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imports() -> dict[str, set[str]]:
    """Return which modules of the package each one imports, anywhere in its text."""
    known = modules()
    arrows: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                arrows[name].update(alias.name for alias in node.names if alias.name in known)
            elif isinstance(node, ast.ImportFrom) and node.module in known:
                wholes = {f"{node.module}.{alias.name}" for alias in node.names}
                arrows[name] |= (wholes & known.keys()) or {node.module}
    return arrows


def folder_of(module: str) -> str:
    """Return the folder a module stands in; a module beside the folders stands for itself."""
    return ".".join(module.split(".")[:2])


def rings(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of names from each of which one comes back to it."""
    reached = {name: _reached_from(name, arrows) for name in arrows}
    groups = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in arrows
        if name in reached[name]
    }
    return [list(group) for group in sorted(groups)]


def _reached_from(start: str, arrows: Mapping[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += arrows[name]
    return reached


def snake_case(name: str) -> str:
    """Write `SendSms` as `send_sms`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def test_no_folders_import_one_another_in_a_ring() -> None:
    folders: dict[str, set[str]] = {}
    for name, targets in imports().items():
        here = folder_of(name)
        there = {folder_of(target) for target in targets} - {here}
        folders.setdefault(here, set()).update(there)
    assert rings(folders) == []


def test_no_modules_import_one_another_in_a_ring() -> None:
    assert rings(imports()) == []


def test_a_ring_is_found() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert rings(arrows) == [["b", "c"]]


def test_each_operation_is_one_file_and_one_row() -> None:
    names = [name for name in modules() if name.startswith("aliyun_sms_emulator.operations.")]
    loaded = [import_module(name) for name in names]
    found = {m.OPERATION.name: m.__name__ for m in loaded if hasattr(m, "OPERATION")}
    rows = {name for operations in OPERATIONS.values() for name in operations}
    assert found.keys() == rows
    assert all(found[name].endswith(f".{snake_case(name)}") for name in rows)


def test_each_kind_of_fault_is_one_file_and_one_row() -> None:
    files = {path.stem for path in (PACKAGE / "faults" / "kinds").glob("*.py")} - {"__init__"}
    assert set(KINDS) == files


def test_what_an_operation_or_a_kind_of_fault_forgets_to_say_has_no_default() -> None:
    for row in (Operation, Kind):
        for field in fields(row):
            assert field.default is MISSING, f"{row.__name__}.{field.name}"
            assert field.default_factory is MISSING, f"{row.__name__}.{field.name}"


def test_the_pages_name_every_operation_and_every_kind_of_fault() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    words = set(re.findall(r"[A-Za-z0-9]+", text))
    names = {name for operations in OPERATIONS.values() for name in operations}
    assert (names | set(KINDS)) - words == set()


def test_the_page_has_a_text_for_every_kind_of_fault_and_certainty() -> None:
    wanted = {f"kind_{name}" for name in KINDS if name != NONE} | {
        f"certainty_{name}" for name in (PROVEN, SEEN, LIKELY)
    }
    for language in LANGUAGES:
        assert wanted <= page_texts(language).keys()


def test_each_folder_says_what_is_in_it() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
