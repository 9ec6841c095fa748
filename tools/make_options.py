"""Options of a tool as they are written behind `make`: ``make why ID=order-17 ARGS=--json``.

The Makefile turns them into those of a command line. argparse would say what is wrong in the words
of that line, which whoever called `make` never wrote.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

_OPTION = re.compile(r"--?[a-z][a-z-]{0,30}")
_OF_ARGPARSE = re.compile(r"argument (?:-\w/)?(?P<option>[^ :]+): (?P<problem>.*)", re.DOTALL)
_PROBLEMS = {"expected one argument": "needs a value"}


class MakeOptions(argparse.ArgumentParser):
    """Reads what the Makefile hands on for `target`.

    `variables` are the options that have a variable of make: ``{"--id": "ID"}``; all others stand
    in ARGS. `examples` are calls that work, ``make why ID=order-17``: each error ends with them.
    """

    def __init__(
        self,
        target: str,
        description: str,
        *,
        examples: Sequence[str],
        variables: Mapping[str, str] = {},
    ) -> None:
        super().__init__(
            prog=f"make {target}",
            usage="\n       ".join(examples),
            description=f"{description} Options that are listed here stand in ARGS.",
            allow_abbrev=False,
        )
        self._target = target
        self._examples = examples
        self._variables = variables

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return the options; what is wrong with them ends the program with 2."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(self._problem_of(unknown))
        return options

    def error(self, message: str) -> NoReturn:
        """End the program with 2: say what is wrong, and what works."""
        print(f"{self._target}: {self._in_words_of_make(message)}", file=sys.stderr)
        print(f"For example: {', or '.join(self._examples)}", file=sys.stderr)
        sys.exit(2)

    def _in_words_of_make(self, message: str) -> str:
        match = _OF_ARGPARSE.fullmatch(message)
        if not match:
            return message
        option, problem = match["option"], match["problem"]
        named = self._variables.get(option) or f"ARGS: {option}"
        return f"{named} {_PROBLEMS.get(problem, problem)}"

    def _problem_of(self, unknown: Sequence[str]) -> str:
        # What does not look like an option may be a phone number, and is not written out.
        named = next((text for text in unknown if _OPTION.fullmatch(text)), "")
        taken = [
            action.option_strings[-1]
            for action in self._actions
            if action.option_strings and action.option_strings[-1] not in self._variables
        ]
        what = f"ARGS holds {named}, which" if named else "ARGS holds something that"
        return f"{what} is no option here; it takes {', '.join(taken)}"


def asked_number(text: str) -> str:
    """Return ``ask``, the one value of NUMBER; raises ArgumentTypeError for any other."""
    if text != "ask":
        raise argparse.ArgumentTypeError(
            "must be ask: then the number is asked for, and stands in no history of commands"
        )
    return text


def day(text: str) -> str:
    """Return a day such as ``20260131``; raises ArgumentTypeError for what is none."""
    try:
        is_day = time.strftime("%Y%m%d", time.strptime(text, "%Y%m%d")) == text
    except ValueError:
        is_day = False
    if not is_day:
        raise argparse.ArgumentTypeError("must be a day in UTC+8, such as 20260131")
    return text


def whole_number(text: str) -> int:
    """Return a number from 0 on; raises ArgumentTypeError for what is none."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)
