"""Short files of recipients in many encodings: each row has a name of two to four characters.

The same seed makes the same files. A file is in lower case, in capitals or as names are written,
as the systems that export them differ in it. The names stand in data/names.json; most are those of
Faker (MIT licence) that have two to four characters.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

MOST_ROWS = 6

Name = Callable[[random.Random], str]
PARTS_OF_NAMES: Mapping[str, list[str]] = {
    kind: " ".join(lines).split()
    for kind, lines in json.loads(
        (Path(__file__).parents[1] / "data" / "names.json").read_text(encoding="utf-8")
    ).items()
}


class Kind(NamedTuple):
    """Files of one sort: how a name is made, and in which encoding of Python's it is written."""

    codec: str
    name: Name


def chinese(chance: random.Random) -> str:
    given = chance.choices(PARTS_OF_NAMES["Chinese given"], k=chance.choice((1, 2, 2, 2)))
    return chance.choice(PARTS_OF_NAMES["Chinese surnames"]) + "".join(given)


def one_and_one(people: str) -> Name:
    """Return what makes names of a surname and a given name, two to four characters in all."""
    surnames, names = PARTS_OF_NAMES[f"{people} surnames"], PARTS_OF_NAMES[f"{people} names"]

    def name(chance: random.Random) -> str:
        return (chance.choice(surnames) + chance.choice(names))[:4]

    return name


def one_of(script: str, codec: str) -> Name:
    """Return what takes one of the names in `script` that `codec` has and ASCII has not."""
    names = PARTS_OF_NAMES[script]
    known = [name for name in names if is_in(name, codec) and 2 <= len(name) <= 4]
    return lambda chance: chance.choice(known)


def is_in(name: str, codec: str) -> bool:
    try:
        return not name.encode(codec).isascii()
    except UnicodeEncodeError:
        return False


def alphabets(script: str, *pages: str) -> dict[str, Kind]:
    return {page: Kind(page, one_of(script, page)) for page in pages}


RIVALS: Mapping[str, Kind] = {
    "big5": Kind("big5", one_and_one("Taiwanese")),
    "shift_jis": Kind("cp932", one_and_one("Japanese")),
    "shift_jis half-width": Kind("cp932", one_of("Half width kana", "cp932")),
    "euc_jp": Kind("euc_jp", one_and_one("Japanese")),
    "euc_kr": Kind("euc_kr", one_and_one("Korean")),
    **alphabets("Cyrillic", "koi8_r", "koi8_u", "cp1251", "iso8859_5", "cp866", "mac_cyrillic"),
    **alphabets("Greek", "cp1253", "iso8859_7"),
    **alphabets("Hebrew", "cp1255", "iso8859_8"),
    **alphabets("Arabic", "cp1256", "iso8859_6"),
    **alphabets("Thai", "cp874", "iso8859_11"),
    **alphabets("Latin", "cp1250", "cp1252", "cp1254", "cp1257", "cp1258", "cp850", "mac_roman"),
    **alphabets("Latin", *(f"iso8859_{part}" for part in (1, 2, 3, 4, 9, 10, 13, 14, 15, 16))),
}
GBK = Kind("gbk", chinese)


def files(kind: Kind, count: int, *, fewest_rows: int, seed: str) -> Iterator[bytes]:
    """Yield `count` files of `fewest_rows` to MOST_ROWS recipients."""
    chance = random.Random(seed)
    for _ in range(count):
        style = chance.choice((str, str.upper, str.lower))
        lines = ["phone_number,name,order"]
        for row in range(chance.randint(fewest_rows, MOST_ROWS)):
            name = kind.name(chance)
            styled = style(name)
            name = styled if is_in(styled, kind.codec) else name
            lines.append(f"{13800138000 + row},{name},A-{row}")
        yield "\r\n".join([*lines, ""]).encode(kind.codec)
