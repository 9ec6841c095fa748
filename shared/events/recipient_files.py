"""Files of recipients: CSV or JSON lines, read row by row, into parts of one SendBatchSms each.

docs/events.md describes them. One file is one template: that of the first row that can be read,
else SMS_FILE_TEMPLATE_CODE. Part k is rows 100k+1 to 100k+100, refused ones counted, whenever the
file is read.
"""

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from shared.errors import InvalidRequest
from shared.sending.intents import BATCH_SIZE, Defaults, Intent, Part
from shared.sending.mainland import read_intent

MAX_LINE_BYTES = 64 * 1024
_LONGEST_CELL = 4096  # an open quote takes no more than that with it
_DAMAGED = "\ufffd"
_OWN_COLUMNS = ("phone_number", "sign_name", "sms_up_extend_code", "template_code")
_CODECS = {"utf-8": "utf-8", "gbk": "gb18030"}
_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class Row(NamedTuple):
    """One recipient: row `number` (from 1), which begins in `line`.

    `message` is an entry of ``messages``; `problem` says why there is none.
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
    kind = _SUFFIXES.get(key[key.rfind(".") :].lower())
    if kind is None:
        raise InvalidRequest(
            "is neither .csv nor .jsonl (or .ndjson); name it after what it holds", field="key"
        )
    text = _Text(pieces, encoding)
    return _csv_rows(text) if kind == "csv" else _json_rows(text)


def in_parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield `rows` by the hundred."""
    rest = iter(rows)
    while batch := list(islice(rest, BATCH_SIZE)):
        yield batch


def read_part(
    rows: Sequence[Row],
    out_id: str,
    template_code: str,
    defaults: Defaults,
    check: Callable[[Intent], None],
) -> tuple[Part | None, list[Row]]:
    """Return the part that `rows` make, None if it is empty, and the rows with a problem: `check`
    may find one, too.

    Its OutId on the wire is always ``<out_id>~<part>``. Raises InvalidRequest for template_code.
    """
    judged = [
        row._replace(problem=row.problem or "template_code: differs from that of the first row")
        if row.template_code not in ("", template_code)
        else row
        for row in rows
    ]

    def part_of(rows: Sequence[Row]) -> Part:
        messages = [row.message for row in rows]
        body = {"out_id": out_id, "template_code": template_code, "messages": messages}
        intent = read_intent(body, "", defaults)
        check(intent)
        return intent.parts[0]

    good = [row for row in judged if not row.problem]
    try:
        part = part_of(good) if good else None
    except InvalidRequest as error:
        if error.field == "template_code":
            raise
        judged = list(_sifted(judged, part_of))
        good = [row for row in judged if not row.problem]
        part = part_of(good) if good else None
    refused = [row for row in judged if row.problem]
    if part is None:
        return None, refused
    first, last = rows[0].number - 1, rows[-1].number - 1
    number = first // BATCH_SIZE
    wire_out_id = f"{out_id}~{number}"
    parameters = {**part.parameters, "OutId": wire_out_id}
    part = part._replace(
        number=number, first=first, last=last, out_id=wire_out_id, parameters=parameters
    )
    return part, refused


def _sifted(rows: Sequence[Row], part_of: Callable[[Sequence[Row]], Part]) -> Iterator[Row]:
    first_with: dict[str, int] = {}
    first = None
    for row in rows:
        problem, number = row.problem, ""
        try:
            (number,) = ("",) if problem else part_of([row]).phone_numbers
        except InvalidRequest as error:
            problem = re.sub(r"^(messages\[0\][.:] ?|number 0 )", "", str(error))
        if not problem:
            first = first or row
            same = first_with.setdefault(number, row.number)
            if same != row.number:
                problem = f"phone_number: is the same number as in row {same}"
            elif _has_extend_code(row) != _has_extend_code(first):
                problem = "sms_up_extend_code: give one in each row, or none"
        yield row._replace(problem=problem)


def _has_extend_code(row: Row) -> bool:
    return row.message.get("sms_up_extend_code") is not None


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest, skips = b"", False
    for piece in pieces:
        lines = (rest + piece).split(b"\n")
        if skips:
            del lines[0]
            skips = not lines
        rest = lines.pop() if lines else b""
        yield from lines
        if len(rest) > MAX_LINE_BYTES:
            yield rest[: MAX_LINE_BYTES + 1]
            rest, skips = b"", True
    if rest:
        yield rest


