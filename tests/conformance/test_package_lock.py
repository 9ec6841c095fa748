"""The Node.js packages are pinned, and their lock file names no registry."""

from __future__ import annotations

import json
import re
from pathlib import Path


def test_the_packages_asked_for_are_pinned_and_locked(project: Path) -> None:
    asked = json.loads((project / "tests" / "package.json").read_text())["dependencies"]
    lock = json.loads((project / "tests" / "package-lock.json").read_text())["packages"]
    assert all(re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+(-[a-z0-9.]+)?", v) for v in asked.values())
    assert lock[""]["dependencies"] == asked
    assert {name: lock[f"node_modules/{name}"]["version"] for name in asked} == asked


def test_the_lock_file_names_no_registry_and_every_content(project: Path) -> None:
    lock = json.loads((project / "tests" / "package-lock.json").read_text())["packages"]
    # what lies in another's archive has no content of its own to name
    packages = [entry for place, entry in lock.items() if place and not entry.get("inBundle")]
    assert not [entry for entry in packages if "resolved" in entry]
    assert all(entry["integrity"].startswith("sha512-") for entry in packages)
