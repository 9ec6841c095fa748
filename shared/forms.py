"""What values look like that stand in settings, in scenes.json and in requests alike."""

import re
from typing import NamedTuple

# Spaces but for the plain one, and what has no shape of its own, within brackets of an expression.
_UNSEEN = r"\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"


class Form(NamedTuple):
    """What a value looks like: as a regular expression, and in words that fit behind "must be".

    `is_ascii` says whether a character that is not ASCII is a mistake in it.
    """

    pattern: str
    words: str
    is_ascii: bool = True

    def fits(self, value: str) -> bool:
        """Whether the whole of `value` has this form."""
        return re.fullmatch(self.pattern, value) is not None


CALLER = Form(r"[A-Za-z0-9_-]{1,40}", "1 to 40 letters, digits, - and _, such as shop")
TEMPLATE = Form(r"SMS_[0-9]{1,32}", "SMS_ and the digits of a template, such as SMS_100001")
# PNVS has templates of its own, such as 100001.
ANY_TEMPLATE = Form(
    r"[A-Za-z0-9_]{1,40}", "the code of a template, such as SMS_100001, or 100001 of PNVS"
)
VARIABLE = Form(
    r"[A-Za-z_][A-Za-z0-9_]{0,63}",
    "a name of 1 to 64 letters, digits and _ that begins with no digit, such as code",
)
SIGNATURE = Form(
    rf"(?:[^{_UNSEEN}【】\[\]]| ){{1,100}}",
    "1 to 100 characters, the signature as the console shows it, without brackets, such as 阿里云",
    is_ascii=False,
)
SENDER = Form(
    r"[0-9]{1,15}|[A-Za-z0-9]{1,11}",
    "1 to 11 letters and digits, or 1 to 15 digits, such as MyShop",
)
MESSAGE = Form(r"(?s).{1,2000}", "a text of 1 to 2000 characters", is_ascii=False)
WORD = Form(r".{1,20}", "a word of 1 to 20 characters on one line", is_ascii=False)
