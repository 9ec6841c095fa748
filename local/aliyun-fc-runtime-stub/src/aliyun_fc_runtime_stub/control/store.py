"""What was deployed, on disk: one JSON file per function, code packages, uploaded objects.

Every file appears whole or not at all: it is written beside its place, forced to disk, and renamed.
A package is on disk before the function that names it, so the end of the process at any moment
leaves the function as it was before the call or as it is after it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from ..errors import ConfigurationError
from ..user_folders import user_folder
from .crc64 import Crc64
from .deployed import Deployed, Package

_UPLOADS_LAST = 3600  # seconds; as long as the token of an upload
_OBJECT = re.compile(r"[0-9a-f]{32}")


class Store:
    """A folder that one process at a time may use, between `open` and `close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: IO[str] | None = None

    def open(self) -> None:
        """Make the folder and keep other processes out; raises ConfigurationError."""
        try:
            for name in ("", "functions", "packages", "uploads"):
                (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _own_file(self.folder / "lock").open("w")
        except OSError as error:
            raise ConfigurationError(f"cannot be used: {error.strerror}", self.folder) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            message = "is in use by another fc-stub: end it, or choose another folder with --state"
            raise ConfigurationError(message, self.folder) from None
        for path in self.folder.glob("*/*.new"):  # half-written when the process was killed
            path.unlink()

    def close(self) -> None:
        """Let other processes use the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def load(self) -> Iterator[Deployed]:
        """Return all functions; raises ConfigurationError about a file that is damaged."""
        for path in sorted((self.folder / "functions").glob("*.json")):
            try:
                one = Deployed.from_json(json.loads(path.read_bytes()))
            except (ValueError, KeyError, TypeError):
                message = "is damaged: remove it, and deploy its function again"
                raise ConfigurationError(message, path) from None
            if not self.code(one.package).exists():
                message = f"its package {one.package.file} is missing: deploy the function again"
                raise ConfigurationError(message, path)
            yield one

    def save(self, one: Deployed) -> None:
        """Keep a function; it is on disk when this returns."""
        self._write(self._record(one.name), json.dumps(one.to_json(), indent=1).encode())

    def forget(self, name: str) -> None:
        """Remove a function."""
        self._record(name).unlink(missing_ok=True)
        _sync(self.folder / "functions")

    def _record(self, name: str) -> Path:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]  # some file systems fold case
        return self.folder / "functions" / f"{name}.{digest}.json"

    def code(self, package: Package) -> Path:
        """Return the zip file of a package."""
        return self.folder / "packages" / package.file

    def incoming(self) -> Incoming:
        """Begin a package that comes in pieces."""
        return Incoming(self.folder / "packages")

    def upload(self, name: str, package: Package) -> None:
        """Keep an uploaded object by its name."""
        self._write(self.folder / "uploads" / name, json.dumps(package).encode())

    def uploaded(self, name: str) -> Package | None:
        """Return what was uploaded under a name."""
        if not _OBJECT.fullmatch(name):
            return None
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Package(*json.loads((self.folder / "uploads" / name).read_bytes()))
        return None

    def sweep(self, used: Iterable[Deployed]) -> None:
        """Remove uploads of more than an hour ago, and packages that nothing names any more."""
        keep = {one.package.file for one in used}
        for path in (self.folder / "uploads").iterdir():
            if time.time() - path.stat().st_mtime > _UPLOADS_LAST:
                path.unlink()
            elif package := self.uploaded(path.name):
                keep.add(package.file)
        for path in (self.folder / "packages").glob("*.zip"):
            if path.name not in keep:
                path.unlink()

    def _write(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync(path.parent)


class Incoming:
    """A package on its way in: `add` its pieces, then `finish` or `discard` it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        handle, name = tempfile.mkstemp(dir=folder, suffix=".new")
        self._file = os.fdopen(handle, "wb")
        self._path = Path(name)
        self._digest = hashlib.sha256()
        self._crc = Crc64()
        self.size = 0

    def add(self, data: bytes) -> None:
        """Add a piece."""
        self._file.write(data)
        self._digest.update(data)
        self._crc.update(data)
        self.size += len(data)

    def finish(self) -> Package:
        """Keep the package; it is on disk when this returns."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        package = Package(f"{self._digest.hexdigest()}.zip", str(self._crc), self.size)
        self._path.replace(self._folder / package.file)
        _sync(self._folder)
        return package

    def discard(self) -> None:
        """Drop what has come, unless it is finished."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


def _own_file(path: Path) -> Path:
    """Make a file that is for its owner only, whatever the umask is; one that is there becomes so.

    The others here come from tempfile, which makes them so.
    """
    path.touch(mode=0o600)
    path.chmod(0o600)
    return path


def _sync(folder: Path) -> None:
    """Force the names in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def state_folder() -> Path:
    """Return the folder to use unless one is named; raises ConfigurationError without a home."""
    try:
        return user_folder("XDG_STATE_HOME", ".local/state") / "fc-stub"
    except OSError as error:
        raise ConfigurationError(str(error), "--state") from None
