"""All environment variables of the deployed functions, read and checked in one place."""

import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from shared.errors import ConfigurationError
from shared.limit_rules import DEFAULT_LIMITS

SHORTEST_SECRET = 16
SIGNATURE_METHODS = ("ACS3-HMAC-SHA256", "HMAC-SHA1")
LIMIT_MODES = ("enforce", "record-only")
AUTH_TYPES = ("anonymous", "trigger", "function", "jwt")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# A name with a dot in it, or an address: a key pasted here by mistake must not be looked up.
_HOST = r"localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[0-9a-f]*:[0-9a-f:]+"


class ContextCredentials(Protocol):
    """Temporary credentials in the context of python3.10; empty without a role."""

    access_key_id: str
    access_key_secret: str
    security_token: str


class Credentials(NamedTuple):
    """A key pair, and the security token when it is a temporary one."""

    access_key_id: str
    access_key_secret: str
    security_token: str = ""

    def __repr__(self) -> str:
        """Hide the secrets, as all such do: a repr may end up in a log."""
        return "Credentials(...)"


class Access(NamedTuple):
    """Who may call: everybody `by_trigger`, which authenticated them, or who has one of `keys`:
    the SHA-256 (hex) of each, and its name.
    """

    by_trigger: bool
    keys: dict[str, str]


class LimitSettings(NamedTuple):
    """What may be sent: `rules` as in DEFAULT_LIMITS, the `countries` abroad that are open, with
    what each may get a day (0: as the rule says), and prefixes of numbers that get nothing.
    """

    rules: Mapping[str, int]
    countries: Mapping[str, int]
    blocked_prefixes: tuple[str, ...]
    is_enforced: bool
    is_confirmation_enforced: bool


class Settings(NamedTuple):
    """What the environment says; see the README's configuration table."""

    sign_name: str
    endpoint: str
    international_endpoint: str
    pnvs_endpoint: str
    base_endpoint: str
    signature_method: str
    code_templates: frozenset[str]
    connect_timeout: float
    read_timeout: float
    settle_seconds: float
    nonce_replay: bool
    state_url: str
    state_secret: str
    intent_ttl: int
    limits: LimitSettings

    def __repr__(self) -> str:
        return "Settings(...)"


class QueueSettings(NamedTuple):
    """The names of the queues of receipts and replies, and where they are."""

    queues: tuple[str, ...]
    mns_endpoint: str


class CodeSettings(NamedTuple):
    """How verification codes are made (`backend` own or pnvs) and sent; `lifetime` is in seconds.

    Abroad goes `message`, with the code for ``{code}``, or `international_template`, or nothing.
    """

    backend: str
    sign_name: str
    template: str
    variable: str
    international_template: str
    message: str
    sender_id: str
    length: int
    lifetime: int
    tries: int


