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

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from shared import phone_numbers
from shared.errors import InvalidRequest
from shared.events.file_text import TextLines
from shared.events.first_rows import FirstRows
from shared.fields import parse_json, shown
from shared.sending.intents import BATCH_SIZE, Defaults, Intent, Part
from shared.sending.mainland import read_intent

# Characters of a cell. An open quote makes one cell of all that follows; it takes no more than that
# with it.
_LONGEST_CELL = 4096
# Columns that go beside the template variables into a message, where a row has something in them.
_CONTENT_COLUMNS = ("sign_name", "sms_up_extend_code")
# Columns that are no template variables, and count whatever SMS_FILE_COLUMNS says.
_OWN_COLUMNS = ("phone_number", "template_code", *_CONTENT_COLUMNS)
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
    text = TextLines(pieces, encoding)
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


def _with_numbers_claimed(rows: list[Row], part: Part | None, first_rows: FirstRows) -> list[Row]:
    """Return `rows`, those with a problem whose number is that of an earlier row.

    The first row with a number owns it, also when the row is refused: so it makes no difference to
    the later one why. `part` is what the rows without a problem make, if they could be read.
    """
    if part and len(part.phone_numbers) == len(rows):
        numbers: Sequence[str] = part.phone_numbers
        with_number = rows
    else:
        number_of = {row.number: _number_of(row) for row in rows}
        with_number = [row for row in rows if number_of[row.number]]
        numbers = [number_of[row.number] for row in with_number]
    places = [row.number for row in with_number]
    owners = first_rows.claim(numbers, places)
    if owners == places:
        return rows
    owner_of = dict(zip(places, owners, strict=True))
    return [_with_owner_checked(row, owner_of.get(row.number, row.number)) for row in rows]


def _with_owner_checked(row: Row, owner: int) -> Row:
    if row.problem or owner == row.number:
        return row
    return row._replace(problem=f"phone_number: is the same number as in row {owner}")


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


class _Columns(NamedTuple):
    """The columns of a .csv: how many there are, and which of them count, by place (from 0).

    `own` are those in _OWN_COLUMNS, `variables` the template variables; `unnamed` have no name.
    """

    width: int
    own: tuple[tuple[int, str], ...]
    variables: tuple[tuple[int, str], ...]
    unnamed: tuple[int, ...]


def _csv_rows(text: TextLines, wanted: Sequence[str]) -> Iterator[Row]:
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
    for place, name in sorted((*columns.own, *columns.variables)):
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
    """Return the row of `cells`; where it has too few, the others are empty."""
    missing = columns.width - len(cells)
    if missing > 0:
        cells = [*cells, *[""] * missing]
    values = {name: value for place, name in columns.own if (value := cells[place].strip())}
    template_code = values.pop("template_code", "")
    message: dict[str, Any] = {"phone_number": "", **values}
    if columns.variables:
        message["template_param"] = {
            name: cells[place].strip() for place, name in columns.variables
        }
    return Row(number, line, message=message, template_code=template_code, problem=problem)


def _read_header(reader: Iterator[list[str]], text: TextLines, wanted: Sequence[str]) -> _Columns:
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
    return _Columns(
        width=len(names),
        own=tuple((place, name) for place, name in counted if name in _OWN_COLUMNS),
        variables=tuple((place, name) for place, name in counted if name not in _OWN_COLUMNS),
        unnamed=unnamed,
    )


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


def _json_rows(text: TextLines) -> Iterator[Row]:
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
