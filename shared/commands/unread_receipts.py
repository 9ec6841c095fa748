"""`unread`: receipts and replies that could not be read.

What can be read by now is taken as if it had just come, and leaves the list; the rest stays for 30
days (receipts/unread.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shared.clock import utc_timestamp
from shared.errors import UnreadFull
from shared.fields import read_flag
from shared.logs import masked
from shared.receipts import keeping, unread
from shared.receipts.pushed import entries_in, read_entry
from shared.receipts.unread import UnreadRecord
from shared.trigger.invocation import Invocation


def show(arguments: Mapping[str, Any], invocation: Invocation) -> dict[str, object]:
    """Return what is kept, and read it again unless ``only_show`` is true.

    Phone numbers are masked unless ``raw`` is true.
    """
    raw, only_show = read_flag(arguments, "raw"), read_flag(arguments, "only_show")
    listed: list[dict[str, object]] = []
    for key, record in unread.all_kept(keeping.required_store(invocation)).items():
        text = record.content().decode("utf-8", "backslashreplace")
        listed.append(
            {
                "record": key,
                "source": record.source,
                "kept_at": utc_timestamp(record.kept_at),
                "text": text if raw else masked(text),
                "read_now": not only_show and _read_again(key, record, invocation),
            }
        )
    left = sum(not each["read_now"] for each in listed)
    return {"unread": listed, "left": left, "days": unread.LIFETIME // 86400}


def _read_again(key: str, record: UnreadRecord, invocation: Invocation) -> bool:
    """Take what is in `record` as if it had just come; return whether it is no longer needed.

    Of an array entries that still cannot be read are kept one by one.
    """
    entries = entries_in(record.content()) or []
    if not any(read_entry(entry) for entry in entries):
        return False
    store = keeping.required_store(invocation)
    with suppress(UnreadFull):
        keeping.keep(
            entries, invocation.api, store, deadline=invocation.deadline, source=record.source
        )
        unread.forget(key, record, store=store)
        return True
    return False
