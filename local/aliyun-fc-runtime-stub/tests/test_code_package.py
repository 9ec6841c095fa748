"""How code gets to a function.

Source: npm @serverless-devs/zip and trials with the fc3 component (packaging).
"""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from aliyun_fc_runtime_stub.errors import ConfigurationError
from aliyun_fc_runtime_stub.package.unpacking import unpack_code


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def test_a_folder_goes_up_with_modes_and_links_and_without_ignored_files(
    tmp_path: Path, target: Path
) -> None:
    """Modes are kept, links stay links even if they dangle, ignored files are not there."""
    code = tmp_path / "code"
    (code / "sub").mkdir(parents=True)
    (code / "sub/run.sh").write_text("x")
    (code / "sub/run.sh").chmod(0o755)
    (code / "gone.txt").write_text("x")
    (code / "outside").symlink_to("../../shared")
    (code / ".fcignore").write_text("*.txt\n")
    unpack_code(code, target)
    assert sorted(path.name for path in target.rglob("*")) == [
        ".fcignore",
        "outside",
        "run.sh",
        "sub",
    ]
    assert stat.S_IMODE((target / "sub/run.sh").stat().st_mode) == 0o755
    assert (target / "outside").readlink() == Path("../../shared")


def test_a_single_file_goes_up_alone(tmp_path: Path, target: Path) -> None:
    """A file that is no archive is uploaded alone."""
    (tmp_path / "index.py").write_text("x = 1")
    unpack_code(tmp_path / "index.py", target)
    assert [path.name for path in target.iterdir()] == ["index.py"]


def test_a_zip_goes_up_as_it_is(tmp_path: Path, target: Path) -> None:
    """A .zip goes up as it is, with modes and links."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as package:
        package.writestr("pkg/index.py", "x = 1")
        package.writestr("empty/", "")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        package.writestr(link, "pkg")
        script = zipfile.ZipInfo("run.sh")
        script.external_attr = (stat.S_IFREG | 0o750) << 16
        package.writestr(script, "x")
    unpack_code(tmp_path / "a.zip", target)
    assert (target / "pkg/index.py").read_text() == "x = 1"
    assert (target / "empty").is_dir()
    assert (target / "link").readlink() == Path("pkg")
    assert stat.S_IMODE((target / "run.sh").stat().st_mode) == 0o750


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "a/../../evil.py"])
def test_zip_cannot_write_outside(tmp_path: Path, target: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as package:
        package.writestr(name, "x")
    with pytest.raises(ConfigurationError, match="outside the package"):
        unpack_code(tmp_path / "a.zip", target)


def test_zip_cannot_write_through_a_link(tmp_path: Path, target: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as package:
        link = zipfile.ZipInfo("out")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        package.writestr(link, str(tmp_path))
        package.writestr("out/evil.py", "x")
    with pytest.raises(ConfigurationError, match="outside the package"):
        unpack_code(tmp_path / "a.zip", target)
    assert not (tmp_path / "evil.py").exists()


def test_a_broken_archive_and_an_odd_file_are_refused(tmp_path: Path, target: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"not a zip")
    with pytest.raises(ConfigurationError, match="cannot be unpacked"):
        unpack_code(tmp_path / "a.zip", target)
    (tmp_path / "code").mkdir()
    os.mkfifo(tmp_path / "code/pipe")
    with pytest.raises(ConfigurationError, match="neither a file"):
        unpack_code(tmp_path / "code", target)
