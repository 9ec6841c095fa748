"""All environment variables of the deployed functions, read and checked in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from shared.errors import ConfigurationError

DEFAULT_ENDPOINT = "https://dysmsapi.aliyuncs.com"
SIGNATURE_METHODS = ("ACS3-HMAC-SHA256", "HMAC-SHA1")
AUTH_TYPES = ("anonymous", "trigger", "function", "jwt")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ContextCredentials(Protocol):
    """Temporary credentials as the runtimes up to python3.10 hand them over."""

    @property
    def access_key_id(self) -> str:
        """The key's id, empty for a function without a role."""

    @property
    def access_key_secret(self) -> str:
        """The key's secret."""

    @property
    def security_token(self) -> str:
        """The token that belongs to the key."""


class Credentials(NamedTuple):
    """A key pair, and the security token when it is a temporary one."""

    access_key_id: str
    access_key_secret: str
    security_token: str = ""

    def __repr__(self) -> str:
        """Hide the secret and the token: a repr may end up in a log."""
        return "Credentials(...)"


class Access(NamedTuple):
    """Who may call: `keys` maps the SHA-256 (hex) of an API key to its name.

    With `by_trigger` the HTTP trigger has authenticated the caller, and keys are not asked for.
    """

    by_trigger: bool
    keys: dict[str, str]


class Settings(NamedTuple):
    """What the functions are told by their environment; see the README's configuration table."""

    sign_name: str
    endpoint: str
    signature_method: str
    code_templates: frozenset[str]
    connect_timeout: float
    read_timeout: float


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`; an empty value counts as unset.

    Raises ConfigurationError naming the variable whose value is malformed.
    """
    return Settings(
        sign_name=_text(environ, "SMS_SIGN_NAME"),
        endpoint=_endpoint(environ, "SMS_ENDPOINT", DEFAULT_ENDPOINT),
        signature_method=_choice(environ, "SMS_SIGNATURE_METHOD", SIGNATURE_METHODS),
        code_templates=frozenset(_list(environ, "SMS_CODE_TEMPLATES")),
        connect_timeout=_seconds(environ, "SMS_CONNECT_TIMEOUT", 2.0),
        read_timeout=_seconds(environ, "SMS_READ_TIMEOUT", 5.0),
    )


def read_access(environ: Mapping[str, str]) -> Access:
    """Read who may call the HTTP functions: SMS_AUTH and SMS_API_KEYS.

    SMS_AUTH is the triggers' authType; ``trigger`` stands for any other that authenticates.
    SMS_API_KEYS is a comma-separated list of ``name:sha256-hex-of-the-key``. Raises
    ConfigurationError when a value is malformed; no key at all is not an error: it admits nobody.
    """
    by_trigger = _choice(environ, "SMS_AUTH", AUTH_TYPES) != "anonymous"
    keys: dict[str, str] = {}
    for position, entry in enumerate(_list(environ, "SMS_API_KEYS"), 1):
        name, _, digest = entry.partition(":")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) or not re.fullmatch(
            r"[0-9a-fA-F]{64}", digest
        ):
            raise ConfigurationError(
                f"SMS_API_KEYS: entry {position} is not of the form name:sha256-hex-of-the-key; "
                "make one with `make api-key NAME=...`"
            )
        keys[digest.lower()] = name
    return Access(by_trigger, keys)


def read_credentials(
    environ: Mapping[str, str], from_context: ContextCredentials | None = None
) -> Credentials:
    """Return the credentials to sign with, read afresh at every call and never kept.

    SMS_ACCESS_KEY_ID and SMS_ACCESS_KEY_SECRET win; then the invocation context's credentials
    (python3.10 and older), then the ALIBABA_CLOUD_* variables that Function Compute sets for a
    function with a role. Raises ConfigurationError when there are none, or half a pair.
    """
    explicit = _key_pair(environ, "SMS_ACCESS_KEY_ID", "SMS_ACCESS_KEY_SECRET")
    if explicit:
        return Credentials(*explicit)
    injected = environ
    if from_context is not None and from_context.access_key_id:
        injected = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": from_context.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": from_context.access_key_secret or "",
            "ALIBABA_CLOUD_SECURITY_TOKEN": from_context.security_token or "",
        }
    pair = _key_pair(injected, "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    if pair:
        return Credentials(*pair, _token(injected, "ALIBABA_CLOUD_SECURITY_TOKEN"))
    raise ConfigurationError(
        "no credentials: attach a role to the function, or set SMS_ACCESS_KEY_ID and "
        "SMS_ACCESS_KEY_SECRET"
    )


def _text(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _list(environ: Mapping[str, str], name: str) -> list[str]:
    return [entry for part in environ.get(name, "").split(",") if (entry := part.strip())]


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = _text(environ, name) or choices[0]
    if value not in choices:
        raise ConfigurationError(f"{name} is none of {', '.join(choices)}")
    return value


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = _text(environ, name)
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", text) or not 0.1 <= float(text) <= 60:
        raise ConfigurationError(f"{name} is not a number of seconds from 0.1 to 60")
    return float(text)


def _endpoint(environ: Mapping[str, str], name: str, default: str) -> str:
    """Return the endpoint as ``scheme://host[:port]``; a bare host name means https."""
    text = _text(environ, name) or default
    problem = ConfigurationError(
        f"{name} is not a host name or https URL without a path, such as {default}"
    )
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        port = url.port
    except ValueError:
        raise problem from None
    host = url.hostname or ""
    if url.username is not None or url.path not in ("", "/") or url.query or url.fragment:
        raise problem
    if not re.fullmatch(r"[a-z0-9.-]+|[0-9a-f:]+", host):
        raise problem
    if url.scheme not in ("http", "https"):
        raise problem
    if url.scheme == "http" and host not in LOOPBACK:
        raise ConfigurationError(f"{name}: plain http is only for this machine; use https://{host}")
    host = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{host}" + (f":{port}" if port else "")


def _key_pair(environ: Mapping[str, str], id_name: str, secret_name: str) -> tuple[str, str] | None:
    key_id, secret = _token(environ, id_name), _token(environ, secret_name)
    if not key_id and not secret:
        return None
    if not key_id or not secret:
        missing, present = (id_name, secret_name) if secret else (secret_name, id_name)
        raise ConfigurationError(f"{missing} is empty but {present} is set: set both or none")
    return key_id, secret


def _token(environ: Mapping[str, str], name: str) -> str:
    """Return a value that will stand in a header or a signing key: printable ASCII, no spaces."""
    value = _text(environ, name)
    if value and not re.fullmatch(r"[!-~]+", value):
        raise ConfigurationError(f"{name} has a space or a character that is not printable ASCII")
    return value
