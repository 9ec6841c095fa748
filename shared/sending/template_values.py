"""What a variable of a template in the mainland takes.

Sources: documents 463237, 463270, 2806243 (templates) and 101346.
"""

import re

from shared.errors import InvalidRequest

LONGEST_VALUE = 35  # characters
_LINK = re.compile(
    r"https?:|www\.|(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])"
    r"|[a-z0-9-]\.(?:com|cn|net|org|gov|edu|top|xyz|info|vip|shop|cc|me|io|co)(?![a-z0-9-])",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    "[【】〖〗『』「」²•①-⑳★※→❤™\u200d\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf"
    "\u2934\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff]"
)
_CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
REFUSED = {
    _CONTROL: "holds a control character, such as a tab; leave it out",
    _LINK: "holds a link, domain or IP address; put it into the template's text",
    _UNSUPPORTED: (
        "holds an emoji, a bracket such as 【】 or another character that is refused; leave it out"
    ),
}


def check_variable(text: str, field: str) -> None:
    """Raise InvalidRequest for a value that the platform refuses, naming `field`."""
    if not 1 <= len(text) <= LONGEST_VALUE or text.isspace():
        raise InvalidRequest(
            f"must have 1 to {LONGEST_VALUE} characters, not blanks alone", field=field
        )
    for refused, problem in REFUSED.items():
        if refused.search(text):
            raise InvalidRequest(problem, field=field)
