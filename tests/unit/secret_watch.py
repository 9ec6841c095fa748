"""Secrets that no two examples share, and the search for them in whatever the functions let out."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import io
import ipaddress
import json
import logging
import re
import string
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, unquote_plus

from shared.errors import NotSettled

_SYMBOLS = string.ascii_letters + string.digits
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_SEPARATORS = re.compile(r"[\W_]+")
_DIGESTS = ("md5", "sha1", "sha256")


class Secrets(NamedTuple):
    """What one example must keep to itself. Numbers are bare: 11 digits, country code and number;
    the code is six letters and digits, so that no hash holds it by chance.
    """

    access_key_secret: str
    security_token: str
    api_key: str
    receipt_token: str
    state_secret: str
    password: str
    code: str
    mainland: str
    abroad: str
    client_ip: str

    @property
    def texts(self) -> tuple[str, ...]:
        """Those that are no phone numbers."""
        numbers = (self.mainland, self.abroad)
        return tuple(secret for secret in self if secret not in numbers)

    def in_any_form(self) -> list[str]:
        """Return every way to write a secret that an input may hold."""
        return [*self.texts, *written(self.mainland, "86"), *written(self.abroad, "")]

    def found_in(self, text: str | bytes, *but: str) -> list[str]:
        """Return the names of the secrets, except `but`, that `text` holds in whatever form."""
        views = _views(text if isinstance(text, str) else text.decode("latin-1"))
        return [
            name
            for name, secret in self._asdict().items()
            if name not in but and _is_in(secret, views, is_number=name in ("mainland", "abroad"))
        ]


def new_secrets(seed: int) -> Secrets:
    """Return the secrets of the example `seed`."""

    def text(name: str, length: int, symbols: str = _SYMBOLS) -> str:
        digest = hashlib.shake_256(f"{seed} {name}".encode()).digest(length)
        return "".join(symbols[byte % len(symbols)] for byte in digest)

    return Secrets(
        access_key_secret=text("key", 30),
        security_token=f"CAIS{text('token', 40, _SYMBOLS + '+/')}==",
        api_key=text("api", 43, f"{_SYMBOLS}-_"),
        receipt_token=text("receipts", 32),
        state_secret=f'{text("state", 24)} %"{text("state2", 8)}',
        password=f"{text('password', 12)}@/:{text('password2', 8)}",
        code=f"{text('1', 1, 'ghjkmnpq')}{text('2', 4, string.digits)}{text('3', 1, 'RSTUVWXYZ')}",
        mainland=f"139{text('mainland', 8, string.digits)}",
        abroad=f"8526{text('abroad', 7, string.digits)}",
        client_ip=f"2001:db8:{seed % 0xEFFF + 0x1000:x}:{seed % 0xFFF + 0x1000:x}::abcd",
    )


def written(number: str, country_code: str) -> list[str]:
    """Return ways to write a number that have been seen."""
    split = f"{number[:3]} {number[3:7]} {number[7:]}"
    prefixes = ("", f"+{country_code}", f"00{country_code}", country_code, f"+{country_code} ")
    bodies = (number, split, split.replace(" ", "-"))
    forms = [f"{prefix}{body}" for prefix in prefixes for body in bodies]
    wide = number.translate(str.maketrans(string.digits, "０１２３４５６７８９"))
    arabic = number.translate(str.maketrans(string.digits, "٠١٢٣٤٥٦٧٨٩"))
    hidden = "\u200b".join(number)
    return [*dict.fromkeys(forms), wide, arabic, hidden, f"\u202e{number}", split.replace(" ", ".")]


class Told(NamedTuple):
    """What an invocation let out: what it returned, and all that Function Compute logs."""

    returned: Any
    log: str
    raised: BaseException | None

    @property
    def status(self) -> int:
        """The HTTP status of the answer; 0 when the function was no HTTP function."""
        return int(self.returned.get("statusCode", 0)) if self.returned else 0

    @property
    def text(self) -> str:
        """What was returned, as it goes out."""
        return json.dumps(self.returned, ensure_ascii=False)


def invoke(handler: Callable[[bytes, Any], Any], event: bytes, context: Any) -> Told:
    """Call `handler`; standard output and error, every logging record and traceback are its log."""
    said = io.StringIO()
    records = logging.StreamHandler(said)
    records.addFilter(lambda record: not record.name.startswith("uvicorn"))  # servers of the test
    root = logging.getLogger()
    level = root.level
    root.addHandler(records)
    root.setLevel(logging.INFO)  # as Function Compute does
    returned, raised = None, None
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            returned = handler(event, context)
    except Exception as error:
        raised = error
        said.write("".join(traceback.format_exception(error)))
    finally:
        root.removeHandler(records)
        root.setLevel(level)
    return Told(returned, said.getvalue(), raised)


def check(told: Told, secrets: Secrets, *may_return: str) -> None:
    """Fail unless nothing was raised but NotSettled, and nothing let out holds a secret.

    `may_return`: names of secrets that what was returned may hold.
    """
    assert told.raised is None or isinstance(told.raised, NotSettled), told.log
    assert secrets.found_in(told.log) == [], told.log
    assert secrets.found_in(told.text, *may_return) == [], told.text


def _views(text: str) -> list[str]:
    plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return [text.casefold(), plain.casefold(), unquote_plus(plain).casefold(), _bare(plain)]


def _bare(text: str) -> str:
    """Return letters and digits alone, whatever script the digits are written in."""
    known = "".join(
        c if c.isascii() or not c.isdigit() else str(unicodedata.digit(c)) for c in text
    )
    return _SEPARATORS.sub("", known.replace("\u200b", "")).casefold()


def _is_in(secret: str, views: list[str], *, is_number: bool) -> bool:
    return any(form in view for form in _needles(secret, is_number) for view in views)


@functools.lru_cache
def _needles(secret: str, is_number: bool) -> tuple[str, ...]:
    forms = _number_forms(secret) if is_number else _forms(secret)
    return tuple({form.casefold() for form in forms})


def _number_forms(number: str) -> Iterator[str]:
    yield number
    yield number[::-1]
    yield from _in_base64(number)
    for form in (number, f"86{number}", f"+86{number}", f"+{number}"):
        yield from (hashlib.new(name, form.encode()).hexdigest() for name in _DIGESTS)
        yield hashlib.blake2b(form.encode(), digest_size=8).hexdigest()


def _forms(secret: str) -> Iterator[str]:
    yield from {secret, secret[::-1], quote(secret, safe=""), quote_plus(secret)}
    yield json.dumps(secret)[1:-1]
    yield secret.encode().hex()
    yield from (hashlib.new(name, secret.encode()).hexdigest() for name in _DIGESTS)
    yield from _in_base64(secret)
    if ":" in secret and secret.startswith("2001"):
        address = ipaddress.IPv6Address(secret)
        yield address.exploded
        yield address.packed[:8].hex()


def _in_base64(secret: str) -> Iterator[str]:
    """Yield what base64 makes of `secret` wherever it stands in a text."""
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret.encode()).decode()
        end = before + len(secret.encode())
        yield coded[-(-before * 4 // 3) : end * 4 // 3]
