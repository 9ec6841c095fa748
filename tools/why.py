"""Why did no message come? ``make why ID=order-17``, or ``make why NUMBER=ask DAY=20260131``.

ID is an out_id, a BizId or a MessageId. What was sent stands in the shared state, which the
function `operate` reads. What was refused before it was claimed (a limit, a closed country, bad
input) and single look-ups stand in the log alone: name a file of it with ``LOG=FILE``, or
``LOG=-`` for standard input. A number is asked for at the terminal: it stands in no history of
commands.

Exit code 0 if something is known, 1 if nothing is, 2 if it cannot be asked.
"""

from __future__ import annotations

import argparse
import calendar
import getpass
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from shared.clock import platform_timestamp
from shared.commands.meanings import explain
from tools import log_lines, operate
from tools.function_compute import OperateError
from tools.make_options import MakeOptions, asked_number, day, whole_number

NO_LOG = (
    "The log was not read. What was refused at once, by a limit or as bad input, stands there "
    "alone: LOG=FILE names a file of it."
)
NOTHING = "Nothing is known of it: it was never sent, or longer ago than SMS_INTENT_TTL."
NOTHING_HERE = "Nothing is known of it here, which does not mean that it was not sent."
NO_STATE = (
    "There is no shared state: set SMS_STATE_URL as in the deploy. Without one only the log and "
    "the platform know."
)
NO_CALLERS = (
    "No caller's out_ids were looked through: SMS_API_KEYS is not set. Set it as in the deploy, or "
    "name the caller: ARGS='--caller NAME'."
)


def main() -> int:
    """Ask, read the log, and tell; returns the exit code."""
    options = _options()
    lines = _read_log(options.log) if options.log else None
    if options.id:
        arguments: dict[str, Any] = {"id": options.id, "first_part": options.first_part}
        if options.caller:
            arguments["caller"] = options.caller
        answer = operate.ask("why", arguments, options)
        hashes = answer["out_id_hashes"]
    else:
        number = ask_number()
        answer = operate.ask("why-number", {"phone_number": number, "day": options.day}, options)
        hashes = [message["out_id_hash"] for message in answer["messages"]]
    found = None if lines is None else _found_lines(lines, answer, hashes)
    told = {**answer, "log": found, "causes": _causes(answer, found)}
    if options.json:
        operate.print_json(told)
    else:
        print("\n".join(_text(told)))
    return 0 if told["causes"] else 1


def ask_number() -> str:
    """Return the phone number that is typed at the terminal, or the first line of standard input.

    At a terminal it is not shown.
    """
    if sys.stdin.isatty():
        return getpass.getpass("Phone number: ").strip()
    return sys.stdin.readline().strip()


def _options() -> argparse.Namespace:
    parser = MakeOptions(
        "why",
        "Tell why no message came.",
        examples=["make why ID=order-17", "make why NUMBER=ask DAY=20260131"],
        variables={"--id": "ID", "--number": "NUMBER", "--day": "DAY", "--log": "LOG"},
    )
    parser.add_argument("--id", help="ID: an out_id, a BizId or a MessageId")
    parser.add_argument("--number", type=asked_number, help="NUMBER=ask: ask for a phone number")
    parser.add_argument("--day", type=day, help="DAY, with NUMBER: in UTC+8, such as 20260131")
    parser.add_argument("--caller", help="the API key's name, or a space such as .event")
    parser.add_argument(
        "--first-part", type=whole_number, default=0, help="where to go on, after 100 parts"
    )
    parser.add_argument("--log", metavar="FILE", help="LOG: a file of the log; - for its input")
    operate.add_json_option(parser)
    operate.add_options(parser)
    options: argparse.Namespace = parser.parse_args()
    if options.id and options.number:
        parser.error("ID and NUMBER are both given; give one")
    if not options.id and not options.number:
        parser.error("ID is missing: an out_id, a BizId or a MessageId; or give NUMBER and DAY")
    if options.number and not options.day:
        parser.error("DAY is missing: NUMBER=ask needs the day in UTC+8")
    if options.number and options.log == "-":
        parser.error("NUMBER=ask reads the number from standard input, so LOG must name a file")
    return options


def _read_log(name: str) -> list[log_lines.LogLine]:
    try:
        return log_lines.read_lines(name)
    except OSError as error:
        raise OperateError(f"LOG={name} cannot be read: {error.strerror}") from None


def _found_lines(
    lines: Sequence[log_lines.LogLine], answer: Mapping[str, Any], hashes: Sequence[str]
) -> list[dict[str, Any]]:
    asked = str(answer.get("id", ""))
    found = log_lines.about(lines, asked, hashes)
    number_hash = answer.get("number_hash")
    if number_hash:
        found += [line for line in lines if line.get("number_hash") == number_hash]
    return [{**line, "meaning": explain(_code(line))} for line in _once(found)]


