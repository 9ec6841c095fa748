"""The key pair that callers sign with: random, one for each state folder."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigurationError
from .acs3 import AccessKey

FILE = "access-key.json"


def new_access_key() -> AccessKey:
    """Return a pair that nobody knows yet."""
    return AccessKey(f"fc-stub-{secrets.token_hex(8)}", secrets.token_hex(24))


def keep_access_key(folder: Path) -> AccessKey:
    """Return the pair of a state folder; it is made, with the folder, where there is none.

    Its file is for its owner only. Raises ConfigurationError if it cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(folder):
            found = read_access_key(folder)
            return found if found is not None else _write(folder / FILE, new_access_key())
    except OSError as error:
        message = f"cannot be used: {error.strerror}; XDG_STATE_HOME names another place"
        raise ConfigurationError(message, folder) from None


def read_access_key(folder: Path) -> AccessKey | None:
    """Return the pair of a state folder, None where there is none.

    Raises ConfigurationError if its file is damaged, OSError if it cannot be read.
    """
    path = folder / FILE
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        pair = json.loads(text)
        key = AccessKey(pair["id"], pair["secret"])
    except (ValueError, KeyError, TypeError):
        key = AccessKey("", "")
    if not all(isinstance(part, str) and part for part in key):
        raise ConfigurationError("is damaged: remove it, and a new key pair is made", path)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return key


def _write(path: Path, key: AccessKey) -> AccessKey:
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(key._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return key


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes waiting, so that two that start at once have the same pair."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
