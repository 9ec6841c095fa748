"""The values for a template's variables.

Sources: https://help.aliyun.com/document_detail/101346.html (codes),
https://help.aliyun.com/document_detail/463270.html and
https://help.aliyun.com/document_detail/2806243.html (lengths and characters).
"""

from __future__ import annotations

import json
import re

from aliyun_sms_emulator.rules.templates import Template
from aliyun_sms_emulator.wire.errors import BusinessError
from aliyun_sms_emulator.wire.leniency import Leniency

_LONGEST = {
    "verification": 6,
    "notification": 35,
    "promotion": 35,
    "gift": 35,
    "international": 200,
}
_ALPHANUMERIC = re.compile(r"[a-zA-Z0-9]+")
_LINK = re.compile(
    r"[a-z][a-z0-9+.-]*://|\bwww\.|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"
    r"|(?<![a-z0-9-])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
    r"\.(?:com|cn|net|org|io|cc|co|me|info|top|xyz|vip|shop|app|dev|ai|tv|hk|tw|biz|site|online)"
    r"(?![a-z0-9-])",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    "[【】〖〗『』「」²³•※→←↑↓™\u2460-\u24ff\u2600-\u27bf\u200d\ufe00-\ufe0f\U00010000-\U0010ffff]"
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonNumber(str):
    """A number as it stood in the JSON; the documentation asks for strings."""

    __slots__ = ()


def parse_values(text: str | None, leniency: Leniency) -> dict[str, str]:
    """Parse TemplateParam: a JSON object of strings; absent or empty is an empty object."""
    if not text:
        return {}
    try:
        values = load_json(text)
    except (ValueError, RecursionError):
        values = None
    return check_values(values, leniency)


def load_json(text: str) -> object:
    """Parse JSON; numbers stay as they are written. Raises ValueError or RecursionError."""
    return json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=_no_number)


def check_values(values: object, leniency: Leniency) -> dict[str, str]:
    """Check that parsed JSON is an object of strings; raises BusinessError."""
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise invalid_json()
    for name, value in values.items():
        if isinstance(value, JsonNumber) and not leniency.allows("value-no-string", name):
            raise invalid_json()
    return values


def invalid_json() -> BusinessError:
    """Build the error for JSON that is none or does not hold what it should."""
    return BusinessError(
        "isv.INVALID_JSON_PARAM", "模板变量JSON格式错误 或 JSON变量属性与模板占位符不一致"
    )


def too_long(limit: int) -> BusinessError:
    """Build the error for a value, or a text, of a length that is not allowed."""
    return BusinessError("isv.PARAM_LENGTH_LIMIT", f"参数超过长度限制:{limit}")


def check_against_template(template: Template, values: dict[str, str]) -> dict[str, str]:
    """Check the values of the template's variables and return just those.

    Values the template has no variable for are ignored.
    """
    try:
        used = template.used(values)
    except KeyError:
        raise _missing_value() from None
    for value in used.values():
        _check_value(template.type, value)
    return used


def _check_value(template_type: str, value: str) -> None:
    if template_type == "verification" and not _ALPHANUMERIC.fullmatch(value):
        raise BusinessError(
            "isv.INVALID_PARAMETERS", "params must be [a-zA-Z0-9] for verification sms"
        )
    # The platform refuses blank values; with which code is not confirmed.
    if not value.strip():
        raise _missing_value()
    shortest = 4 if template_type == "verification" else 1
    if not shortest <= len(value) <= _LONGEST[template_type]:
        raise too_long(_LONGEST[template_type])
    if _LONE_SURROGATE.search(value):
        raise _unsupported()
    if template_type == "international":
        return
    if _LINK.search(value):
        raise BusinessError("isv.PARAM_NOT_SUPPORT_URL", "变量不支持传入URL")
    if _UNSUPPORTED.search(value):
        raise _unsupported()


def _unsupported() -> BusinessError:
    return BusinessError("isv.UNSUPPORTED_CONTENT", "短信内容包含不支持的字符")


def _missing_value() -> BusinessError:
    return BusinessError("isv.TEMPLATE_MISSING_PARAMETERS", "模板变量缺少对应参数值")


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no JSON")
