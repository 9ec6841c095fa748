"""Environment variables, each read in a form and refused in any other.

A reader takes the environment and the name of a variable; an empty value counts as unset. It raises
ConfigurationError, which names the variable and tells no secret.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.errors import ConfigurationError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# A name with a dot in it, or an address: a key pasted here by mistake must not be looked up in DNS.
_HOST = r"localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[0-9a-f]*:[0-9a-f:]+"


def _value(environ: Mapping[str, str], name: str) -> str:
    """Return the value of `name` as it stands, "" when it is not set.

    Python keeps a byte that is no UTF-8 as half of a surrogate pair (PEP 383), which can be neither
    sent nor stored.
    """
    value = environ.get(name, "")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(
            f"{name} holds bytes that are no UTF-8: set it again, from a text in UTF-8"
        ) from None
    return value


def text(environ: Mapping[str, str], name: str, form: str = "") -> str:
    """Return the value of `name`, which is "" or matches the regular expression `form`."""
    value = _value(environ, name).strip()
    if value and form and not re.fullmatch(form, value):
        raise ConfigurationError(f"{name} is not of the form {form}")
    return value


def entries(environ: Mapping[str, str], name: str) -> list[str]:
    """Return the entries between the commas, empty ones left out."""
    return [entry for part in _value(environ, name).split(",") if (entry := part.strip())]


def choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...], *, default: str) -> str:
    """Return the value of `name`, one of `choices`."""
    value = text(environ, name) or default
    if value not in choices:
        raise ConfigurationError(f"{name} must be one of {', '.join(choices)}")
    return value


def seconds(environ: Mapping[str, str], name: str, *, default: float) -> float:
    """Return the seconds that `name` holds, from 0.1 to 60: ``2`` or ``0.25``."""
    given = text(environ, name) or str(default)
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", given) or not 0.1 <= float(given) <= 60:
        raise ConfigurationError(f"{name} is not a number of seconds from 0.1 to 60")
    return float(given)


def whole_number(
    environ: Mapping[str, str], name: str, *, default: int, lowest: int, highest: int
) -> int:
    """Return the whole number that `name` holds."""
    given = text(environ, name) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", given) or not lowest <= int(given) <= highest:
        raise ConfigurationError(f"{name} is not a whole number from {lowest} to {highest}")
    return int(given)


def endpoint(environ: Mapping[str, str], name: str, default: str) -> str:
    """Return the endpoint as ``scheme://host[:port]``; a bare host name means https."""
    try:
        scheme, host, port = _split_endpoint(text(environ, name) or default)
    except ValueError:
        raise ConfigurationError(
            f"{name} is not a host name or https URL without a path, such as {default}"
        ) from None
    if scheme == "http" and host not in LOOPBACK:
        raise ConfigurationError(f"{name}: plain http is only for this machine; use https://{host}")
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
        raise ConfigurationError(f"{name} has a space or a character that is not printable ASCII")
    return value
