"""Ways in which clients are known to encode a value that are not the platform's."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from aliyun_sms_emulator.wire.signatures import percent_encode

Encoder = Callable[[str], str]


def as_is(text: str) -> str:
    """Leave everything as it is."""
    return text


def twice(text: str) -> str:
    """Encode what is encoded already."""
    return percent_encode(percent_encode(text))


def _replacing(*replacements: tuple[str, str]) -> Encoder:
    def encode(text: str) -> str:
        encoded = percent_encode(text)
        for right, wrong in replacements:
            encoded = encoded.replace(right, wrong)
        return encoded

    return encode


def _keeping(characters: str) -> Encoder:
    return lambda text: quote(text, safe=f"-_.~{characters}")


def _lower_case(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), percent_encode(text))


def _gbk(text: str) -> str:
    return quote(text.encode("gbk", errors="replace"), safe="-_.~")


_SPACE, _TILDE, _STAR = ("%20", "+"), ("~", "%7E"), ("%2A", "*")

MISTAKES: dict[str, Encoder] = {
    "space-as-plus": _replacing(_SPACE),
    "tilde-encoded": _replacing(_TILDE),
    "star-kept": _replacing(_STAR),
    "slash-kept": _keeping("/"),
    "form-encoding": _replacing(_SPACE, _TILDE, _STAR),
    "php-urlencode": _replacing(_SPACE, _TILDE),
    "encode-uri-component": _keeping("!*'()"),
    "encode-uri": _keeping("!*'();,/?:@&=+$#"),
    "lower-case-hex": _lower_case,
    "gbk": _gbk,
}
"""Cause -> encoder. Where several give the same text, the first one is named."""
