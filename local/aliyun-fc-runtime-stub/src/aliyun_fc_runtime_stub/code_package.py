"""Puts the code of a function into a folder of its own, as a deploy would have uploaded it.

Source: the packer of the fc3 component, npm @serverless-devs/zip: entries relative to the code
folder, modes kept, symbolic links stored as links and never followed, empty folders kept.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path

from .errors import ConfigurationError
from .fcignore import uploaded

_ARCHIVES = {".zip", ".war", ".jar"}


def unpack_code(code: Path, target: Path) -> None:
    """Fill the empty folder `target` from a folder, one file, or an archive; links stay links."""
    if code.is_dir():
        for path in uploaded(code):
            _copy(code / path, target / path)
    elif code.suffix.lower() in _ARCHIVES:
        _unzip(code, target)
    else:
        _copy(code, target / code.name)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir(exist_ok=True)
    elif source.is_file():
        shutil.copy(source, target)
    else:
        raise ConfigurationError("is neither a file, a folder nor a link", source)


def _unzip(archive: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as package:
            for entry in package.infolist():
                _unzip_entry(package, entry, target)
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        raise ConfigurationError(f"cannot be unpacked: {error}", archive) from None


def _unzip_entry(package: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    path = target / entry.filename
    root = target.resolve()
    if not path.parent.resolve().is_relative_to(root) or ".." in Path(entry.filename).parts:
        raise ConfigurationError(f"{entry.filename!r} lies outside the package", package.filename)
    mode = entry.external_attr >> 16
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISLNK(mode):
        path.symlink_to(package.read(entry).decode())
        return
    path.write_bytes(package.read(entry))
    if mode:
        path.chmod(stat.S_IMODE(mode) or 0o644)
