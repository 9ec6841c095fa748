"""Paths of Function Compute in commands, scripts and variables, and where they lie here.

`/code` is the copy of the code, `/opt` the folders given for layers. `/var/fc/lang/python3.10` and
its like are interpreters that custom runtimes carry ("Custom runtimes", table of languages);
official layers bring others below /opt. An interpreter of this machine takes their place.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from ..template.model import Function
from ..template.properties import PYTHON_RUNTIMES
from .environments import runtime_environment
from .interpreters import find_interpreter

_END = r"\s:;,\"'&|)<>`$"
_PATH = re.compile(rf"(?<![\w./-])/(?:code|opt|var/fc/lang)(?=[/{_END}]|\Z)(?:/[^{_END}]*)?")
_LANGUAGE = re.compile(r"(?:/var/fc/lang|/opt)/((?:python|nodejs|java|php|ruby|go|dotnet)[\d.]+)")
_LANGUAGE_LAYER = re.compile(r".*:official:layers/(Nodejs|Java|PHP|Ruby|Go)(\d+)(?:/.*)?")
_PROGRAMS = {"nodejs": "node", "java": "java", "php": "php", "ruby": "ruby", "go": "go"}
_SHELL = re.compile(rb"#!.*\b(?:ba|da|z|k)?sh\b")
_SCRIPT_SIZE = 1 << 20
_PATH_VARIABLES = ("PATH", "HOME", "DIR")


def python_runtimes(function: Function) -> list[str]:
    """Return the built-in runtimes whose Python, with its packages, a function is run by."""
    if function.custom is None:
        return [function.runtime]
    return [name for name in _languages(function) if name in PYTHON_RUNTIMES]


def _languages(function: Function) -> list[str]:
    """Return the languages of the platform that a custom runtime's settings name."""
    texts = [*(function.custom.command if function.custom else ()), *function.environment.values()]
    return sorted({name for text in texts for name in _LANGUAGE.findall(text)})


def brings_a_language(arn: str) -> bool:
    """Say whether an official layer brings an interpreter that this machine has."""
    match = _LANGUAGE_LAYER.fullmatch(arn)
    return match is not None and find_language(f"{match[1]}{match[2]}".lower()) is not None


def language_warnings(function: Function) -> list[str]:
    """Say which of them this machine lacks, or has in another version."""
    found = []
    for name in _languages(function):
        wanted = name.lstrip("abcdefghijklmnopqrstuvwxyz")
        place = find_language(name)
        if place is None:
            found.append(f"{function.name} names {name}, which this machine does not have")
            continue
        version = _version(place / "bin/node") if name.startswith("nodejs") else ""
        if version and version.lstrip("v").partition(".")[0] != wanted:
            found.append(f"{function.name} names {name}; this machine's Node.js is {version}")
    return found


@lru_cache
def _version(program: Path) -> str:
    """Return what a program says of its version, empty if it says nothing."""
    try:
        done = subprocess.run(  # noqa: S603
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


@lru_cache
def find_language(name: str) -> Path | None:
    """Return the folder, with `bin` in it, of a language such as python3.10 or nodejs20."""
    if name in PYTHON_RUNTIMES:
        return runtime_environment(name).python.parent.parent
    if name.startswith("python"):
        python = find_interpreter(name)
        return python.parent.parent if python else None
    program = shutil.which(_PROGRAMS.get(name.rstrip(".0123456789"), name))
    if program is None:
        return None
    place = os.path.realpath(program) if name.startswith("java") else program
    return Path(place).parent.parent


class PlatformPaths:
    """Where the paths of one function lie; `missing` collects languages this machine lacks."""

    def __init__(self, code: Path, layers: Iterable[Path]) -> None:
        self._code = code
        self._layers = tuple(layers)
        self.missing: set[str] = set()

    def moved(self, text: str) -> str:
        """Return a text with all paths of the platform replaced."""
        return _PATH.sub(lambda match: self._moved(match[0]), text)

    def _moved(self, path: str) -> str:
        if path == "/code" or path.startswith("/code/"):
            return f"{self._code}{path.removeprefix('/code')}"
        if in_layers := self._in_layers(path):
            return in_layers[0]
        language = _LANGUAGE.match(path)
        if language is None:
            return path
        place = find_language(language[1])
        if place is None:
            self.missing.add(language[1])
            return path
        return f"{place}{path[language.end() :]}"

    def _in_layers(self, path: str) -> list[str]:
        if not path.startswith("/opt/"):
            return []
        places = [layer / path.removeprefix("/opt/") for layer in self._layers]
        return [str(place) for place in places if place.exists()]

    def variables(self, environment: dict[str, str]) -> dict[str, str]:
        """Return variables with the paths replaced in those that hold paths by their name."""
        return {
            name: self._list(value) if name.endswith(_PATH_VARIABLES) else value
            for name, value in environment.items()
        }

    def _list(self, value: str) -> str:
        """Replace the paths of a list such as PATH; a folder may be in several layers."""
        found: list[str] = []
        for path in value.split(":"):
            found += self._in_layers(path) or [self.moved(path)]
        return ":".join(found)

    def command(self, command: Sequence[str]) -> list[str]:
        """Return a start command with the paths replaced, in shell scripts that it names, too."""
        for argument in command:
            self._move_in_script(Path(self._code, self.moved(argument)))
        return [self.moved(argument) for argument in command]

    def _move_in_script(self, path: Path) -> None:
        try:
            if not path.is_relative_to(self._code) or not stat.S_ISREG(path.lstat().st_mode):
                return
            text = path.read_bytes() if path.stat().st_size <= _SCRIPT_SIZE else b""
        except (OSError, ValueError):
            return
        if path.suffix == ".sh" or _SHELL.match(text):
            moved = self.moved(text.decode("utf-8", "surrogateescape"))
            path.write_bytes(moved.encode("utf-8", "surrogateescape"))
