"""What options of the command line may be; argparse reports what they raise."""

from __future__ import annotations

import contextlib
import re
from argparse import ArgumentTypeError
from datetime import datetime

_MOST = 100_000


def pair(text: str) -> tuple[str, str]:
    """Read NAME=VALUE."""
    name, sign, value = text.partition("=")
    if not name:
        raise ArgumentTypeError("the name is missing: write it as NAME=VALUE")
    if not sign:
        raise ArgumentTypeError(f"{name!r} has no value: write it as NAME=VALUE")
    return name, value


def layer_folder(text: str) -> tuple[str, str]:
    """Read ARN=FOLDER."""
    arn, folder = pair(text)
    if not folder:
        raise ArgumentTypeError(f"{arn!r} has no folder: write it as ARN=FOLDER")
    return arn, folder


def host(text: str) -> str:
    """Read an address to listen on; an empty one would be all addresses of this machine."""
    if not text.strip():
        raise ArgumentTypeError("it is empty: give an address such as 127.0.0.1")
    return text


def port(text: str) -> int:
    """Read a port, 0 included."""
    if not _is_number(text) or int(text) > 65535:
        raise ArgumentTypeError(
            f"{text!r} is not a port; give a number from 0 to 65535, 0 takes a free one"
        )
    return int(text)


def count(text: str) -> int:
    """Read a whole number from 1 to 100,000."""
    if not _is_number(text) or not 1 <= int(text) <= _MOST:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST:,}")
    return int(text)


def whole_number(text: str) -> int:
    """Read a whole number, 0 included, of at most 19 digits (64 bits)."""
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,6}", text) is not None


def seconds(text: str) -> float:
    """Read a number of seconds, 0 included."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text):
        raise ArgumentTypeError(f"{text!r} is not a number of seconds, such as 30 or 0.5")
    return float(text)


def moment(text: str) -> datetime:
    """Read a time with its zone."""
    found: datetime | None = None
    with contextlib.suppress(ValueError):
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if found is None or found.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} is not a time; write it as 2026-01-31T12:00:00Z")
    return found
