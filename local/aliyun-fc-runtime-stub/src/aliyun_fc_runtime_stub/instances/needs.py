"""What the code of a function needs of its environment, and what it will lack there.

Read from its text, so a module that is imported by a computed name is not seen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..package.handlers import Handler, look_at
from ..package.imports import Import, normalised, read_imports, requirements_of
from ..template.model import Function
from .carried_packages import Carried, carried_by

_WSGI = (
    "{handler} is a WSGI or ASGI application, which the Python runtimes of Function Compute 3 do "
    "not call: they call handler(event, context) with the request as JSON, and take "
    '{{"statusCode": 200, "headers": {{}}, "body": ""}}. Write such a handler, or run the web '
    "framework in a custom runtime, such as custom.debian12"
)
# Distributions whose name is not that of the module.
_DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "Crypto": "pycryptodome",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "git": "GitPython",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "sklearn": "scikit-learn",
    "Tea": "alibabacloud-tea",
    "telegram": "python-telegram-bot",
    "yaml": "PyYAML",
}


class Needs(NamedTuple):
    """`carried`: what the runtime carries and the code uses, with where it is imported (empty where
    another package needs it). `hints`: what will not work, and what to do."""

    carried: Mapping[Carried, str]
    hints: tuple[str, ...]


def read_needs(function: Function, code: Path, layers: Sequence[Path]) -> Needs:
    """Read the text of a function's code and layers, as they lie in these folders."""
    if function.custom is not None:
        hint = _nothing_vendored(function, code, layers)
        return Needs({}, (hint,) if hint else ())
    places = module_places(function, code, layers)
    carried = carried_by(function.runtime)
    by_name = {normalised(one.name): one for one in carried.values()}
    needed: dict[Carried, str] = {}
    missing: dict[str, str] = {}
    for one in read_imports(places, handler_modules(function)):
        found = _carried(one.modules, carried)
        place = f"{_shown(one, code)}, line {one.line}"
        if found is not None:
            needed.setdefault(found, place)
        elif not one.optional:
            missing.setdefault(one.modules[0].partition(".")[0], place)
    for name in requirements_of(places):
        if name in by_name:
            needed.setdefault(by_name[name], "")
    hints = [_wsgi(function, places), _missing(function, missing)]
    return Needs(needed, tuple(hint for hint in hints if hint))


def _nothing_vendored(function: Function, code: Path, layers: Sequence[Path]) -> str:
    """Say that a custom runtime's Python program has none of what its requirements.txt names.

    Custom runtimes carry no packages of Python.
    """
    required = code / "requirements.txt"
    if not required.is_file() or not required.read_bytes().strip():
        return ""
    if any(any(place.rglob("*.dist-info")) for place in (code, *layers)):
        return ""
    text = "requirements.txt names packages, and nothing of them is in the code. "
    return text + _remedy(function, ())


def module_places(function: Function, code: Path, layers: Sequence[Path]) -> list[Path]:
    """Return the folders of sys.path that the function brings ("Python": code before layers)."""
    places = [code]
    for layer in layers:
        places += [*sorted(layer.glob("python/lib/python3.*/site-packages")), layer / "python"]
    for entry in function.environment.get("PYTHONPATH", "").split(":"):
        if entry == "/code" or entry.startswith("/code/"):
            places.append(code / entry.removeprefix("/code").lstrip("/"))
        elif entry.startswith("/opt/"):
            places += [layer / entry.removeprefix("/opt/") for layer in layers]
    return places


def handler_modules(function: Function) -> Iterable[str]:
    """Yield the modules of a function's handler and hooks."""
    hooks = [hook for hook in (function.initializer, function.pre_stop) if hook]
    for handler in (function.handler, *(hook.handler for hook in hooks)):
        yield handler.rpartition(".")[0].replace("/", ".")


def _carried(modules: Iterable[str], carried: Mapping[str, Carried]) -> Carried | None:
    """Return the distribution that brings a module, or a package that the module is in."""
    for module in modules:
        parts = module.split(".")
        for count in range(len(parts), 0, -1):
            if found := carried.get(".".join(parts[:count])):
                return found
    return None


def _shown(one: Import, code: Path) -> str:
    try:
        return str(one.file.relative_to(code))
    except ValueError:
        return one.file.name


def _wsgi(function: Function, places: Sequence[Path]) -> str:
    if look_at(places, function.handler) is not Handler.WSGI:
        return ""
    return _WSGI.format(handler=function.handler)


def _missing(function: Function, missing: Mapping[str, str]) -> str:
    """Say how to bring what neither the code nor the runtime has."""
    if not missing:
        return ""
    listed = ", ".join(f"{module} ({place})" for module, place in missing.items())
    where = "neither its code nor a layer brings" if function.layers else "its code does not bring"
    text = f"{function.runtime} does not carry, and {where}: {listed}. "
    return text + _remedy(function, missing)


def _remedy(function: Function, missing: Iterable[str]) -> str:
    folder = function.code if function.code.is_dir() else None
    if folder is None:
        return "Put it into the package, with pip install -t"
    shown = os.path.relpath(folder)
    if installing := [command for command in function.before_deploy if "pip" in command]:
        return f"s deploy would run this before: {'; '.join(installing)}"
    if not (folder / "requirements.txt").is_file():
        names = " ".join(_DISTRIBUTIONS.get(module, module) for module in missing)
        return f"Put it beside the handler: pip install -t {shown} {names}"
    command = f"pip install -t {shown}/python -r {shown}/requirements.txt"
    if "/code/python" in function.environment.get("PYTHONPATH", "").split(":"):
        return f"Put it there: {command}"
    return f"Put it there: {command}, and set PYTHONPATH: /code/python in environmentVariables"
