"""What a hook hands in, and what a translator makes of it.

A translator is a file of this folder with a function ``translate(hook) -> Code`` or ``-> Alarm``.
It reads what one product sends, knows nothing else, and raises InvalidRequest for what it cannot
read. products.py has a row for each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from shared.errors import InvalidRequest
from shared.fields import parse_json, read_text, why_no_json

FIRING, RESOLVED, NO_DATA = "firing", "resolved", "no-data"
_CODE = re.compile(r"[A-Za-z0-9]{4,10}")
_RUN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{4,8}(?![A-Za-z0-9])")
_REMEDY = "docs/hooks.md says how to set up the product"
_MOST_FIELDS = 200  # of a form


class Hook(NamedTuple):
    """One request of a product. `body` is as it came; names of `headers` are in lower case."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    def json(self) -> Mapping[str, Any]:
        """Return the body, which must be a JSON object, whatever its Content-Type says."""
        try:
            content = parse_json(self.body.decode("utf-8-sig"))
        except InvalidRequest:
            raise
        except UnicodeDecodeError:
            raise InvalidRequest("is not UTF-8", field="body", status=400) from None
        except (ValueError, RecursionError) as error:
            problem = f"is not valid JSON ({why_no_json(error)}); the product must send JSON"
            raise InvalidRequest(problem, field="body", status=400) from None
        if not isinstance(content, dict):
            raise InvalidRequest("must be a JSON object", field="body", status=400)
        return content

    def form(self) -> dict[str, str]:
        """Return the fields of the body, a form: ``code=123456&phone=%2B86138...``."""
        try:
            pairs = parse_qsl(
                self.body.decode("utf-8"),
                keep_blank_values=True,
                max_num_fields=_MOST_FIELDS,
                errors="strict",
            )
        except ValueError:
            raise InvalidRequest("must be a form in UTF-8", field="body", status=400) from None
        return dict(pairs)

    @property
    def is_form(self) -> bool:
        """Whether the body is marked as a form."""
        media_type = self.headers.get("content-type", "").partition(";")[0]
        return media_type.strip().lower() == "application/x-www-form-urlencoded"


class Code(NamedTuple):
    """A one-time code that a product made, for one phone.

    `number_field` is where its number stands in the product's request, such as ``sms.phone``, which
    errors name. `kind` is the product's name of its use, such as ``SignIn``. `client_ip` is that of
    the person who asked, "" where the product does not say. `repeat_key` is what stays the same
    when the product repeats its request, "" where it has nothing of the kind.
    """

    phone_number: str
    code: str
    number_field: str
    kind: str = ""
    client_ip: str = ""
    repeat_key: str = ""


class Alert(NamedTuple):
    """One thing that an alarm is about.

    `state` is FIRING, RESOLVED or NO_DATA. `identity` tells it from others, and from itself at
    another time. Texts are as the product wrote them.
    """

    state: str
    title: str
    text: str = ""
    severity: str = ""
    labels: Mapping[str, str] = {}
    identity: str = ""


class Alarm(NamedTuple):
    """What one request of an alarm system is about; `group` is the product's name of the group.

    `more` alerts were left out by the product itself. It `is_unreadable` when only that it came is
    known.
    """

    alerts: Sequence[Alert]
    receiver: str = ""
    group: str = ""
    more: int = 0
    is_unreadable: bool = False


def text_at(content: Mapping[str, Any], *path: str) -> str:
    """Return the text or number at a path such as ``"metadata", "uuid"``, "" where there is none.

    >>> text_at({"sms": {"otp": "561166"}}, "sms", "otp")
    '561166'
    """
    value: Any = content
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return whole_characters(str(value))


def whole_characters(text: str) -> str:
    """Return `text` with a question mark for each half of a surrogate pair, which is no character.

    JSON may hold one (``"\\ud800"``), and nothing that is sent or stored can.
    """
    return text.encode("utf-8", "replace").decode()


def required_number(number: str, field: str, remedy: str = _REMEDY) -> str:
    """Return a phone number that must be there, as it was written.

    `remedy` is what to do in the product where it is missing.
    """
    if not number.strip():
        raise _missing("phone number", field, remedy)
    return read_text(number.strip(), field)


def required_code(code: str, field: str, remedy: str = _REMEDY) -> str:
    """Return a code that must be there; a template of codes takes letters and digits only.

    `remedy` is what to do in the product where it is missing.
    """
    stripped = code.strip()
    if not stripped:
        raise _missing("code", field, remedy)
    if not _CODE.fullmatch(stripped):
        raise InvalidRequest(
            "must be a code of 4 to 10 letters and digits; let the product make such codes",
            field=field,
        )
    return stripped


def _missing(what: str, field: str, remedy: str) -> InvalidRequest:
    return InvalidRequest(
        f"is missing or empty: the product's request has no {what} there; {remedy}", field=field
    )


def code_in(text: str, field: str, remedy: str = _REMEDY) -> str:
    """Return the code of a text: the text itself, or its one run of 4 to 8 letters and digits.

    Only runs that hold a digit count. ``Your code is 123456`` holds 123456. Raises InvalidRequest
    where there is no such run, or more than one; `remedy` is what to do where there is no text.
    """
    if not text.strip():
        raise _missing("code", field, remedy)
    stripped = text.strip()
    if _CODE.fullmatch(stripped) and any(character.isdigit() for character in stripped):
        return stripped
    runs = {run for run in _RUN.findall(text) if any(character.isdigit() for character in run)}
    if len(runs) == 1:
        (run,) = runs
        return str(run)
    problem = "holds no code" if not runs else "holds more than one word that may be the code"
    raise InvalidRequest(f"{problem}; let the product's text be the code alone", field=field)
