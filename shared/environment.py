"""Environment variables, each read in a form and refused in any other.

A reader takes the environment and the name of a variable; an empty value counts as unset. It raises
ConfigurationError, which names the variable and says in words what its value must be, with an
example. It never shows the value: that may be a secret which was pasted into the wrong variable.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.errors import ConfigurationError
from shared.forms import Form

_QUOTES = ('""', "''", "“”", "‘’", "``")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# A name with a dot in it, or an address: a key pasted here by mistake must not be looked up in DNS.
_HOST = r"localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[0-9a-f]*:[0-9a-f:]+"


def refusal(
    place: str, words: str, value: str = "", *, is_ascii: bool = True
) -> ConfigurationError:
    """Return the error for a `value` that is not what `words` say it must be.

    `place` is the variable, and its entry if it holds several: ``SMS_COUNTRIES: entry 2``.
    `is_ascii` says whether a character that is not ASCII is a mistake.
    """
    return ConfigurationError(f"{place} must be {words}{_oddity(value, is_ascii)}")


def _checked(place: str, value: str, form: Form | None) -> str:
    if form and not form.fits(value):
        raise refusal(place, form.words, value, is_ascii=form.is_ascii)
    return value


def _oddity(value: str, is_ascii: bool) -> str:
    """Return what one cannot see in a value, or easily overlooks, and what to do; "" if nothing.

    >>> _oddity("HK，SG", True)
    '; its character 3 is full-width: write it in ASCII'
    """
    if value.isascii() and value.isprintable():
        return ""
    import unicodedata  # only for what is refused

    for place, character in enumerate(value, 1):
        kind = unicodedata.category(character)
        if character in "\r\n":
            return f"; its character {place} is a line break: take it out"
        if kind in ("Cc", "Cf"):
            return f"; its character {place} is invisible: take it out"
        if kind.startswith("Z") and character != " ":
            return f"; its character {place} is an unusual space: write a plain one, or none"
        if is_ascii and unicodedata.east_asian_width(character) == "F":
            return f"; its character {place} is full-width: write it in ASCII"
        if is_ascii and not character.isascii():
            return f"; its character {place} is not ASCII"
    return ""


def _value(environ: Mapping[str, str], name: str) -> str:
    """Return the value of `name` without space around it, "" when it is not set.

    Python keeps a byte that is no UTF-8 as half of a surrogate pair (PEP 383), which can be neither
    sent nor stored. Quotation marks come from files whose reader does not take them for its own;
    those of ``"{code}" is the code for "Shop"`` belong to the text.
    """
    value = environ.get(name, "").strip()
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(
            f"{name} holds bytes that are no UTF-8: set it again, from a text in UTF-8"
        ) from None
    marks, inside = value[:1] + value[-1:], value[1:-1]
    if len(value) > 1 and marks in _QUOTES and not any(mark in inside for mark in marks):
        raise ConfigurationError(f"{name} has quotation marks around its value: take them away")
    return value


def text(environ: Mapping[str, str], name: str, form: Form | None = None) -> str:
    """Return the value of `name`, which is "" or of the `form`."""
    value = _value(environ, name)
    return _checked(name, value, form) if value else ""


def entries(environ: Mapping[str, str], name: str, form: Form | None = None) -> list[str]:
    """Return the entries between the commas, empty ones left out, each of the `form`."""
    found = [entry for part in _value(environ, name).split(",") if (entry := part.strip())]
    return [_checked(f"{name}: entry {place}", entry, form) for place, entry in enumerate(found, 1)]


def choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...], *, default: str) -> str:
    """Return the value of `name`, one of `choices`."""
    value = text(environ, name) or default
    if value not in choices:
        raise refusal(name, f"one of {', '.join(choices)}", value)
    return value


def seconds(environ: Mapping[str, str], name: str, *, default: float) -> float:
    """Return the seconds that `name` holds, from 0.1 to 60: ``2`` or ``0.25``."""
    given = text(environ, name) or str(default)
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", given) or not 0.1 <= float(given) <= 60:
        raise refusal(name, f"a number of seconds from 0.1 to 60, such as {default:g}", given)
    return float(given)


def whole_number(
    environ: Mapping[str, str], name: str, *, unit: str, default: int, lowest: int, highest: int
) -> int:
    """Return the whole number that `name` holds; `unit` is what it counts, such as ``seconds``."""
    given = text(environ, name) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", given) or not lowest <= int(given) <= highest:
        words = f"a whole number of {unit} from {lowest} to {highest}, such as {default}"
        raise refusal(name, words, given)
    return int(given)


def endpoint(environ: Mapping[str, str], name: str, default: str) -> str:
    """Return the endpoint as ``scheme://host[:port]``; a bare host name means https."""
    written = text(environ, name) or default
    try:
        scheme, host, port = _split_endpoint(written)
    except ValueError:
        words = f"a host name or an https URL without a path, such as {default}"
        raise refusal(name, words, written) from None
    if scheme == "http" and host not in LOOPBACK:
        raise ConfigurationError(
            f"{name}: plain http is only for this machine; write https:// in front"
        )
    written_host = f"[{host}]" if ":" in host else host  # an IPv6 address goes in brackets
    return f"{scheme}://{written_host}{port}"


def _split_endpoint(written: str) -> tuple[str, str, str]:
    """Return scheme, host and ``:port`` or "" of an endpoint; raises ValueError if it is none."""
    url = urlsplit(written if "://" in written else f"https://{written}")
    host = url.hostname or ""
    has_more = url.path not in ("", "/") or url.query or url.fragment or "@" in url.netloc
    if has_more or not re.fullmatch(_HOST, host) or url.scheme not in ("http", "https"):
        raise ValueError("no endpoint")
    return url.scheme, host, f":{url.port}" if url.port else ""


def token(environ: Mapping[str, str], name: str) -> str:
    """Return a key, secret or security token: it goes into a header, so it is printable ASCII."""
    value = text(environ, name)
    if value and not re.fullmatch(r"[!-~]+", value):
        words = "letters, digits and ASCII signs, without a space: copy it once more"
        raise refusal(name, words, value)
    return value
