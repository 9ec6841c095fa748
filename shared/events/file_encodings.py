"""Whether bytes are surely GBK: compared with what they would say in other encodings.

What goes in: the cells of a file that are not ASCII, such as ``[b"\\xc0\\xee\\xc0\\xd7"]``, which
is 李雷. What comes out: nothing when they are GBK, else why that is not sure.

That bytes decode says nothing: any two bytes from 0xA1 on are a character in GBK, one or two in
most others. But a text is made of common characters only in the encoding in which it was written.
So each encoding gets a price in bits: those that a code needs which gives the shortest words to the
most used characters. As GBK 王芳
costs 15 bits, while the same bytes would cost 30 in Korean and 24 in Japanese.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from shared.events import common_characters as common

GBK = "gb18030"  # GB18030 is GBK with more characters
COMMON_SHARE = 0.8  # of the characters beyond ASCII, which have to be common ones in GBK
# A rival scores as well if GBK is not cheaper by so much. One name of two characters is cheaper by
# 10 bits in most cases, two are by 25, and chance makes up 4: so one name may not be enough.
_LEAD_BITS = 2.0
_LEAD_SHARE = 0.1
_MOST_WORDS = 1000  # that are compared with rivals; of more, every second, third, ...

# Prices in bits. The uncommon ones are worth more than the last of a list of 3,000.
_UNCOMMON_CHINESE = 17.0
_UNCOMMON = 15.0
_UNCOMMON_LETTER = 10.0
_NO_LETTER = 12.0
_TRADITIONAL_IN_GBK = 3.0  # on top of the simplified form: such files are rare, but real
_PUNCTUATION = 11.0
_FULL_WIDTH = 13.0
_KANA = 8.0
# A surname comes first in a name, but not each cell is a name.
_NO_NAME = 1.0
_FIRST_LETTER = 1.0
_CAPITAL_AFTER_CAPITAL = 0.6
_CAPITAL_AFTER_SMALL = 7.0
_SMALL_AFTER_SMALL = 0.3
_SMALL_AFTER_CAPITAL = 0.5


class _Rival(NamedTuple):
    """Another encoding: its name for people, Python's, and what words cost in its script."""

    name: str
    codec: str
    cost: Callable[[Iterable[str]], float]


