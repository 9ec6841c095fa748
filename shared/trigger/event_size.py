"""How large an event may be, measured on its bytes before anything of it is read.

Function Compute takes requests of up to 32 MB from anybody, and hands them over as an event in
JSON. Python holds a text with one emoji in it in 4 bytes a character, so to read such an event
takes 280 MB: the instance ends, before it is known who asked.
"""

from typing import NamedTuple


class EventSize(NamedTuple):
    """How many bytes an event may have: in all, with its escapes undone, and of them the body."""

    event: int
    content: int
    body: int


MAX_BODY_BYTES = 1024 * 1024
# A body of 1 MB whose bytes are all escaped, such as ``\u003c``, and its headers. The platform lets
# headers have 8 KB and path and query 4 KB (HTTP trigger overview).
LARGEST_EVENT = 6_500_000  # bytes
# The same with its escapes undone: a body of 1 MB is 1.4 MB of base64. What is larger holds a body
# that is too large, and to read 6 MB that are not escaped takes 80 MB.
LARGEST_CONTENT = 1_500_000  # bytes
OF_REQUESTS = EventSize(event=LARGEST_EVENT, content=LARGEST_CONTENT, body=MAX_BODY_BYTES)
_PIECE = 65536  # bytes
_SAVED_BY_UNICODE_ESCAPE = 5  # bytes at most: ``\u003c`` is one character
_SAVED_BY_ESCAPE = 1  # byte: ``\n`` is one character, too


def is_too_large(event: bytes, size: EventSize = OF_REQUESTS) -> bool:
    """Whether `event`, JSON as Function Compute hands it over, has more than it may have.

    It takes no memory to speak of, however large the event is.
    """
    if len(event) <= size.content:
        return False
    return len(event) > size.event or _content_size(event) > size.content


def _content_size(event: bytes) -> int:
    """Return how many bytes the JSON of `event` has at least when its escapes are undone.

    It is read in pieces. An escape that is cut in two by their ends is counted wrong, by 5 bytes at
    most, and there are 100 pieces.
    """
    size = 0
    for start in range(0, len(event), _PIECE):
        # Without the escaped backslashes, each that is left begins another escape.
        piece = event[start : start + _PIECE].replace(b"\\\\", b"-")
        escapes, unicode_escapes = piece.count(b"\\"), piece.count(b"\\u")
        size += len(piece)
        size -= _SAVED_BY_UNICODE_ESCAPE * unicode_escapes
        size -= _SAVED_BY_ESCAPE * (escapes - unicode_escapes)
    return size
