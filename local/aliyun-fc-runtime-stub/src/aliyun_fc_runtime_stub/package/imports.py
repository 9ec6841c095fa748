"""What code imports, read from its text: nothing of it is run.

Modules are followed from file to file, but not into packages that were installed into the code
folder (those that have a `*.dist-info` beside them).
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.machinery import all_suffixes
from pathlib import Path
from typing import NamedTuple

_MOST_FILES = 2000
_CATCHING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


class Import(NamedTuple):
    """A module that a file names in an import statement.

    `modules` is what the statement may mean: of `from a.b import c` both `a.b.c` and `a.b`.
    `optional`: the code goes on without it, or imports it for types only.
    """

    modules: tuple[str, ...]
    file: Path
    line: int
    optional: bool


class _Statement(NamedTuple):
    modules: tuple[str, ...]
    level: int
    line: int
    optional: bool


def read_imports(places: Sequence[Path], modules: Iterable[str]) -> list[Import]:
    """Return what is imported from outside `places` by some modules and all that they import.

    `places` are searched as sys.path is. A module's name has dots, such as `functions.send`.
    Modules of the standard library are left out. Files that cannot be read or parsed count as
    empty.
    """
    folders = _Folders(places)
    return [
        one
        for file, name in _followed(folders, modules)
        for one in _imports_of(file, name)
        if not folders.is_outside(root := _root(one)) and not folders.has(root)
    ]


def files_of(places: Sequence[Path], modules: Iterable[str]) -> list[Path]:
    """Return the files of some modules and of all that they import, installed packages left out."""
    return [file for file, _ in _followed(_Folders(places), modules)]


def _followed(folders: _Folders, modules: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """Yield modules with their names, those to begin with first; each once."""
    waiting = [name for module in modules for name in _with_parents(module)]
    seen = set(waiting)
    while waiting and len(seen) < _MOST_FILES:
        name = waiting.pop(0)
        file = folders.find(name)
        if file is None or file.suffix != ".py":
            continue
        yield file, name
        for one in _imports_of(file, name):
            if folders.is_outside(_root(one)):
                continue
            for module in one.modules:
                fresh = [part for part in _with_parents(module) if part not in seen]
                seen.update(fresh)
                waiting += fresh


def _root(one: Import) -> str:
    return one.modules[0].partition(".")[0]


def find_module(places: Sequence[Path], name: str) -> Path | None:
    """Return the file of a module, a package's `__init__.py`, or None."""
    return _Folders(places).find(name)


class _Folders:
    """Folders in which modules are looked for; each is listed once, as asking costs more."""

    def __init__(self, places: Sequence[Path]) -> None:
        self._places = places
        self._names: dict[Path, frozenset[str]] = {}
        self._installed = frozenset().union(*(_installed(place) for place in places))

    def find(self, name: str) -> Path | None:
        """Return the file of a module, a package's `__init__.py`, or None."""
        *parents, last = name.split(".")
        for place in self._places:
            folder = place.joinpath(*parents)
            names = self._listed(folder)
            if last in names and "__init__.py" in self._listed(folder / last):
                return folder / last / "__init__.py"
            for end in all_suffixes():
                if f"{last}{end}" in names:
                    return folder / f"{last}{end}"
        return None

    def has(self, root: str) -> bool:
        """Say whether a top-level name can be imported; a folder without `__init__.py` can, too."""
        return self.find(root) is not None or any(
            name == root or (name.startswith(f"{root}.") and name.endswith(".so"))
            for place in self._places
            for name in self._listed(place)
        )

    def is_outside(self, root: str) -> bool:
        """Say whether a top-level name is of the standard library, or installed into a folder."""
        return root in sys.stdlib_module_names or root in self._installed

    def _listed(self, folder: Path) -> frozenset[str]:
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder))  # noqa: PTH208  (names alone)
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]


def requirements_of(places: Sequence[Path]) -> set[str]:
    """Return what installed packages need and what is not installed beside them.

    Names are normalised: `aliyun-log`.
    """
    needed = {name for place in places for name in _requirements(place)}
    return needed - {name for place in places for name in _distributions(place)}


def normalised(distribution: str) -> str:
    """Return a distribution's name as it is compared: case and `_`, `.`, `-` do not count."""
    return distribution.lower().replace("_", "-").replace(".", "-")


def _with_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _imports_of(file: Path, module: str) -> Iterator[Import]:
    try:
        statements = _statements(file.read_bytes())
    except OSError:
        return
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for one in statements:
        modules = one.modules
        if one.level:
            parts = package.split(".") if package else []
            base = parts[: len(parts) - one.level + 1]
            modules = tuple(".".join([*base, name]).strip(".") for name in modules)
        if modules[0]:
            yield Import(modules, file, line=one.line, optional=one.optional)


@lru_cache(maxsize=4096)
def _statements(source: bytes) -> tuple[_Statement, ...]:
    """Return the imports in a text; functions of one project share most of their files."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    found: list[_Statement] = []
    _collect(tree.body, found, optional=False)
    return tuple(found)


def _collect(statements: Iterable[ast.stmt], found: list[_Statement], *, optional: bool) -> None:
    """Add the imports among statements, and in those inside them; expressions hold none."""
    for node in statements:
        if isinstance(node, ast.Import):
            found += [
                _Statement((alias.name,), 0, line=node.lineno, optional=optional)
                for alias in node.names
            ]
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}" if node.module else alias.name
                modules = (whole, node.module or "")
                found.append(_Statement(modules, node.level, line=node.lineno, optional=optional))
        else:
            _collect_inside(node, found, optional=optional)


def _collect_inside(node: ast.stmt, found: list[_Statement], *, optional: bool) -> None:
    handlers = getattr(node, "handlers", [])
    caught = optional or any(_catches_import(one) for one in handlers)
    caught = caught or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    _collect(getattr(node, "body", []), found, optional=caught)
    for handler in handlers:
        _collect(handler.body, found, optional=optional or _catches_import(handler))
    for case in getattr(node, "cases", []):
        _collect(case.body, found, optional=optional)
    for name in ("orelse", "finalbody"):
        _collect(getattr(node, name, []), found, optional=optional)


def _catches_import(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(ast.unparse(name) in _CATCHING for name in names)


@lru_cache(maxsize=256)
def _installed(place: Path) -> frozenset[str]:
    """Return the top-level names of what pip has installed into a folder (a copy: it stays)."""
    found: set[str] = set()
    for info in (*place.glob("*.dist-info"), *place.glob("*.egg-info")):
        for line in (*_lines(info / "RECORD"), *_lines(info / "top_level.txt")):
            name = line.partition(",")[0].partition("/")[0]
            found.add(name.partition(".")[0])
    return frozenset(found)


def _distributions(place: Path) -> Iterator[str]:
    for info in place.glob("*.dist-info"):
        yield normalised(info.name.partition("-")[0])


def _requirements(place: Path) -> Iterator[str]:
    for info in place.glob("*.dist-info"):
        for line in _lines(info / "METADATA"):
            if line.startswith("Requires-Dist:") and "extra ==" not in line:
                text = line.partition(":")[2].strip()
                end = next((n for n, sign in enumerate(text) if sign in " <>=!~;[("), len(text))
                yield normalised(text[:end])


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
