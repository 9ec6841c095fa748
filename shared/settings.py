"""All environment variables of the deployed functions, read and checked in one place.

A reader takes the environment and returns what it says; an empty value counts as unset. It raises
ConfigurationError, which names the variable and tells no secret, for one that is malformed, that
holds bytes that are no UTF-8, or that is missing and has no default. docs/configuration.md
says what each is for.

What is read are NamedTuples, as all records of the deployed code: a dataclass would read the same,
but to import dataclasses takes 4 to 9 ms of a cold start.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from shared import environment, forms
from shared.errors import ConfigurationError
from shared.limit_rules import RULES

if TYPE_CHECKING:
    from shared.fixed_codes import FixedCode

SHORTEST_SECRET = 16  # characters
HOW_TO_MAKE_ONE = "make one with python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
MOST_RECEIPT_TOKENS = 2  # the one in use and, while it is being changed, the next
SIGNATURE_METHODS = ("ACS3-HMAC-SHA256", "HMAC-SHA1")
LIMIT_MODES = ("enforce", "record-only")
AUTH_TYPES = ("anonymous", "trigger", "function", "jwt")
_COUNTRY = forms.Form(
    r"[A-Z]{2}(:[0-9]{1,9})?",
    "a country in two capital letters, and for a limit of its own a colon and its messages a day, "
    "such as HK or SG:500",
)
_PREFIX = forms.Form(
    r"\+?[1-9][0-9]{0,14}", "a country code and the first digits behind it, such as 86170"
)
_QUEUE = forms.Form(
    r"[A-Za-z0-9-]{1,240}-(SmsReport|SmsUp)",
    "the name of a queue that ends in -SmsReport or -SmsUp, such as Alicom-Queue-1-SmsReport",
)


class ContextCredentials(Protocol):
    """Temporary credentials in the context of python3.10; empty where the function has no role."""

    access_key_id: str
    access_key_secret: str
    security_token: str


class Credentials(NamedTuple):
    """A key pair, and its security token when it is a temporary one, else ""."""

    access_key_id: str
    access_key_secret: str
    security_token: str = ""

    def __repr__(self) -> str:
        """Hide the secrets, as every __repr__ here does: one may end up in a log."""
        return "Credentials(...)"


class Access(NamedTuple):
    """Who may call: everybody if `by_trigger`, for then the trigger authenticated them; else who
    has one of `keys`.

    `keys` maps the SHA-256 of each key, in lower-case hex, to the key's name. `malformed` are the
    places of entries that cannot be read, from 1: they lock out their own callers and nobody else.
    """

    by_trigger: bool
    keys: dict[str, str]
    malformed: tuple[int, ...] = ()

    @property
    def remedy(self) -> str:
        """What is wrong with the keys and what to do, "" where nothing is."""
        if self.by_trigger or (self.keys and not self.malformed):
            return ""
        if not self.malformed:
            return "SMS_API_KEYS is not set, so nobody may call: `make api-key NAME=...` makes one"
        one = len(self.malformed) == 1
        listed = ", ".join(map(str, self.malformed))
        return (
            f"SMS_API_KEYS: {'entry' if one else 'entries'} {listed} {'is' if one else 'are'} not "
            f"of the form name:sha256-hex-of-the-key, so {'that key is' if one else 'they are'} "
            "refused; `make api-key NAME=...` makes an entry"
        )


class LimitSettings(NamedTuple):
    """What may be sent: `rules` by name (0 is no limit), the `countries` abroad that are open, with
    what each may get a day (0: as the rule says), and prefixes of numbers that get nothing.
    """

    rules: Mapping[str, int]
    countries: Mapping[str, int]
    blocked_prefixes: tuple[str, ...]
    is_enforced: bool
    is_confirmation_enforced: bool


class Settings(NamedTuple):
    """What all functions need.

    Endpoints are ``scheme://host[:port]``. Timeouts, `settle_seconds` and `intent_ttl` are in
    seconds. Texts that are not set are "".
    """

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

    @property
    def event_secret(self) -> str:
        """What the ids of events are keyed with: nothing where there is no shared state."""
        return self.state_secret if self.state_url else ""

    def __repr__(self) -> str:
        return "Settings(...)"


class QueueSettings(NamedTuple):
    """The names of the queues of receipts and replies, and the endpoint where they are."""

    queues: tuple[str, ...]
    mns_endpoint: str


class CodeSettings(NamedTuple):
    """How verification codes are made (`backend` is ``own`` or ``pnvs``) and sent.

    `template` and its `variable`, which carries the code, are for the mainland. Abroad goes
    `message`, in which ``{code}`` stands for the code, or `international_template`, or nothing.
    A code has `length` digits, is valid for `lifetime` seconds, and may be typed in `tries` times.
    `fixed_codes` are those of test numbers, by number in E.164.
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
    fixed_codes: Mapping[str, "FixedCode"] = {}

    def fixed_code(self, e164: str, now: float, *, field: str = "phone_number") -> str:
        """Return the code of a test number at `now` (epoch seconds), "" for any other number.

        `field` is the number's place in the request. Raises what fixed_codes.fixed_code does.
        """
        if not self.fixed_codes:
            return ""
        from shared.fixed_codes import fixed_code  # nearly nobody has test numbers

        return fixed_code(self.fixed_codes, e164, now, field=field)


