"""The rules of SMS_LIMITS: what each counts, in which window, and how much by default.

docs/limits.md says the same to readers. To add a rule for a scope that exists, add a row. What a
scope is counted by stands in sending/limits.py, and that of unconfirmed codes in
codes/confirmations.py.
"""

from typing import NamedTuple

DAY = 86400
# The seconds of each span but a month, which has as many as its days.
SPANS = {"second": 1, "minute": 60, "hour": 3600, "day": DAY}


class Rule(NamedTuple):
    """One limit.

    `scope` is what it counts by, `span` its window: of the clock in UTC+8, or, if it is sliding,
    the time up to now. `default` is the most that passes in a window; 0 is no limit. The owner of a
    budget is warned before it is used up.
    """

    name: str
    scope: str
    span: str
    default: int
    is_sliding: bool = False
    warns_owner: bool = False

    @property
    def is_about_one_number(self) -> bool:
        """Whether it says nothing about the other numbers of a list."""
        return self.scope in ("number", "codes")


# A number's day and the windows of codes look back, as the platform's do (document 44335).
RULES = (
    Rule("codes-per-minute", scope="codes", span="minute", default=1, is_sliding=True),
    Rule("codes-per-hour", scope="codes", span="hour", default=5, is_sliding=True),
    Rule("codes-per-day", scope="codes", span="day", default=10, is_sliding=True),
    Rule("number-per-minute", scope="number", span="minute", default=5),
    Rule("number-per-hour", scope="number", span="hour", default=20),
    Rule("number-per-day", scope="number", span="day", default=50, is_sliding=True),
    Rule("address-per-hour", scope="address", span="hour", default=30),
    Rule("address-per-day", scope="address", span="day", default=100),
    Rule("key-per-hour", scope="key", span="hour", default=0, warns_owner=True),
    Rule("key-per-day", scope="key", span="day", default=0, warns_owner=True),
    Rule("prefix-per-hour", scope="prefix", span="hour", default=10),
    Rule("prefix-per-day", scope="prefix", span="day", default=30),
    Rule("country-per-day", scope="country", span="day", default=100, warns_owner=True),
    Rule("mainland-per-day", scope="mainland", span="day", default=10_000, warns_owner=True),
    Rule("mainland-per-month", scope="mainland", span="month", default=100_000, warns_owner=True),
    Rule("international-per-day", scope="international", span="day", default=200, warns_owner=True),
    Rule(
        "international-per-month",
        scope="international",
        span="month",
        default=2_000,
        warns_owner=True,
    ),
    Rule("requests-per-second", scope="requests", span="second", default=0),
    Rule("unconfirmed-per-country", scope="unconfirmed country", span="day", default=20),
    Rule("unconfirmed-per-address", scope="unconfirmed address", span="day", default=10),
)
RULE_OF = {rule.name: rule for rule in RULES}
