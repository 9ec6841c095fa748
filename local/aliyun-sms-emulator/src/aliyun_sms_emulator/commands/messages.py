"""The command `sms-emulator messages`: what a running emulator has captured."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from aliyun_sms_emulator.client import EmulatorClient
from aliyun_sms_emulator.commands.running import (
    EXIT_CODES,
    OK,
    parser_of,
    print_line,
    printable,
    run,
)

_PAGE = 1000
_FOLLOW_SECONDS = 1.0  # after so long a cleared inbox is noticed; messages are told at once
_EXAMPLES = """examples:
  sms-emulator messages                           what was captured so far
  sms-emulator messages --follow                  and what comes, as it comes
  sms-emulator messages --json | jq -r .text
"""


def main(arguments: list[str]) -> int:
    """Print what a running emulator has captured."""
    return run(_messages, _parser().parse_args(arguments))


def _messages(options: argparse.Namespace) -> int:
    emulator, filters = EmulatorClient(options.url), {}
    if options.phone_number:
        filters["phone_number"] = options.phone_number
    last = total = 0
    while True:
        for message in _after(emulator, filters, last):
            print_line(json.dumps(message) if options.json else _line(message))
            last = message["id"]
        if not options.follow:
            if not last and not options.json:
                print("no messages yet", file=sys.stderr)  # noqa: T201
            return OK
        query = {**filters, "wait": str(_FOLLOW_SECONDS), "count": str(total + 1), "limit": "0"}
        total = emulator.call("GET", f"/api/messages?{urlencode(query)}")["total"]


def _after(emulator: EmulatorClient, filters: dict[str, str], last: int) -> list[dict[str, Any]]:
    """Messages with a higher id, the oldest first."""
    found: dict[int, dict[str, Any]] = {}
    for page in _pages(emulator, filters):
        found.update({message["id"]: message for message in page if message["id"] > last})
        if len(page) < _PAGE or page[-1]["id"] <= last:
            break
    return [found[number] for number in sorted(found)]


def _pages(emulator: EmulatorClient, filters: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
    query = {**filters, "order": "newest", "limit": str(_PAGE)}
    offset = 0
    while True:
        target = f"/api/messages?{urlencode({**query, 'offset': str(offset)})}"
        yield emulator.call("GET", target)["messages"]
        offset += _PAGE


def _line(message: dict[str, Any]) -> str:
    at = message["accepted_at"][:19].replace("T", " ")
    return f"{at}  {message['phone_number']}  {message['status']:9}  {printable(message['text'])}"


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("messages", "Print the messages that a running emulator has captured.")
    parser.epilog = f"{_EXAMPLES}\n{EXIT_CODES}"
    parser.add_argument("--phone-number", metavar="NUMBER", help="only those to this number")
    parser.add_argument("--follow", action="store_true", help="go on with new ones until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    return parser
