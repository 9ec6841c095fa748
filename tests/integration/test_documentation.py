"""Both READMEs say what there is to set and to expect, and lead to files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

READMES = ("README.md", "README.zh-CN.md")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
NAME = re.compile(r"SMS_[A-Z0-9_]*[A-Z0-9]")
PASSED_ON = re.compile(r"env\('(SMS_\w+)'")
READ = re.compile(r'"(SMS_[A-Z_]+)"')
OF_THE_TRIGGER = {403}  # a method that the trigger does not let through to the function
OF_TESTS = {"SMS_LOCAL_BUCKETS"}  # a folder that plays a bucket


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


def test_links_lead_to_files(project: Path) -> None:
    pages = [project / name for name in (*READMES, "CHANGELOG.md")]
    for folder in ("docs", "benchmarks", "tests", "local/*", "local/*/docs"):
        pages += project.glob(f"{folder}/*.md")
    assert len(pages) > len(READMES) + 4
    dead = [
        f"{page.relative_to(project)}: {link}"
        for page in pages
        for link in LINK.findall(page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]
    assert dead == []
