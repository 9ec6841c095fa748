"""What an emulator knows when it starts: keys, templates, signatures, settings and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from aliyun_sms_emulator.config.settings import Settings
from aliyun_sms_emulator.rules.templates import Template

REVIEW_STATUSES = ("approved", "reviewing", "rejected", "cancelled")
KEY_STATUSES = ("active", "inactive")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair; with `security_token` it is a temporary one that is valid only with it.

    `expires_at` is the token's end in seconds since the epoch.
    """

    id: str
    secret: str = field(repr=False)
    account: str = "default"
    status: str = "active"
    security_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature (sender name), shown in front of the text.

    A `gift` one comes with the verification service (PNVS) and works only there. `registration` has
    `status` and `reasons` for each carrier; one that is left out has registered it.
    """

    name: str
    status: str = "approved"
    gift: bool = False
    registration: dict[str, dict[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """All that is known when the emulator starts.

    With `any_template` every template that is not listed is taken, with `any_signature` every
    signature.
    """

    access_keys: dict[str, AccessKey]
    templates: dict[str, Template]
    signatures: dict[str, Signature]
    settings: Settings
    numbers: dict[str, str]
    faults: list[object] = field(default_factory=list)
    any_template: bool = False
    any_signature: bool = False
