"""Each Chinese page says what its English one says: headings, blocks and tables are compared."""

from __future__ import annotations

import os
import re
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = sorted(path.parent for path in ROOT.glob("local/*/pyproject.toml"))
FENCE = re.compile(r"^ *(?:\d+\. |- )?```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//) .*$", re.MULTILINE)
PLACEHOLDER = re.compile(r"<[^<>\n]+>")
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:)([^)#]+)[^)]*\)(?=(.*))")  # and what is behind
# Each language shows an SMS in its own, so templates of the emulator differ, too.
OWN_TEMPLATES = {"SMS_100006": "SMS_100001", "SMS_100008": "SMS_100007"}
NOT_ASCII = re.compile(r"[^\x00-\x7f]+(?:[^\x00-\x7f\"']*[^\x00-\x7f]+)*")


class Block(NamedTuple):
    """A fenced block: its language, "" for a drawing or a file, and its lines."""

    language: str
    lines: tuple[str, ...]


def pairs() -> list[tuple[Path, Path]]:
    """Return the pages that exist in both languages, English first."""
    found: list[tuple[Path, Path]] = []
    for folder in (ROOT, *sorted((ROOT / "local").iterdir())):
        beside = sorted(folder.glob("*.zh-CN.md"))
        found += [(page.with_name(page.name.replace(".zh-CN", "")), page) for page in beside]
        docs, translated = folder / "docs", folder / "docs" / "zh"
        inside = sorted(translated.rglob("*.md"))
        found += [(docs / page.relative_to(translated), page) for page in inside]
    return found


each_pair = pytest.mark.parametrize(
    ("english", "chinese"), pairs(), ids=lambda page: str(page.relative_to(ROOT))
)


def without_blocks(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


def headings(page: Path) -> list[int]:
    """Return the level of each heading."""
    return [len(marks) for marks in re.findall(r"^(#+) ", without_blocks(page), re.MULTILINE)]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, without comments and with the same text in all placeholders."""
    found = []
    for language, content in FENCE.findall(page.read_text("utf-8")):
        plain = PLACEHOLDER.sub("<>", COMMENT.sub("", content))
        for english, chinese in OWN_TEMPLATES.items():
            plain = plain.replace(english, chinese)
        found.append(Block(language, tuple(line.rstrip() for line in plain.splitlines())))
    return found


def tables(page: Path) -> list[list[int]]:
    """Return for each table how many cells its rows have."""
    lines = [line.strip() for line in without_blocks(page).splitlines()]
    groups = re.findall(r"(?:^\|.*\|\n?)+", "\n".join(lines), re.MULTILINE)
    return [[row.replace(r"\|", "").count("|") for row in group.splitlines()] for group in groups]


def says_the_same(chinese: str, english: str) -> bool:
    """Whether a line of a block is that of the other page, but for texts in Chinese."""
    pattern = ".*".join(re.escape(piece) for piece in NOT_ASCII.split(chinese))
    return re.fullmatch(pattern, english) is not None


def differences(english: Block, chinese: Block) -> list[str]:
    """Return the lines of a Chinese block that say something else than the English ones."""
    if english.language != chinese.language or len(english.lines) != len(chinese.lines):
        return [f"{english.language} of {len(english.lines)} lines: {english.lines[0]}"]
    if not english.language and any("─" in line for line in english.lines):
        return []  # a drawing, whose words have other widths
    lines = zip(english.lines, chinese.lines, strict=True)
    return [theirs for ours, theirs in lines if not says_the_same(theirs, ours)]


def is_english(file: Path) -> bool:
    """Whether a file that a Chinese page links to is a page in English, or the contract."""
    page = file.suffix == ".md" and file not in {chinese for _, chinese in pairs()}
    return page or file.name == "openapi.yaml"


def english_links(page: Path) -> list[str]:
    """Return the links of a Chinese page to English ones, but for those behind which 英文 stands.

    It stands in parentheses behind each link, or once behind several: （均为英文）. The link to the
    page's own English one has the text `English`.
    """
    found = []
    for link in LINK.finditer(page.read_text("utf-8")):
        text, target, behind = link.groups()
        said = "英文）" in behind.partition("](")[0] or "均为英文）" in behind
        if text != "English" and is_english((page.parent / target).resolve()) and not said:
            found.append(target)
    return found


def test_there_are_chinese_pages() -> None:
    assert len(pairs()) >= 3


@pytest.mark.parametrize("tool", TOOLS)
def test_the_readme_of_a_tool_exists_in_both_languages(tool: Path) -> None:
    assert (tool / "README.md", tool / "README.zh-CN.md") in pairs()


@each_pair
def test_two_pages_lead_to_each_other_before_the_first_section(
    english: Path, chinese: Path
) -> None:
    for page, link, other in ((english, "中文", chinese), (chinese, "English", english)):
        top = page.read_text("utf-8").partition("\n## ")[0]
        assert f"[{link}]({os.path.relpath(other, page.parent)})" in top


@each_pair
def test_a_chinese_page_has_an_english_one(english: Path, chinese: Path) -> None:
    assert english.exists()


@each_pair
def test_headings_have_the_same_levels(english: Path, chinese: Path) -> None:
    assert headings(chinese) == headings(english)


@each_pair
def test_blocks_are_the_same_but_for_comments_and_texts(english: Path, chinese: Path) -> None:
    nothing = Block("", ("no block",))
    both = zip_longest(blocks(english), blocks(chinese), fillvalue=nothing)
    assert [line for ours, theirs in both for line in differences(ours, theirs)] == []


@each_pair
def test_tables_have_the_same_rows_and_columns(english: Path, chinese: Path) -> None:
    assert tables(chinese) == tables(english)


@each_pair
def test_a_chinese_page_is_in_chinese(english: Path, chinese: Path) -> None:
    """Each paragraph has Chinese in it, but for lines of names, links and code alone."""
    text = re.sub(r"`[^`\n]*`|\]\([^)\n]*\)|<[^>\n]*>", "", without_blocks(chinese))
    untranslated = [
        line
        for line in text.splitlines()
        if len(re.findall(r"[A-Za-z]+", line)) > 8 and not re.search("[\u4e00-\u9fff]", line)
    ]
    assert untranslated == []


@each_pair
def test_a_link_to_an_english_page_says_so(english: Path, chinese: Path) -> None:
    assert english_links(chinese) == []
