"""The `${...}` variables of s.yaml, as the Serverless Devs CLI resolves them.

Source: https://github.com/Serverless-Devs/Serverless-Devs/blob/master/docs/zh/variables.md; the
rules for unset and empty variables were tried with @serverless-devs/s 3.1.10.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..account import ACCOUNT_ID
from ..errors import ConfigurationError

_VARIABLE = re.compile(r"""\$\{((?:'[^']*'|"[^"]*"|[^{}'"])*)\}""")
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'[^']*'|"[^"]*")|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|(?P<mark>[(),])"""
    r"""|(?P<name>[^\s(),'"]+))"""
)
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}


class Variables:
    """Resolves the variables of one document.

    `document` is the whole s.yaml, `folder` where it lies, `environment` what `${env()}` sees;
    `sources` is given every file that `${file()}` names.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        folder: Path,
        environment: Mapping[str, str],
        sources: set[Path],
    ) -> None:
        self._document = document
        self._folder = folder
        self._environment = environment
        self._sources = sources
        self._resolving: list[str] = []

    def resolve(self, value: Any, place: tuple[str, ...], resource: str = "") -> Any:
        """Return `value` with all variables replaced, in maps and lists too.

        `place` is named in errors; `resource` is what `${this...}` stands for.
        """
        if isinstance(value, Mapping):
            return {
                key: self.resolve(item, (*place, str(key)), resource) for key, item in value.items()
            }
        if isinstance(value, list):
            return [
                self.resolve(item, (*place, str(index)), resource)
                for index, item in enumerate(value)
            ]
        return self._text(value, place, resource) if isinstance(value, str) else value

    def _text(self, text: str, place: tuple[str, ...], resource: str) -> Any:
        whole = _VARIABLE.fullmatch(text)
        if whole:
            return self._expression(whole[1], place, resource)

        def replace(match: re.Match[str]) -> str:
            found = self._expression(match[1], place, resource)
            return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)

        result = _VARIABLE.sub(replace, text)
        if "${" in _VARIABLE.sub("", text):
            raise ConfigurationError(f"cannot read the variable in {text!r}", *place)
        return result

    def _expression(self, source: str, place: tuple[str, ...], resource: str) -> Any:
        tokens: list[tuple[str, Any]] = []
        position = 0
        while source[position:].strip():
            match = _TOKEN.match(source, position)
            if match is None:
                raise ConfigurationError(f"cannot read the variable ${{{source}}}", *place)
            kind = match.lastgroup or ""
            text = match[kind]
            if kind == "number":
                tokens.append(("value", float(text) if "." in text else int(text)))
            elif kind == "text":
                tokens.append(("value", text[1:-1]))
            else:
                tokens.append((kind, text))
            position = match.end()
        parser = _Expression(self, source, tokens, place, resource)
        return parser.whole()

    def call(self, name: str, arguments: list[Any], place: tuple[str, ...]) -> Any:
        """Evaluate one function of the variable language, such as env."""
        if name == "env" and 1 <= len(arguments) <= 2:
            return self._env(arguments, place)
        if name in {"file", "path", "json", "config"} and len(arguments) == 1:
            argument = str(arguments[0])
            if name == "path":
                return str((self._folder / argument).resolve())
            if name == "file":
                return self._file(argument, place)
            if name == "json":
                return _json(argument, place)
            if argument == "AccountID":
                return ACCOUNT_ID
            raise ConfigurationError(
                f"config('{argument}') is a credential, which never exists locally; only "
                "config('AccountID') is known here",
                *place,
            )
        raise ConfigurationError(
            f"${{{name}(...)}} is not supported here; known are env, vars, resources, this, file, "
            "json, path and config('AccountID')",
            *place,
        )

    def _env(self, arguments: list[Any], place: tuple[str, ...]) -> Any:
        name = str(arguments[0])
        value = self._environment.get(name)
        if value:
            return value
        if len(arguments) == 1:
            raise ConfigurationError(
                f"env('{name}') not found: set the environment variable {name} (an empty one "
                f"counts as unset) or give a default: ${{env('{name}', '')}}",
                *place,
            )
        return arguments[1]

    def _file(self, name: str, place: tuple[str, ...]) -> str:
        self._sources.add(self._folder / name)
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = "it is not UTF-8" if isinstance(error, ValueError) else error.strerror
            raise ConfigurationError(f"cannot read the file {name!r}: {reason}", *place) from None

    def reference(self, name: str, place: tuple[str, ...], resource: str) -> Any:
        """Look up `vars.x`, `resources.name.props.x` or `this.props.x`."""
        keys = name.split(".")
        if keys[0] == "this" and resource:
            keys[:1] = ["resources", resource]
        if keys[0] not in {"vars", "resources"} or len(keys) < 2:
            raise ConfigurationError(
                f"${{{name}}} is not a variable: write ${{env('{name}')}} or ${{vars.{name}}}",
                *place,
            )
        if keys[0] == "resources" and len(keys) > 2 and keys[2] == "output":
            raise ConfigurationError(
                f"${{{name}}} is known only after a deploy; locally use props or a variable", *place
            )
        path = ".".join(keys)
        if path in self._resolving:
            raise ConfigurationError(f"${{{name}}} refers to itself", *place)
        self._resolving.append(path)
        try:
            owner = keys[1] if keys[0] == "resources" else resource
            return self.resolve(self._walk(keys, name, place), place, owner)
        finally:
            self._resolving.pop()

    def _walk(self, keys: list[str], name: str, place: tuple[str, ...]) -> Any:
        found: Any = self._document
        for key in keys:
            if isinstance(found, Mapping) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            else:
                raise ConfigurationError(f"${{{name}}} not found", *place)
        return found


class _Expression:
    """Evaluates the tokens of one variable."""

    def __init__(
        self,
        variables: Variables,
        source: str,
        tokens: list[tuple[str, Any]],
        place: tuple[str, ...],
        resource: str,
    ) -> None:
        self._variables = variables
        self._source = source
        self._tokens = tokens
        self._place = place
        self._resource = resource

    def whole(self) -> Any:
        """Evaluate the whole text between the braces."""
        value = self._value(bare=False)
        if self._tokens:
            raise self._error()
        return value

    def _error(self) -> ConfigurationError:
        return ConfigurationError(f"cannot read the variable ${{{self._source}}}", *self._place)

    def _next(self) -> tuple[str, Any]:
        if not self._tokens:
            raise self._error()
        return self._tokens.pop(0)

    def _value(self, *, bare: bool) -> Any:
        kind, value = self._next()
        if kind == "value":
            return value
        if kind != "name":
            raise self._error()
        if self._tokens and self._tokens[0] == ("mark", "("):
            return self._variables.call(value, self._arguments(), self._place)
        if value in _CONSTANTS and bare:
            return _CONSTANTS[value]
        if bare and "." not in value:
            return value
        if bare and value.split(".")[0] not in {"vars", "resources", "this"}:
            return value
        return self._variables.reference(value, self._place, self._resource)

    def _arguments(self) -> list[Any]:
        self._next()
        arguments: list[Any] = []
        while True:
            arguments.append(self._value(bare=True))
            mark = self._next()
            if mark == ("mark", ")"):
                return arguments
            if mark != ("mark", ","):
                raise self._error()


def _json(text: str, place: tuple[str, ...]) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"json(): not JSON: {error}", *place) from None
