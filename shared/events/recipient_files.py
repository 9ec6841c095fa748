"""Files of recipients: CSV or JSON lines, read row by row, into parts of one SendBatchSms each.

What goes in: the content of a file in pieces, cut anywhere, such as::

    phone_number,name,order
    13800138000,Li Lei,A-17

What comes out: first rows, here ``Row(number=1, line=2, message={"phone_number": "13800138000",
"template_param": {"name": "Li Lei", "order": "A-17"}})``; then, from a hundred rows at a time, a
Part and the rows that are wrong.

docs/events.md describes the files. One file is one template: that of the first row that can be
read, else SMS_FILE_TEMPLATE_CODE. Part k is rows 100k+1 to 100k+100, refused ones counted, whenever
the file is read: so a repeat finds each part's record in the store.
"""

import codecs
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from shared.errors import InvalidRequest
from shared.sending.intents import BATCH_SIZE, Defaults, Intent, Part
from shared.sending.mainland import read_intent

# No row needs as much. What has no line ends, such as a picture, is not gathered in memory.
MAX_LINE_BYTES = 64 * 1024
# Characters of a cell. An open quote makes one cell of all that follows; it takes no more than that
# with it.
_LONGEST_CELL = 4096
_DAMAGED = "\ufffd"  # stands for a line that cannot be read, and for what was lost before
# Columns that go beside the template variables into a message, where a row has something in them.
_CONTENT_COLUMNS = ("sign_name", "sms_up_extend_code")
_CODECS = {"utf-8": "utf-8", "gbk": "gb18030"}  # GB18030 is GBK with more characters
# Lines that speak for one encoding have to be more than ten times those that speak for the other. A
# few damaged lines in a long file do not hide what it is.
_CLEAR_MAJORITY = 10
_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_ONLY_MESSAGE = "messages[0]"  # how errors name a row that is read alone


class Row(NamedTuple):
    """One recipient: row `number` (from 1), which begins in `line` (from 1).

    `message` is an entry of ``messages`` of ``POST /sms``; `problem` says why there is none.
    """

    number: int
    line: int
    message: Any = None
    template_code: str = ""
    problem: str = ""


def read_rows(pieces: Iterable[bytes], key: str, encoding: str) -> Iterator[Row]:
    """Yield the rows of the file `key` (.csv, .jsonl, .ndjson) that comes in `pieces`.

    `encoding` is auto, utf-8 or gbk. Raises InvalidRequest when the whole file is wrong.
    """
    _, dot, suffix = key.rpartition(".")
    kind = _SUFFIXES.get(f"{dot}{suffix}".lower())
    if kind is None:
        raise InvalidRequest(
            "is neither .csv nor .jsonl (or .ndjson); name it after what it holds", field="key"
        )
    text = _TextLines(pieces, encoding)
    return _csv_rows(text) if kind == "csv" else _json_rows(text)


def in_parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield `rows` by the hundred, as many as one SendBatchSms takes (document 419274)."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH_SIZE)):
        yield batch


def read_part(
    rows: Sequence[Row],
    out_id: str,
    *,
    template_code: str,
    defaults: Defaults,
    check: Callable[[Intent], None],
) -> tuple[Part | None, list[Row]]:
    """Return the part that `rows` make, None if it is empty, and the rows with a problem.

    `check` raises InvalidRequest for what may not be sent to. Raises InvalidRequest for
    template_code, which is the whole file's.
    """

    def part_of(rows: Sequence[Row]) -> Part:
        messages = [row.message for row in rows]
        body = {"out_id": out_id, "template_code": template_code, "messages": messages}
        intent = read_intent(body, "", defaults)
        check(intent)
        return intent.parts[0]

    def part_of_good(rows: Sequence[Row]) -> Part | None:
        good = [row for row in rows if not row.problem]
        return part_of(good) if good else None

    judged = [_with_template_checked(row, template_code) for row in rows]
    try:
        part = part_of_good(judged)
    except InvalidRequest as error:
        if error.field == "template_code":
            raise
        # Only now are rows read one by one, as that takes longer and most files are right.
        judged = list(_judged_one_by_one(judged, part_of))
        part = part_of_good(judged)
    refused = [row for row in judged if row.problem]
    if part is None:
        return None, refused
    first, last = rows[0].number - 1, rows[-1].number - 1
    number = first // BATCH_SIZE
    return part._replace(number=number, first=first, last=last), refused