class FileSettings(NamedTuple):
    """How files of recipients are sent; `parallel` parts of a file are sent at a time.

    `columns` are those of a CSV file that are template variables; () stands for all.
    Files lie under `prefix` in a bucket, their results go under `results_prefix`; both end with a
    slash. Without `oss_endpoint` a bucket is asked at the inner endpoint of its region. The folders
    in `local_buckets` play buckets on a machine of one's own.
    """

    prefix: str
    results_prefix: str
    template_code: str
    encoding: str
    columns: tuple[str, ...]
    parallel: int
    oss_endpoint: str
    local_buckets: str


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read what all functions need."""
    state_url, state_secret = _state(environ)
    return Settings(
        sign_name=environment.text(environ, "SMS_SIGN_NAME", forms.SIGNATURE),
        endpoint=environment.endpoint(environ, "SMS_ENDPOINT", "https://dysmsapi.aliyuncs.com"),
        international_endpoint=environment.endpoint(
            environ, "SMS_INTERNATIONAL_ENDPOINT", "https://dysmsapi.ap-southeast-1.aliyuncs.com"
        ),
        pnvs_endpoint=environment.endpoint(
            environ, "SMS_PNVS_ENDPOINT", "https://dypnsapi.aliyuncs.com"
        ),
        base_endpoint=environment.endpoint(
            environ, "SMS_BASE_ENDPOINT", "https://dybaseapi.aliyuncs.com"
        ),
        signature_method=environment.choice(
            environ, "SMS_SIGNATURE_METHOD", SIGNATURE_METHODS, default="ACS3-HMAC-SHA256"
        ),
        code_templates=frozenset(
            environment.entries(environ, "SMS_CODE_TEMPLATES", forms.ANY_TEMPLATE)
        ),
        connect_timeout=environment.seconds(environ, "SMS_CONNECT_TIMEOUT", default=2.0),
        read_timeout=environment.seconds(environ, "SMS_READ_TIMEOUT", default=5.0),
        settle_seconds=environment.seconds(environ, "SMS_SETTLE_SECONDS", default=3.0),
        nonce_replay=environment.choice(environ, "SMS_NONCE_REPLAY", ("off", "on"), default="off")
        == "on",
        state_url=state_url,
        state_secret=state_secret,
        intent_ttl=environment.whole_number(
            environ,
            "SMS_INTENT_TTL",
            unit="seconds",
            default=7 * 86400,
            lowest=3600,
            highest=90 * 86400,
        ),
        limits=_limits(environ),
    )


def _limits(environ: Mapping[str, str]) -> LimitSettings:
    limit_mode = environment.choice(environ, "SMS_LIMIT_MODE", LIMIT_MODES, default="enforce")
    confirmation_mode = environment.choice(
        environ, "SMS_CONFIRMATION_MODE", LIMIT_MODES, default="record-only"
    )
    prefixes = environment.entries(environ, "SMS_BLOCKED_PREFIXES", _PREFIX)
    return LimitSettings(
        rules=_rules(environ),
        countries=_countries(environ),
        blocked_prefixes=tuple(prefix.removeprefix("+") for prefix in prefixes),
        is_enforced=limit_mode == "enforce",
        is_confirmation_enforced=confirmation_mode == "enforce",
    )


def _rules(environ: Mapping[str, str]) -> dict[str, int]:
    """Return the number of each rule: that of SMS_LIMITS, else its default."""
    rules = {rule.name: rule.default for rule in RULES}
    for place, entry in enumerate(environment.entries(environ, "SMS_LIMITS"), 1):
        match = re.fullmatch(r"([a-z-]+)=([0-9]{1,9})", entry)
        if not match or match[1] not in rules:
            words = (
                "a rule, = and a whole number, such as number-per-day=50, where 0 is no limit; the "
                f"rules are {', '.join(rules)}"
            )
            raise environment.refusal(f"SMS_LIMITS: entry {place}", words, entry)
        rules[match[1]] = int(match[2])
    return rules


def _countries(environ: Mapping[str, str]) -> dict[str, int]:
    """Return the countries of SMS_COUNTRIES, each with what it may get a day, 0 if it says none."""
    entries = environment.entries(environ, "SMS_COUNTRIES", _COUNTRY)
    if not entries:  # most deployments send to the mainland alone
        return {}
    from shared.dial_codes import DIAL_CODES

    countries = {}
    for place, entry in enumerate(entries, 1):
        country, _, most = entry.partition(":")
        if country not in DIAL_CODES.values():
            raise ConfigurationError(
                f"SMS_COUNTRIES: entry {place} is no country with phone numbers of its own: write "
                "two letters of ISO 3166, such as GB for the United Kingdom"
            )
        countries[country] = int(most or 0)
    return countries


def read_access(environ: Mapping[str, str]) -> Access:
    """Read who may call the HTTP functions: SMS_AUTH and SMS_API_KEYS. Without a key nobody may.

    A malformed key is no error: it would lock out the callers of all the others.

    SMS_AUTH is the authType of the triggers: ``anonymous`` leaves it to us to ask for a key.
    ``trigger`` stands for any authType that authenticates.
    """
    by_trigger = (
        environment.choice(environ, "SMS_AUTH", AUTH_TYPES, default="anonymous") != "anonymous"
    )
    keys: dict[str, str] = {}
    malformed: list[int] = []
    for position, entry in enumerate(environment.entries(environ, "SMS_API_KEYS"), 1):
        if not re.fullmatch("[A-Za-z0-9_-]{1,40}:[0-9a-fA-F]{64}", entry):
            malformed.append(position)
            continue
        name, digest = entry.split(":")
        keys[digest.lower()] = name
    return Access(by_trigger, keys, tuple(malformed))


def read_event_caller(environ: Mapping[str, str]) -> str:
    """Return SMS_EVENT_CALLER: the name of the API key that events and files send for, or ""."""
    return environment.text(environ, "SMS_EVENT_CALLER", forms.CALLER)


def read_receipt_tokens(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the tokens in SMS_RECEIPT_TOKEN, each the last segment of a URL for receipts.

    There may be none, one, or two with a comma between them, such as ``old,new``.
    """
    tokens = tuple(environment.entries(environ, "SMS_RECEIPT_TOKEN"))
    form = rf"[A-Za-z0-9_-]{{{SHORTEST_SECRET},200}}"
    are_proper = all(re.fullmatch(form, token) for token in tokens)
    if not are_proper or len(tokens) > MOST_RECEIPT_TOKENS:
        raise ConfigurationError(
            f"SMS_RECEIPT_TOKEN must be {SHORTEST_SECRET} to 200 letters, digits, - and _, or two "
            f"such tokens with a comma between; {HOW_TO_MAKE_ONE}"
        )
    return tokens


