"""Finds secrets that lie where the code that is uploaded lies: `.env` files and keys.

`.fcignore` leaves most of them out, but one line of it may change; so they are refused wherever
they lie below `functions/` and `shared/`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("functions", "shared")
_NAMES = (
    (re.compile(r"\.env(\..*)?|.*\.env"), "holds settings"),
    (re.compile(r".*\.(key|p12|pfx|jks|keystore|ppk)|id_(rsa|dsa|ecdsa|ed25519)"), "is a key"),
)
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_ACCESS_KEY_ID = re.compile(rb"\bLTAI[0-9A-Za-z]{12,24}\b")  # as Alibaba Cloud makes them


def secret_files(root: Path) -> list[str]:
    """Return a sentence for each secret below `root`, with its path: "shared/a.key is a key".

    Links are not followed.
    """
    return [
        f"{path.relative_to(root)} {what}"
        for folder in FOLDERS
        for path in _files(root / folder)
        if (what := _what(path))
    ]


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):  # follows no link
        folders.sort()
        yield from (Path(place, name) for name in sorted(names))


def _what(path: Path) -> str:
    """Say what is secret in a file, empty if nothing is."""
    for pattern, what in _NAMES:
        if pattern.fullmatch(path.name.lower()):
            return what
    if path.is_symlink() or not path.is_file():
        return ""
    content = path.read_bytes()
    if _PRIVATE_KEY.search(content):
        return "holds a private key"
    return "holds the id of an access key" if _ACCESS_KEY_ID.search(content) else ""
