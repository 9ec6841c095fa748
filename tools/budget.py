"""What each rule of SMS_LIMITS has used now, and has left: ``make budget``.

Exit code 2 if it cannot be asked.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from tools import operate
from tools.make_options import MakeOptions


def main() -> None:
    """Ask, and print a row for each rule, and each API key or country that it counts by."""
    parser = MakeOptions("budget", "Show what limits have left.", examples=["make budget"])
    operate.add_json_option(parser)
    operate.add_options(parser)
    options = parser.parse_args()
    answer = operate.ask("budget", {}, options)
    if options.json:
        operate.print_json(answer)
        return
    print(f"{'RULE':26}{'OF':16}{'USED':>9}{'LIMIT':>9}{'LEFT':>9}  ENDS IN")
    for row in answer["rules"]:
        print(_row_text(row))
    for each in answer["for_each"]:
        print(f"{each['rule']:26}at most {each['limit']} for each {each['by']}")
    print("make why NUMBER=ask DAY=yyyymmdd shows what a number has used.")
    if not answer["is_enforced"]:
        print("SMS_LIMIT_MODE is record-only: no limit refuses anything.")


def _row_text(row: Mapping[str, Any]) -> str:
    seconds = row["window_seconds"]
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    ends = f"{hours} h {minutes} min" if seconds >= 60 else f"{seconds} s"
    numbers = f"{row['used']:>9}{row['limit']:>9}{row['left']:>9}"
    return f"{row['rule']:26}{row['name'] or '-':16}{numbers}  {ends}"


if __name__ == "__main__":
    sys.exit(operate.run("budget", main))