def _once(lines: Sequence[log_lines.LogLine]) -> list[log_lines.LogLine]:
    unique = {json.dumps(line, sort_keys=True): line for line in lines}
    return sorted(unique.values(), key=lambda line: str(line.get("time", "")))


def _code(line: Mapping[str, Any]) -> str:
    return str(line.get("rule") or line.get("code") or "")


def _causes(
    answer: Mapping[str, Any], found: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, str]]:
    """Return why it is so, each code once: by the state, then by what only the log has."""
    causes: dict[str, dict[str, str]] = {}
    for part in _parts(answer):
        for cause in part["causes"]:
            causes.setdefault(cause["code"], {**cause, "from": "state"})
    for line in found or ():
        code = "replayed" if line.get("replayed") else _code(line)
        is_news = line.get("level") in ("warning", "error") and code not in ("", "OK", "not-found")
        if is_news or code == "replayed" or line.get("action") == "configure":
            text = str(line.get("remedy") or explain(code))
            detail = f": it {line['detail']}" if line.get("detail") else ""
            field = f" The field is {line['field']}{detail}." if line.get("field") else ""
            code = code or "configuration"
            causes.setdefault(code, {"code": code, "text": text + field, "from": "log"})
    return list(causes.values())


def _parts(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    sends = [*answer.get("sends", ()), *answer.get("messages", ())]
    return [part for send in sends for part in send.get("parts", ())]


def _text(told: Mapping[str, Any]) -> list[str]:
    """Return lines for people: the causes, and then what happened, in its order."""
    has_state = told.get("has_state", True)
    text = [f"Cause: {cause['code']}. {cause['text']}" for cause in told["causes"]]
    if not text:
        text.append(NOTHING if has_state else NOTHING_HERE)
    for send in [*told.get("sends", ()), *told.get("messages", ())]:
        text += _send_text(send)
    counts = told.get("counts", ())
    text += [f"  counted: {each['rule']} {each['used']} of {each['limit']}" for each in counts]
    if told["log"]:
        text.append("In the log:")
        text += [f"  {_shown_time(line)}  {_line_text(line)}" for line in told["log"]]
    if told["log"] is None:
        text.append(NO_LOG)
    if not has_state:
        text.append(NO_STATE)
    elif "callers" in told and not told["causes"]:
        text.append(_looked_through(told["callers"]))
    return text


def _looked_through(callers: Sequence[str]) -> str:
    if not callers:
        return NO_CALLERS
    return (
        f"Looked through: the out_ids of {', '.join(callers)}. "
        "For another caller's: ARGS='--caller NAME'."
    )


def _send_text(send: Mapping[str, Any]) -> list[str]:
    who = f"of {send['caller']}" if send.get("caller") else "of nobody that is known"
    text = [f"{send.get('out_id') or 'A message'} {who}"]
    if send.get("send_date"):
        text[0] += f", sent at {send['send_date']}: {send['status']} {send['err_code']}".rstrip()
    for part in send.get("parts", ()):
        text += _part_text(part)
    if send.get("next_part"):
        text.append(f"  More parts: ARGS='--first-part {send['next_part']}'")
    return text


def _part_text(part: Mapping[str, Any]) -> list[str]:
    text = []
    if "attempt" in part:
        made_by = " ".join(filter(None, (part["function"], part["event"])))
        text.append(
            f"  {part['last_at']}  part {part['part']}, attempt {part['attempt']}: "
            f"{part['action']} {part['template']}".rstrip()
        )
        text.append(f"    by {made_by or '?'}, invocation {part['invocation'] or '?'}")
        if part["first_at"] != part["last_at"]:
            text.append(f"    first attempt at {part['first_at']}")
        message = f", message {part['message_id']}" if part["message_id"] else ""
        text.append(f"    {part['status']} {part['code']}".rstrip() + message)
    for kind, word in (("receipts", "receipt"), ("disagreeing_receipts", "disagreeing receipt")):
        text += [_receipt_text(receipt, word) for receipt in part[kind]]
    text += [
        f"  {reply['send_date']}  reply: {reply['content']}" for reply in part.get("replies", ())
    ]
    if part["platform_problem"]:
        text.append(f"    the platform could not be asked: {part['platform_problem']}")
    return text


def _receipt_text(receipt: Mapping[str, Any], word: str) -> str:
    said = " ".join(filter(None, (receipt["status"], receipt["err_code"])))
    return f"  {receipt['receive_date'] or '?'}  {word} of {receipt['phone_number']}: {said}"


def _shown_time(line: Mapping[str, Any]) -> str:
    """Return the time of a log line in UTC+8, as all others are."""
    text = str(line.get("time", ""))
    try:
        return platform_timestamp(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        return text


def _line_text(line: Mapping[str, Any]) -> str:
    said = [
        str(line[name])
        for name in ("function", "action", "outcome", "code", "rule", "field")
        if line.get(name)
    ]
    return " ".join(said)


if __name__ == "__main__":
    sys.exit(operate.run("why", main))
