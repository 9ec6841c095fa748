"""Numbers of products that keep them as country code and digits, without the plus."""

import re


def with_country_code(number: str) -> str:
    """Return a number whose country code is known to stand in front, with a plus.

    >>> with_country_code("8613800138000")
    '+8613800138000'

    Nothing is guessed: eleven digits such as 18624017194 are New Jersey then, for a number of the
    mainland would begin with 86.
    """
    return f"+{number}" if re.fullmatch(r"[0-9][0-9 ().-]*", number) else number
