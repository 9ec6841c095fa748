"""Settings that a configuration file or the JSON API may change, with their checks."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from urllib.parse import urlsplit

from aliyun_sms_emulator.faults.fault import MAX_NODES, NEVER
from aliyun_sms_emulator.rules.limits import Limits

NONCE_SCOPES = ("account", "access-key", "node", "off")
TIMESTAMP_CLOCKS = ("real", "emulator")
QUERY_MESSAGE_STATUSES = ("current", "2019")

_MAX_BATCH = 1000
_MAX_DUPLICATES = 100
_MAX_TIMEOUT = 300.0
_MAX_SKEW = 366 * 86_400.0
_URL_CHARACTERS = re.compile(r"[!-~]+")


class InvalidSetting(ValueError):
    """A setting has an unknown name or an impossible value; `key` says which."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


@dataclass(frozen=True, slots=True)
class Settings:
    """How the emulator behaves; times in seconds.

    `receipt_url` and `reply_url` are where SmsReport and SmsUp arrays are pushed, empty for none;
    hosts other than this machine need `push_to_other_hosts`. `receipt_duplicates` is how many more
    times each receipt comes. An array is pushed when it has `push_batch_size` entries or its first
    one has waited `push_batch_seconds` by the emulator's clock; `push_timeout_seconds` are real.
    `query_message_status` is the meaning of QueryMessage's Status, see that operation.
    `timestamp_clock` is the clock that request timestamps and nonces are judged by: `real`, so that
    unmodified SDKs work while the emulator's clock is virtual, or `emulator`; it is
    `clock_skew_seconds` ahead of that one. `nodes` are the gateways that nonce scope `node` knows,
    which take requests in turn. An infinite number of seconds means never.
    `review_seconds` are from the application for a template until its review has passed.
    """

    strict: bool = False
    nonce_scope: str = "account"
    timestamp_skew_seconds: float = 900.0
    timestamp_clock: str = "real"
    clock_skew_seconds: float = 0.0
    nodes: int = 2
    visibility_delay_seconds: float = 0.0
    delivery_delay_seconds: float = 1.0
    review_seconds: float = 1.0
    query_message_status: str = "current"
    receipt_url: str = ""
    reply_url: str = ""
    push_to_other_hosts: bool = False
    push_batch_size: int = 100
    push_batch_seconds: float = 0.0
    push_timeout_seconds: float = 10.0
    receipt_duplicates: int = 0
    limits: Limits = field(default_factory=Limits)

    def as_json(self) -> dict[str, object]:
        """The settings as the JSON API shows them."""
        shown = asdict(self)
        return {key: NEVER if value == math.inf else value for key, value in shown.items()}

    def changed(self, changes: Mapping[str, object]) -> Settings:
        """Apply `changes` (only `limits` is nested); raises InvalidSetting."""
        result = self
        for key, value in changes.items():
            if key == "limits":
                result = replace(result, limits=_changed_limits(result.limits, value))
            elif key in _CHECKS:
                result = replace(result, **{key: _CHECKS[key](key, value)})  # type: ignore[arg-type]
            else:
                known = ", ".join((*_CHECKS, "limits"))
                raise InvalidSetting(str(key), f"unknown setting; known are {known}")
        for key in ("receipt_url", "reply_url"):
            _check_host(key, getattr(result, key), result)
        return result


def merged_changes(earlier: Mapping[str, object], later: Mapping[str, object]) -> dict[str, object]:
    """Combine two valid sets of changes into one; the later one wins."""
    limits = {**_limit_changes(earlier), **_limit_changes(later)}
    return {**earlier, **later, **({"limits": limits} if limits else {})}


def _limit_changes(changes: Mapping[str, object]) -> Mapping[str, object]:
    limits = changes.get("limits", {})
    return limits if isinstance(limits, Mapping) else {"enabled": limits}


def _changed_limits(limits: Limits, value: object) -> Limits:
    if isinstance(value, bool):
        return replace(limits, enabled=value)
    if not isinstance(value, Mapping):
        raise InvalidSetting("limits", "must be on, off or a mapping of limits to numbers")
    known = [item.name for item in fields(Limits)]
    for name, number in value.items():
        key = f"limits.{name}"
        if name not in known:
            raise InvalidSetting(key, f"unknown limit; known are {', '.join(known)}")
        if name == "enabled":
            if not isinstance(number, bool):
                raise InvalidSetting(key, "must be true or false")
        elif isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise InvalidSetting(key, "must be a whole number, 0 or more")
    return replace(limits, **value)


