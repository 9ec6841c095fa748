"""A parser whose errors are for people: what is wrong, what was probably meant, where to look."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ..near_names import meant_by, no_such

_UNUSABLE = 2
_PLAINER = (
    (r"the following arguments are required: (.+)", r"\1 is missing"),
    (r"expected one argument", "needs a value"),
    (r"ignored explicit argument .*", "takes no value"),
    (r"not allowed with argument (.+)", r"cannot be given together with \1"),
)
"""What argparse says, and how we say it; what is not here is said as it is."""
_NO_CHOICE = re.compile(r"invalid choice: '?(.*?)'? \(choose from (.*)\)")


class PlainParser(argparse.ArgumentParser):
    """Says in two lines what is wrong with a command line, without a dump of all options."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(exit_on_error=False, **settings)
        self.parent: PlainParser | None = None
        self._commands: dict[str, PlainParser] = {}

    def add_subparsers(self, **settings: Any) -> Any:
        """Add commands, each a parser of this kind."""
        action = super().add_subparsers(**settings)
        self._commands = action.choices
        return action

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read a command line; here, so that a command names its own options."""
        for command in self._commands.values():
            command.parent = self
        args = sys.argv[1:] if args is None else list(args)
        if args and self._commands:
            self._check_first(args[0])
        try:
            namespace, unknown = super().parse_known_args(args, namespace)
        except argparse.ArgumentError as error:
            self.error(_problem(error, self.options()))
        if unknown:
            self.error(self._unknown(unknown[0]))
        return namespace, unknown

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        problem = _plainer(message)
        if self._commands and problem.endswith(" is missing"):
            problem += f"; there are: {', '.join(self._commands)}"
        self.exit(_UNUSABLE, f"{self.prog}: {problem}\n{self.prog} --help says more.\n")

    def options(self) -> list[str]:
        """Return the options that this parser knows, such as ``--port``."""
        return list(self._option_string_actions)

    def _check_first(self, word: str) -> None:
        """Refuse an option of a command that stands before it."""
        option = word.partition("=")[0]
        if not option.startswith("-") or option in self.options():
            return
        owners = [name for name, one in self._commands.items() if option in one.options()]
        if owners:
            self.error(f"{option} comes after the command: {self.prog} {owners[0]} {option} ...")
        self.error(self._unknown(option))

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is not expected here"
        option = word.partition("=")[0]
        beside = self.parent._commands if self.parent else {}
        if owners := [one.prog for one in beside.values() if option in one.options()]:
            return f"there is no option {option}; it belongs to {' and '.join(owners[:2])}"
        if meant := meant_by(option, self.options()):
            return f"there is no option {option}; did you mean {meant}?"
        return f"there is no option {option}"


def _problem(error: argparse.ArgumentError, options: Sequence[str]) -> str:
    name, text = error.argument_name or "", str(error.message)
    if found := _NO_CHOICE.fullmatch(text):
        known = [one.strip("' ") for one in found[2].split(",")]
        if name.startswith("-"):
            return f"{name}: there is no value {found[1]!r}; there are: {', '.join(known)}"
        return no_such(name.lower(), found[1], known, options)
    return f"{name}: {_plainer(text)}" if name else text


def _plainer(text: str) -> str:
    for pattern, plain in _PLAINER:
        if re.match(pattern, text):
            return re.sub(pattern, plain, text)
    return text
