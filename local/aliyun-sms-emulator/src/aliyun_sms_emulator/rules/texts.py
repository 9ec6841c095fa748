"""The text a handset shows, and how many parts it is billed as.

Source: https://help.aliyun.com/zh/sms/user-guide/message-rules
"""

from __future__ import annotations

MAX_LENGTH = 500
"""Longest text, signature included, in characters."""

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENDED = frozenset("|^€{}[]~\\")


def signed_text(sign_name: str, text: str, *, international: bool) -> str:
    """Put the signature in front; an English one abroad stands in `[]`, any other in `【】`."""
    if international and sign_name.isascii():
        return f"[{sign_name}]{text}"
    return f"【{sign_name}】{text}"


def count_segments(text: str, *, international: bool) -> int:
    """Count the parts `text` (with signature) is sent and billed as.

    Mainland: 70 characters fit into one part, 67 into each of several. Elsewhere GSM 7-bit texts
    have 160 and 153 units, all others 70 and 67 UTF-16 units; a character of two units is not split
    over two parts (that is not confirmed).
    """
    if not international:
        return _parts([1] * len(text), 70, 67)
    if all(character in _GSM7 or character in _GSM7_EXTENDED for character in text):
        return _parts([1 + (character in _GSM7_EXTENDED) for character in text], 160, 153)
    return _parts([1 + (character > "\uffff") for character in text], 70, 67)


def _parts(units: list[int], single: int, several: int) -> int:
    """Count the parts that characters of so many `units` fill, each as far as it can hold."""
    if sum(units) <= single:
        return 1
    parts, used = 1, 0
    for width in units:
        if used + width > several:
            parts, used = parts + 1, 0
        used += width
    return parts
