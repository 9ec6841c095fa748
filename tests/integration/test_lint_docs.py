"""make lint-docs: what it reports of a page, and that it fails nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.lint_docs import (
    MOST_WORDS,
    WRONG_TERMS,
    pages,
    remarks,
    remarks_about_texts,
    sentences,
)

LONG = " ".join(["word"] * (MOST_WORDS + 1))


def texts(page: str) -> list[str]:
    return [sentence.text for sentence in sentences(page)]


def test_a_sentence_of_36_words_is_reported_with_its_line() -> None:
    (remark,) = remarks(f"# Title\n\nShort one. {LONG.capitalize()}.\n")
    assert remark.line == 3
    assert remark.text.startswith("36 words: Word word")


def test_a_sentence_of_35_words_is_not_reported() -> None:
    assert remarks(LONG.partition(" ")[2].capitalize() + ".") == []


def test_lines_of_a_paragraph_are_one_text_and_items_are_texts_of_their_own() -> None:
    page = "One goes\non here. Two!\n\n- First item\n  goes on\n- Second item\n1. Third\n"
    assert texts(page) == [
        "One goes on here.",
        "Two!",
        "First item goes on",
        "Second item",
        "Third",
    ]


def test_each_cell_of_a_table_is_a_text_of_its_own() -> None:
    assert texts("| a | b c |\n| d. E | f |") == ["a", "b c", "d.", "E", "f"]


@pytest.mark.parametrize(
    "page",
    [
        f"```sh\n{LONG}\n```\n",
        f"1. ```sh\n   {LONG}\n   ```\n",
        f"Run:\n\n    {LONG}\n\nThen wait.\n",
        f"# {LONG}\n",
        f"<!-- {LONG} -->\n",
        f"`{LONG}`\n",
        f"[Link](docs/{LONG.replace(' ', '/')})\n",
    ],
    ids=["block", "block in an item", "indented", "heading", "comment", "code", "link"],
)
def test_what_is_no_sentence_is_not_counted(page: str) -> None:
    assert remarks(page) == []


def test_a_wrong_term_is_reported_with_the_right_one() -> None:
    (remark,) = remarks("Send overseas.\n")
    assert remark.text == "'overseas': write abroad"
    assert [remark.text for remark in remarks("同一个意图。\n")] == ["'意图': write 一次发送请求"]


def test_a_wrong_term_in_code_or_within_a_word_is_none() -> None:
    assert remarks("Set `overseas`. The lieutenants wait.\n") == []


def test_a_wrong_term_in_a_heading_is_reported() -> None:
    assert remarks("# Title\n\n## 回执和上行回复\n") == [(3, "'上行回复': write 上行短信")]


def test_in_a_file_of_texts_only_chinese_terms_are_looked_for() -> None:
    file = f'send: ["Send overseas. {LONG}", "发送"]\ncode: ["Code", "错误代码"]\n'
    assert remarks_about_texts(file) == [(2, "'错误代码': write 错误码")]


def test_no_right_term_holds_a_wrong_one() -> None:
    assert [right for right in WRONG_TERMS.values() if remarks(right)] == []


def test_it_fails_nothing(project: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{LONG.capitalize()}.\n", "utf-8")
    command = [sys.executable, "-m", "tools.lint_docs", str(page)]
    done = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)
    assert "36 words: Word" in done.stdout
    assert done.stdout.endswith("1 remarks about 1 pages; they are for the writer to judge\n")


def test_it_reads_the_pages_of_all_folders(project: Path) -> None:
    read = {str(page.relative_to(project)) for page in pages([], project)}
    assert {"README.md", "docs/errors.md", "docs/zh/errors.md", "tests/README.md"} <= read
    assert "local/aliyun-sms-emulator/README.md" in read
    assert {Path(name).name for name in read} > {"texts.yaml", "refusals.yaml", "publish.yaml"}
