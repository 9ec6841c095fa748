"""Which files of a code folder a deploy uploads: the rules of `.fcignore`.

These are the rules of the packer that the fc3 component uses (npm @serverless-devs/zip with
@serverless-devs/ignore-walk and minimatch): close to .gitignore, yet not the same. A pattern
without "/" matches a name at any depth, but `name/` only in the folder of its `.fcignore`; letter
case does not count; `a//b` is `a/b`; a folder is entered if a `!pattern` may match something
below it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from ..errors import ConfigurationError

NAME = ".fcignore"


@dataclass(frozen=True, slots=True)
class _Rule:
    keeps: bool
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ignore:
    folder: PurePosixPath
    rules: tuple[_Rule, ...]


def uploaded(root: Path) -> Iterator[PurePosixPath]:
    """Yield what goes up, relative to `root`: files, links, and folders that are empty on disk."""
    return _walk(root, PurePosixPath(), ())


def _walk(
    root: Path, folder: PurePosixPath, ignores: tuple[_Ignore, ...]
) -> Iterator[PurePosixPath]:
    entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
    if not entries:
        yield folder
    if any(entry.name == NAME and entry.is_file() for entry in entries):
        ignores = (*ignores, _Ignore(folder, _read(root / folder / NAME)))
    for entry in entries:
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if _included(path, ignores, is_folder=True):
                yield from _walk(root, path, ignores)
        elif _included(path, ignores, is_folder=False):
            yield path


def _read(path: Path) -> tuple[_Rule, ...]:
    rules: list[_Rule] = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        pattern = line.removesuffix("\r")
        if not pattern.strip() or pattern.strip().startswith("#"):
            continue
        body = pattern.lstrip("!")
        keeps = (len(pattern) - len(body)) % 2 == 1
        if re.search(r"[?*+@!]\(", body):
            raise ConfigurationError(
                f"extended patterns such as {pattern!r} are not supported", path
            )
        body = body[1:] if body.startswith("./") else body
        rules += [_Rule(keeps, tuple(re.split("/+", choice))) for choice in _choices(body)]
    return tuple(rules)


def _choices(pattern: str) -> list[str]:
    """Expand the first `{a,b}` and, in turn, those after it."""
    match = re.search(r"\{([^{}]*,[^{}]*)\}", pattern)
    if match is None:
        return [pattern]
    before, after = pattern[: match.start()], pattern[match.end() :]
    return [full for choice in match[1].split(",") for full in _choices(f"{before}{choice}{after}")]


def _included(path: PurePosixPath, ignores: tuple[_Ignore, ...], *, is_folder: bool) -> bool:
    included = True
    for ignore in ignores:
        names = path.relative_to(ignore.folder).parts
        for rule in ignore.rules:
            if rule.keeps != included and _matches(rule, names, is_folder=is_folder):
                included = rule.keeps
    return included


def _matches(rule: _Rule, names: tuple[str, ...], *, is_folder: bool) -> bool:
    forms = [("", *names), names]
    if is_folder:
        forms += [("", *names, ""), (*names, "")]
    if any(_match(rule.parts, form, partial=False) for form in forms):
        return True
    return (
        is_folder
        and rule.keeps
        and any(_match(rule.parts, form, partial=True) for form in forms[:2])
    )


def _match(parts: tuple[str, ...], names: tuple[str, ...], *, partial: bool) -> bool:
    if len(parts) == 1:
        filled = [name for name in names if name]
        return _match_parts(parts, (filled[-1] if filled else "",), partial=partial)
    return _match_parts(parts, names, partial=partial)


def _match_parts(parts: tuple[str, ...], names: tuple[str, ...], *, partial: bool) -> bool:
    for index, part in enumerate(parts):
        if index >= len(names):
            return partial
        if part == "**":
            rest = parts[index + 1 :]
            if not rest:
                return True
            return partial or any(
                _match_parts(rest, names[start:], partial=partial)
                for start in range(index, len(names))
            )
        if not _glob(part).fullmatch(names[index]):
            return False
    return len(parts) == len(names) or (len(names) == len(parts) + 1 and not names[-1])


@lru_cache(maxsize=4096)
def _glob(part: str) -> re.Pattern[str]:
    pattern, position = "", 0
    while position < len(part):
        sign = part[position]
        position += 1
        end = part.find("]", position + 1)
        if sign == "*":
            pattern += ".*"
        elif sign == "?":
            pattern += "."
        elif sign == "[" and end > 0:
            inner = part[position:end].replace("\\", "\\\\")
            pattern += "[" + ("^" + inner[1:] if inner[0] in "!^" else inner) + "]"
            position = end + 1
        elif sign == "\\" and position < len(part):
            pattern += re.escape(part[position])
            position += 1
        else:
            pattern += re.escape(sign)
    if part.strip("*") == "" and part:
        pattern = ".+"
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)
