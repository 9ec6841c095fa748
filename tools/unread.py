"""Receipts and replies that could not be read: ``make unread`` shows them and reads them again.

They are kept in the shared state (docs/send-protocol.md). What can be read by now is taken as if it
had just come, and leaves the list; the rest stays for 30 days. Phone numbers are masked, unless
``--raw`` is given. Exit code 2 if there is no shared state, or it cannot be used.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress

from shared import transport
from shared.clock import Clock, utc_timestamp
from shared.errors import SmsError, UnreadFull
from shared.logs import Log, hash_key, masked
from shared.platform.sms_api import SmsApi
from shared.receipts import keeping, unread
from shared.receipts.pushed import entries_in, read_entry
from shared.receipts.unread import UnreadRecord
from shared.settings import read_credentials, read_settings
from shared.state.choice import open_store
from shared.state.store import Store

SECONDS_EACH = 30.0


def main() -> int:
    """Show what is kept, and read it again unless told not to."""
    parser = argparse.ArgumentParser(
        prog="unread",
        description="Show receipts and replies that could not be read, and read them again.",
    )
    parser.add_argument("--raw", action="store_true", help="show phone numbers as they are")
    parser.add_argument("--show", action="store_true", help="only show; read nothing again")
    options = parser.parse_args()
    try:
        api = _api()
        if not api.settings.state_url:
            print("unread: SMS_STATE_URL is not set, so nothing is kept", file=sys.stderr)
            return 2
        _go_through(api, open_store(api.settings.state_url), options)
    except SmsError as error:
        print(f"unread: {error}", file=sys.stderr)
        return 2
    return 0


def _api() -> SmsApi:
    settings = read_settings(os.environ)
    clock = Clock()
    log = Log("unread", "receive_receipts", hash_key(settings.state_secret), clock, sys.stderr)
    return SmsApi(settings, lambda: read_credentials(os.environ), transport.SESSION, clock, log)


def _go_through(api: SmsApi, store: Store, options: argparse.Namespace) -> None:
    left = 0
    for key, record in unread.all_kept(store).items():
        is_read = not options.show and _read_again(key, record, api=api, store=store)
        left += not is_read
        text = record.content().decode("utf-8", "backslashreplace")
        print(f"{key}, from {record.source} at {utc_timestamp(record.kept_at)}")
        print(f"    {text if options.raw else masked(text)}")
        if is_read:
            print("    read now")
    print(f"{left} could not be read, and stay for {unread.LIFETIME // 86400} days.")


def _read_again(key: str, record: UnreadRecord, *, api: SmsApi, store: Store) -> bool:
    """Take what is in `record` as if it had just come; return whether it is no longer needed.

    Of an array entries that still cannot be read are kept one by one.
    """
    entries = entries_in(record.content()) or []
    if not any(read_entry(entry) for entry in entries):
        return False
    with suppress(UnreadFull):
        deadline = api.clock.monotonic() + SECONDS_EACH
        keeping.keep(entries, api, store, deadline=deadline, source=record.source)
        unread.forget(key, record, store=store)
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
