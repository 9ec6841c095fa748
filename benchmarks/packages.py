"""Folders of packages as Function Compute has them: its own, and what is uploaded.

requests, redis, oss2 and what they need belong to the runtime and keep their bytecode. Everything
else that a program needs is uploaded, which leaves it without bytecode: a package holds none, and
the code folder of an instance is not written to.
"""

from __future__ import annotations

import compileall
import io
import re
import shutil
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SDK = "alibabacloud_dysmsapi20170525"
_OURS = ("functions", "shared")
_RUNTIME = ("requests", "redis", "oss2")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_NO_BYTECODE = shutil.ignore_patterns("__pycache__", "*.pyc")


def make_runtime(folder: Path) -> None:
    """Copy what the runtimes have, with bytecode."""
    _copy_distributions(set().union(*map(_needed, _RUNTIME)), folder)
    _compile(folder)


def make_harness(folder: Path) -> None:
    """Copy the clients that are measured, with bytecode."""
    shutil.copytree(ROOT / "benchmarks", folder / "benchmarks", ignore=_NO_BYTECODE)
    _compile(folder)


def make_ours(folder: Path, *, bytecode: bool) -> None:
    """Copy what `s deploy` uploads of this project."""
    for name in _OURS:
        shutil.copytree(ROOT / name, folder / name, ignore=_NO_BYTECODE)
    if bytecode:
        _compile(folder)


def make_sdk(folder: Path, *, bytecode: bool) -> None:
    """Copy the official SDK and what it needs beyond the runtime."""
    _copy_distributions(_needed(SDK) - _needed("requests"), folder)
    if bytecode:
        _compile(folder)


def sdk_version() -> str:
    """Return the version of the official SDK that is installed."""
    return distribution(SDK).version


def zip_size(folder: Path) -> int:
    """Return the bytes that the files below `folder` take in a zip archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, path.relative_to(folder))
    return archive.tell()


def _compile(folder: Path) -> None:
    if not compileall.compile_dir(folder, quiet=2, workers=0):
        raise RuntimeError(f"a file below {folder} cannot be compiled")


def _needed(name: str) -> set[str]:
    """Return the installed distributions that `name` needs, itself included."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = re.sub(r"[._-]+", "-", waiting.pop()).lower()
        if current in found:
            continue
        try:
            requirements = distribution(current).requires or []
        except PackageNotFoundError:
            if not found:
                raise
            continue  # needed on another system or Python only
        found.add(current)
        for requirement in requirements:
            match = _NAME.match(requirement)
            if match and "extra ==" not in requirement:
                waiting.append(match[0])
    return found


def _copy_distributions(names: set[str], folder: Path) -> None:
    for name in names:
        for file in distribution(name).files or []:
            if ".." in file.parts or file.suffix == ".pyc":
                continue
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target)
