"""Check, build and tag a release: ``make release``. It pushes nothing.

What is built comes from the commit that is tagged, not from the work tree. It lies in dist/: both
local packages, fc-sms.zip, their SHA-256 and the notes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tools.make_metadata import PLACEHOLDER, address, stale_files, version
from tools.package import SecretFound, make_package

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("aliyun-fc-runtime-stub", "aliyun-sms-emulator")
RELATIVE_LINK = re.compile(r"\]\((?!https?:|#)")
SECTION = r"^## \[{heading}\][^\n]*\n(.*?)(?=^## |\Z)"


class ReleaseRefused(Exception):
    """This tree cannot be released; the text says why and what to do."""


def main() -> int:
    """Release this tree, or say what stands against it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--look", action="store_true", help="only say what stands against it")
    parser.add_argument("--dry-run", action="store_true", help="build all, and tag nothing")
    options = parser.parse_args()
    tag = f"v{version(ROOT)}"
    os.umask(0o022)  # the wheels' files have the permissions of the files here
    try:
        refuse_what_is_not_ready(ROOT, tag, again=options.dry_run)
        # A pushed tag is built by a dry run, too, and then published.
        is_trial = options.dry_run and not has_tag(ROOT, tag)
        notes = release_notes(ROOT, or_unreleased=is_trial)
        if options.look:
            return 0
        build(ROOT, ROOT / "dist", notes)
    except (ReleaseRefused, SecretFound) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    for line in (ROOT / "dist" / "SHA256SUMS").read_text().splitlines():
        print(line)
    if options.dry_run:
        print(f"dist/ is what {tag} would be; nothing was tagged or pushed.")
        return 0
    # Lines of the notes begin with #, which git would take for comments.
    _run("git", "tag", "-a", tag, "-F", "dist/NOTES.md", "--cleanup=verbatim", root=ROOT)
    print(f"Tagged {tag}; nothing was pushed. To publish it: git push origin {tag}")
    return 0


def refuse_what_is_not_ready(root: Path, tag: str, *, again: bool) -> None:
    """Raise ReleaseRefused where the commit cannot be released as `tag`.

    `again`: this commit may have the tag already, as it has where a pushed tag is built.
    """
    if changed := _run("git", "status", "--porcelain", root=root).splitlines():
        raise ReleaseRefused(
            f"{len(changed)} files are not committed, such as {changed[0][3:]}: commit or remove"
            " them"
        )
    if stale := [path.relative_to(root).as_posix() for path, _ in stale_files(root)]:
        raise ReleaseRefused(
            f"{', '.join(stale)} says another version or address: run make metadata, and commit"
        )
    if _run("git", "tag", "--list", tag, root=root) and not (again and has_tag(root, tag)):
        raise ReleaseRefused(f"the tag {tag} is there already: raise VERSION in shared/version.py")
    if address(root / "pyproject.toml") == PLACEHOLDER:
        print(
            f"release: note: {PLACEHOLDER} is a placeholder; before you publish, put the"
            " repository's address into pyproject.toml and run make metadata",
            file=sys.stderr,
        )


def has_tag(root: Path, tag: str) -> bool:
    """Return whether the commit has the tag."""
    return tag in _run("git", "tag", "--points-at", root=root).split()


def release_notes(root: Path, *, or_unreleased: bool) -> str:
    """Return what CHANGELOG.md says about this version; raise ReleaseRefused if nothing.

    `or_unreleased`: where it has no section yet, [Unreleased] stands for it.
    """
    number = version(root)
    text = (root / "CHANGELOG.md").read_text("utf-8")
    for heading in (number, "Unreleased") if or_unreleased else (number,):
        section = SECTION.format(heading=re.escape(heading))
        found = re.search(section, text, re.MULTILINE | re.DOTALL)
        if found and found[1].strip():
            return found[1].strip() + "\n"
    raise ReleaseRefused(
        f"CHANGELOG.md says nothing about {number}: give its [Unreleased] section the heading"
        f" ## [{number}] and the day"
    )


def build(root: Path, target: Path, notes: str) -> None:
    """Build what is released of the commit into the folder `target`, anew."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    with tempfile.TemporaryDirectory(prefix="fc-sms-release-") as folder:
        commit = Path(folder)
        _export(root, commit)
        make_package(commit, target / "fc-sms.zip")
        for name in PACKAGES:
            _lead_to_the_repository(commit, name)
            _build_package(commit / "local" / name, target, made=_commit_time(root))
    distributions = sorted(path for path in target.iterdir() if path.suffix != ".zip")
    _run(sys.executable, "-m", "twine", "check", "--strict", *map(str, distributions), root=root)
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(target.iterdir())
    ]
    (target / "SHA256SUMS").write_text("".join(sums))
    (target / "NOTES.md").write_text(notes, "utf-8")


def _export(root: Path, folder: Path) -> None:
    archive = folder / "commit.zip"
    _run("git", "archive", "--format=zip", f"--output={archive}", "HEAD", root=root)
    with zipfile.ZipFile(archive) as commit:
        commit.extractall(folder)


def _commit_time(root: Path) -> str:
    """Return when the commit was made, in seconds since 1970."""
    return _run("git", "log", "-1", "--format=%ct", root=root).strip()


def _lead_to_the_repository(commit: Path, package: str) -> None:
    """Make a README's links absolute: an index of packages shows it without the files beside it."""
    page = commit / "local" / package / "README.md"
    base = f"{address(commit / 'pyproject.toml')}/blob/v{version(commit)}/local/{package}"
    page.write_text(RELATIVE_LINK.sub(f"]({base}/", page.read_text("utf-8")), "utf-8")


def _build_package(source: Path, target: Path, *, made: str) -> None:
    """Build wheel and sdist; each file in the wheel is as old as the commit."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target)]
    _run(*command, str(source), root=source, SOURCE_DATE_EPOCH=made)


def _run(*command: str, root: Path, **environment: str) -> str:
    """Run a command there and return what it wrote; raise ReleaseRefused with it if it failed."""
    done = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise ReleaseRefused(f"{' '.join(command[:4])} failed:\n{done.stdout}{done.stderr}".strip())
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
