"""Texts of alarm systems, so that a template's variable takes them.

The platform refuses a message one of whose values holds a link, a domain, an address or an emoji
(template_values.py). An alarm is full of them, and must arrive all the same.
"""

from __future__ import annotations

import re
import unicodedata

from shared.sending.template_values import LONGEST_VALUE, REFUSED

_URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s,;|<>\"')\]}]*")
_ADDRESS = re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}([0-9]{1,3})(?![0-9])(?::[0-9]{1,5})?")
# A name of a host: its first part says which machine it is, and may stay.
_DOMAIN = re.compile(
    r"(?i)(?<![\w.-])([a-z0-9-]{1,63})(?:\.[a-z0-9-]{1,63})*\.[a-z]{2,24}(?![\w-])(?::[0-9]{1,5})?"
)
_STRANGE_SPACE = re.compile(r"\s+")


def cleaned(text: str, word: str, longest: int = LONGEST_VALUE) -> str:
    """Return `text` in a form that a template's variable of `longest` characters takes.

    What nothing is left of becomes `word`.

    >>> cleaned("web-1.example.com: connect ECONNREFUSED 203.0.113.9:443", "alarm", longest=60)
    'web-1: connect ECONNREFUSED IP-9'
    """
    return _cleaned(text, longest) or _cleaned(word, longest) or "-"


def _cleaned(text: str, longest: int) -> str:
    text = unicodedata.normalize("NFKC", text.encode("utf-8", "ignore").decode())
    text = _URL.sub(" ", text)
    text = _ADDRESS.sub(r"IP-\1", text)
    text = _DOMAIN.sub(_host, text)
    while True:
        for refused in REFUSED:
            text = refused.sub(" ", text)
        shortened = _STRANGE_SPACE.sub(" ", text).strip()[:longest].strip()
        # What is cut off, or put out, may leave a domain behind.
        if shortened == text:
            return text
        text = shortened


def _host(match: re.Match[str]) -> str:
    """Return the first part of a host's name; what is no host, as ``Host.mem.used``, stays."""
    name = match[0]
    is_host = name == name.lower() or name == name.upper()
    return match[1] if is_host else name
