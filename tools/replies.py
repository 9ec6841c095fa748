"""What people wrote back on a day, and which send they answer: ``make replies DAY=20260131``.

The day is one of UTC+8. Exit code 2 if it cannot be asked.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from tools import operate
from tools.make_options import MakeOptions, day


def main() -> None:
    """Ask, and print each reply with the send that it answers."""
    parser = MakeOptions(
        "replies",
        "Show what people wrote back.",
        examples=["make replies DAY=20260131"],
        variables={"--day": "DAY"},
    )
    parser.add_argument("--day", type=day, help="DAY: a day in UTC+8, such as 20260131")
    operate.add_json_option(parser)
    operate.add_options(parser)
    options = parser.parse_args()
    if not options.day:
        parser.error("DAY is missing: the day in UTC+8 whose replies are shown")
    answer = operate.ask("replies", {"day": options.day}, options)
    if options.json:
        operate.print_json(answer)
        return
    for reply in answer["replies"]:
        print(f"{reply['send_date']}  {reply['phone_number']} {reply['number_hash']}")
        print(f"    {reply['content']}")
        print(f"    {_answers_text(reply)}")
    count = len(answer["replies"])
    print(f"{count} {'reply' if count == 1 else 'replies'} on {answer['day']}.")


def _answers_text(reply: Mapping[str, Any]) -> str:
    answers = reply["answers"]
    if answers is None:
        problem = reply["problem"]
        return f"not asked for: {problem}" if problem else "the platform shows no send before it"
    who = f"{answers['out_id']} of {answers['caller']}" if answers["out_id"] else "a send of others"
    return f"answers {who}, sent at {answers['send_date']} ({answers['template'] or 'a text'})"


if __name__ == "__main__":
    sys.exit(operate.run("replies", main))
