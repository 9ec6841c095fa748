"""`make release` and the lines that install from the repository, tried on a clone of this tree."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from aliyun_fc_runtime_stub.package.fcignore import uploaded
from tools.make_metadata import PLACEHOLDER, address, version
from tools.release import release_notes

README_LINES = re.compile(r'^ *pip install "(\S+ @ )?git\+(\S+)#subdirectory=(\S+)"', re.MULTILINE)
OURS = ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL")
VERSION = "7.8.9"
KINDS = {".whl", ".zip"}


def git(folder: Path, *command: str) -> str:
    environment = {**os.environ, **dict.fromkeys(OURS, "tests@example.org")}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def clone(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of this tree git knows or would take, as one commit of another repository."""
    folder = tmp_path_factory.mktemp("clone")
    for name in git(project, "ls-files", "-co", "--exclude-standard", "-z").split("\0"):
        if name and (project / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / name, folder / name)
    git(folder, "init", "-q")
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def released(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same repository after CONTRIBUTING.md was followed: its version is released."""
    folder = tmp_path_factory.mktemp("released") / "tree"
    shutil.copytree(clone, folder)
    (folder / "shared/version.py").write_text(f'"""The version."""\n\nVERSION = "{VERSION}"\n')
    subprocess.run([sys.executable, "-m", "tools.make_metadata"], cwd=folder, check=True)
    changelog = (folder / "CHANGELOG.md").read_text("utf-8")
    heading = f"## [{VERSION}] - 2026-12-01"
    (folder / "CHANGELOG.md").write_text(changelog.replace("## [Unreleased]", heading), "utf-8")
    commit(folder)
    done = release(folder)
    assert done.returncode == 0, done.stderr
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "all of it")


def release(
    folder: Path, *options: str, umask: int = -1, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `make release` as far as it is a program; a `umask` of -1 is that of these tests."""
    environment = {**os.environ, **dict.fromkeys(OURS, "tests@example.org"), **variables}
    return subprocess.run(
        [sys.executable, "-m", "tools.release", *options],
        cwd=folder,
        env=environment,
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_not_committed_or_not_in_the_changelog_is_not_released(clone: Path) -> None:
    (clone / "notes.txt").write_text("not committed")
    refused = release(clone)
    assert (refused.returncode, "not committed, such as notes.txt" in refused.stderr) == (1, True)
    (clone / "notes.txt").unlink()
    refused = release(clone)
    assert refused.returncode == 1
    assert f"CHANGELOG.md says nothing about {version(clone)}" in refused.stderr
    assert git(clone, "tag", "--list") == ""
    assert not (clone / "dist").exists()


def test_a_version_is_released_once(released: Path) -> None:
    assert git(released, "tag", "--list") == f"v{VERSION}\n"
    refused = release(released)
    assert (refused.returncode, "is there already" in refused.stderr) == (1, True)


def test_a_dry_run_elsewhere_builds_the_same_bytes_and_tags_nothing(
    released: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    shutil.copytree(released, again, ignore=shutil.ignore_patterns("dist"))
    git(again, "tag", "-d", f"v{VERSION}")
    for path in again.rglob("*.py"):
        os.utime(path, (0, 1e9))
    tried = release(again, "--dry-run", TZ="Asia/Shanghai", umask=0o077)
    assert tried.returncode == 0, tried.stderr
    assert git(again, "tag", "--list") == ""
    packages = [path.name for path in (released / "dist").iterdir() if path.suffix in KINDS]
    assert len(packages) == 3
    for name in packages:
        assert (again / "dist" / name).read_bytes() == (released / "dist" / name).read_bytes()


def test_a_dry_run_before_the_changelog_has_the_version_takes_what_is_unreleased(
    clone: Path,
) -> None:
    tried = release(clone, "--dry-run", "--look")
    assert tried.returncode == 0, tried.stderr
    changelog = (clone / "CHANGELOG.md").read_text("utf-8")
    notes = release_notes(clone, or_unreleased=True)
    assert notes in changelog.partition("## [Unreleased]")[2]


def test_what_a_pushed_tag_builds_needs_its_section_of_the_changelog(
    clone: Path, tmp_path: Path
) -> None:
    shutil.copytree(clone, tmp_path / "tagged")
    git(tmp_path / "tagged", "tag", f"v{version(clone)}")
    refused = release(tmp_path / "tagged", "--dry-run", "--look")
    assert (refused.returncode, "CHANGELOG.md says nothing" in refused.stderr) == (1, True)


def test_make_release_looks_at_a_pushed_tag_as_its_dry_run_does(released: Path) -> None:
    """The workflow of a release builds what has its tag already."""
    command = ["make", "-n", "release", "DRY_RUN=1"]
    recipe = subprocess.check_output(command, cwd=released, text=True)
    assert re.findall(r"tools\.release (.*)$", recipe, re.MULTILINE) == [
        "--look --dry-run",
        "--dry-run",
    ]
    assert release(released, "--look", "--dry-run").returncode == 0


def test_a_release_has_packages_of_its_version_sums_and_notes(released: Path) -> None:
    dist = released / "dist"
    names = sorted(path.name for path in dist.iterdir())
    packages = [
        f"{name}-{VERSION}{kind}"
        for name in ("aliyun_fc_runtime_stub", "aliyun_sms_emulator")
        for kind in ("-py3-none-any.whl", ".tar.gz")
    ]
    assert names == sorted(["NOTES.md", "SHA256SUMS", "fc-sms.zip", *packages])
    sums = dict(line.split()[::-1] for line in (dist / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        name: hashlib.sha256((dist / name).read_bytes()).hexdigest()
        for name in ["fc-sms.zip", *packages]
    }
    with zipfile.ZipFile(dist / "fc-sms.zip") as package:
        assert VERSION in package.read("shared/version.py").decode()
    notes = (dist / "NOTES.md").read_text("utf-8")
    assert notes in (released / "CHANGELOG.md").read_text("utf-8")
    assert (
        git(released, "tag", "-l", "--format=%(contents)", f"v{VERSION}").strip() == notes.strip()
    )


def test_the_metadata_of_both_packages_is_complete(released: Path) -> None:
    for wheel in (released / "dist").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (each for each in archive.namelist() if each.endswith("/METADATA"))
            metadata = Parser().parsestr(archive.read(name).decode("utf-8"))
        assert metadata["Version"] == VERSION
        assert metadata["Requires-Python"] == ">=3.10"
        assert metadata["License-File"] == "LICENSE"
        classifiers = metadata.get_all("Classifier") or []
        assert {f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)} <= {
            *classifiers
        }
        links = re.findall(r"\]\(([^)#]+)", str(metadata.get_payload()))
        assert links
        assert [link for link in links if not link.startswith("http")] == []
        labels = {line.split(",")[0] for line in metadata.get_all("Project-URL") or []}
        assert labels == {"Repository", "Documentation", "Changelog"}


def test_the_lines_of_the_readmes_install_both_packages_from_the_repository(
    released: Path, tmp_path: Path
) -> None:
    pages = [*released.glob("README*.md"), *released.glob("local/*/README*.md")]
    lines = [found for page in pages for found in README_LINES.findall(page.read_text("utf-8"))]
    assert (
        {where for _, where, _ in lines} == {address(released / "pyproject.toml")} == {PLACEHOLDER}
    )
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    pip = str(tmp_path / "venv" / "bin" / "pip")
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    asked = {f"{name}git+file://{released}#subdirectory={folder}" for name, _, folder in lines}
    done = subprocess.run(
        [pip, "install", "--quiet", "--disable-pip-version-check", *sorted(asked, key=len)[:2]],
        env=alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for program in ("sms-emulator", "fc-stub"):
        command = str(tmp_path / "venv" / "bin" / program)
        assert (
            subprocess.check_output([command, "--version"], text=True, env=alone)
            == f"{program} {VERSION}\n"
        )


def test_the_package_of_the_functions_has_all_that_is_uploaded(clone: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(clone, tree)
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir"]
    subprocess.run([*command, str(tmp_path), str(tree)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("fc_sms-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == {path.as_posix() for path in uploaded(clone) if path.suffix == ".py"}