def read_templates_of_codes(environ: Mapping[str, str]) -> frozenset[str]:
    """Return every template whose text holds a code, whichever function sends it."""
    names = ("SMS_CODE_TEMPLATE", "SMS_CODE_INTERNATIONAL_TEMPLATE")
    ours = (environment.text(environ, name) for name in names)
    return frozenset((*environment.entries(environ, "SMS_CODE_TEMPLATES"), *filter(None, ours)))


def read_queue_settings(environ: Mapping[str, str]) -> QueueSettings:
    """Read SMS_RECEIPT_QUEUES, comma-separated queue names, and SMS_MNS_ENDPOINT."""
    return QueueSettings(
        queues=tuple(environment.entries(environ, "SMS_RECEIPT_QUEUES", _QUEUE)),
        mns_endpoint=environment.endpoint(
            environ, "SMS_MNS_ENDPOINT", "https://1943695596114318.mns.cn-hangzhou.aliyuncs.com"
        ),
    )


def read_code_settings(environ: Mapping[str, str]) -> CodeSettings:
    """Read how codes are made and sent: SMS_CODE_*."""
    backend = environment.choice(environ, "SMS_CODE_BACKEND", ("own", "pnvs"), default="own")
    at_home = forms.ANY_TEMPLATE if backend == "pnvs" else forms.TEMPLATE
    message = environment.text(environ, "SMS_CODE_MESSAGE", forms.MESSAGE)
    if message and message.count("{code}") != 1:
        words = "a text with {code} in it once, where the code goes, such as '{code} is your code.'"
        raise environment.refusal("SMS_CODE_MESSAGE", words)
    abroad = environment.text(environ, "SMS_CODE_INTERNATIONAL_TEMPLATE", forms.TEMPLATE)
    if message and abroad:
        raise ConfigurationError(
            "SMS_CODE_MESSAGE and SMS_CODE_INTERNATIONAL_TEMPLATE are both set: set one, and leave "
            "the other empty"
        )
    return CodeSettings(
        backend=backend,
        sign_name=environment.text(environ, "SMS_CODE_SIGN_NAME", forms.SIGNATURE)
        or environment.text(environ, "SMS_SIGN_NAME", forms.SIGNATURE),
        template=environment.text(environ, "SMS_CODE_TEMPLATE", at_home),
        variable=environment.text(environ, "SMS_CODE_VARIABLE", forms.VARIABLE) or "code",
        international_template=abroad,
        message=message,
        sender_id=environment.text(environ, "SMS_CODE_SENDER_ID", forms.SENDER),
        length=environment.whole_number(
            environ, "SMS_CODE_LENGTH", unit="digits", default=6, lowest=4, highest=8
        ),
        lifetime=environment.whole_number(
            environ, "SMS_CODE_LIFETIME", unit="seconds", default=300, lowest=60, highest=600
        ),
        tries=environment.whole_number(
            environ, "SMS_CODE_TRIES", unit="tries", default=5, lowest=1, highest=10
        ),
        fixed_codes=_fixed_codes(environ),
    )


