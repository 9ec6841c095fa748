"""Countries and their dial codes, by number and by ISO 3166-1 alpha-2 code.

`countries.csv` was derived from the metadata of the Python library phonenumbers 9.0.43. Column
`prefixes` holds the area codes that tell a country from the first one of its dial code, or `-`
where the numbers do not tell; `shortest` and `longest` count the digits after the dial code.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_LONGEST_PREFIX = 4


@dataclass(frozen=True, slots=True)
class Country:
    """A country or territory; `shortest` and `longest` are lengths of national numbers."""

    country_code: str
    dial_code: str
    name: str
    chinese_name: str
    shortest: int
    longest: int

    def fits(self, national_number: str) -> bool:
        """Tell whether a number without dial code has a possible length."""
        return self.shortest <= len(national_number) <= self.longest


def all_countries() -> list[Country]:
    """List all countries in the order of their codes."""
    return list(_by_country_code().values())


def country_named(country_code: str) -> Country | None:
    """Find a country by its alpha-2 code, in capitals."""
    return _by_country_code().get(country_code)


def country_of(number: str) -> Country | None:
    """Find the country of a number that begins with its dial code, without `+` or `00`."""
    prefixes = _by_prefix()
    for length in range(_LONGEST_PREFIX, 0, -1):
        country = prefixes.get(number[:length])
        if country is not None:
            return country
    return None


@cache
def _rows() -> list[dict[str, str]]:
    text = files("aliyun_sms_emulator.rules").joinpath("countries.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _by_country_code() -> Mapping[str, Country]:
    return {
        row["country_code"]: Country(
            row["country_code"],
            row["dial_code"],
            row["name"],
            row["chinese_name"],
            int(row["shortest"]),
            int(row["longest"]),
        )
        for row in _rows()
    }


@cache
def _by_prefix() -> Mapping[str, Country]:
    return {
        row["dial_code"] + prefix: _by_country_code()[row["country_code"]]
        for row in _rows()
        if row["prefixes"] != "-"
        for prefix in row["prefixes"].split() or [""]
    }
