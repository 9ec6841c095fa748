"""Write the version and the repository's address wherever they stand: ``make metadata``.

The version is said in shared/version.py, the address in pyproject.toml (`[project.urls]`). Both
local packages are built and installed alone, so each needs a copy.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OF_A_PACKAGE = '(__version__ = ")(.+)(")'
VERSIONS = {  # file: the pattern whose second group is the version
    "local/aliyun-fc-runtime-stub/src/aliyun_fc_runtime_stub/version.py": OF_A_PACKAGE,
    "local/aliyun-sms-emulator/src/aliyun_sms_emulator/version.py": OF_A_PACKAGE,
    "openapi.yaml": r"(?m)(^  version: )(\S+)($)",
}
NAMING_THE_ADDRESS = ("*.md", "docs/**/*.md", "local/*/*.md", "local/*/pyproject.toml")
ADDRESS = re.compile(r'^Repository = "(.+)"$', re.MULTILINE)
PLACEHOLDER = "https://git.example.org/fc-sms"


def main() -> int:
    """Write the files that differ, or with --check name them and return 1."""
    stale = dict(stale_files(ROOT))
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)}: another version or address; run make metadata")
        return int(bool(stale))
    for path, text in stale.items():
        path.write_text(text, "utf-8")
        print(f"written: {path.relative_to(ROOT)}")
    return 0


def version(root: Path) -> str:
    """Return the version that shared/version.py says, such as ``0.1.0``."""
    found = re.search(r'^VERSION = "(.+)"$', (root / "shared/version.py").read_text(), re.MULTILINE)
    assert found  # noqa: S101 (for the type checker)
    return found[1]


def address(project_file: Path) -> str:
    """Return the repository's address of a pyproject.toml."""
    found = ADDRESS.search(project_file.read_text("utf-8"))
    assert found  # noqa: S101 (for the type checker)
    return found[1]


def stale_files(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file that says another version or address, with the text it should have."""
    wanted = address(root / "pyproject.toml")
    paths = {root / name for name in VERSIONS}
    paths |= {path for pattern in NAMING_THE_ADDRESS for path in root.glob(pattern)}
    former = {address(path) for path in root.glob("local/*/pyproject.toml")} - {wanted}
    for path in sorted(paths):
        before = text = path.read_text("utf-8")
        if pattern := VERSIONS.get(path.relative_to(root).as_posix()):
            text = re.sub(pattern, rf"\g<1>{version(root)}\g<3>", text, count=1)
        for one in former:
            text = text.replace(one, wanted)
        if text != before:
            yield path, text


if __name__ == "__main__":
    sys.exit(main())
