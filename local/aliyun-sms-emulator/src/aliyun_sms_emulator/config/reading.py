"""Reads and checks a configuration, from YAML or a mapping; and the built-in one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TypeVar, cast

from aliyun_sms_emulator.config.config import (
    KEY_STATUSES,
    REVIEW_STATUSES,
    AccessKey,
    Config,
    Signature,
)
from aliyun_sms_emulator.config.settings import InvalidSetting, Settings
from aliyun_sms_emulator.errors import ConfigError
from aliyun_sms_emulator.faults.fault import InvalidFault
from aliyun_sms_emulator.faults.plan import FaultPlan
from aliyun_sms_emulator.rules.fates import FATE_RULE, is_fate
from aliyun_sms_emulator.rules.phone_numbers import stored_form
from aliyun_sms_emulator.rules.registration import (
    CARRIERS,
    REASONS,
    STATUS_NUMBERS,
    USUAL_REASONS,
)
from aliyun_sms_emulator.rules.templates import TEMPLATE_TYPES, Template

ANY = "any"

_T = TypeVar("_T")
_OPEN = ("templates", "signatures")

_DEFAULT_KEYS = (AccessKey("testid", "testsecret"),)
_DEFAULT_TEMPLATES = (
    Template("SMS_100001", "verification", "您的验证码为${code}，5分钟内有效。", "验证码"),
    Template("SMS_100002", "notification", "${name}，您的订单${order}已发货。", "发货通知"),
    Template("SMS_100003", "international", "Your verification code is ${code}.", "Code"),
    Template("SMS_100004", "promotion", "${name}，会员日全场八折，回复TD退订。", "会员日"),
    Template("SMS_100005", "international", "${intlmsg}", "Full variable"),
    Template(
        "SMS_100006", "verification", "Your code is ${code}, valid 5 minutes.", "English code"
    ),
    Template(
        "SMS_100007", "notification", "告警：${name}，级别${severity}，状态${state}。", "告警通知"
    ),
    Template(
        "SMS_100008",
        "notification",
        "Alarm: ${name}, severity ${severity}, state ${state}.",
        "English alarm",
    ),
    Template("100001", "gift", "您的验证码是${code}，${min}分钟内有效，请勿告诉他人。", "验证码"),
)
_DEFAULT_SIGNATURES = (
    Signature("阿里云短信测试"),
    Signature("fc-sms"),
    Signature("验证码服务", gift=True),
)


def default_config() -> Config:
    """The built-in configuration: one key pair, nine templates, three signatures."""
    return read_config({}, "built-in configuration")


def load_config(path: Path) -> Config:
    """Read a YAML file; raises ConfigError, which names the line."""
    from aliyun_sms_emulator.config.yaml_file import read_yaml

    file = read_yaml(path)
    document = {} if file.document is None else file.document
    if not isinstance(document, Mapping):
        problem = "must be a mapping with keys such as templates or settings"
        raise ConfigError(str(path), "", problem, file.line_of(""))
    try:
        return read_config(document, str(path))
    except ConfigError as error:
        line = file.line_of(error.place)
        raise ConfigError(str(path), error.place, error.problem, line) from error


def read_config(document: Mapping[str, object], source: str) -> Config:
    """Check a parsed configuration; a section that is absent keeps its built-in content.

    `templates: any` takes every template, and every signature unless those are listed.
    """
    any_template = document.get("templates") == ANY
    any_signature = document.get("signatures", ANY if any_template else None) == ANY
    taken = {"templates": any_template, "signatures": any_signature}
    document = {key: value for key, value in document.items() if not taken.get(key)}
    section = _Section(source, "", document)
    section.only("access_keys", "templates", "signatures", "settings", "numbers", "faults")
    return Config(
        access_keys=section.table("access_keys", _read_key, lambda k: k.id, _DEFAULT_KEYS),
        templates=section.table(
            "templates",
            _read_template,
            lambda t: t.code,
            () if any_template else _DEFAULT_TEMPLATES,
        ),
        signatures=section.table(
            "signatures",
            _read_signature,
            lambda s: s.name,
            () if any_signature else _DEFAULT_SIGNATURES,
        ),
        settings=_read_settings(section),
        numbers=_read_numbers(section),
        faults=_read_faults(section),
        any_template=any_template,
        any_signature=any_signature,
    )


def read_template(values: Mapping[str, object]) -> Template:
    """Check one template of a caller; raises ConfigError whose place is the field."""
    return _read_template(_Section("", "", values))


def read_signature(values: Mapping[str, object]) -> Signature:
    """Check one signature of a caller; raises ConfigError whose place is the field."""
    return _read_signature(_Section("", "", values))


class _Section:
    """A mapping of the document together with its place, for error texts."""

    def __init__(self, source: str, place: str, values: Mapping[str, object]) -> None:
        self.source = source
        self.place = place
        self.values = values

    def place_of(self, key: str) -> str:
        """The place of a key in the whole document."""
        return f"{self.place}.{key}" if self.place and key else self.place or key

    def error(self, key: str, problem: str) -> ConfigError:
        return ConfigError(self.source, self.place_of(key), problem)

    def only(self, *known: str) -> None:
        for key in self.values:
            if key not in known:
                raise self.error(str(key), f"unknown key; known are {', '.join(known)}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if value is None:
            raise self.error(key, "is missing; add it")
        if not isinstance(value, str):
            raise self.error(key, "must be a string; put it in quotes")
        if not value:
            raise self.error(key, "must not be empty")
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = self.values.get(key, default)
        if value not in allowed:
            raise self.error(key, f"must be one of {', '.join(allowed)}")
        return str(value)

    def mapping(self, key: str) -> Mapping[str, object]:
        value = self.values.get(key, {})
        if not isinstance(value, Mapping):
            raise self.error(key, "must be a mapping")
        return value

    def table(
        self,
        key: str,
        read: Callable[[_Section], _T],
        name_of: Callable[[_T], str],
        default: tuple[_T, ...],
    ) -> dict[str, _T]:
        if key not in self.values:
            return {name_of(item): item for item in default}
        items = self.values[key]
        if not isinstance(items, list) or not items:
            either = ", or any" if key in _OPEN else ""
            problem = f"must be a list with at least one entry{either}; or leave the key out"
            raise self.error(key, problem)
        result: dict[str, _T] = {}
        for number, values in enumerate(items):
            place = f"{key}[{number}]"
            if not isinstance(values, Mapping):
                raise self.error(place, "must be a mapping")
            item = read(_Section(self.source, place, values))
            if name_of(item) in result:
                raise self.error(place, f"{name_of(item)} stands there twice; remove one")
            result[name_of(item)] = item
        return result


def _read_key(section: _Section) -> AccessKey:
    section.only("id", "secret", "account", "status", "security_token", "expires")
    token = section.text("security_token") if "security_token" in section.values else None
    if token is None and "expires" in section.values:
        raise section.error("expires", "is for keys with a security_token; add one or remove it")
    return AccessKey(
        id=section.text("id"),
        secret=section.text("secret"),
        account=section.text("account", "default"),
        status=section.choice("status", KEY_STATUSES, "active"),
        security_token=token,
        expires_at=_read_expiry(section),
    )


def _read_expiry(section: _Section) -> float | None:
    value = section.values.get("expires")
    if value is None:
        return None
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    except ValueError:
        value = None
    if not isinstance(value, datetime):
        raise section.error("expires", "must be a time such as 2030-01-01T00:00:00Z")
    # PyYAML drops the zone of a timestamp that is written in UTC.
    return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()


def _read_template(section: _Section) -> Template:
    section.only("code", "type", "content", "name", "status")
    template = Template(
        code=section.text("code"),
        type=section.choice("type", TEMPLATE_TYPES),
        content=section.text("content"),
        name=section.text("name", section.text("code")),
        status=section.choice("status", REVIEW_STATUSES, "approved"),
    )
    if template.type == "verification" and len(template.variables) != 1:
        raise section.error("content", "a verification template has exactly one ${variable}")
    if "【" in template.content or "】" in template.content:
        raise section.error("content", "must not contain 【 or 】; the signature is added to it")
    return template


def _read_signature(section: _Section) -> Signature:
    section.only("name", "status", "gift", "registration")
    gift = section.values.get("gift", False)
    if not isinstance(gift, bool):
        raise section.error("gift", "must be true or false")
    return Signature(
        name=section.text("name"),
        status=section.choice("status", REVIEW_STATUSES, "approved"),
        gift=gift,
        registration=_read_registration(section),
    )


def _read_registration(section: _Section) -> dict[str, dict[str, object]]:
    """Read a status for each carrier, or a mapping of status and reasons."""
    carriers = section.mapping("registration")
    below = _Section(section.source, section.place_of("registration"), carriers)
    below.only(*CARRIERS)
    result: dict[str, dict[str, object]] = {}
    for carrier, given in carriers.items():
        values = given if isinstance(given, Mapping) else {"status": given}
        one = _Section(section.source, below.place_of(carrier), values)
        one.only("status", "reasons")
        status = one.choice("status", tuple(STATUS_NUMBERS))
        reasons = values.get("reasons", [USUAL_REASONS[status]])
        if not isinstance(reasons, list) or any(reason not in REASONS for reason in reasons):
            raise one.error("reasons", f"must be a list of {', '.join(REASONS)}")
        result[carrier] = {"status": status, "reasons": reasons}
    return result


def _read_settings(section: _Section) -> Settings:
    try:
        return Settings().changed(section.mapping("settings"))
    except InvalidSetting as error:
        raise section.error(f"settings.{error.key}", error.message) from error


def _read_numbers(section: _Section) -> dict[str, str]:
    result = {}
    for number, fate in section.mapping("numbers").items():
        stored = stored_form(str(number))
        if stored is None:
            raise section.error(f"numbers.{number}", "is no phone number; write digits only")
        if not is_fate(fate):
            raise section.error(f"numbers.{number}", f"must be {FATE_RULE}")
        result[stored] = str(fate)
    return result


def _read_faults(section: _Section) -> list[object]:
    faults = section.values.get("faults", [])
    try:
        FaultPlan().replace(faults)
    except InvalidFault as error:
        raise section.error(error.key.replace("rules", "faults", 1), error.message) from error
    return cast("list[object]", faults)
