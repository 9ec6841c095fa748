"""Remove what the shared state holds about one number: ``make forget NUMBER=ask``.

The number is asked for at the terminal. What stays elsewhere is printed. Exit code 2 if it cannot
be done; it may be repeated then.
"""

from __future__ import annotations

import sys

from tools import operate
from tools.make_options import MakeOptions, asked_number
from tools.why import ask_number


def main() -> None:
    """Ask for a number, have it forgotten, and print what was removed and what stays."""
    parser = MakeOptions(
        "forget",
        "Forget a phone number.",
        examples=["make forget NUMBER=ask"],
        variables={"--number": "NUMBER"},
    )
    parser.add_argument("--number", type=asked_number, help="NUMBER=ask: ask for the number")
    operate.add_json_option(parser)
    operate.add_options(parser)
    options = parser.parse_args()
    if not options.number:
        parser.error("NUMBER is missing; with NUMBER=ask the number is asked for")
    answer = operate.ask("forget", {"phone_number": ask_number()}, options)
    if options.json:
        operate.print_json(answer)
        return
    for kind, amount in answer["removed"].items():
        print(f"removed from {kind}: {amount}")
    print("What stays elsewhere:")
    for text in answer["stays"]:
        print(f"  {text}")


if __name__ == "__main__":
    sys.exit(operate.run("forget", main))
