"""One authenticated call as the operations see it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from aliyun_sms_emulator.clock import CHINA
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.tables.inbox import Visibility
from aliyun_sms_emulator.wire.errors import BusinessError
from aliyun_sms_emulator.wire.leniency import Leniency

_DATE = re.compile(r"2[0-9]{7}")
_NUMBER = re.compile(r"[0-9]{1,9}")

MAX_PAGE_SIZE = 50
_Entry = TypeVar("_Entry")


class Page(NamedTuple):
    """A piece of a list: its number, from 1 on, and how many entries it has."""

    number: int
    size: int

    def of(self, entries: Sequence[_Entry]) -> Sequence[_Entry]:
        """Return the entries of the whole list that are on this page."""
        return entries[(self.number - 1) * self.size : self.number * self.size]


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls what, with which parameters; `now` is the emulator's time in seconds.

    `visibility_delay` in seconds takes the place of the setting, None does not, infinite is never.
    """

    platform: Platform
    account: str
    operation: str
    version: str
    request_id: str
    parameters: Mapping[str, str]
    now: float
    leniency: Leniency
    visibility_delay: float | None = None

    @property
    def visibility(self) -> Visibility:
        """Which messages a query of now may see."""
        usual = self.now - self.platform.settings.visibility_delay_seconds
        own = None if self.visibility_delay is None else self.now - self.visibility_delay
        return Visibility(self.now, usual, own)

    def text(self, name: str) -> str:
        """A parameter's value, empty if absent."""
        return self.parameters.get(name, "")

    def number(self, name: str, lowest: int, highest: int, default: int | None = None) -> int:
        """A parameter as a whole number within bounds; raises BusinessError."""
        text = self.text(name)
        if not text and default is not None:
            return default
        if not _NUMBER.fullmatch(text) or not lowest <= int(text) <= highest:
            raise invalid(name)
        return int(text)

    def page(self, name: str) -> Page:
        """The page whose number is in parameter `name` (default 1); PageSize is 1-50, else 10."""
        number = self.number(name, 1, 10**9, 1)
        return Page(number, self.number("PageSize", 1, MAX_PAGE_SIZE, 10))

    def day(self, name: str) -> datetime:
        """A `yyyyMMdd` parameter as the beginning of that day in UTC+8; raises BusinessError."""
        text = self.text(name)
        try:
            if not _DATE.fullmatch(text):
                raise ValueError(text)
            return datetime.strptime(text, "%Y%m%d").replace(tzinfo=CHINA)
        except ValueError as error:
            raise invalid(name) from error


def invalid(name: str) -> BusinessError:
    """Build the error for a parameter with an impossible value."""
    return BusinessError("isv.INVALID_PARAMETERS", f"参数异常：{name}")
