"""Which hooks are open, and their secrets: SMS_HOOKS and SMS_HOOK_<PRODUCT>_SECRET."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import NamedTuple

from shared import environment
from shared.errors import ConfigurationError
from shared.hooks.products import PRODUCT_OF, STANDARD_WEBHOOKS, TOKEN, Product

_SHORTEST_SECRET = 16  # characters
_MOST_SECRETS = 4  # at a time: the one in use, and those it is being changed to
_URL_SAFE = r"[A-Za-z0-9_-]+"
# The fields of `generic`; what is no path stays out.
_FIELDS = ("number", "code", "kind", "client_ip", "repeat_key")
_PATH = r"[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,9}"


class JwtSettings(NamedTuple):
    """What a JWT of Auth0 has to say: its `subject` and `audience`."""

    subject: str
    audience: str


def open_hooks(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the products whose hooks are open."""
    names = tuple(environment.entries(environ, "SMS_HOOKS"))
    for place, name in enumerate(names, 1):
        if name not in PRODUCT_OF:
            words = f"one of {', '.join(PRODUCT_OF)}"
            raise environment.refusal(f"SMS_HOOKS: entry {place}", words, name)
    return names


def secrets_of(product: Product, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secrets of a product, any of which opens its hook: ``old|new``."""
    name = product.secret_variable
    secrets = tuple(part.strip() for part in environment.text(environ, name).split("|"))
    secrets = tuple(secret for secret in secrets if secret)
    if any(len(secret) < _SHORTEST_SECRET for secret in secrets) or len(secrets) > _MOST_SECRETS:
        words = (
            f"a secret of {_SHORTEST_SECRET} or more characters, or up to {_MOST_SECRETS} of them "
            "with | between, such as 'old|new'"
        )
        raise environment.refusal(name, words)
    if product.access == TOKEN and not all(re.fullmatch(_URL_SAFE, each) for each in secrets):
        raise ConfigurationError(f"{name} goes into a URL: use letters, digits, - and _ alone")
    if product.access == STANDARD_WEBHOOKS and not all(webhook_key(each) for each in secrets):
        raise ConfigurationError(
            f"{name} is not of the form v1,whsec_<base64>: copy the whole secret, with = at its end"
        )
    return secrets


def webhook_key(secret: str) -> bytes:
    """Return the key of a secret of Standard Webhooks, ``v1,whsec_<base64>``; empty for others."""
    try:
        return base64.b64decode(secret.rpartition("whsec_")[2], validate=True)
    except ValueError:
        return b""


def jwt_settings(environ: Mapping[str, str]) -> JwtSettings:
    """Return SMS_HOOK_AUTH0_SUBJECT and SMS_HOOK_AUTH0_AUDIENCE, which a JWT has to name."""
    subject = environment.text(environ, "SMS_HOOK_AUTH0_SUBJECT")
    audience = environment.text(environ, "SMS_HOOK_AUTH0_AUDIENCE")
    if not subject or not audience:
        raise ConfigurationError(
            "SMS_HOOK_AUTH0_SUBJECT and SMS_HOOK_AUTH0_AUDIENCE are not both set: write there what "
            "gateway_authentication has as subject and audience"
        )
    return JwtSettings(subject, audience)


def generic_fields(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return SMS_HOOK_GENERIC_FIELDS: where a body has its number and its code.

    ``number=to,code=payload.code`` reads ``{"to": "+86138...", "payload": {"code": "123456"}}``.
    """
    fields = {}
    for place, entry in enumerate(environment.entries(environ, "SMS_HOOK_GENERIC_FIELDS"), 1):
        name, _, path = entry.partition("=")
        if name not in _FIELDS or not re.fullmatch(_PATH, path):
            words = (
                "a field, = and its place in the JSON, such as code=payload.code; the fields are "
                f"{', '.join(_FIELDS)}"
            )
            raise environment.refusal(f"SMS_HOOK_GENERIC_FIELDS: entry {place}", words, entry)
        fields[name] = path
    if "number" not in fields or "code" not in fields:
        raise ConfigurationError(
            "SMS_HOOK_GENERIC_FIELDS does not say where number and code stand: name both, such as "
            "number=to,code=payload.code"
        )
    return fields
