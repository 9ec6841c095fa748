"""How many messages a text is billed as abroad."""

# Characters of the alphabet of GSM 03.38 that take one septet, and those that take two.
_GSM = frozenset("£¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà").union(
    map(chr, (*range(ord(" "), ord("[")), *range(ord("a"), ord("{"))))
)
_GSM_EXTENDED = frozenset("^{}\\[~]|€")


def segments(text: str) -> int:
    """Return how many messages `text` is billed as abroad: 160 GSM characters fit into one, 153
    into each of several; with any other character 70 UTF-16 units, or 67.
    """
    if _GSM.union(_GSM_EXTENDED).issuperset(text):
        units, alone, each = len(text) + sum(c in _GSM_EXTENDED for c in text), 160, 153
    else:
        units, alone, each = len(text.encode("utf-16-le", "surrogatepass")) // 2, 70, 67
    return 1 if units <= alone else -(-units // each)
