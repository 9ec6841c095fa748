"""The house of the deployed code: which way imports may run, and how values are passed.

Imports inside functions and imports for types count like any other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

# From the top down: a wing may import from those below it, and wings of one line do not know one
# another. The files that stand beside the wings in shared/ are the ground.
FLOORS = (
    ("functions",),
    ("commands",),
    ("receipts", "codes", "events", "reports", "hooks"),
    ("trigger",),
    ("sending",),
    ("platform",),
    ("state",),
    ("ground",),
)
# What takes any number of one thing by place.
MANY_OF_ONE_THING = {
    "zip",
    "min",
    "max",
    "chain",
    "keyed",
    "keyed_letters",
    "derived_out_id",
    "join",
}
MOST_BY_PLACE = 3


def sources(project: Path) -> Iterator[tuple[str, Path]]:
    """Yield each module of the deployed code by its dotted name, with its file."""
    for folder in ("functions", "shared"):
        for path in sorted((project / folder).rglob("*.py")):
            name = ".".join(path.relative_to(project).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imports(project: Path) -> dict[str, set[str]]:
    """Return which of our modules each module imports, anywhere in its text."""
    known = dict(sources(project))
    arrows: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                arrows[name].update(alias.name for alias in node.names if alias.name in known)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    target = whole if whole in known else node.module
                    if target in known:
                        arrows[name].add(target)
    return arrows


def wing_of(module: str) -> str:
    """Return the wing that a module stands in: ``shared.sending.claims`` is in ``sending``."""
    names = module.split(".")
    if names[0] == "functions":
        return "functions"
    return names[1] if len(names) > 2 else "ground"


def floor_of(wing: str) -> int:
    """Return the floor of a wing, 0 on top."""
    return next(floor for floor, wings in enumerate(FLOORS) if wing in wings)


def rings(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules from each of which one comes back to it."""
    reached = {name: _reached_from(name, arrows) for name in arrows}
    in_ring = [name for name in arrows if name in reached[name]]
    groups = {
        tuple(sorted({name, *(other for other in reached[name] if name in reached[other])}))
        for name in in_ring
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


def test_each_module_stands_in_a_wing_that_has_a_floor(project: Path) -> None:
    wings = {wing_of(name) for name, _ in sources(project)} - {"shared"}
    folders = {path.name for path in (project / "shared").iterdir() if path.is_dir()}
    assert wings == {wing for floor in FLOORS for wing in floor}
    assert folders - {"__pycache__"} == wings - {"functions", "ground"}


def test_imports_run_down_only(project: Path) -> None:
    for name, targets in imports(project).items():
        for target in targets:
            here, there = wing_of(name), wing_of(target)
            assert here == there or floor_of(here) < floor_of(there), f"{name} imports {target}"


def test_no_function_imports_another(project: Path) -> None:
    for name, targets in imports(project).items():
        if wing_of(name) == "functions":
            assert "functions" not in {wing_of(target) for target in targets}, name


def test_no_modules_import_one_another_in_a_ring(project: Path) -> None:
    assert rings(imports(project)) == []


def test_a_ring_is_found() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert rings(arrows) == [["b", "c"]]


def calls_with_many_by_place(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of each call that passes more than three values by place.

    ``*values`` counts as one.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or len(node.args) <= MOST_BY_PLACE:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if name not in MANY_OF_ONE_THING:
            yield node.lineno, name


def test_no_call_passes_more_than_three_values_by_place(project: Path) -> None:
    found = [
        f"{path.relative_to(project)}:{line} {name}"
        for _, path in sources(project)
        for line, name in calls_with_many_by_place(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("send(a, b, c)", []),
        ("send(a, b, c, d)", ["send"]),
        ("api.send(*a, b, c, d)", ["send"]),
        ("send(*a, b, c, deadline=d)", []),
        ("zip(a, b, c, d)", []),
    ],
)
def test_values_by_place_are_counted(source: str, names: list[str]) -> None:
    assert [name for _, name in calls_with_many_by_place(source)] == names