def doubt_about_gbk(cells: Iterable[bytes]) -> str:
    """Return why `cells`, which are not ASCII, may be no GBK; "" when they surely are.

    It completes the sentence "The file is no UTF-8, and ...".
    """
    words = list(dict.fromkeys(cells))
    texts = _decoded(words, GBK)
    if texts is None:
        return "it holds bytes that are no GBK"
    share = _common_share(texts)
    if share < COMMON_SHARE:
        return (
            f"as GBK only {share:.0%} of its characters beyond ASCII would be common ones "
            f"({COMMON_SHARE:.0%} are needed)"
        )
    sample = words[:: 1 + len(words) // _MOST_WORDS]
    highest = _gbk_cost(_decoded(sample, GBK) or ())
    highest += _LEAD_BITS + _LEAD_SHARE * highest
    for rival in _RIVALS:
        rival_texts = _decoded(sample, rival.codec)
        if rival_texts is not None and rival.cost(rival_texts) <= highest:
            return f"it may as well be {rival.name}"
    return ""


def is_rather_gbk(cells: Iterable[bytes]) -> bool:
    """Whether `cells`, which are UTF-8 with two bytes for a letter, would say more as GBK.

    The bytes of ``é`` are ``茅``, and a file of names with ``é`` is UTF-8. Those of ``钱伟`` are
    ``Ǯΰ``, letters of two scripts, one of which hardly anybody writes: such a file may be either.
    """
    words = list(dict.fromkeys(cells))
    in_gbk, in_utf_8 = _decoded(words, GBK), _decoded(words, "utf-8")
    if in_gbk is None or in_utf_8 is None or _common_share(in_gbk) < COMMON_SHARE:
        return False
    return _gbk_cost(in_gbk) <= min(cost(in_utf_8) for cost in _ALPHABETS)


def _decoded(words: Iterable[bytes], codec: str) -> list[str] | None:
    """Return `words` as text, None when they are not all of the encoding."""
    try:
        return b"\n".join(words).decode(codec).split("\n")
    except UnicodeDecodeError:
        return None


def _common_share(texts: Iterable[str]) -> float:
    """Return which share of what is not ASCII in `texts` are common characters, from 0 to 1."""
    beyond_ascii = [character for character in "".join(texts) if not character.isascii()]
    return sum(character in _CHINESE_IN_GBK for character in beyond_ascii) / len(beyond_ascii)


def _prices(characters: Iterable[str], *, flatness: int) -> dict[str, float]:
    """Return the price of each of `characters`, the most used first.

    By Zipf's law the one at `rank` is as probable as 1 / (rank + flatness); the probabilities of
    all come to 1. The more equal the first are, the higher is `flatness`.
    """
    distinct = list(dict.fromkeys(characters))
    whole = math.log2(math.log((len(distinct) + flatness) / flatness))
    return {
        character: math.log2(rank + flatness) + whole for rank, character in enumerate(distinct)
    }


def _cost_of_names(
    prices: Mapping[str, float], surnames: Mapping[str, float]
) -> Callable[[Iterable[str]], float]:
    """Return what gives the cost of Chinese texts: `surnames` are prices of first characters."""

    def cost(texts: Iterable[str]) -> float:
        total = 0.0
        for text in texts:
            is_first = True
            for character in text:
                if character.isascii():
                    continue
                price = prices.get(character, _UNCOMMON_CHINESE)
                if is_first:
                    price = min(price + _NO_NAME, surnames.get(character, math.inf))
                    is_first = False
                total += price
        return total

    return cost


def _cost_of_characters(prices: Mapping[str, float]) -> Callable[[Iterable[str]], float]:
    """Return what gives the cost of texts whose characters are as good in any place."""

    def cost(texts: Iterable[str]) -> float:
        return sum(
            prices.get(character, _UNCOMMON)
            for text in texts
            for character in text
            if not character.isascii()
        )

    return cost


def _cost_of_letters(alphabet: str) -> Callable[[Iterable[str]], float]:
    """Return what gives the cost of texts in an `alphabet`, which may have capitals."""
    prices = _prices(alphabet, flatness=4)

    def price_of(letter: str, before: str) -> float:
        small = letter.lower()
        if small not in prices:
            return _UNCOMMON_LETTER if letter.isalpha() else _NO_LETTER
        price = prices[small]
        if letter == letter.upper() == small:  # a script without capitals
            return price
        if not before.isalpha():
            return price + _FIRST_LETTER
        if letter != small:
            return price + (_CAPITAL_AFTER_CAPITAL if before.isupper() else _CAPITAL_AFTER_SMALL)
        return price + (_SMALL_AFTER_SMALL if before.islower() else _SMALL_AFTER_CAPITAL)

    def cost(texts: Iterable[str]) -> float:
        return sum(
            price_of(letter, before)
            for text in texts
            for before, letter in zip(f" {text}", text, strict=False)
            if not letter.isascii()
        )

    return cost


def _with_traditional(prices: Mapping[str, float]) -> dict[str, float]:
    """Return `prices` with those of the traditional forms, as a GBK file may hold them."""
    pairs = zip(common.SIMPLIFIED, common.TRADITIONAL, strict=True)
    dearer = {new: prices[old] + _TRADITIONAL_IN_GBK for old, new in pairs if old in prices}
    return dearer | dict(prices)


def _rivals() -> Sequence[_Rival]:
    in_traditional = str.maketrans(common.SIMPLIFIED, common.TRADITIONAL)
    chinese = _cost_of_names(
        _prices(common.CHINESE.translate(in_traditional), flatness=20) | _BETWEEN,
        _surname_prices(common.SURNAMES.translate(in_traditional)),
    )
    kana = dict.fromkeys(map(chr, range(0x3041, 0x30FF)), _KANA)
    half_width = _prices(common.HALF_WIDTH_KANA, flatness=8)
    japanese = _cost_of_characters(kana | half_width | _prices(common.KANJI, flatness=20))
    korean = _cost_of_characters(_prices(common.HANGUL, flatness=15))
    latin, cyrillic, greek, hebrew, arabic, thai = _ALPHABETS
    return (
        _Rival("Big5", "cp950", chinese),
        _Rival("Big5", "big5hkscs", chinese),
        _Rival("Shift-JIS", "cp932", japanese),
        _Rival("EUC-JP", "euc_jp", japanese),
        _Rival("EUC-KR", "cp949", korean),
        _Rival("KOI8-R", "koi8_r", cyrillic),
        _Rival("KOI8-U", "koi8_u", cyrillic),
        _Rival("Windows-1251", "cp1251", cyrillic),
        _Rival("ISO 8859-5", "iso8859_5", cyrillic),
        _Rival("code page 866", "cp866", cyrillic),
        _Rival("Mac Cyrillic", "mac_cyrillic", cyrillic),
        _Rival("Windows-1253", "cp1253", greek),
        _Rival("ISO 8859-7", "iso8859_7", greek),
        _Rival("Windows-1255", "cp1255", hebrew),
        _Rival("ISO 8859-8", "iso8859_8", hebrew),
        _Rival("Windows-1256", "cp1256", arabic),
        _Rival("ISO 8859-6", "iso8859_6", arabic),
        _Rival("Windows-874", "cp874", thai),
        _Rival("ISO 8859-11", "iso8859_11", thai),
        *(_Rival(f"Windows-{page}", f"cp{page}", latin) for page in (1250, 1252, 1254, 1257, 1258)),
        *(
            _Rival(f"ISO 8859-{part}", f"iso8859_{part}", latin)
            for part in (1, 2, 3, 4, 9, 10, 13, 14, 15, 16)
        ),
        _Rival("code page 850", "cp850", latin),
        _Rival("Mac Roman", "mac_roman", latin),
    )


def _surname_prices(surnames: str) -> dict[str, float]:
    prices = _prices(surnames, flatness=5)
    return {character: price + _NO_NAME for character, price in prices.items()}


_BETWEEN = dict.fromkeys(common.PUNCTUATION, _PUNCTUATION) | dict.fromkeys(
    map(chr, range(0xFF10, 0xFF5B)), _FULL_WIDTH
)
_CHINESE_IN_GBK = _with_traditional(_prices(common.CHINESE, flatness=20)) | _BETWEEN
_gbk_cost = _cost_of_names(_CHINESE_IN_GBK, _with_traditional(_surname_prices(common.SURNAMES)))
_ALPHABETS = tuple(
    map(
        _cost_of_letters,
        (
            common.LATIN,
            common.CYRILLIC,
            common.GREEK,
            common.HEBREW,
            common.ARABIC,
            common.THAI,
        ),
    )
)
_RIVALS = _rivals()
