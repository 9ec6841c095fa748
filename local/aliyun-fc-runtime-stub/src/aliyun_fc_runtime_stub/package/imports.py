"""What code imports, read from its text: nothing of it is run.

Modules are followed from file to file, but not into packages that were installed into the code
folder (those that have a `*.dist-info` beside them).
"""

from __future__ import annotations

import ast
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
    return [
        one
        for file, name in _followed(places, modules)
        for one in _imports_of(file, name)
        if (root := _root(one)) not in sys.stdlib_module_names
        and root not in _installed_in(places)
        and not _is_there(places, root)
    ]


def files_of(places: Sequence[Path], modules: Iterable[str]) -> list[Path]:
    """Return the files of some modules and of all that they import, installed packages left out."""
    return [file for file, _ in _followed(places, modules)]


def _followed(places: Sequence[Path], modules: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """Yield modules with their names, those to begin with first; each once."""
    waiting = [name for module in modules for name in _with_parents(module)]
    seen = set(waiting)
    while waiting and len(seen) < _MOST_FILES:
        name = waiting.pop(0)
        file = find_module(places, name)
        if file is None or file.suffix != ".py":
            continue
        yield file, name
        for one in _imports_of(file, name):
            if _root(one) in sys.stdlib_module_names or _root(one) in _installed_in(places):
                continue
            for module in one.modules:
                fresh = [part for part in _with_parents(module) if part not in seen]
                seen.update(fresh)
                waiting += fresh


def _root(one: Import) -> str:
    return one.modules[0].partition(".")[0]


def find_module(places: Sequence[Path], name: str) -> Path | None:
    """Return the file of a module, a package's `__init__.py`, or None."""
    path = name.replace(".", "/")
    for place in places:
        for candidate in (f"{path}/__init__.py", *(f"{path}{end}" for end in all_suffixes())):
            if (place / candidate).is_file():
                return place / candidate
    return None


def requirements_of(places: Sequence[Path]) -> set[str]:
    """Return what installed packages need and what is not installed beside them.

    Names are normalised: `aliyun-log`.
    """
    needed = {name for place in places for name in _requirements(place)}
    return needed - {name for place in places for name in _distributions(place)}


def normalised(distribution: str) -> str:
    """Return a distribution's name as it is compared: case and `_`, `.`, `-` do not count."""
    return distribution.lower().replace("_", "-").replace(".", "-")


def _is_there(places: Sequence[Path], root: str) -> bool:
    """Say whether a top-level name can be imported; a folder without `__init__.py` can, too."""
    if any((place / root).is_dir() for place in places):
        return True
    return find_module(places, root) is not None or any(
        any(place.glob(f"{root}.*.so")) for place in places
    )


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
    optional = {id(node) for part in _optional_parts(tree) for node in ast.walk(part)}
    found = []
    for node in ast.walk(tree):
        is_optional = id(node) in optional
        if isinstance(node, ast.Import):
            found += [
                _Statement((alias.name,), 0, line=node.lineno, optional=is_optional)
                for alias in node.names
            ]
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}" if node.module else alias.name
                modules = (whole, node.module or "")
                found.append(
                    _Statement(modules, node.level, line=node.lineno, optional=is_optional)
                )
    return tuple(found)


def _optional_parts(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements whose imports need not succeed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_catches_import(one) for one in node.handlers):
            yield from node.body
            for handler in node.handlers:
                yield from handler.body
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from node.body


def _catches_import(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(ast.unparse(name) in _CATCHING for name in names)


def _installed_in(places: Sequence[Path]) -> frozenset[str]:
    return frozenset().union(*(_installed(place) for place in places))


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