def _seconds(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidSetting(key, "must be a number of seconds")
    if not math.isfinite(value) or value < 0:
        raise InvalidSetting(key, "must be a number of seconds, 0 or more")
    return float(value)


def _skew(key: str, value: object) -> float:
    negative = isinstance(value, int | float) and not isinstance(value, bool) and value < 0
    seconds = _seconds(key, -value if negative else value)  # type: ignore[operator]
    if seconds > _MAX_SKEW:
        raise InvalidSetting(key, f"must be from -{_MAX_SKEW:g} to {_MAX_SKEW:g} seconds")
    return -seconds if negative else seconds


def _nodes(key: str, value: object) -> int:
    return _whole_number(key, value, 1, MAX_NODES)


def _seconds_or_never(key: str, value: object) -> float:
    return math.inf if value == NEVER else _seconds(key, value)


def _nonce_scope(key: str, value: object) -> str:
    # YAML reads a bare `off` as false.
    scope = "off" if value is False else value
    return _one_of(key, scope, NONCE_SCOPES)


def _timestamp_clock(key: str, value: object) -> str:
    return _one_of(key, value, TIMESTAMP_CLOCKS)


def _query_message_status(key: str, value: object) -> str:
    # YAML reads a bare `2019` as a number.
    return _one_of(key, "2019" if value == 2019 else value, QUERY_MESSAGE_STATUSES)


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidSetting(key, "must be true or false")
    return value


def _batch_size(key: str, value: object) -> int:
    return _whole_number(key, value, 1, _MAX_BATCH)


def _duplicates(key: str, value: object) -> int:
    return _whole_number(key, value, 0, _MAX_DUPLICATES)


def _whole_number(key: str, value: object, lowest: int, highest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise InvalidSetting(key, f"must be a whole number from {lowest} to {highest}")
    return value


def _timeout(key: str, value: object) -> float:
    number = _seconds(key, value)
    if not 0 < number <= _MAX_TIMEOUT:
        raise InvalidSetting(key, f"must be more than 0 and at most {_MAX_TIMEOUT:g} seconds")
    return number


def _url(key: str, value: object) -> str:
    if value is None or value == "":
        return ""
    problem = "must be an address such as http://127.0.0.1:9000/receipts, or empty for none"
    if not isinstance(value, str) or not _URL_CHARACTERS.fullmatch(value):
        raise InvalidSetting(key, problem)
    try:
        parts = urlsplit(value)
        usable = parts.port is None or parts.port > 0
    except ValueError:
        usable = False
    if not usable or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidSetting(key, problem)
    if parts.username is not None or parts.fragment:
        raise InvalidSetting(key, "must have neither user name nor fragment")
    return value


def _check_host(key: str, url: str, settings: Settings) -> None:
    if url and not settings.push_to_other_hosts and not _is_loopback(urlsplit(url).hostname or ""):
        raise InvalidSetting(
            key,
            "names another machine; use 127.0.0.1 or localhost, or set push_to_other_hosts to true",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _one_of(key: str, value: object, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise InvalidSetting(key, f"must be one of {', '.join(allowed)}")
    return value


_CHECKS = {
    "strict": _flag,
    "nonce_scope": _nonce_scope,
    "timestamp_skew_seconds": _seconds,
    "timestamp_clock": _timestamp_clock,
    "clock_skew_seconds": _skew,
    "nodes": _nodes,
    "visibility_delay_seconds": _seconds_or_never,
    "delivery_delay_seconds": _seconds,
    "review_seconds": _seconds_or_never,
    "query_message_status": _query_message_status,
    "receipt_url": _url,
    "reply_url": _url,
    "push_to_other_hosts": _flag,
    "push_batch_size": _batch_size,
    "push_batch_seconds": _seconds,
    "push_timeout_seconds": _timeout,
    "receipt_duplicates": _duplicates,
}
