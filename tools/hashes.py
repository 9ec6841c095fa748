"""What the log writes in place of a phone number or an out_id: ``make hashes``.

The text is asked for at the terminal, so that it stands in no history of commands. The hash is that
of ``number_hash`` or ``out_id_hash`` in the log (docs/logs.md). Exit code 2 if it cannot be made.
"""

from __future__ import annotations

import getpass
import sys

from tools import operate
from tools.make_options import MakeOptions


def main() -> None:
    """Ask for a text, and print its hashes."""
    parser = MakeOptions("hashes", "Print the hash of the logs.", examples=["make hashes"])
    operate.add_options(parser)
    options = parser.parse_args()
    if sys.stdin.isatty():
        text = getpass.getpass("Phone number or out_id: ").strip()
    else:
        text = sys.stdin.readline().strip()
    for name, value in operate.ask("hashes", {"text": text}, options).items():
        print(f"{name} {value}")


if __name__ == "__main__":
    sys.exit(operate.run("hashes", main))