def _fixed_codes(environ: Mapping[str, str]) -> Mapping[str, "FixedCode"]:
    """Return the codes of test numbers, SMS_TEST_NUMBERS."""
    if not environment.text(environ, "SMS_TEST_NUMBERS"):
        return {}
    from shared.fixed_codes import read_fixed_codes  # nearly nobody has any

    return read_fixed_codes(environ)


def read_file_settings(environ: Mapping[str, str]) -> FileSettings:
    """Read how files of recipients are sent: SMS_FILE_*, SMS_OSS_ENDPOINT, SMS_LOCAL_BUCKETS."""
    prefix = environment.text(environ, "SMS_FILE_PREFIX") or "sms-files/"
    results = environment.text(environ, "SMS_FILE_RESULTS_PREFIX") or "sms-results/"
    for name, value in (("SMS_FILE_PREFIX", prefix), ("SMS_FILE_RESULTS_PREFIX", results)):
        if value.startswith("/") or not value.endswith("/"):
            words = "a folder with / at its end and none in front, such as sms-files/"
            raise environment.refusal(name, words)
    if prefix.startswith(results) or results.startswith(prefix):
        raise ConfigurationError(
            "SMS_FILE_PREFIX and SMS_FILE_RESULTS_PREFIX overlap: choose two folders beside each "
            "other"
        )
    local = environment.text(environ, "SMS_LOCAL_BUCKETS")
    if local and not _allows_local_state(environ):
        raise ConfigurationError(
            "SMS_LOCAL_BUCKETS is for a machine of your own; set SMS_ALLOW_LOCAL_STATE=1 there"
        )
    return FileSettings(
        prefix=prefix,
        results_prefix=results,
        template_code=environment.text(environ, "SMS_FILE_TEMPLATE_CODE", forms.TEMPLATE),
        encoding=environment.choice(
            environ, "SMS_FILE_ENCODING", ("auto", "utf-8", "gbk"), default="auto"
        ),
        columns=tuple(environment.entries(environ, "SMS_FILE_COLUMNS", forms.VARIABLE)),
        parallel=environment.whole_number(
            environ, "SMS_FILE_PARALLEL", unit="parts", default=8, lowest=1, highest=64
        ),
        oss_endpoint=(
            environment.endpoint(
                environ, "SMS_OSS_ENDPOINT", "https://oss-cn-hangzhou-internal.aliyuncs.com"
            )
            if environment.text(environ, "SMS_OSS_ENDPOINT")
            else ""
        ),
        local_buckets=local,
    )


