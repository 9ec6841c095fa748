"""The commands that talk to a running emulator: `sms-emulator send` and `sms-emulator messages`."""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from aliyun_sms_emulator.client import EmulatorClient
from aliyun_sms_emulator.config import default_config, load_config
from aliyun_sms_emulator.errors import EmulatorError, NotRunning
from aliyun_sms_emulator.wire.signatures import rpc_signature, rpc_string_to_sign

_OK, _REFUSED, _USAGE, _NOT_RUNNING = 0, 1, 2, 3
_PAGE = 1000
_FOLLOW_SECONDS = 1.0  # after so long a cleared inbox is noticed; messages are told at once
_EXIT_CODES = """exit codes: 0 done, 1 refused by the emulated platform, 2 wrong usage or
configuration, 3 no emulator answers at --url, 130 Ctrl-C, 143 SIGTERM"""
_SEND_EXAMPLES = """examples:
  sms-emulator send 13800138000 --param code=1234
  sms-emulator send 13800138000 --template SMS_100002 --param name=Ann --param order=7
  sms-emulator send 85251234567 --template SMS_100003 --param code=1234 --json
"""
_MESSAGES_EXAMPLES = """examples:
  sms-emulator messages                           what was captured so far
  sms-emulator messages --follow                  and what comes, as it comes
  sms-emulator messages --json | jq -r .text
"""


def send(arguments: list[str]) -> int:
    """Send one SMS to a running emulator, signed as a client of the platform would."""
    return _run(_send, _send_parser().parse_args(arguments))


def messages(arguments: list[str]) -> int:
    """Print what a running emulator has captured."""
    return _run(_messages, _messages_parser().parse_args(arguments))


def _run(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    try:
        return command(options)
    except (EmulatorError, ValueError) as error:
        print(f"sms-emulator: {error}", file=sys.stderr)  # noqa: T201
        return _NOT_RUNNING if isinstance(error, NotRunning) else _USAGE


def _send(options: argparse.Namespace) -> int:
    config = load_config(options.config) if options.config else default_config()
    key = next(iter(config.access_keys.values()))
    parameters = {
        "Action": "SendSms",
        "Version": "2017-05-25",
        "Format": "JSON",
        "AccessKeyId": key.id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "PhoneNumbers": options.phone_number,
        "SignName": options.sign_name or next(iter(config.signatures)),
        "TemplateCode": options.template or next(iter(config.templates)),
        "TemplateParam": json.dumps(dict(options.param)),
        "OutId": options.out_id,
    }
    if key.security_token:
        parameters["SecurityToken"] = key.security_token
    text = rpc_string_to_sign("GET", parameters)
    parameters["Signature"] = rpc_signature(text, key.secret)
    emulator = EmulatorClient(options.url)
    answer = emulator.call("GET", f"/?{urlencode(parameters)}")
    accepted = answer.get("Code") == "OK"
    if options.json:
        _print(json.dumps(answer))
    elif accepted:
        _print(f"accepted, BizId {answer['BizId']}; read it: {emulator.url}/inbox")
    else:
        problem = f"refused: {answer.get('Code')}: {answer.get('Message')}"
        print(f"sms-emulator: {_printable(problem)}", file=sys.stderr)  # noqa: T201
    return _OK if accepted else _REFUSED


def _messages(options: argparse.Namespace) -> int:
    emulator, filters = EmulatorClient(options.url), {}
    if options.phone_number:
        filters["phone_number"] = options.phone_number
    last = total = 0
    while True:
        for message in _after(emulator, filters, last):
            _print(json.dumps(message) if options.json else _line(message))
            last = message["id"]
        if not options.follow:
            if not last and not options.json:
                print("no messages yet", file=sys.stderr)  # noqa: T201
            return _OK
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
    return f"{at}  {message['phone_number']}  {message['status']:9}  {_printable(message['text'])}"


def _printable(text: str) -> str:
    """Escape what could steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def _send_parser() -> argparse.ArgumentParser:
    parser = _parser("send", "Send one SMS to a running emulator, signed as any client's.")
    parser.epilog = f"{_SEND_EXAMPLES}\n{_EXIT_CODES}"
    parser.add_argument("phone_number", metavar="NUMBER", help="or several, with commas between")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="a variable of the template",
    )
    parser.add_argument("--template", metavar="CODE", help="template (default: the first one)")
    parser.add_argument("--sign-name", metavar="NAME", help="signature (default: the first one)")
    parser.add_argument("--out-id", default="", metavar="ID", help="your own id for it")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE.yaml",
        help="the emulator's configuration, if it has one: its first key signs",
    )
    parser.add_argument("--json", action="store_true", help="print the platform's answer as JSON")
    return parser


def _messages_parser() -> argparse.ArgumentParser:
    parser = _parser("messages", "Print the messages that a running emulator has captured.")
    parser.epilog = f"{_MESSAGES_EXAMPLES}\n{_EXIT_CODES}"
    parser.add_argument("--phone-number", metavar="NUMBER", help="only those to this number")
    parser.add_argument("--follow", action="store_true", help="go on with new ones until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    return parser


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"sms-emulator {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url",
        type=_url,
        default="http://127.0.0.1:8100",
        help="address of the emulator (default %(default)s)",
    )
    return parser


def _url(text: str) -> str:
    try:
        url = urlsplit(text)
        is_address = url.scheme == "http" and url.port != 0 and bool(url.hostname)
    except ValueError:
        is_address = False
    if not is_address or url.path.strip("/") or url.query or url.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as http://127.0.0.1:8100")
    return text


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE")
    return name, value
