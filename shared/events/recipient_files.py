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
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, NamedTuple

from shared import phone_numbers
from shared.errors import InvalidRequest
from shared.events.first_rows import FirstRows
from shared.fields import parse_json, shown
from shared.sending.intents import BATCH_SIZE, Defaults, Intent, Part
from shared.sending.mainland import read_intent

# No row needs as much. What has no line ends, such as a picture, is not gathered in memory.
MAX_LINE_BYTES = 64 * 1024
# The beginning of a file, which shows its encoding, has so many bytes or more; a piece of a bucket
# has a whole MiB.
_BEGINNING_BYTES = 64 * 1024
# Characters of a cell. An open quote makes one cell of all that follows; it takes no more than that
# with it.
_LONGEST_CELL = 4096
_DAMAGED = "\ufffd"  # stands for a line that cannot be read, and for what was lost before
# Columns that go beside the template variables into a message, where a row has something in them.
_CONTENT_COLUMNS = ("sign_name", "sms_up_extend_code")
# Columns that are no template variables, and count whatever SMS_FILE_COLUMNS says.
_OWN_COLUMNS = ("phone_number", "template_code", *_CONTENT_COLUMNS)
_CODECS = {"utf-8": "utf-8", "gbk": "gb18030"}  # GB18030 is GBK with more characters
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKS = {codecs.BOM_UTF8: "utf-8", "\ufeff".encode("gb18030"): "gb18030"}
# Lines that speak for one encoding have to be more than ten times those that speak for the other. A
# few damaged lines in a long file do not hide what it is.
_CLEAR_MAJORITY = 10
# What stands between the cells and texts of a file. None of these bytes is part of a character, in
# any encoding that goes with ASCII.
_BETWEEN_CELLS = re.compile(rb'[,\t\r\n"]+')
_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_ONLY_MESSAGE = "messages[0]"  # how errors name a row that is read alone


class Row(NamedTuple):
    """One recipient: row `number` (from 1), which begins in `line` (from 1).

    `message` is an entry of ``messages`` of ``POST /sms``. Where `problem` says why the row is
    refused, it may still hold a phone_number, which then is that of no later row.
    """

    number: int
    line: int
    message: Any = None
    template_code: str = ""
    problem: str = ""


