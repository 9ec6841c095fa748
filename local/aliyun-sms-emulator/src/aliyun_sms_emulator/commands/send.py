"""The command `sms-emulator send`: one SMS to a running emulator."""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import urlencode

from aliyun_sms_emulator.client import EmulatorClient
from aliyun_sms_emulator.commands.running import (
    EXIT_CODES,
    OK,
    REFUSED,
    parser_of,
    print_line,
    printable,
    run,
)
from aliyun_sms_emulator.config.reading import default_config, load_config
from aliyun_sms_emulator.explain.causes import text_of
from aliyun_sms_emulator.wire.signatures import rpc_signature, rpc_string_to_sign

_EXAMPLES = """examples:
  sms-emulator send 13800138000 --param code=1234
  sms-emulator send 13800138000 --template SMS_100002 --param name=Ann --param order=7
  sms-emulator send 85251234567 --template SMS_100003 --param code=1234 --json
"""


def main(arguments: list[str]) -> int:
    """Send one SMS to a running emulator, signed as a client of the platform would."""
    return run(_send, _parser().parse_args(arguments))


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
        "SignName": options.sign_name or next(iter(config.signatures), "fc-sms"),
        "TemplateCode": options.template or next(iter(config.templates), "SMS_1"),
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
        print_line(json.dumps(answer))
    elif accepted:
        print_line(f"accepted, BizId {answer['BizId']}; read it: {emulator.url}/inbox")
    else:
        code = str(answer.get("Code"))
        meaning = text_of(code, {})  # the platform's own text is Chinese
        problem = f"refused: {code}: {answer.get('Message')}"
        print(f"sms-emulator: {printable(problem)}", file=sys.stderr)  # noqa: T201
        print(f"{meaning['what']}. {meaning['remedy']}", file=sys.stderr)  # noqa: T201
    return OK if accepted else REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("send", "Send one SMS to a running emulator, signed as any client's.")
    parser.epilog = f"{_EXAMPLES}\n{EXIT_CODES}"
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


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} has no value; write it as code=1234")
    return name, value
