"""A handler as its text shows it: nothing of it is run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from .imports import find_module

_APPLICATIONS = {
    "Flask",
    "FastAPI",
    "Starlette",
    "Bottle",
    "Quart",
    "Sanic",
    "get_wsgi_application",
    "get_asgi_application",
    "WSGIHandler",
}


class Handler(Enum):
    """What the text of a module says about a handler."""

    FOUND = "found"
    NO_FILE = "no file"
    NO_FUNCTION = "no function"
    WSGI = "wsgi"
    UNKNOWN = "unknown"
    """It cannot be told: not Python's text, a syntax error, `from x import *`, a decorator."""


def look_at(places: Sequence[Path], handler: str, *, by_path: bool = False) -> Handler:
    """Look for `file.method`, such as `functions/send.handler`, in folders like those of sys.path.

    `by_path`: as runtimes before python3.12 do, to which a dot is a step into a package. WSGI: it
    is called with an environment and start_response, or is an application of a framework.
    """
    module, _, name = handler.rpartition(".")
    file = find_module(places, module.replace("/", "."))
    if file is None or (by_path and not _are_packages(file, module.rpartition("/")[2])):
        in_library = not by_path and module.partition(".")[0] in sys.stdlib_module_names
        return Handler.UNKNOWN if in_library else Handler.NO_FILE
    tree = _parsed(file)
    if tree is None:
        return Handler.UNKNOWN
    return _kind(tree, name)


def _are_packages(file: Path, dotted: str) -> bool:
    """Say whether each folder that a name with dots steps into has an `__init__.py`."""
    count = dotted.count(".")
    return all((folder / "__init__.py").is_file() for folder in list(file.parents)[:count])


def _parsed(file: Path) -> ast.Module | None:
    if file.suffix != ".py":
        return None
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _kind(tree: ast.Module, name: str) -> Handler:
    """Say what the last statement that makes `name` makes of it."""
    kind = Handler.NO_FUNCTION
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            names = [argument.arg for argument in node.args.args]
            kind = Handler.WSGI if "start_response" in names else Handler.FOUND
        elif isinstance(node, ast.ClassDef) and node.name == name:
            kind = Handler.FOUND
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and name in _targets(node):
            kind = Handler.WSGI if _makes_application(node.value) else Handler.FOUND
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            if kind is Handler.NO_FUNCTION and bound & {name, "*"}:
                kind = Handler.UNKNOWN
    if kind is Handler.NO_FUNCTION and _is_dynamic(tree):
        return Handler.UNKNOWN
    return kind


def _targets(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}


def _makes_application(value: ast.expr | None) -> bool:
    if not isinstance(value, ast.Call):
        return False
    return ast.unparse(value.func).rpartition(".")[2] in _APPLICATIONS


def _is_dynamic(tree: ast.Module) -> bool:
    """Say whether names may be made in a way that the text does not show."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return bool(names & {"globals", "locals", "vars", "setattr", "exec", "__getattr__"})