def read_credentials(
    environ: Mapping[str, str], from_context: ContextCredentials | None = None
) -> Credentials:
    """Return the credentials to sign with.

    SMS_ACCESS_KEY_* win; then those of the context; then ALIBABA_CLOUD_*, which Function Compute
    sets for a function with a role. Those of a role are temporary: read them at every call, and
    keep none. Raises ConfigurationError for none, or half a pair.
    """
    explicit = _key_pair(environ, "SMS_ACCESS_KEY_ID", "SMS_ACCESS_KEY_SECRET")
    if explicit:
        return explicit
    if from_context is not None and from_context.access_key_id:
        environ = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": from_context.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": from_context.access_key_secret or "",
            "ALIBABA_CLOUD_SECURITY_TOKEN": from_context.security_token or "",
        }
    pair = _key_pair(environ, "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    if pair:
        return pair._replace(
            security_token=environment.token(environ, "ALIBABA_CLOUD_SECURITY_TOKEN")
        )
    raise ConfigurationError(
        "no credentials: attach a role to the function, or set SMS_ACCESS_KEY_ID and "
        "SMS_ACCESS_KEY_SECRET"
    )


def _state(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return SMS_STATE_URL and SMS_STATE_SECRET, which is required with it."""
    url, secret = (
        environment.text(environ, "SMS_STATE_URL"),
        environment.text(environ, "SMS_STATE_SECRET"),
    )
    if url and not re.fullmatch("rediss?://.+|sqlite:///.*[^/]", url):
        words = "one of redis://host:port/db, rediss://host:port/db, sqlite:///path"
        raise environment.refusal("SMS_STATE_URL", words, url)
    if not _allows_local_state(environ) and url.startswith("sqlite"):
        raise ConfigurationError(
            "SMS_STATE_URL: on Function Compute a file belongs to one instance; use Redis, or set "
            "SMS_ALLOW_LOCAL_STATE=1 on a machine of your own"
        )
    if url and not secret:
        raise ConfigurationError(
            f"SMS_STATE_SECRET is not set, and SMS_STATE_URL needs it: {HOW_TO_MAKE_ONE}"
        )
    if url and len(secret) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"SMS_STATE_SECRET has fewer than {SHORTEST_SECRET} characters, so it is easy to "
            f"guess: {HOW_TO_MAKE_ONE}"
        )
    return url, secret


def _allows_local_state(environ: Mapping[str, str]) -> bool:
    return environment.choice(environ, "SMS_ALLOW_LOCAL_STATE", ("0", "1"), default="0") == "1"


def _key_pair(environ: Mapping[str, str], id_name: str, secret_name: str) -> Credentials | None:
    """Return the pair that two variables hold, or None where both are empty."""
    key_id, secret = environment.token(environ, id_name), environment.token(environ, secret_name)
    if not key_id and not secret:
        return None
    if not key_id or not secret:
        missing, present = (id_name, secret_name) if secret else (secret_name, id_name)
        raise ConfigurationError(f"{missing} is empty but {present} is set: set both or none")
    return Credentials(key_id, secret)
