"""The form of request timestamps: `2026-01-31T12:00:00Z`, in UTC."""

from __future__ import annotations

import calendar
import re
import time
from typing import NamedTuple

_FORM = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?Z")


class Timestamp(NamedTuple):
    """A moment in seconds since the epoch, and whether a fraction of a second was written."""

    moment: float
    has_fraction: bool


def read_timestamp(text: str) -> Timestamp | None:
    """Read a timestamp, with or without a fraction of a second; None if it has another form."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    whole, fraction = match.groups()
    try:
        moment = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    except ValueError:  # such as month 13
        return None
    return Timestamp(moment + float(fraction or 0), fraction is not None)