def read_rows(
    pieces: Iterable[bytes], key: str, *, encoding: str, columns: Sequence[str] = ()
) -> Iterator[Row]:
    """Yield the rows of the file `key` (.csv, .jsonl, .ndjson) that comes in `pieces`.

    `encoding` is auto, utf-8 or gbk. `columns` are those of a .csv that are template variables; ()
    stands for all. Raises InvalidRequest when the whole file is wrong.
    """
    _, dot, suffix = key.rpartition(".")
    kind = _SUFFIXES.get(f"{dot}{suffix}".lower())
    if kind is None:
        raise InvalidRequest(
            "is neither .csv nor .jsonl (or .ndjson); name it after what it holds", field="key"
        )
    text = _TextLines(pieces, encoding)
    return _csv_rows(text, columns) if kind == "csv" else _json_rows(text)


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
    first_rows: FirstRows,
    check: Callable[[Intent], None],
) -> tuple[Part | None, list[Row]]:
    """Return the part that `rows` make, None if it is empty, and the rows with a problem.

    `first_rows` has the numbers of all rows before, and gets those of these rows. `check` raises
    InvalidRequest for what may not be sent to. Raises InvalidRequest for template_code, which is
    the whole file's.
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
    part: Part | None = None
    is_read = True
    try:
        part = part_of_good(judged)
    except InvalidRequest as error:
        if error.field == "template_code":
            raise
        is_read = False
    owned = _with_numbers_claimed(judged, part, first_rows)
    if not is_read:
        # Only now are rows read one by one, as that takes longer and most files are right.
        owned = list(_judged_one_by_one(owned, part_of))
    if not is_read or owned != judged:
        part = part_of_good(owned)
    refused = [row for row in owned if row.problem]
    if part is None:
        return None, refused
    first, last = rows[0].number - 1, rows[-1].number - 1
    number = first // BATCH_SIZE
    return part._replace(number=number, first=first, last=last), refused


def _with_template_checked(row: Row, template_code: str) -> Row:
    if row.problem or row.template_code in ("", template_code):
        return row
    return row._replace(
        problem="template_code: differs from that of the first row; a file has one template"
    )


def _with_numbers_claimed(
    rows: Sequence[Row], part: Part | None, first_rows: FirstRows
) -> list[Row]:
    """Return `rows`, those with a problem whose number is that of an earlier row.

    The first row with a number owns it, also when the row is refused: so it makes no difference to
    the later one why. `part` is what the rows without a problem make, if they were read.
    """
    numbers_read = iter(part.phone_numbers if part else ())
    claimed = []
    for row in rows:
        number = next(numbers_read) if part and not row.problem else _number_of(row)
        owner = first_rows.claim(number, row.number) if number else row.number
        if owner != row.number and not row.problem:
            row = row._replace(problem=f"phone_number: is the same number as in row {owner}")
        claimed.append(row)
    return claimed


def _number_of(row: Row) -> str:
    """Return the phone number in `row` as it goes out, "" if there is none that can be read."""
    if isinstance(row.message, dict):
        with suppress(InvalidRequest):
            return phone_numbers.mainland(row.message.get("phone_number"), "phone_number")
    return ""


def _judged_one_by_one(
    rows: Iterable[Row], part_of: Callable[[Sequence[Row]], Part]
) -> Iterator[Row]:
    """Yield each row, with a problem if it has one by itself or beside the rows before it."""
    first_good: Row | None = None
    for row in rows:
        if row.problem:
            yield row
            continue
        try:
            part_of([row])
        except InvalidRequest as error:
            yield row._replace(problem=_problem_of_row(error))
            continue
        first_good = first_good or row
        if _has_extend_code(row) != _has_extend_code(first_good):
            row = row._replace(problem="sms_up_extend_code: give one in each row, or none")
        yield row


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
        first = _beginning(remaining)
        if first.startswith(_UTF_16_MARKS):
            raise InvalidRequest("is UTF-16; save it as UTF-8", field="file")
        self._is_guessed = False
        marked, first = _without_marks(first)
        if marked:
            self._codec = marked
        elif encoding != "auto":
            self._codec = _CODECS[encoding]
        else:
            self._codec = _codec_of(first)
            self._is_guessed = self._codec == _CODECS["gbk"]
        self._lines = _lines(chain((first,), remaining))
        self.line = 0
        self._damage = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        self.line += 1
        damage, text = self._read(raw)
        if damage:
            self._damage = self._damage or damage
            return _DAMAGED
        return text.rstrip("\r") + "\n"

    def take_damage(self) -> str:
        """Return what was wrong with the lines since the last call, or nothing."""
        damage, self._damage = self._damage, ""
        return damage

    def _read(self, raw: bytes) -> tuple[str, str]:
        """Return what is wrong with a line, if anything, and its text."""
        if len(raw) > MAX_LINE_BYTES:
            return f"is longer than {MAX_LINE_BYTES} bytes; end each row with a line end", ""
        encoding = "GBK" if self._codec == _CODECS["gbk"] else "UTF-8"
        try:
            text = raw.decode(self._codec)
        except UnicodeDecodeError:
            return f"holds bytes that are no {encoding}; save the whole file as UTF-8", ""
        if self._is_guessed and _is_surely_utf_8(raw):
            return "is UTF-8, but the file is GBK; save the whole file as UTF-8", ""
        if _DAMAGED in text:
            return "holds \ufffd, for a character that was lost; write the character anew", ""
        if "\0" in text:
            return "holds a NUL character; delete it, or save the file as UTF-8", ""
        return "", text


def _beginning(pieces: Iterator[bytes]) -> bytes:
    """Return the first of `pieces`, or several that have _BEGINNING_BYTES together."""
    taken: list[bytes] = []
    while sum(map(len, taken)) < _BEGINNING_BYTES:
        piece = next(pieces, None)
        if piece is None:
            break
        taken.append(piece)
    return b"".join(taken)


def _without_marks(content: bytes) -> tuple[str, bytes]:
    """Return the codec that byte order marks name, "" for none, and what follows them.

    Two are left by a program that adds one to a text that has one.
    """
    codec = ""
    while mark := next(filter(content.startswith, _MARKS), b""):
        codec = codec or _MARKS[mark]
        content = content.removeprefix(mark)
    return codec, content


def _codec_of(beginning: bytes) -> str:
    """Return the codec that a file without a mark is in; raises InvalidRequest if it is not sure.

    It is UTF-8 if all lines are, or most of them have characters of three bytes in it; so it is
    while all is ASCII, and then a line that is no UTF-8 is refused. It is GBK if most lines are no
    UTF-8, and what they say in GBK is what people write.
    """
    if beginning.isascii():
        return _CODECS["utf-8"]
    numbered = enumerate(_whole_lines(beginning).split(b"\n"), 1)
    lines = {number: line for number, line in numbered if not line.isascii()}
    surely_utf_8 = {number for number, line in lines.items() if _is_surely_utf_8(line)}
    not_utf_8 = [number for number, line in lines.items() if not _is_in(line, "utf-8")]
    if len(surely_utf_8) > _CLEAR_MAJORITY * len(not_utf_8):
        return _CODECS["utf-8"]
    from shared.events import file_encodings  # most files are UTF-8

    cells = _cells_of(line for number, line in lines.items() if number not in surely_utf_8)
    if not not_utf_8:
        if not file_encodings.is_rather_gbk(cells):
            return _CODECS["utf-8"]
        problem = "may be UTF-8 or GBK; save it as UTF-8 with a byte order mark, or set"
    elif len(not_utf_8) <= _CLEAR_MAJORITY * len(surely_utf_8):
        problem = (
            f"has {len(surely_utf_8)} lines in UTF-8 and {len(not_utf_8)} that are not, line "
            f"{not_utf_8[0]} first; save all of it as UTF-8, or set"
        )
    elif no_gbk := [number for number in not_utf_8 if not _is_in(lines[number], _CODECS["gbk"])]:
        problem = (
            f"is no UTF-8 and no GBK: line {no_gbk[0]} holds bytes of neither; save it as UTF-8, "
            "or, if that line alone is damaged, set"
        )
    elif doubt := file_encodings.doubt_about_gbk(cells):
        problem = f"is no UTF-8, and {doubt}; save it as UTF-8, or, if you know that it is GBK, set"
    else:
        return _CODECS["gbk"]
    raise InvalidRequest(f"{problem} SMS_FILE_ENCODING", field="file")


def _whole_lines(beginning: bytes) -> bytes:
    """Return `beginning` without a last line that may be cut in the middle of a character."""
    if len(beginning) < _BEGINNING_BYTES:  # the whole file
        return beginning
    return beginning[: beginning.rfind(b"\n")] if b"\n" in beginning else beginning


def _is_in(raw: bytes, codec: str) -> bool:
    try:
        raw.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _is_surely_utf_8(raw: bytes) -> bool:
    """Whether a line is UTF-8 with a character of three bytes, which other text hardly ever is.

    Four bytes, or two and two, are as many as two characters of GBK: 皓宝 there is one of UTF-8.
    """
    if raw.isascii() or not _is_in(raw, "utf-8"):
        return False
    return any("\u0800" <= character <= "\uffff" for character in raw.decode())


def _cells_of(lines: Iterable[bytes]) -> list[bytes]:
    """Return the cells in `lines` that are not ASCII."""
    cells = (cell for line in lines for cell in _BETWEEN_CELLS.split(line))
    return [cell for cell in cells if not cell.isascii()]


class _Columns(NamedTuple):
    """The columns of a .csv: how many, those that count by place (from 0), those without name."""

    width: int
    counted: tuple[tuple[int, str], ...]
    unnamed: tuple[int, ...]


def _csv_rows(text: _TextLines, wanted: Sequence[str]) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(text, strict=True)
    columns = _read_header(reader, text, wanted)
    count = 0
    while True:
        line = text.line + 1
        problem = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = []
            problem = (
                "has an open quote or too long a cell; all to line "
                f"{text.line} is left out; close the quote, or shorten the cell"
            )
        problem = text.take_damage() or problem
        if problem:
            cells = []
        elif not any(map(str.strip, cells)):
            continue
        count += 1
        problem = problem or _problem_of_cells(cells, columns)
        yield _csv_row(count, line, cells, columns=columns, problem=problem)


def _problem_of_cells(cells: Sequence[str], columns: _Columns) -> str:
    """Return what is wrong with the number of cells in a row, if anything."""
    if len(cells) == columns.width and not columns.unnamed:
        return ""
    for place in (*columns.unnamed, *range(columns.width, len(cells))):
        if place < len(cells) and cells[place].strip():
            return (
                f"holds text in column {place + 1}, which the first row does not name; name the "
                "column, empty the cell, or put quotes around a value with a comma"
            )
    for place, name in columns.counted:
        if place >= len(cells):
            return (
                f"has {_number_of_cells(len(cells))}, so none in column {place + 1} ({name}); "
                "write a cell for each column"
            )
    return ""


def _number_of_cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _csv_row(
    number: int, line: int, cells: Sequence[str], *, columns: _Columns, problem: str
) -> Row:
    """Return the row of `cells`; what is named by no column of ours is a template variable."""
    values = {name: cells[place].strip() for place, name in columns.counted if place < len(cells)}
    if "phone_number" not in values:
        return Row(number, line, problem=problem)
    message: dict[str, Any] = {"phone_number": values.pop("phone_number")}
    template_code = values.pop("template_code", "")
    for name in _CONTENT_COLUMNS:
        value = values.pop(name, "")
        if value:
            message[name] = value
    if values:
        message["template_param"] = values
    return Row(number, line, message=message, template_code=template_code, problem=problem)


def _read_header(reader: Iterator[list[str]], text: _TextLines, wanted: Sequence[str]) -> _Columns:
    """Read the names of the columns, of which `wanted` are template variables, if it names any.

    Raises InvalidRequest.
    """
    problem = ""
    try:
        names = next(
            [name.strip() for name in cells] for cells in reader if any(map(str.strip, cells))
        )
    except StopIteration:
        raise InvalidRequest("is empty", field="file") from None
    except csv.Error:
        names = []
        problem = "has an open quote or too long a cell"
    problem = text.take_damage() or problem
    if problem:
        raise InvalidRequest(f"the first row {problem}", field="file")
    if "phone_number" not in names:
        raise InvalidRequest(_without_number_column(names), field="file")
    counted = tuple(
        (place, name)
        for place, name in enumerate(names)
        if name and not name.startswith("#") and (not wanted or name in (*wanted, *_OWN_COLUMNS))
    )
    _check_names(counted)
    _check_wanted(counted, wanted)
    unnamed = tuple(place for place, name in enumerate(names) if not name)
    return _Columns(len(names), counted, unnamed)


def _without_number_column(names: Sequence[str]) -> str:
    """Return what is wrong with a first row that names no phone_number; a cell may be a number."""
    problem = "the first row must name the columns, phone_number among them, with commas between"
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and separator in names[0]:
            return f"{problem}; it has {word} between them"
    for place, name in enumerate(names, 1):
        if re.sub("[ _-]", "", name).casefold() in ("phonenumber", "phone", "mobile"):
            return f"{problem}; column {place} is {name}: rename it to phone_number"
    return f"{problem}; it has {_number_of_cells(len(names))}, none of which is phone_number"


def _check_names(counted: Sequence[tuple[int, str]]) -> None:
    """Raise InvalidRequest unless each of the columns that count may name a template variable."""
    place_of: dict[str, int] = {}
    for place, name in counted:
        first = place_of.setdefault(name, place)
        if not (name.isascii() and name.isidentifier()):
            problem = "is no template variable, which has ASCII letters, digits and _"
        elif first != place:
            problem = f"stands in column {first + 1}, too"
        else:
            continue
        raise InvalidRequest(
            f"the name of column {place + 1}, {_shown_name(name)}, {problem}; rename it, or begin "
            "it with # or name the columns that count in SMS_FILE_COLUMNS to leave it out",
            field="file",
        )


def _check_wanted(counted: Sequence[tuple[int, str]], wanted: Sequence[str]) -> None:
    names = [name for _, name in counted]
    for name in wanted:
        if name not in names:
            raise InvalidRequest(
                f"no column is named {name}, which SMS_FILE_COLUMNS names; add the column, or "
                "take it out of SMS_FILE_COLUMNS",
                field="file",
            )


def _shown_name(name: str) -> str:
    """Return the name of a column as it is written, unless it may be a number or a code."""
    return name if shown(name) != "*" else "which is not shown here"


def _json_rows(text: _TextLines) -> Iterator[Row]:
    count = 0
    for line in text:
        if not line.strip():
            continue
        count += 1
        damage = text.take_damage()
        yield Row(count, text.line, problem=damage) if damage else _json_row(count, text.line, line)


def _json_row(number: int, line: int, text: str) -> Row:
    """Return the row of a line, which is read as an HTTP function reads a request."""
    try:
        message = parse_json(text)
    except InvalidRequest as error:
        return Row(number, line, problem=error.problem)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        return Row(number, line, problem="is not a JSON object; write one in each line")
    template_code = message.pop("template_code", "")
    if not isinstance(template_code, str):
        return Row(number, line, message=message, problem="template_code: must be a string")
    return Row(number, line, message=message, template_code=template_code)
