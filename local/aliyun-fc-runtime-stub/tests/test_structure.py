"""The house of the stub: which way imports may run.

Imports inside functions and imports for types count like any other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import aliyun_fc_runtime_stub

ROOT = Path(aliyun_fc_runtime_stub.__file__).parent
# From the top down: a wing may import from those below it alone. What stands beside the wings is
# of three kinds: the ways in, the whole that they use, and the ground that all stand on.
FLOORS = (
    "entrances",
    "commands",
    "whole",
    "control",
    "serving",
    "web",
    "instances",
    "package",
    "template",
    "ground",
)
BESIDE = {
    "": "entrances",  # __init__.py
    "cli": "entrances",
    "pytest_plugin": "entrances",
    "function_compute": "whole",
    "account": "ground",
    "errors": "ground",
    "events": "ground",
    "history": "ground",
    "http_messages": "ground",
    "near_names": "ground",
    "user_folders": "ground",
    "version": "ground",
}
# Started as a program of its own, by a function's own Python: it may import nothing of ours.
ALONE = "instances.runtime.bootstrap"


def modules() -> dict[str, Path]:
    """Return each module by its dotted name below the package, with its file."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix("__init__").removesuffix(".")] = path
    return found


def imports() -> dict[str, set[str]]:
    """Return which of our modules each module imports, anywhere in its text."""
    known = modules()
    return {name: set(_targets(name, path, known)) for name, path in known.items()}


def _targets(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = _base(name, path, node)
            for alias in node.names if base is not None else ():
                whole = f"{base}.{alias.name}".strip(".")
                yield whole if whole in known else str(base)
        elif isinstance(node, ast.Import):
            assert not any("aliyun_fc_runtime_stub" in alias.name for alias in node.names), name


def _base(name: str, path: Path, node: ast.ImportFrom) -> str | None:
    """Return what an import is from, below our package; None where that is not ours."""
    if not node.level:
        assert not (node.module or "").startswith("aliyun_fc_runtime_stub"), name
        return None
    parts = name.split(".") if name else []
    up = node.level - (path.name == "__init__.py")
    parts = parts[: len(parts) - up] if up else parts
    return ".".join([*parts, *((node.module or "").split(".") if node.module else [])])


def wing_of(module: str) -> str:
    """Return the wing of a module: ``control.plane`` is in ``control``."""
    wing, dot, _ = module.partition(".")
    return wing if dot or wing in FLOORS else BESIDE[wing]


def rings(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules from each of which one comes back to it."""
    reached = {name: _reached_from(name, arrows) for name in arrows}
    groups = {
        tuple(sorted({name, *(other for other in reached[name] if name in reached[other])}))
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


def test_each_wing_has_a_floor() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == set(FLOORS) - set(BESIDE.values())


def test_what_stands_beside_the_wings_is_known() -> None:
    files = {path.stem for path in ROOT.glob("*.py")} - {"__init__"}
    assert files == set(BESIDE) - {""}


def test_imports_run_down_only() -> None:
    for name, targets in imports().items():
        for target in targets:
            here, there = wing_of(name), wing_of(target)
            down = FLOORS.index(here) < FLOORS.index(there)
            assert here == there or down or (there, target) == ("entrances", ""), (
                f"{name} imports {target}"
            )


def test_no_modules_import_one_another_in_a_ring() -> None:
    arrows = {name: targets - {""} for name, targets in imports().items()}
    assert rings(arrows) == []


def test_the_process_of_an_instance_imports_nothing_of_ours() -> None:
    assert imports()[ALONE] == set()


def test_a_ring_is_found() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert rings(arrows) == [["b", "c"]]