def _with_template_checked(row: Row, template_code: str) -> Row:
    if row.problem or row.template_code in ("", template_code):
        return row
    return row._replace(problem="template_code: differs from that of the first row")


def _judged_one_by_one(
    rows: Iterable[Row], part_of: Callable[[Sequence[Row]], Part]
) -> Iterator[Row]:
    """Yield each row, with a problem if it has one by itself or beside the rows before it."""
    row_with_number: dict[str, int] = {}
    first_good: Row | None = None
    for row in rows:
        if row.problem:
            yield row
            continue
        try:
            (phone_number,) = part_of([row]).phone_numbers
        except InvalidRequest as error:
            yield row._replace(problem=_problem_of_row(error))
            continue
        first_good = first_good or row
        first_with_number = row_with_number.setdefault(phone_number, row.number)
        problem = ""
        if first_with_number != row.number:
            problem = f"phone_number: is the same number as in row {first_with_number}"
        elif _has_extend_code(row) != _has_extend_code(first_good):
            problem = "sms_up_extend_code: give one in each row, or none"
        yield row._replace(problem=problem)


def _problem_of_row(error: InvalidRequest) -> str:
    """Return what is wrong in a row, from the error about a request that holds it alone.

    ``messages[0].phone_number: must be ...`` is ``phone_number: must be ...`` in its row.
    """
    field = error.field.removeprefix(_ONLY_MESSAGE).removeprefix(".")
    return f"{field}: {error.problem}" if field else error.problem


