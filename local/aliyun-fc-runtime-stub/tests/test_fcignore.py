"""Which files a deploy uploads.

Source: npm @serverless-devs/zip 0.0.3-beta.8 with @serverless-devs/ignore-walk and minimatch; every
expectation here is what that packer was seen to pack.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from aliyun_fc_runtime_stub.errors import ConfigurationError
from aliyun_fc_runtime_stub.package.fcignore import uploaded

TREE = [
    ".env",
    "README.md",
    "a/__pycache__/x.pyc",
    "a/b/keep.py",
    "a/b/secret.txt",
    "functions/__pycache__/f.pyc",
    "functions/send/index.py",
    "functions/top.py",
    "lib.PY",
    "tests/test_a.py",
]


def packed(root: Path, ignore: str | None, nested: dict[str, str] | None = None) -> list[str]:
    for name in TREE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    if ignore is not None:
        (root / ".fcignore").write_text(ignore)
    for folder, text in (nested or {}).items():
        (root / folder / ".fcignore").write_text(text)
    return sorted(str(path) for path in uploaded(root) if path.name != ".fcignore")


def test_without_an_fcignore_everything_goes(tmp_path: Path) -> None:
    """No default excludes: .env, tests and __pycache__ go up."""
    assert packed(tmp_path, None) == TREE


@pytest.mark.parametrize(
    ("ignore", "gone"),
    [
        ("# comment\n\n", []),
        ("tests\n", ["tests/test_a.py"]),
        ("tests/\r\n", ["tests/test_a.py"]),
        ("./tests\n", ["tests/test_a.py"]),
        ("/a/b\n", ["a/b/keep.py", "a/b/secret.txt"]),
        ("b\n", ["a/b/keep.py", "a/b/secret.txt"]),
        ("b/\n", []),
        ("*.txt\n", ["a/b/secret.txt"]),
        ("__pycache__\n", ["a/__pycache__/x.pyc", "functions/__pycache__/f.pyc"]),
        ("**/__pycache__/**\n", ["a/__pycache__/x.pyc", "functions/__pycache__/f.pyc"]),
        ("*.{txt,md}\n", ["README.md", "a/b/secret.txt"]),
        ("lib.p?\n", ["lib.PY"]),
        ("a/*/[rs]*.txt\n", ["a/b/secret.txt"]),
        ("*.txt\n!secret.txt\n", []),
        ("a\n", ["a/__pycache__/x.pyc", "a/b/keep.py", "a/b/secret.txt"]),
        ("a\n!a/b/keep.py\n", []),
        ("a//b\n", ["a/b/keep.py", "a/b/secret.txt"]),
        ("//a///b\n", ["a/b/keep.py", "a/b/secret.txt"]),
        ("a//\n", ["a/__pycache__/x.pyc", "a/b/keep.py", "a/b/secret.txt"]),
    ],
)
def test_patterns_are_read_nearly_like_gitignores(
    tmp_path: Path, ignore: str, gone: list[str]
) -> None:
    """Like gitignore, but for `name/`, letter case, and folders opened again by a `!pattern`."""
    assert packed(tmp_path, ignore) == [name for name in TREE if name not in gone]


@pytest.mark.parametrize(
    ("ignore", "kept"),
    [
        (
            "*\n!functions\n!functions/**\n__pycache__\n",
            ["functions/send/index.py", "functions/top.py"],
        ),
        ("*\n!functions\n!functions/send/**\n", ["functions/send/index.py"]),
        ("*\n!functions\n", []),
        ("*\n", []),
    ],
)
def test_an_allow_list_can_be_written(tmp_path: Path, ignore: str, kept: list[str]) -> None:
    """`*` and `!pattern` make an allow-list."""
    assert packed(tmp_path, ignore) == kept


def test_an_fcignore_in_a_folder_counts_below_it(tmp_path: Path) -> None:
    """It is read from every folder below the code folder too, relative to that folder."""
    kept = packed(tmp_path, "*.md\n", {"a": "/b/secret.txt\n"})
    assert kept == [name for name in TREE if name not in {"README.md", "a/b/secret.txt"}]


def test_empty_folders_are_kept_and_links_are_not_followed(tmp_path: Path) -> None:
    """Folders that are empty on disk are kept; a link is an entry and never followed."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "f").write_text("x")
    (tmp_path / "link").symlink_to("real")
    assert sorted(str(path) for path in uploaded(tmp_path)) == ["empty", "link", "real/f"]


def test_extended_patterns_are_refused(tmp_path: Path) -> None:
    """What is not reproduced is an error, never a silent difference."""
    (tmp_path / ".fcignore").write_text("+(a|b)\n")
    with pytest.raises(ConfigurationError, match="extended patterns"):
        list(uploaded(tmp_path))
