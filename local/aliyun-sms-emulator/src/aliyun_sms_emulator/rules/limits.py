"""How many messages a mainland number may get.

Minute and hour windows are natural clock windows in UTC+8, the day window is the last 24 hours.
Source: https://help.aliyun.com/zh/sms/user-guide/message-rules
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aliyun_sms_emulator.wire.errors import BusinessError

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Messages allowed per mainland number; windows as in the platform's sending rules.

    Source: https://help.aliyun.com/zh/sms/user-guide/message-rules
    """

    enabled: bool = True
    verification_per_minute: int = 1
    verification_per_hour: int = 5
    verification_per_day: int = 10
    verification_per_number_per_day: int = 40
    notification_per_day: int = 50
    promotion_per_day: int = 50


@dataclass(frozen=True, slots=True)
class Sending:
    """One send to the number in question: whose, with what, and when (seconds, epoch)."""

    account: str
    sign_name: str
    template_code: str
    template_type: str
    at: float


@dataclass(frozen=True, slots=True)
class _Rule:
    permits: int
    level: str
    since: float
    counts: Callable[[Sending], bool]


def check_limits(sending: Sending, earlier: Iterable[Sending], limits: Limits) -> None:
    """Refuse `sending` if one more would be too many; `earlier` are sends of the last 24 hours.

    Raises BusinessError with code isv.BUSINESS_LIMIT_CONTROL.
    """
    earlier = [item for item in earlier if sending.at - DAY < item.at <= sending.at]
    for rule in _rules(sending, limits):
        count = sum(item.at >= rule.since and rule.counts(item) for item in earlier)
        if count >= rule.permits:
            raise BusinessError(
                "isv.BUSINESS_LIMIT_CONTROL", f"触发{rule.level}流控Permits:{rule.permits}"
            )


def _rules(sending: Sending, limits: Limits) -> list[_Rule]:
    # UTC+8 is a whole number of hours away, so its clock hours begin with those of UTC.
    minute = sending.at - sending.at % 60
    hour = sending.at - sending.at % 3600
    day = sending.at - DAY
    if sending.template_type == "verification":
        return [
            _Rule(limits.verification_per_minute, "分钟级", minute, _same_signature(sending)),
            _Rule(limits.verification_per_hour, "小时级", hour, _same_signature(sending)),
            _Rule(limits.verification_per_day, "天级", day, _same_signature(sending)),
            _Rule(limits.verification_per_number_per_day, "号码天级", day, _is_verification),
        ]
    if sending.template_type == "notification":
        return [_Rule(limits.notification_per_day, "天级", day, _same_template(sending))]
    return [_Rule(limits.promotion_per_day, "天级", day, _same_template(sending))]


def _is_verification(item: Sending) -> bool:
    return item.template_type == "verification"


def _same_signature(sending: Sending) -> Callable[[Sending], bool]:
    def counts(item: Sending) -> bool:
        return (
            _is_verification(item)
            and item.account == sending.account
            and item.sign_name == sending.sign_name
        )

    return counts


def _same_template(sending: Sending) -> Callable[[Sending], bool]:
    def counts(item: Sending) -> bool:
        return (
            item.account == sending.account
            and item.sign_name == sending.sign_name
            and item.template_code == sending.template_code
        )

    return counts
