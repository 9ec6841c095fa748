"""The pages say what there is to expect, and lead to what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

READMES = ("README.md", "README.zh-CN.md")
ERRORS = ("docs/errors.md", "docs/zh/errors.md")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")
PATH = re.compile(r"`([\w.-]+/[\w./-]*)`")
OF_READERS = {"shared/scenes.json"}  # files that readers make


@pytest.mark.parametrize("name", ERRORS)
def test_every_status_of_a_failure_is_in_the_table(project: Path, name: str) -> None:
    paths = yaml.safe_load((project / "openapi.yaml").read_text("utf-8"))["paths"]
    described = {
        int(status)
        for path in paths.values()
        for operation in path.values()
        if isinstance(operation, dict)
        for status in operation.get("responses", {})
    }
    rows = re.findall(r"^\| ([1-5]\d\d[^|]*) \|", (project / name).read_text("utf-8"), re.MULTILINE)
    told = [int(status) for row in rows for status in re.findall(r"\d{3}", row)]
    assert sorted(told) == sorted(s for s in described if s >= 400)


def pages(project: Path) -> list[Path]:
    """Return every page for readers."""
    found = [*project.glob("*.md"), *(project / "docs").rglob("*.md")]
    for folder in ("benchmarks", "tests", "local/*", "local/*/docs", "local/*/docs/zh"):
        found += project.glob(f"{folder}/*.md")
    return sorted(found)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page: those that GitHub gives its headings, and its own."""
    text = page.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


def test_links_lead_to_files_and_headings(project: Path) -> None:
    assert len(pages(project)) > len(READMES) + 15
    dead = []
    for page in pages(project):
        for target, anchor in LINK.findall(page.read_text("utf-8")):
            file = page.parent / target if target else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                dead.append(f"{page.relative_to(project)}: {target}#{anchor}")
    assert dead == []


def test_files_that_pages_name_are_there(project: Path) -> None:
    made_by_commands = {"build", "dist"}
    folders = {each.name for each in project.iterdir()} - made_by_commands
    named = [
        (page.relative_to(project), name)
        for page in (*project.glob("*.md"), *(project / "docs").rglob("*.md"))
        for name in PATH.findall(page.read_text("utf-8"))
        if name.partition("/")[0] in folders and name not in OF_READERS
    ]
    assert len(named) > 100
    assert [each for each in named if not (project / each[1]).exists()] == []


def test_the_architecture_names_every_file_of_every_wing(project: Path) -> None:
    text = (project / "docs" / "architecture.md").read_text("utf-8")
    sections = re.findall(r"^### `shared/(\w+)/`\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL)
    rows = {wing: re.findall(r"^\| (.*?) \|", section, re.MULTILINE) for wing, section in sections}
    told = {wing: sorted(re.findall(r"`(\w+\.py)`", " ".join(row))) for wing, row in rows.items()}
    assert told == {
        wing.name: sorted(file.name for file in wing.glob("*.py") if file.stem != "__init__")
        for wing in (project / "shared").iterdir()
        if (wing / "__init__.py").exists()
    }
