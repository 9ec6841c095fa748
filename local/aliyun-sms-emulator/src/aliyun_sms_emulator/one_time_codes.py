"""The one-time code that a message brings, found as the inbox page finds it."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NUMBER = re.compile(r"(?<![\w-])(?:[A-Z]{1,3}-)?(\d{4,8})(?![\w-])", re.ASCII)
_SAYS_CODE = re.compile(r"code|codigo|código|otp|pin|验证码|校验码|驗證碼|認証|인증", re.IGNORECASE)


def code_in(template_type: str, values: Mapping[str, str], text: str) -> str:
    """Return the code, empty where there is none.

    It is the variable `code`, or the one variable of a verification template. A text abroad brings
    the number of 4 to 8 digits that is nearest to the word for code, or the only short one.
    """
    if "code" in values:
        return values["code"]
    if template_type in {"verification", "gift"}:
        return next(iter(values.values()), "")
    if template_type in {"notification", "promotion"}:
        return ""
    numbers = list(_NUMBER.finditer(text))
    word = _SAYS_CODE.search(text)
    if word is None:
        return numbers[0][1] if len(numbers) == 1 and len(numbers[0][1]) <= 6 else ""
    nearest = min(
        numbers, key=lambda n: max(n.start() - word.end(), word.start() - n.end()), default=None
    )
    return "" if nearest is None else nearest[1]
