"""The bytes of a file of recipients as lines of text: its encoding, and what cannot be read.

What goes in: the content of a file in pieces, cut anywhere, and ``auto``, ``utf-8`` or ``gbk``.
What comes out: its lines. Text in an encoding that is not known is never sent: only a byte order
mark, valid UTF-8, a setting, or what file_encodings is sure of, make bytes text.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from shared.errors import InvalidRequest

# No row needs as much. What has no line ends, such as a picture, is not gathered in memory.
MAX_LINE_BYTES = 64 * 1024
# The beginning of a file, which shows its encoding, has so many bytes or more; a piece of a bucket
# has a whole MiB.
_BEGINNING_BYTES = 64 * 1024
_DAMAGED = "\ufffd"  # stands for a line that cannot be read, and for what was lost before
_CODECS = {"utf-8": "utf-8", "gbk": "gb18030"}  # GB18030 is GBK with more characters
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKS = {codecs.BOM_UTF8: "utf-8", "\ufeff".encode("gb18030"): "gb18030"}
# Lines that speak for one encoding have to be more than ten times those that speak for the other. A
# few damaged lines in a long file do not hide what it is.
_CLEAR_MAJORITY = 10
# What stands between the cells and texts of a file. None of these bytes is part of a character, in
# any encoding that goes with ASCII.
_BETWEEN_CELLS = re.compile(rb'[,\t\r\n"]+')


class TextLines:
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