class FileSettings(NamedTuple):
    """Where files of recipients and their results lie; `parallel` parts are sent at a time.

    An empty `oss_endpoint` is the inner one of the bucket's region; folders in `local_buckets` play
    buckets.
    """

    prefix: str
    results_prefix: str
    template_code: str
    encoding: str
    parallel: int
    oss_endpoint: str
    local_buckets: str


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read what all functions need; an empty value counts as unset.

    Raises ConfigurationError naming the variable that is malformed or missing, as all readers do.
    """
    state_url, state_secret = _state(environ)
    return Settings(
        sign_name=_text(environ, "SMS_SIGN_NAME"),
        endpoint=_endpoint(environ, "SMS_ENDPOINT", "https://dysmsapi.aliyuncs.com"),
        international_endpoint=_endpoint(
            environ, "SMS_INTERNATIONAL_ENDPOINT", "https://dysmsapi.ap-southeast-1.aliyuncs.com"
        ),
        pnvs_endpoint=_endpoint(environ, "SMS_PNVS_ENDPOINT", "https://dypnsapi.aliyuncs.com"),
        base_endpoint=_endpoint(environ, "SMS_BASE_ENDPOINT", "https://dybaseapi.aliyuncs.com"),
        signature_method=_choice(environ, "SMS_SIGNATURE_METHOD", SIGNATURE_METHODS),
        code_templates=frozenset(_list(environ, "SMS_CODE_TEMPLATES")),
        connect_timeout=_seconds(environ, "SMS_CONNECT_TIMEOUT", "2"),
        read_timeout=_seconds(environ, "SMS_READ_TIMEOUT", "5"),
        settle_seconds=_seconds(environ, "SMS_SETTLE_SECONDS", "3"),
        nonce_replay=_choice(environ, "SMS_NONCE_REPLAY", ("off", "on")) == "on",
        state_url=state_url,
        state_secret=state_secret,
        intent_ttl=_whole_number(environ, "SMS_INTENT_TTL", 7 * 86400, 3600, 90 * 86400),
        limits=_limits(environ),
    )


def _limits(environ: Mapping[str, str]) -> LimitSettings:
    rules = dict(DEFAULT_LIMITS)
    for entry in _list(environ, "SMS_LIMITS"):
        match = re.fullmatch(r"([a-z-]+)=([0-9]{1,9})", entry)
        if not match or match[1] not in DEFAULT_LIMITS:
            raise ConfigurationError(
                "SMS_LIMITS is no list such as number-per-day=50,mainland-per-day=10000 of the "
                f"rules {', '.join(DEFAULT_LIMITS)}; 0 is no limit"
            )
        rules[match[1]] = int(match[2])
    countries = {}
    for entry in _list(environ, "SMS_COUNTRIES"):
        match = re.fullmatch(r"([A-Z]{2})(?::([0-9]{1,9}))?", entry)
        if not match:
            raise ConfigurationError(
                "SMS_COUNTRIES is no list such as HK,SG:500 of countries in two capital letters "
                "and, if not country-per-day, the messages that each may get a day"
            )
        countries[match[1]] = int(match[2] or 0)
    prefixes = tuple(entry.removeprefix("+") for entry in _list(environ, "SMS_BLOCKED_PREFIXES"))
    if not all(re.fullmatch("[1-9][0-9]{0,14}", prefix) for prefix in prefixes):
        raise ConfigurationError(
            "SMS_BLOCKED_PREFIXES is no list such as 88213,86170 of country codes and digits"
        )
    modes = [
        _choice(environ, "SMS_LIMIT_MODE", LIMIT_MODES) == LIMIT_MODES[0],
        _choice(environ, "SMS_CONFIRMATION_MODE", LIMIT_MODES[::-1]) == LIMIT_MODES[0],
    ]
    return LimitSettings(rules, countries, prefixes, *modes)


def read_access(environ: Mapping[str, str]) -> Access:
    """Read who may call the HTTP functions; without a key nobody may.

    SMS_AUTH is the triggers' authType; ``trigger`` stands for any other that authenticates.
    """
    by_trigger = _choice(environ, "SMS_AUTH", AUTH_TYPES) != "anonymous"
    keys: dict[str, str] = {}
    for position, entry in enumerate(_list(environ, "SMS_API_KEYS"), 1):
        if not re.fullmatch("[A-Za-z0-9_-]{1,64}:[0-9a-fA-F]{64}", entry):
            raise ConfigurationError(
                f"SMS_API_KEYS: entry {position} is not of the form name:sha256-hex-of-the-key; "
                "make one with `make api-key NAME=...`"
            )
        name, digest = entry.split(":")
        keys[digest.lower()] = name
    return Access(by_trigger, keys)


def read_receipt_token(environ: Mapping[str, str]) -> str:
    """Return SMS_RECEIPT_TOKEN, the last segment of the URL that receipts are pushed to."""
    return _text(environ, "SMS_RECEIPT_TOKEN", rf"[A-Za-z0-9_-]{{{SHORTEST_SECRET},200}}")


def read_queue_settings(environ: Mapping[str, str]) -> QueueSettings:
    """Read SMS_RECEIPT_QUEUES, comma-separated queue names, and SMS_MNS_ENDPOINT."""
    queues = _list(environ, "SMS_RECEIPT_QUEUES")
    for queue in queues:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,240}-(SmsReport|SmsUp)", queue):
            raise ConfigurationError(
                "SMS_RECEIPT_QUEUES is not like Alicom-Queue-1-SmsReport,Alicom-Queue-1-SmsUp"
            )
    return QueueSettings(
        tuple(queues),
        _endpoint(
            environ, "SMS_MNS_ENDPOINT", "https://1943695596114318.mns.cn-hangzhou.aliyuncs.com"
        ),
    )


def read_code_settings(environ: Mapping[str, str]) -> CodeSettings:
    """Read how codes are made and sent: SMS_CODE_*."""
    backend = _choice(environ, "SMS_CODE_BACKEND", ("own", "pnvs"))
    templates = r"[A-Za-z0-9_]{1,40}" if backend == "pnvs" else r"SMS_[0-9]{1,32}"
    message = _text(environ, "SMS_CODE_MESSAGE")
    if message and message.count("{code}") != 1:
        raise ConfigurationError("SMS_CODE_MESSAGE does not hold {code} once, where the code goes")
    abroad = _text(environ, "SMS_CODE_INTERNATIONAL_TEMPLATE", r"SMS_[0-9]{1,32}")
    if message and abroad:
        raise ConfigurationError(
            "SMS_CODE_MESSAGE and SMS_CODE_INTERNATIONAL_TEMPLATE are both set: set one"
        )
    return CodeSettings(
        backend=backend,
        sign_name=_text(environ, "SMS_CODE_SIGN_NAME") or _text(environ, "SMS_SIGN_NAME"),
        template=_text(environ, "SMS_CODE_TEMPLATE", templates),
        variable=_text(environ, "SMS_CODE_VARIABLE", r"[A-Za-z_][A-Za-z0-9_]{0,63}") or "code",
        international_template=abroad,
        message=message,
        sender_id=_text(environ, "SMS_CODE_SENDER_ID"),
        length=_whole_number(environ, "SMS_CODE_LENGTH", 6, 4, 8),
        lifetime=_whole_number(environ, "SMS_CODE_LIFETIME", 300, 60, 600),
        tries=_whole_number(environ, "SMS_CODE_TRIES", 5, 1, 10),
    )


def read_file_settings(environ: Mapping[str, str]) -> FileSettings:
    """Read how to send to files of recipients."""
    prefix = _text(environ, "SMS_FILE_PREFIX") or "sms-files/"
    results = _text(environ, "SMS_FILE_RESULTS_PREFIX") or "sms-results/"
    for name, value in (("SMS_FILE_PREFIX", prefix), ("SMS_FILE_RESULTS_PREFIX", results)):
        if value.startswith("/") or not value.endswith("/"):
            raise ConfigurationError(f"{name} is not of the form folder/ or folder/folder/")
    if prefix.startswith(results) or results.startswith(prefix):
        raise ConfigurationError(
            "SMS_FILE_PREFIX and SMS_FILE_RESULTS_PREFIX overlap: choose two folders beside each "
            "other"
        )
    local = _text(environ, "SMS_LOCAL_BUCKETS")
    if local and not _allows_local_state(environ):
        raise ConfigurationError(
            "SMS_LOCAL_BUCKETS is for a machine of your own; set SMS_ALLOW_LOCAL_STATE=1 there"
        )
    return FileSettings(
        prefix=prefix,
        results_prefix=results,
        template_code=_text(environ, "SMS_FILE_TEMPLATE_CODE", r"SMS_[0-9]{1,32}"),
        encoding=_choice(environ, "SMS_FILE_ENCODING", ("auto", "utf-8", "gbk")),
        parallel=_whole_number(environ, "SMS_FILE_PARALLEL", 8, 1, 64),
        oss_endpoint=_text(environ, "SMS_OSS_ENDPOINT")
        and _endpoint(environ, "SMS_OSS_ENDPOINT", "https://oss-cn-hangzhou-internal.aliyuncs.com"),
        local_buckets=local,
    )


def read_credentials(
    environ: Mapping[str, str], from_context: ContextCredentials | None = None
) -> Credentials:
    """Return the credentials to sign with, read afresh at every call and never kept.

    SMS_ACCESS_KEY_* win; then the context's, then ALIBABA_CLOUD_*, which Function Compute sets for
    a function with a role. Raises ConfigurationError for none, or half a pair.
    """
    explicit = _key_pair(environ, "SMS_ACCESS_KEY_ID", "SMS_ACCESS_KEY_SECRET")
    if explicit:
        return Credentials(*explicit)
    if from_context is not None and from_context.access_key_id:
        environ = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": from_context.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": from_context.access_key_secret or "",
            "ALIBABA_CLOUD_SECURITY_TOKEN": from_context.security_token or "",
        }
    pair = _key_pair(environ, "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    if pair:
        return Credentials(*pair, _token(environ, "ALIBABA_CLOUD_SECURITY_TOKEN"))
    raise ConfigurationError(
        "no credentials: attach a role to the function, or set SMS_ACCESS_KEY_ID and "
        "SMS_ACCESS_KEY_SECRET"
    )


def _text(environ: Mapping[str, str], name: str, form: str = "") -> str:
    value = environ.get(name, "").strip()
    if value and form and not re.fullmatch(form, value):
        raise ConfigurationError(f"{name} is not of the form {form}")
    return value


def _list(environ: Mapping[str, str], name: str) -> list[str]:
    return [entry for part in environ.get(name, "").split(",") if (entry := part.strip())]


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = _text(environ, name) or choices[0]
    if value not in choices:
        raise ConfigurationError(f"{name} is none of {', '.join(choices)}")
    return value


def _seconds(environ: Mapping[str, str], name: str, default: str) -> float:
    text = _text(environ, name) or default
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", text) or not 0.1 <= float(text) <= 60:
        raise ConfigurationError(f"{name} is not a number of seconds from 0.1 to 60")
    return float(text)


def _whole_number(
    environ: Mapping[str, str], name: str, default: int, lowest: int, highest: int
) -> int:
    text = _text(environ, name) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
        raise ConfigurationError(f"{name} is not a whole number from {lowest} to {highest}")
    return int(text)


def _state(environ: Mapping[str, str]) -> tuple[str, str]:
    url, secret = _text(environ, "SMS_STATE_URL"), _text(environ, "SMS_STATE_SECRET")
    if url and not re.fullmatch("rediss?://.+|sqlite:///.*[^/]", url):
        raise ConfigurationError(
            "SMS_STATE_URL is none of redis://host:port/db, rediss://host:port/db, sqlite:///path"
        )
    if not _allows_local_state(environ) and url.startswith("sqlite"):
        raise ConfigurationError(
            "SMS_STATE_URL: on Function Compute a file belongs to one instance; use Redis, or set "
            "SMS_ALLOW_LOCAL_STATE=1 on a machine of your own"
        )
    if url and len(secret) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"SMS_STATE_SECRET has fewer than {SHORTEST_SECRET} characters; it must be hard to "
            "guess"
        )
    return url, secret


def _allows_local_state(environ: Mapping[str, str]) -> bool:
    return _choice(environ, "SMS_ALLOW_LOCAL_STATE", ("0", "1")) == "1"


def _endpoint(environ: Mapping[str, str], name: str, default: str) -> str:
    """Return the endpoint as ``scheme://host[:port]``; a bare host name means https."""
    text = _text(environ, name) or default
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        host, port = url.hostname or "", f":{url.port}" if url.port else ""
        is_bare = (
            url.path in ("", "/") and not (url.query or url.fragment) and "@" not in url.netloc
        )
        is_endpoint = is_bare and re.fullmatch(_HOST, host)
    except ValueError:
        is_endpoint = None
    if not is_endpoint or url.scheme not in ("http", "https"):
        raise ConfigurationError(
            f"{name} is not a host name or https URL without a path, such as {default}"
        )
    if url.scheme == "http" and host not in LOOPBACK:
        raise ConfigurationError(f"{name}: plain http is only for this machine; use https://{host}")
    return f"{url.scheme}://[{host}]{port}" if ":" in host else f"{url.scheme}://{host}{port}"


def _key_pair(environ: Mapping[str, str], id_name: str, secret_name: str) -> tuple[str, str] | None:
    key_id, secret = _token(environ, id_name), _token(environ, secret_name)
    if not key_id and not secret:
        return None
    if not key_id or not secret:
        missing, present = (id_name, secret_name) if secret else (secret_name, id_name)
        raise ConfigurationError(f"{missing} is empty but {present} is set: set both or none")
    return key_id, secret


def _token(environ: Mapping[str, str], name: str) -> str:
    value = _text(environ, name)
    if value and not re.fullmatch(r"[!-~]+", value):
        raise ConfigurationError(f"{name} has a space or a character that is not printable ASCII")
    return value
