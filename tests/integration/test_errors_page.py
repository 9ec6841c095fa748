"""docs/errors.md: an entry for each code that the sources can answer, as it is answered."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from functions import send_international_sms
from shared import errors
from shared.commands import meanings
from shared.limit_rules import RULE_OF
from shared.platform.error_codes import ERROR_CODES, TABLE
from shared.sending.intents import Part, PartOutcome
from shared.trigger.answers import send_response
from tests.unit.trigger_events import API_KEYS, Context, http_event

PAGES = ("docs/errors.md", "docs/zh/errors.md")
CODE = re.compile(
    r"[a-z]+(?:-[a-z]+)*(?:-<[a-z]+>)?"
)  # one of ours: connection-failed, http-<status>
# Where a code stands in a call that does not name it: by place, from 0.
PLACES = {"PartOutcome": 2, "Result": 1, "problem": 2, "_stop": 0, "safe_code": 0}
KEY_PAIR = {"SMS_ACCESS_KEY_ID": "testid", "SMS_ACCESS_KEY_SECRET": "testsecret"}
OF_OPERATE = {"http-refused"}  # whose status tests/unit/test_operate.py holds
NOT_OF_CALLERS = {"error_codes.py", "meanings.py"}  # the platform's; what explains codes
SENDS = {
    "answer-lost": "unknown",
    "no-success": "unknown",
    "http-<status>": "unknown",
    "interrupted": "unknown",
    "out-of-time": "rejected",
    "connection-failed": "rejected",
    "sending-stopped": "rejected",
    "store-unavailable": "rejected",
    "in-progress": "unknown",
    "out-id-conflict": "rejected",
}


def text_of(node: ast.expr) -> Iterator[str]:
    """Yield the texts in an expression; what a text is formatted with stands in ``<>``."""
    if isinstance(node, ast.JoinedStr):
        yield ast.unparse(node)[2:-1].replace("{", "<").replace("}", ">")
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from text_of(value)


def codes_in(node: ast.AST) -> Iterator[str]:
    """Yield the texts that stand where a code belongs."""
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg == "code":
                yield from text_of(keyword.value)
        name = ast.unparse(node.func).rpartition(".")[2]
        yield from (
            text for each in node.args[PLACES.get(name, 99) :][:1] for text in text_of(each)
        )
    elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code":
        yield from text_of(node.value)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "code":
                yield from text_of(value)


@pytest.fixture(scope="module")
def answered(project: Path) -> set[str]:
    """Every code of ours that the deployed sources can answer."""
    found = set(RULE_OF)
    files = [*(project / "shared").rglob("*.py"), *(project / "functions").glob("*.py")]
    for file in files:
        if file.name not in NOT_OF_CALLERS:
            tree = ast.parse(file.read_text("utf-8"))
            found |= {code for node in ast.walk(tree) for code in codes_in(node)}
    return {code for code in found if CODE.fullmatch(code)}


def entries(text: str) -> dict[str, str]:
    """Return the entries of a page by code: its section, or its row in the table of limits."""
    sections = re.findall(r"^### `?([^\n`]+)`?\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    rows = re.findall(r'^\| <a id="([a-z-]+)"></a>`\1` (\|.*)$', text, re.MULTILINE)
    return {code: body for code, body in [*sections, *rows] if CODE.fullmatch(code)}


@pytest.mark.parametrize("page", PAGES)
def test_every_code_that_the_sources_can_answer_has_an_entry(
    project: Path, page: str, answered: set[str]
) -> None:
    assert len(answered) > 50
    assert set(entries((project / page).read_text("utf-8"))) == answered


def test_make_why_knows_every_code_that_the_sources_can_answer(answered: set[str]) -> None:
    undocumented = meanings.explain("no-code-at-all")
    assert [code for code in answered if meanings.explain(code) == undocumented] == []


def sources_of_status(project: Path) -> dict[str, set[int]]:
    """Return the statuses with which the sources answer codes, where they name both."""
    found: dict[str, set[int]] = defaultdict(set)
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.SmsError):
            found[error.code].add(error.status)
    for file in (project / "shared").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rpartition(".")[2]
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                status = given.get("status", ast.Constant(422))
                if name == "problem" and len(node.args) > 1:
                    status = node.args[0]
                if name in ("InvalidRequest", "problem") and isinstance(status, ast.Constant):
                    for code in [*codes_in(node)] or [errors.InvalidRequest.code]:
                        found[code].add(int(str(status.value)))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_entries_have_the_status_that_is_answered(project: Path, page: str) -> None:
    known = sources_of_status(project)
    wrong = []
    checked = 0
    for code, body in entries((project / page).read_text("utf-8")).items():
        stated = re.search(r"^- \*\*(?:Status|状态码)[:：]\*\*(.*)$", body, re.MULTILINE)
        statuses = [int(each) for each in re.findall(r"\b[45]\d\d\b", stated[1])] if stated else []
        if statuses and code in known and code not in OF_OPERATE:
            checked += 1
            wrong += [code] if statuses[0] not in known[code] else []
    assert wrong == []
    assert checked > 20


@pytest.mark.parametrize("page", PAGES)
def test_entries_about_sends_say_what_is_answered(project: Path, page: str) -> None:
    told = entries((project / page).read_text("utf-8"))
    for code, outcome in SENDS.items():
        part = Part(
            number=0,
            first=0,
            last=0,
            action="SendSms",
            phone_numbers=("13800138000",),
            template_code="SMS_100001",
            parameters={},
        )
        result = PartOutcome(part, outcome, code, retry_after=1)
        answer = send_response("order-1", [result], has_store=True)
        assert isinstance(answer.body, dict)
        (line,) = re.findall(r"^- \*\*(?:Status|状态码).*$", told[code], re.MULTILINE)
        assert str(answer.status) in line, code
        assert ("unknown" in line) == (answer.status == 504), code
        is_retryable = bool(re.search(r"(?<!ot )retryable|(?<!不)可重试", line, re.IGNORECASE))
        assert is_retryable == answer.body["retryable"], code


def expected_rows(codes: Iterable[str]) -> list[str]:
    """Return the rows of codes of one layer: codes that say the same share a row."""
    rows: dict[str, list[str]] = defaultdict(list)
    for code in codes:
        entry = ERROR_CODES[code]
        last = entry.http_status(code) if entry.answers_calls else entry.delivery_status
        rows[f"{entry.meaning} | {entry.advice} | {last}"].append(f"`{code}`")
    return [f"| {', '.join(same)} | {cells} |" for cells, same in rows.items()]


def platform_rows(text: str) -> list[str]:
    """Return the rows behind the heading of the platform's codes."""
    behind = re.split(r"^## (?:Codes of the platform|平台的错误码)$", text, flags=re.MULTILINE)[1]
    return re.findall(r"^\| `.*\|$", behind, re.MULTILINE)