def _has_extend_code(row: Row) -> bool:
    return row.message.get("sms_up_extend_code") is not None


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines in `pieces` without their ends.

    One that is longer than MAX_LINE_BYTES may come cut, but still longer than that.
    """
    begun = b""
    skips_to_next_line = False
    for piece in pieces:
        content = piece
        if skips_to_next_line:
            _, end, content = piece.partition(b"\n")
            skips_to_next_line = not end
        *lines, begun = (begun + content).split(b"\n")
        yield from lines
        if len(begun) > MAX_LINE_BYTES:
            yield begun[: MAX_LINE_BYTES + 1]
            begun = b""
            skips_to_next_line = True
    if begun:
        yield begun


class _TextLines:
    """The lines of a file as text, each with a line end; `line` is the number of the last one.

    A line that cannot be read comes as one character, which no row can hold; `take_damage` tells.
    """

    def __init__(self, pieces: Iterable[bytes], encoding: str) -> None:
        remaining = iter(pieces)
        first = next(remaining, b"")
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InvalidRequest("is UTF-16; save it as UTF-8", field="file")
        if first.startswith(codecs.BOM_UTF8):
            encoding, first = "utf-8", first[len(codecs.BOM_UTF8) :]
        self._codec = _codec_of(first) if encoding == "auto" else _CODECS[encoding]
        self._lines = _lines(chain((first,), remaining))
        self.line = 0
        self._is_damaged = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        self.line += 1
        text = _DAMAGED if len(raw) > MAX_LINE_BYTES else self._decoded(raw)
        if _DAMAGED in text or "\0" in text:
            self._is_damaged = True
            return _DAMAGED
        return text.rstrip("\r") + "\n"

    def take_damage(self) -> str:
        """Return what was wrong with the lines since the last call, or nothing."""
        if not self._is_damaged:
            return ""
        self._is_damaged = False
        encoding = "GBK" if self._codec == _CODECS["gbk"] else "UTF-8"
        return f"is not proper {encoding}, or a line is longer than {MAX_LINE_BYTES} bytes"

    def _decoded(self, raw: bytes) -> str:
        """Return a line as text; the first that is not ASCII shows the encoding."""
        try:
            self._codec = self._codec or _codec_of(raw)
            return raw.decode(self._codec or "ascii")
        except (UnicodeDecodeError, InvalidRequest):
            return _DAMAGED


def _codec_of(raw: bytes) -> str:
    """Return the codec that `raw` is in, nothing while it is ASCII; raises InvalidRequest.

    A line that is no UTF-8 speaks for GBK, one that needs three bytes for a character of UTF-8
    against it. Two bytes do not count: the two of ``é`` in UTF-8 are ``茅`` in GBK.
    """
    if raw.isascii():
        return ""
    surely_utf_8 = not_utf_8 = 0
    for line in raw.split(b"\n"):
        try:  # incrementally, as the last character may be cut off
            text = codecs.getincrementaldecoder("utf-8")().decode(line)
        except UnicodeDecodeError:
            not_utf_8 += 1
            continue
        if max(text, default="") >= "\u0800":  # the first character of three bytes
            surely_utf_8 += 1
    if surely_utf_8 > _CLEAR_MAJORITY * not_utf_8:
        return _CODECS["utf-8"]
    if not_utf_8 > _CLEAR_MAJORITY * surely_utf_8:
        return _CODECS["gbk"]
    raise InvalidRequest(
        "may be UTF-8 or GBK: set SMS_FILE_ENCODING, or save it with a byte order mark",
        field="file",
    )


def _csv_rows(text: _TextLines) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(text, strict=True)
    columns = _read_header(reader, text)
    count = 0
    while True:
        line = text.line + 1
        problem = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = [_DAMAGED]
            problem = f"has an open quote or too long a cell; all to line {text.line} is left out"
        damage = text.take_damage()
        if damage:
            problem = damage
        elif not any(map(str.strip, cells)):
            continue
        elif not problem and len(cells) != len(columns):
            problem = f"has {len(cells)} columns, but the first row has {len(columns)}"
        count += 1
        if problem:
            yield Row(count, line, problem=problem)
        else:
            yield _csv_row(count, line, dict(zip(columns, cells, strict=True)))


def _csv_row(number: int, line: int, cells: dict[str, str]) -> Row:
    """Return the row of `cells`, which are named by their columns; what is left are variables."""
    message: dict[str, Any] = {"phone_number": cells.pop("phone_number").strip()}
    template_code = cells.pop("template_code", "").strip()
    for name in _CONTENT_COLUMNS:
        value = cells.pop(name, "").strip()
        if value:
            message[name] = value
    if cells:
        message["template_param"] = cells
    return Row(number, line, message=message, template_code=template_code)


def _read_header(reader: Iterator[list[str]], text: _TextLines) -> list[str]:
    """Return the names of the columns; raises InvalidRequest."""
    try:
        columns = [name.strip() for name in next(filter(any, reader))]
    except StopIteration:
        raise InvalidRequest("is empty", field="file") from None
    except csv.Error:
        columns = []
    if text.take_damage() or "phone_number" not in columns:
        raise InvalidRequest(
            "the first row must name the columns, phone_number among them, with commas between",
            field="file",
        )
    for place, name in enumerate(columns, 1):
        if not (name.isascii() and name.isidentifier()) or name in columns[place:]:
            raise InvalidRequest(
                f"the name of column {place} is no template variable, or stands there twice",
                field="file",
            )
    return columns


def _json_rows(text: _TextLines) -> Iterator[Row]:
    count = 0
    for line in text:
        if not line.strip():
            continue
        count += 1
        damage = text.take_damage()
        yield Row(count, text.line, problem=damage) if damage else _json_row(count, text.line, line)


def _json_row(number: int, line: int, text: str) -> Row:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        return Row(number, line, problem="is not a JSON object")
    template_code = message.pop("template_code", "")
    if not isinstance(template_code, str):
        return Row(number, line, problem="template_code: must be a string")
    return Row(number, line, message=message, template_code=template_code)
