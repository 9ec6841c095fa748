"""One version and one address: `make metadata` writes them wherever else they stand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from shared.version import VERSION
from tools.make_metadata import PLACEHOLDER, address, stale_files

PAGES = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "openapi.yaml", "pyproject.toml")
PACKAGES = ("aliyun-fc-runtime-stub", "aliyun-sms-emulator")
OF_A_PACKAGE = ("README.md", "README.zh-CN.md", "pyproject.toml")


@pytest.fixture
def tree(project: Path, tmp_path: Path) -> Path:
    """A copy of the files that say a version or an address."""
    names = [*PAGES, "shared/version.py"]
    for package in PACKAGES:
        module = package.replace("-", "_")
        names += [f"local/{package}/{name}" for name in OF_A_PACKAGE]
        names += [f"local/{package}/src/{module}/version.py"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project / name, tmp_path / name)
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def write_all(tree: Path) -> set[str]:
    """Do what `make metadata` does; return which files it wrote."""
    stale = dict(stale_files(tree))
    for path, text in stale.items():
        path.write_text(text, "utf-8")
    return {path.relative_to(tree).as_posix() for path in stale}


def test_all_files_say_one_version_and_one_address(project: Path) -> None:
    assert [str(path) for path, _ in stale_files(project)] == [], "run `make metadata`"


def test_another_version_is_written_into_both_packages_and_the_contract(tree: Path) -> None:
    replace(tree / "shared/version.py", VERSION, "1.2.3")
    assert write_all(tree) == {
        "local/aliyun-fc-runtime-stub/src/aliyun_fc_runtime_stub/version.py",
        "local/aliyun-sms-emulator/src/aliyun_sms_emulator/version.py",
        "openapi.yaml",
    }
    contract = yaml.safe_load((tree / "openapi.yaml").read_text("utf-8"))
    assert contract["info"]["version"] == "1.2.3"
    assert write_all(tree) == set()


def test_another_address_is_written_into_both_packages_and_all_pages(tree: Path) -> None:
    assert address(tree / "pyproject.toml") == PLACEHOLDER
    replace(tree / "pyproject.toml", PLACEHOLDER, "https://git.example.com/shop/sms")
    written = write_all(tree)
    assert {f"local/{name}/pyproject.toml" for name in PACKAGES} <= written
    assert {"README.md", "README.zh-CN.md"} <= written
    left = [path for path in tree.rglob("*") if path.is_file() and PLACEHOLDER in path.read_text()]
    assert left == []
