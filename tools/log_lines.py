"""Read the log of the functions: files of lines, as they are or as Simple Log Service exports them.

A line of ours is an object of JSON (docs/logs.md). In an export it stands as text in ``message`` or
``content`` of an object around it. Whatever else is in a file, such as ``FC Invoke Start``, is left
out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

LogLine = Mapping[str, Any]
_ROUND_IT = ("message", "content", "__content__")
_IDS = ("out_id", "biz_id", "message_id", "request_id", "platform_request_id")
# A line of an invocation that is about nobody's send belongs to all that it did.
_OF_ALL = ("configure", "internal-error", "store", "authenticate", "answer", "limit")


def read_lines(name: str) -> list[LogLine]:
    """Return the lines of ours in the file `name`, or in standard input where that is ``-``.

    Raises OSError.
    """
    if name == "-":
        return list(_ours(sys.stdin))
    with Path(name).open(encoding="utf-8", errors="replace") as file:
        return list(_ours(file))


def about(lines: Iterable[LogLine], asked: str, hashes: Collection[str]) -> list[LogLine]:
    """Return the lines about a send, in the order of their times.

    It is named by the hashes of its out_ids, or by the id that was `asked` for. What else its
    invocations said without naming a send is among them.
    """
    every = list(lines)
    own = [line for line in every if _is_about(line, asked, hashes)]
    invocations = {line.get("request_id") for line in own}
    found = [
        line
        for line in every
        if line in own or (line.get("request_id") in invocations and _is_of_all(line))
    ]
    return sorted(found, key=lambda line: str(line.get("time", "")))


def _is_about(line: LogLine, asked: str, hashes: Collection[str]) -> bool:
    if line.get("out_id_hash") in hashes:
        return True
    return any(line.get(name) == asked for name in _IDS)


def _is_of_all(line: LogLine) -> bool:
    return "out_id_hash" not in line and line.get("action") in _OF_ALL


def _ours(texts: Iterable[str]) -> Iterator[LogLine]:
    for text in texts:
        line = _read(text)
        if line is not None:
            yield line


def _read(text: str) -> LogLine | None:
    """Return the line of ours in a line of a file, None where there is none."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text[start:])
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    if {"action", "outcome", "function"} <= found.keys():
        return found
    return _inside(found, _ROUND_IT)


def _inside(around: Mapping[str, Any], names: Sequence[str]) -> LogLine | None:
    for name in names:
        text = around.get(name)
        if isinstance(text, str) and "{" in text and (line := _read(text)) is not None:
            return line
    return None
