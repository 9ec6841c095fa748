"""The command `sms-emulator explain`: why is the signature of a pasted request refused?"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from aliyun_sms_emulator.commands.plain_parser import PlainParser
from aliyun_sms_emulator.config.reading import load_config
from aliyun_sms_emulator.errors import ConfigError
from aliyun_sms_emulator.explain.causes import SIGNATURE, about, text_of
from aliyun_sms_emulator.explain.explanation import (
    Explanation,
    access_key_id_of,
    explain,
)
from aliyun_sms_emulator.explain.pasted import UnreadableRequest, is_curl, read_pasted
from aliyun_sms_emulator.explain.search import Finding
from aliyun_sms_emulator.operations.lookup import check_required, find_operation
from aliyun_sms_emulator.wire.errors import GatewayError, NotEmulated
from aliyun_sms_emulator.wire.request import WireRequest

SECRET_VARIABLE = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"  # noqa: S105 - a name
RIGHT, WRONG, UNREADABLE = 0, 1, 2

_AROUND = 30
_EPILOG = f"""The AccessKey secret comes from --config, else from the variable
{SECRET_VARIABLE}, else it is asked for; never from the command line.

examples:
  sms-emulator explain request.txt                an address, a curl command line or raw HTTP
  sms-emulator explain 'https://dysmsapi.aliyuncs.com/?Action=SendSms&...'
  sms-emulator explain --json --config sms.yaml < request.txt

exit codes: {RIGHT} the signature is right, {WRONG} it is wrong, {UNREADABLE} nothing to check"""


def main(arguments: list[str]) -> int:
    """Explain one request; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        request = read_pasted(_read(options.request))
        secrets = _secrets(options, access_key_id_of(request))
    except (UnreadableRequest, ConfigError, UnicodeError) as error:
        print(f"sms-emulator explain: {error}", file=sys.stderr)  # noqa: T201
        return UNREADABLE
    explanation, notes = _explained(request, secrets)
    if options.json:
        document = {**explanation.as_json(), "notes": notes}
        print(json.dumps(document, ensure_ascii=False))  # noqa: T201
    else:
        print("\n".join((*_lines(explanation), *_note_lines(notes))))  # noqa: T201
    return RIGHT if explanation.right else WRONG


def _parser() -> argparse.ArgumentParser:
    parser = PlainParser(
        prog="sms-emulator explain",
        description="Say why the signature of a request to Alibaba Cloud is refused, V1 or V3.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "request",
        nargs="?",
        default="-",
        help="file with an address, a curl command line or raw HTTP; - is standard input, the"
        " default; or the address or the curl command line itself",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--config", type=Path, metavar="FILE.yaml", help="take the key from this emulator's file"
    )
    return parser


def _read(name: str) -> str:
    if name.startswith(("http://", "https://")) or is_curl(name):
        return name
    if name != "-":
        try:
            return Path(name).read_text("utf-8")
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UnreadableRequest(
                f"{name[:80]} cannot be read ({reason}); give a file, an address or a curl command"
            ) from error
    if sys.stdin.isatty():
        print("Paste the request, then press Ctrl-D:", file=sys.stderr)  # noqa: T201
    return sys.stdin.read()


def _secrets(options: argparse.Namespace, key_id: str) -> dict[str, str]:
    if options.config:
        return {key.id: key.secret for key in load_config(options.config).access_keys.values()}
    secret = os.environ.get(SECRET_VARIABLE, "")
    if not secret and sys.stdin.isatty():
        secret = getpass.getpass(f"AccessKey secret of {key_id or 'the key'}: ")
    if not secret:
        raise UnreadableRequest(f"set {SECRET_VARIABLE} to the AccessKey secret, or give --config")
    return {key_id: secret}


def _explained(
    request: WireRequest, secrets: dict[str, str]
) -> tuple[Explanation, list[dict[str, str]]]:
    """Explain a request; its age is a note, because a pasted one may be as old as it likes."""
    explanation = explain(request, secrets, time.time(), _refusal_of(request))
    old = [f for f in explanation.findings if f.cause == "time-behind"]
    findings = tuple(f for f in explanation.findings if f not in old)
    notes = [
        *(_age_note(finding) for finding in old),
        *(note.as_json() for note in explanation.notes),
    ]
    return replace(explanation, findings=findings), notes


def _age_note(finding: Finding) -> dict[str, str]:
    english = text_of(finding.cause, finding.detail)
    chinese = text_of(finding.cause, finding.detail, "zh")
    return {
        "cause": finding.cause,
        "en": f"If it was made just now: {english['what']}. {english['remedy']}",
        "zh": f"如果是刚刚发出的：{chinese['what']}。{chinese['remedy']}",
    }


def _refusal_of(request: WireRequest) -> str:
    """The code the gateway refuses a call with, whatever its signature; empty if it does not."""
    try:
        check_required(find_operation(request), request)
    except NotEmulated:  # the platform has it
        return ""
    except GatewayError as error:
        return error.code
    return ""


def _lines(explanation: Explanation) -> list[str]:
    lines = [f"The {explanation.signature} signature is right."] if explanation.right else []
    for number, finding in enumerate(explanation.findings, 1):
        text, of = text_of(finding.cause, finding.detail), about(finding.cause)
        sure = finding.certainty if of == SIGNATURE else f"about the {of}"
        lines += [f"{number}. {text['what']} ({sure})", f"   {text['remedy']}"]
    texts = explanation.texts
    if texts.kind and not explanation.right:
        name = texts.kind.replace("_", " ")
        client = "what was signed" if texts.proven else "what the request suggests"
        lines += ["", f"{name}, as it should be:", texts.expected, ""]
        lines += [f"{name}, {client}:", texts.client]
        lines += _difference(explanation)
    return lines


def _note_lines(notes: list[dict[str, str]]) -> list[str]:
    return [line for note in notes for line in ("", f"Note: {note['en']}")]


def _difference(explanation: Explanation) -> list[str]:
    if explanation.same_texts:
        return ["", "Both are the same: the difference is in the key, the hash or the form."]
    texts = explanation.texts
    at = texts.first_difference
    if at is None:
        return []
    start = max(0, at - _AROUND)
    shown = [
        text[start : at + _AROUND].replace("\n", "¶") for text in (texts.expected, texts.client)
    ]
    return [
        "",
        f"first difference, at character {at}:",
        f"  should be  {shown[0]}",
        f"  is         {shown[1]}",
        f"             {' ' * (at - start)}^",
    ]