class _Text:
    def __init__(self, pieces: Iterable[bytes], encoding: str) -> None:
        rest = iter(pieces)
        first = next(rest, b"")
        if first.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InvalidRequest("is UTF-16; save it as UTF-8", field="file")
        if first.startswith(codecs.BOM_UTF8):
            encoding, first = "utf-8", first[len(codecs.BOM_UTF8) :]
        self._codec = _codec_of(first) if encoding == "auto" else _CODECS[encoding]
        self._lines = _lines(chain((first,), rest))
        self.line = 0
        self.damaged = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        self.line += 1
        try:
            if len(raw) > MAX_LINE_BYTES:
                raise ValueError
            self._codec = self._codec or _codec_of(raw)
            text = raw.decode(self._codec or "ascii")
        except (ValueError, InvalidRequest):
            text = _DAMAGED
        if _DAMAGED in text or "\0" in text:
            self.damaged = True
            return _DAMAGED
        return text.rstrip("\r") + "\n"

    def problem(self) -> str:
        self.damaged = False
        encoding = "GBK" if self._codec == _CODECS["gbk"] else "UTF-8"
        return f"is not proper {encoding}, or a line is longer than {MAX_LINE_BYTES} bytes"


def _codec_of(raw: bytes) -> str:
    if raw.isascii():
        return ""
    surely_utf_8 = not_utf_8 = 0
    for line in raw.split(b"\n"):
        try:  # incrementally, as the last character may be cut off
            text = codecs.getincrementaldecoder("utf-8")().decode(line)
        except UnicodeDecodeError:
            not_utf_8 += 1
            continue
        surely_utf_8 += max(text, default="") >= "\u0800"
    if surely_utf_8 > 10 * not_utf_8:
        return _CODECS["utf-8"]
    if not_utf_8 > 10 * surely_utf_8:
        return _CODECS["gbk"]
    raise InvalidRequest(
        "may be UTF-8 or GBK: set SMS_FILE_ENCODING, or save it with a byte order mark",
        field="file",
    )


def _csv_rows(text: _Text) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(text, strict=True)
    columns = _read_header(reader, text)
    number_at = columns.index("phone_number")
    own = {name: columns.index(name) for name in _OWN_COLUMNS[1:] if name in columns}
    variables = [(n, name) for n, name in enumerate(columns) if name not in _OWN_COLUMNS]
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
        if text.damaged:
            problem = text.problem()
        elif not any(cells) or not any(map(str.strip, cells)):
            continue
        elif not problem and len(cells) != len(columns):
            problem = f"has {len(cells)} columns, but the first row has {len(columns)}"
        count += 1
        if problem:
            yield Row(count, line, problem=problem)
            continue
        message: dict[str, Any] = {"phone_number": cells[number_at].strip()}
        if variables:
            message["template_param"] = {name: cells[n] for n, name in variables}
        given = {name: cells[n].strip() for name, n in own.items()}
        template_code = given.pop("template_code", "")
        message.update((name, value) for name, value in given.items() if value)
        yield Row(count, line, message, template_code)


def _read_header(reader: Iterator[list[str]], text: _Text) -> list[str]:
    try:
        columns = [name.strip() for name in next(filter(any, reader))]
    except StopIteration:
        raise InvalidRequest("is empty", field="file") from None
    except csv.Error:
        columns = []
    if text.damaged or "phone_number" not in columns:
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


def _json_rows(text: _Text) -> Iterator[Row]:
    count = 0
    for line in text:
        if not line.strip():
            continue
        count += 1
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        template_code, problem = "", ""
        if text.damaged:
            problem = text.problem()
        elif not isinstance(message, dict):
            problem = "is not a JSON object"
        else:
            template_code = message.pop("template_code", "")
            if not isinstance(template_code, str):
                problem = "template_code: must be a string"
        if problem:
            yield Row(count, text.line, problem=problem)
        else:
            yield Row(count, text.line, message, template_code)
