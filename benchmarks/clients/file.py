"""A file of recipients in a bucket: functions.send_on_event answers the event of its writing."""

from __future__ import annotations

import os

from benchmarks.clients.events import context, object_event
from functions.send_on_event import handler

BUCKET = "recipients"


def run(key: str, etag: str, connections: str) -> tuple[int]:
    """Send to the recipients in an object; return how many were accepted."""
    os.environ["SMS_FILE_PARALLEL"] = connections
    answer = handler(object_event(BUCKET, key, etag), context(timeout=86400))
    if not answer["accepted"]:
        raise RuntimeError(str(answer))
    (entry,) = answer["accepted"]
    rows = entry["rows"]
    assert isinstance(rows, dict)
    return (int(rows["accepted"]),)
