"""A parser whose errors are for people: what is wrong, what was probably meant, where to look."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection
from typing import Any, NoReturn

from aliyun_sms_emulator.near_names import meant_by, no_such

COMMANDS = {
    "send": "aliyun_sms_emulator.commands.send",
    "messages": "aliyun_sms_emulator.commands.messages",
    "explain": "aliyun_sms_emulator.commands.explain",
    "env": "aliyun_sms_emulator.commands.env",
    "trust": "aliyun_sms_emulator.commands.trust",
}
"""Word -> module whose `main` runs it; without any of them an emulator is started."""

_PROGRAM = "sms-emulator"
_USAGE = 2
_PLAINER = (
    (r"the following arguments are required: (.+)", r"\1 is missing"),
    (r"expected one argument", "needs a value"),
    (r"ignored explicit argument .*", "takes no value"),
)
"""What argparse says, and how we say it; what is not here is said as it is."""
_NO_CHOICE = re.compile(r"invalid choice: '?(.*?)'? \(choose from (.*)\)")


class PlainParser(argparse.ArgumentParser):
    """Says in two lines what is wrong with a command line, without a dump of all options."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(exit_on_error=False, **settings)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read a command line; none of it may be left."""
        try:
            namespace, unknown = super().parse_known_args(args, namespace)
        except argparse.ArgumentError as error:
            self.error(_problem(error))
        if unknown:
            self.error(self._unknown(unknown))
        return namespace, unknown

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        self.exit(_USAGE, f"{self.prog}: {_plainer(message)}\n{self.prog} --help says more.\n")

    def _unknown(self, words: list[str]) -> str:
        for word in words:
            if word in COMMANDS:
                return f"write the command first: {_PROGRAM} {word} ..."
        option = words[0].partition("=")[0]
        if not option.startswith("-"):
            return f"{option!r} is not expected here"
        if meant := meant_by(option, self._option_string_actions):
            return f"there is no option {option}; did you mean {meant}?"
        return f"there is no option {option}"


def no_such_command(word: str, options: Collection[str] = ("--help", "--version")) -> str:
    """Say that there is no such command, in the two lines of a wrong command line."""
    problem = no_such("command", word, COMMANDS, options)
    start = "" if "did you mean" in problem else f"; {_PROGRAM} without a command starts it"
    return f"{_PROGRAM}: {problem}{start}\n{_PROGRAM} --help says more.\n"


def _problem(error: argparse.ArgumentError) -> str:
    name, text = error.argument_name or "", str(error.message)
    if found := _NO_CHOICE.fullmatch(text):
        known = found[2].replace("'", "")
        text = f"there is no value {found[1]!r}; there are: {known}"
    return f"{name}: {_plainer(text)}" if name else text


def _plainer(text: str) -> str:
    for pattern, plain in _PLAINER:
        if re.match(pattern, text):
            return re.sub(pattern, plain, text)
    return text
