"""Both READMEs say what there is to set and to expect; all pages lead to what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

READMES = ("README.md", "README.zh-CN.md")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")
PATH = re.compile(r"`([\w.-]+/[\w./-]*)`")
NAME = re.compile(r"SMS_[A-Z0-9_]*[A-Z0-9]")
PASSED_ON = re.compile(r"env\('(SMS_\w+)'")
READ = re.compile(r'"(SMS_[A-Z_]+)"')
OF_THE_TRIGGER = {403}  # a method that the trigger does not let through to the function
OF_READERS = {"shared/scenes.json"}  # files that readers make
OF_TESTS = {"SMS_LOCAL_BUCKETS", "SMS_LOCAL_SCENES"}  # what plays buckets and the package


@pytest.mark.parametrize("name", READMES)
def test_every_variable_is_in_the_table(project: Path, name: str) -> None:
    used = set(READ.findall((project / "shared" / "settings.py").read_text()))
    for file in ("s.yaml", "s.events.yaml"):
        used |= set(PASSED_ON.findall((project / file).read_text()))
    rows = [
        line
        for line in (project / name).read_text("utf-8").splitlines()
        if line.startswith("| `SMS_")
    ]
    told = set(NAME.findall("\n".join(rows)))
    endpoints = {each for each in told if f"{each}_ENDPOINT" in used}  # `SMS_PNVS_` and the like
    told = told - endpoints | {f"{each}_ENDPOINT" for each in endpoints}
    assert told == used - OF_TESTS


@pytest.mark.parametrize("name", READMES)
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
    assert sorted(told) == sorted(s for s in described - OF_THE_TRIGGER if s >= 400)


def pages(project: Path) -> list[Path]:
    """Return every page for readers."""
    found = [*project.glob("*.md"), *(project / "docs").rglob("*.md")]
    for folder in ("benchmarks", "tests", "local/*", "local/*/docs"):
        found += project.glob(f"{folder}/*.md")
    return sorted(found)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


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
    folders = {each.name for each in project.iterdir()}
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
    told = {
        wing: sorted(re.findall(r"`(\w+\.py)`", row))
        for wing, row in re.findall(r"^\| `shared/(\w+)/` \|(.*)$", text, re.MULTILINE)
    }
    assert told == {
        wing.name: sorted(file.name for file in wing.glob("*.py") if file.stem != "__init__")
        for wing in (project / "shared").iterdir()
        if (wing / "__init__.py").exists()
    }
