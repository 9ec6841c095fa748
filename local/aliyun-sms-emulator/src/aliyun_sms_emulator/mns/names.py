"""The names of the queues: `Alicom-Queue-<uid>-SmsReport` and `Alicom-Queue-<uid>-SmsUp`."""

from __future__ import annotations

import re

_NAME = re.compile(r"Alicom-Queue-[A-Za-z0-9]{1,64}-(SmsReport|SmsUp)")


def kind_of_queue(name: str) -> str | None:
    """What the queue holds, SmsReport or SmsUp; None if there is no such queue."""
    match = _NAME.fullmatch(name)
    return match.group(1) if match else None
