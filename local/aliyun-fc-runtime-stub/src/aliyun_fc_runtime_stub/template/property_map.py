"""Typed access to one map of s.yaml; every complaint names the place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from ..errors import ConfigurationError
from .model import WithoutEffect


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set of property names."""
    return frozenset(text.split())


class PropertyMap:
    """The properties of one map; `place` is named in every ConfigurationError.

    `notes` takes what has no effect here, and is shared with the maps inside this one. `props`: at
    which part of `place` the names of properties begin.
    """

    def __init__(self, values: Mapping[str, Any], place: tuple[str, ...]) -> None:
        self._values = values
        self.place = place
        self.notes: list[WithoutEffect] = []
        self._props = len(place)

    def fail(self, name: str, message: str) -> NoReturn:
        """Raise ConfigurationError about the property `name`; if empty, about the whole map."""
        raise ConfigurationError(message, *self.place, *([name] if name else []))

    def known(self, names: frozenset[str]) -> None:
        """Refuse properties that are not among `names`."""
        for name in self._values:
            if name not in names:
                self.fail(
                    str(name), f"is not a known property; known are {', '.join(sorted(names))}"
                )

    def get(self, name: str, kind: type, default: Any = None) -> Any:
        """Return a property, or the default; it must be of the type `kind`."""
        value = self._values.get(name, default)
        wrong = not isinstance(value, kind) or (
            isinstance(value, bool) and kind not in {bool, object}
        )
        if name in self._values and wrong:
            names = {str: "a string", int: "a whole number", dict: "a map", list: "a list"}
            self.fail(name, f"must be {names.get(kind, 'true or false')}, not {value!r}")
        return value

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        """Return a whole number between two limits."""
        value: int = self.get(name, int, default)
        if not low <= value <= high:
            self.fail(name, f"must be {low} to {high}, not {value}")
        return value

    def below(self, name: str) -> PropertyMap | None:
        """Return a map inside this one, or None if it is not there."""
        value = self.get(name, dict)
        return None if value is None else self.inside(value, name)

    def inside(self, values: Mapping[str, Any], *names: str) -> PropertyMap:
        """Return a map that lies inside this one, at these names."""
        below = PropertyMap(values, (*self.place, *names))
        below.notes, below._props = self.notes, self._props
        return below

    def without_effect(self, name: str, reason: str) -> None:
        """Note that a property, as it is set, has no effect here."""
        whole = ".".join((*self.place[self._props :], name))
        self.notes.append(WithoutEffect(whole, reason))

    def names(self) -> list[str]:
        """Return the names of all properties that are there."""
        return list(self._values)

    def latest(self) -> None:
        """Note a `qualifier` other than LATEST: there is one version of a function here."""
        if self.get("qualifier", str, "LATEST") not in {"", "LATEST"}:
            self.without_effect("qualifier", "there is only one version here, LATEST")
