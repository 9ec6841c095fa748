"""Puts the code of a function into a folder of its own, as a deploy would have uploaded it.

Sources: the packer of the fc3 component, npm @serverless-devs/zip: entries relative to the code
folder, modes kept, symbolic links stored as links and never followed, empty folders kept; "Limits":
a package is at most 500 MB. What it may unpack to is not documented; here 10 GB, the largest disk
of an instance, and 200,000 entries.
"""

from __future__ import annotations

import errno
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from ..errors import ConfigurationError
from .fcignore import uploaded

MAX_PACKAGE = 500 * 1024 * 1024
_ARCHIVES = {".zip", ".war", ".jar"}
_MAX_UNPACKED = 10 * 1024**3
_MAX_ENTRIES = 200_000
_MAX_LINK = 4096
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE}


def unpack_code(code: Path, target: Path, *, whole_jar: bool = False) -> None:
    """Fill the empty folder `target` from a folder, one file, or an archive; links stay links.

    With `whole_jar` a .jar is a file as any other.

    Raises ConfigurationError if the code cannot be used, OSError if there is no room for it.
    """
    if code.is_dir():
        for path in uploaded(code):
            _copy(code / path, target / path)
        _let_run(target / "bootstrap")
    elif code.suffix.lower() in _ARCHIVES and not (whole_jar and code.suffix == ".jar"):
        _unzip(code, target)
    else:
        _copy(code, target / code.name)


def _let_run(bootstrap: Path) -> None:
    """Make the usual start command of a custom runtime executable, as the packer does."""
    if bootstrap.is_file() and not bootstrap.is_symlink():
        bootstrap.chmod(bootstrap.stat().st_mode | 0o111)


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
        if archive.stat().st_size > MAX_PACKAGE:
            raise ConfigurationError("is over 500 MB", archive)
        with zipfile.ZipFile(archive) as package:
            entries = package.infolist()
            size = sum(entry.file_size for entry in entries)
            if len(entries) > _MAX_ENTRIES or size > _MAX_UNPACKED:
                message = f"holds {len(entries)} entries of {size} bytes; at most 200,000 and 10 GB"
                raise ConfigurationError(message, archive)
            for entry in entries:
                _unzip_entry(package, entry, target)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:  # not the package's fault
            raise
        raise ConfigurationError(f"cannot be unpacked: {error}", archive) from None


def _unzip_entry(package: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    path = target / entry.filename
    root = target.resolve()
    outside = ".." in Path(entry.filename).parts or path == target
    if outside or not path.parent.resolve().is_relative_to(root):
        raise ConfigurationError(f"{entry.filename!r} lies outside the package", package.filename)
    mode = entry.external_attr >> 16
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # a repeated name; a link of that name must not be written through
    if stat.S_ISLNK(mode):
        if entry.file_size > _MAX_LINK:
            raise ConfigurationError(f"{entry.filename!r} is too long a link", package.filename)
        path.symlink_to(package.read(entry).decode())
        return
    with package.open(entry) as source, path.open("xb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    if mode:
        path.chmod(mode & 0o777 or 0o644)
