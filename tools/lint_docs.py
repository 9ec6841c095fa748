"""Long sentences and wrong words in the pages: ``python -m tools.lint_docs`` (make lint-docs).

It reports sentences of more than 35 words, and terms for which the project has another word (the
glossary in docs/architecture.md; for Chinese the terms of Alibaba Cloud's own documentation). It
fails nothing: a writer decides. The exit code is 0. Blocks are left out; a piece of code or a
link's address counts as no more than one word. Of the files of texts (YAML) only the Chinese terms
are read.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MOST_WORDS = 35
_PLACES = (
    *("*.md", "docs/**/*.md", "local/*/*.md", "local/*/docs/**/*.md", "tests/*.md"),
    *("tools/registry/*.md", "tools/registry/*.yaml"),
    *("local/*/src/**/page/*.yaml", "local/*/src/**/explain/*.yaml", "local/*/src/**/wire/*.yaml"),
)
# What is written, as a regular expression, and the word that means it here.
WRONG_TERMS = {
    r"chunks?|sub-requests?": "part",
    r"idempotency (id|token)": "out_id",
    r"tenants?": "space",
    r"delivery reports?|status reports?|DLRs?": "receipt",
    r"inbound messages?|mobile[- ]originated": "reply",
    r"data ?stores?": "store, or shared state",
    r"overseas": "abroad",
    r"mainland China|PRC": "the Chinese mainland",
    r"one-time passwords?": "one-time code",
    r"sign names?": "signature",
    r"access keys?": "AccessKey",
    r"API tokens?": "API key",
    r"utili[sz]es?": "use",
    "意图": "一次发送请求",
    "应答": "响应",
    "人为故障": "注入的故障",
    "状态报告": "回执",
    "1 条计费": "计费 1 条",
    "国家代码|国家码|地区码": "国际区号",
    "密钥对": "AccessKey",
    "模板编号|模板代码": "模板 Code",
    "错误代码": "错误码",
    "上行回复": "上行短信",
    "系统设置": "通用设置",
    "大陆": "内地",
}
# Between fences, the first of which may begin an item; or indented by four behind an empty line.
_BLOCK = re.compile(
    r"^ *(?:\d+\. |- )?```.*?^ *```$|(?<=\n\n)(?: {4}[^\n]*\n+)+", re.MULTILINE | re.DOTALL
)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"``.+?``|`[^`\n]+`")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ITEM = re.compile(r"^\s*(?:[-*>]|\d+\.)\s+")
_END = re.compile(r"(?<=[.!?])[)\"*_]*\s+(?=[\"(*_]*[A-Z`])|(?<=[。！？])")


class Sentence(NamedTuple):
    """A sentence, with the line that it begins in."""

    line: int
    text: str

    @property
    def words(self) -> int:
        """How many words it has; a sentence in Chinese has none."""
        if re.search("[\u4e00-\u9fff]", self.text):
            return 0
        return sum(1 for word in self.text.split() if re.search(r"\w", word))


class Remark(NamedTuple):
    """Something for a writer to look at."""

    line: int
    text: str


def sentences(page: str) -> Iterator[Sentence]:
    """Yield the sentences of a page: of its paragraphs, items and cells."""
    for line, text in _paragraphs(_plain(page)):
        for sentence in _END.split(text):
            if sentence.strip():
                yield Sentence(line, sentence.strip())


def remarks(page: str) -> list[Remark]:
    """Return what to look at in a page, in the order of its lines."""
    found = []
    for sentence in sentences(page):
        if sentence.words > MOST_WORDS:
            begin = " ".join(sentence.text.split()[:8])
            found.append(Remark(sentence.line, f"{sentence.words} words: {begin} ..."))
        found += _wrong_terms(sentence.line, sentence.text)
    for number, line in enumerate(_plain(page).splitlines(), 1):
        if line.startswith("#"):
            found += _wrong_terms(number, line)
    return sorted(found, key=lambda remark: remark.line)


def remarks_about_texts(file: str) -> list[Remark]:
    """Return the wrong Chinese terms in a file of texts, which is YAML."""
    lines = enumerate(file.splitlines(), 1)
    return [
        remark for number, line in lines for remark in _wrong_terms(number, line, english=False)
    ]


def _wrong_terms(line: int, text: str, *, english: bool = True) -> list[Remark]:
    """Return the terms to replace in a text; without `english` only those in Chinese."""
    found = []
    for wrong, right in WRONG_TERMS.items():
        if wrong.isascii() and not english:
            continue
        boundary = r"\b" if wrong.isascii() else ""
        matches = re.finditer(rf"{boundary}(?:{wrong}){boundary}", text)
        found += [Remark(line, f"{each[0]!r}: write {right}") for each in matches]
    return found


def _plain(page: str) -> str:
    """Return a page without blocks, as many lines as before, code as one word each."""

    def blank(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n")

    text = _COMMENT.sub(blank, _BLOCK.sub(blank, page))
    return _LINK.sub(r"\1", _CODE.sub("`code`", text))


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Yield each paragraph, item of a list and cell of a table, with its first line."""
    first, lines = 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], 1):
        is_row, is_item = line.lstrip().startswith("|"), _ITEM.match(line) is not None
        if lines and (not line.strip() or is_row or is_item or line.startswith("#")):
            yield first, " ".join(lines)
            lines = []
        if is_row:
            yield from ((number, cell.strip()) for cell in line.strip().strip("|").split("|"))
        elif line.strip() and not line.startswith("#"):
            first = first if lines else number
            lines.append(_ITEM.sub("", line).strip())


def pages(names: Sequence[str], root: Path = ROOT) -> list[Path]:
    """Return the pages and files of texts that are named, or all of the project."""
    if names:
        return [Path(name).resolve() for name in names]
    found = {page for place in _PLACES for page in root.glob(place)}
    return sorted(page for page in found if "node_modules" not in page.parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the remarks about each page, and how long its sentences are."""
    parser = argparse.ArgumentParser(prog="lint_docs", description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", help="pages to read; all, if none is named")
    found = pages(parser.parse_args(arguments).pages)
    for page in found:
        if not page.is_file():
            parser.exit(
                2, f"lint-docs: {page} is no file: ARGS names pages, as in ARGS=README.md\n"
            )
    total = 0
    for page in found:
        name = page.relative_to(ROOT) if page.is_relative_to(ROOT) else page
        text = page.read_text("utf-8")
        is_page = page.suffix == ".md"
        told = remarks(text) if is_page else remarks_about_texts(text)
        total += len(told)
        for remark in told:
            print(f"{name}:{remark.line}: {remark.text}")
        lengths = [words for sentence in sentences(text) if (words := sentence.words) > 2]
        if lengths and is_page:
            mean = sum(lengths) / len(lengths)
            print(f"{name}: {len(lengths)} sentences of {mean:.0f} words in the mean")
    print(f"{total} remarks about {len(found)} pages; they are for the writer to judge")


if __name__ == "__main__":
    main()
