"""How many messages a text is billed as abroad."""

# Characters of the alphabet of GSM 03.38 that take one septet, and those that take two.
_GSM = frozenset("£¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà").union(
    map(chr, (*range(ord(" "), ord("[")), *range(ord("a"), ord("{"))))
)
_GSM_EXTENDED = frozenset("^{}\\[~]|€")


def segments(text: str) -> int:
    """Return how many messages `text` is billed as abroad: 160 GSM characters fit into one, 153
    into each of several; with any other character 70 UTF-16 units, or 67.

    A character of two units is not split over two messages. That the platform counts so is not
    confirmed; it is the larger of the two counts.
    """
    if _GSM.union(_GSM_EXTENDED).issuperset(text):
        units, alone, each = [1 + (c in _GSM_EXTENDED) for c in text], 160, 153
    else:
        units, alone, each = [1 + (c > "\uffff") for c in text], 70, 67
    return 1 if sum(units) <= alone else _messages(units, each)


def _messages(units: list[int], each: int) -> int:
    """Return how many messages of `each` units characters of so many `units` fill."""
    messages, used = 1, 0
    for width in units:
        if used + width > each:
            messages, used = messages + 1, 0
        used += width
    return messages