def test_the_platforms_codes_are_those_of_the_table_of_codes(project: Path) -> None:
    expected = [row for codes in TABLE.values() for row in expected_rows(codes)]
    assert platform_rows((project / PAGES[0]).read_text("utf-8")) == expected


def test_the_platforms_codes_are_the_same_in_both_languages(project: Path) -> None:
    def ends(row: str) -> tuple[list[str], str]:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        return re.findall("`([^`]+)`", cells[0]), cells[-1]

    english, chinese = (platform_rows((project / page).read_text("utf-8")) for page in PAGES)
    assert [ends(row) for row in chinese] == [ends(row) for row in english]
    assert [row for row in chinese if not re.search("[\u4e00-\u9fff]", row)] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_table_of_statuses_leads_to_each_code_that_is_answered_with_one(
    project: Path, page: str
) -> None:
    text = (project / page).read_text("utf-8")
    led_to = {
        (code, status)
        for row in re.findall(r"^\| [0-9N没n].*\|$", text, re.MULTILINE)
        for code in re.findall(r"\[`([^`]+)`\]\(#", row)
        for status in re.findall(r"\b[45][0-9][0-9]\b", row.split("|")[1]) or [""]
    }
    sections = {code: body for code, body in entries(text).items() if code not in RULE_OF}
    for code, body in sections.items():
        stated = re.search(
            r"^- \*\*(?:Status|状态码)[:：]\*\*.*?\b([45]\d\d)\b", body, re.MULTILINE
        )
        assert (code, stated[1] if stated else "") in led_to
    assert {code for code, _ in led_to} == set(sections)


@pytest.mark.parametrize("page", PAGES)
def test_the_example_is_an_answer(
    project: Path, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEY_PAIR, "SMS_API_KEYS": API_KEYS}.items():
        monkeypatch.setenv(name, value)
    body = {"phone_numbers": "+65 9123 4567", "message": "Your parcel has arrived."}
    answer = send_international_sms.handler(http_event(body, path="/international-sms"), Context())
    (example,) = re.findall(r"```json\n(.*?)```", (project / page).read_text("utf-8"), re.DOTALL)
    assert json.loads(example) == json.loads(str(answer["body"]))
