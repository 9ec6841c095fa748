"""Receipts and replies that could not be read: ``make unread`` shows them and reads them again.

They are kept in the shared state (docs/send-protocol.md). What can be read by now is taken as if it
had just come, and leaves the list; the rest stays for 30 days. Phone numbers are masked, unless
``--raw`` is given. Exit code 2 if there is no shared state, or it cannot be used.
"""

from __future__ import annotations

import sys

from tools import operate
from tools.make_options import MakeOptions


def main() -> None:
    """Show what is kept, and read it again unless told not to."""
    parser = MakeOptions(
        "unread",
        "Show receipts and replies that could not be read, and read them again.",
        examples=["make unread", "make unread ARGS='--show --raw'"],
    )
    parser.add_argument("--raw", action="store_true", help="show phone numbers as they are")
    parser.add_argument("--show", action="store_true", help="only show; read nothing again")
    operate.add_options(parser)
    options = parser.parse_args()
    arguments = {"raw": options.raw, "only_show": options.show}
    answer = operate.ask("unread", arguments, options)
    for each in answer["unread"]:
        print(f"{each['record']}, from {each['source']} at {each['kept_at']}")
        print(f"    {each['text']}")
        if each["read_now"]:
            print("    read now")
    if answer["left"]:
        print(f"Not read: {answer['left']}. What cannot be read is kept for {answer['days']} days.")
    else:
        print("Nothing is kept that could not be read.")


if __name__ == "__main__":
    sys.exit(operate.run("unread", main))
