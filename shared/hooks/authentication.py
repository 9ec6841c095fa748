"""Who may call a hook: each product shows in its own way that it is the one.

All secrets are compared, each in constant time: how long it takes tells nothing about them. What a
product signs is its body as it came, before anything of it is read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from shared.errors import InvalidRequest, NotAuthenticated
from shared.hooks import hook_settings, products
from shared.hooks.products import PRODUCT_OF, Product
from shared.ids import HOOK_KEY_PREFIX
from shared.settings import read_access
from shared.trigger.api_keys import names_of_key

if TYPE_CHECKING:
    from shared.logs import Log
    from shared.trigger.http_trigger import Request

TOLERANCE = 5 * 60  # seconds that a signed time may be off, as the libraries of Standard Webhooks
MOST_BODY = {products.CODES: 1024 * 1024, products.ALARMS: 4 * 1024 * 1024}  # bytes
_STAMPED = re.compile(rb"[0-9]{1,12}:")  # what Grafana signs in front of a body with its time
_PATH = re.compile(r"/hooks/(?P<name>[a-z0-9-]{1,40})(?:/(?P<token>[^/]+))?")


def product_at(path: str) -> Product:
    """Return the product of ``/hooks/<product>``; raises InvalidRequest (404) for any other."""
    match = _PATH.fullmatch(path)
    product = PRODUCT_OF.get(match["name"]) if match else None
    if not match or not product or bool(match["token"]) != (product.access == products.TOKEN):
        raise _nothing_there()
    return product


def authenticate(request: Request, log: Log) -> str:
    """Let a product in whose hook is open, and that shows who it is; return its space.

    Raises InvalidRequest (404) where no hook is open, NotAuthenticated for anybody else.
    """
    opened = hook_settings.open_hooks(os.environ)
    try:
        product = product_at(request.path)
    except InvalidRequest:
        # Whoever tries paths writes this line, too: it is not the owner's mistake for sure.
        _log_closed(log, f"no hook is at this path; {_hooks(opened)}", level="warning")
        raise
    if product.name not in opened:
        _log_closed(log, f"the hook of {product.name} is closed: add {product.name} to SMS_HOOKS")
        raise _nothing_there()
    if not _WAYS[product.access](product, request, log):
        if product.access == products.TOKEN:
            raise _nothing_there()
        raise NotAuthenticated(_how_to_show(product))
    return product.space


def _how_to_show(product: Product) -> str:
    if product.access == products.KEY:
        return (
            "no valid API key of this hook is shown; send Authorization: Bearer <key>, with a key "
            f"of `make api-key NAME={HOOK_KEY_PREFIX}{product.name}`"
        )
    return (
        "this request does not show that it comes from the hook's product; docs/hooks.md "
        "says which key or signature the product has to send"
    )


def _log_closed(log: Log, remedy: str, level: str = "error") -> None:
    log.event(level, "authenticate", "closed", remedy=remedy)


def _hooks(opened: Sequence[str]) -> str:
    """Return which hooks there are, and which of them are open. The path itself may be a secret."""
    names = ", ".join(opened) if opened else "none"
    return (
        f"SMS_HOOKS opens {names}; the products are {', '.join(PRODUCT_OF)}, each at "
        "/hooks/<product>, and CloudMonitor at /hooks/cloudmonitor/<token>"
    )


def _by_key(product: Product, request: Request, log: Log) -> bool:
    """Whether the API key ``hook-<product>`` is shown, as Bearer, as Basic's password, or alone."""
    access = read_access(os.environ)
    name = f"{HOOK_KEY_PREFIX}{product.name}"
    if name not in access.keys.values():
        remedy = f"SMS_API_KEYS has no key {name}: `make api-key NAME={name}` makes one"
        _log_closed(log, remedy)
    return name in names_of_key(_shown_key(request.headers.get("authorization", "")), access)


def _shown_key(header: str) -> str:
    """Return the key in a header Authorization: ``Bearer key``, ``Basic base64`` or ``key``."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        pair = _decoded(rest.strip()).decode("utf-8", "replace")
        return pair.partition(":")[2]
    return header.strip()


def _by_token(product: Product, request: Request, log: Log) -> bool:
    presented = request.path.rpartition("/")[2].encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(presented).digest()
    known = [hashlib.sha256(each.encode()).digest() for each in _secrets(product, log)]
    return _is_any(digest, known)


def _by_standard_webhooks(product: Product, request: Request, log: Log) -> bool:
    """Whether the three headers of Standard Webhooks fit the body.

    Supabase joins several signatures by a comma and a space, the specification by a space.
    """
    headers = request.headers
    stamp = headers.get("webhook-timestamp", "")
    if not _is_recent(stamp, log.clock.now()):
        return False
    prefix = f"{headers.get('webhook-id', '')}.{stamp}.".encode("utf-8", "surrogatepass")
    signed = prefix + request.content(MOST_BODY[product.kind])
    presented = re.findall(r"v1,([A-Za-z0-9+/]{43}=)", headers.get("webhook-signature", ""))
    keys = [hook_settings.webhook_key(each) for each in _secrets(product, log)]
    return _is_signed(signed, [_decoded(each) for each in presented], keys)


def _by_zitadel(product: Product, request: Request, log: Log) -> bool:
    """Whether ``ZITADEL-Signature: t=<unix seconds>,v1=<hex>`` fits the body."""
    parts = [part.strip() for part in request.headers.get("zitadel-signature", "").split(",")]
    stamp = next((part[2:] for part in parts if part.startswith("t=")), "")
    if not _is_recent(stamp, log.clock.now()):
        return False
    signed = f"{stamp}.".encode() + request.content(MOST_BODY[product.kind])
    presented = [part[3:] for part in parts if part.startswith("v1=")]
    return _is_signed(signed, _from_hex(presented), _keys(product, log))


def _by_key_or_grafana(product: Product, request: Request, log: Log) -> bool:
    """Whether a signature of Grafana fits the body; without one the API key is asked for."""
    presented = request.headers.get("x-grafana-alerting-signature", "")
    if not presented:
        return _by_key(product, request, log)
    stamp = request.headers.get("x-grafana-alerting-timestamp", "")
    content = request.content(MOST_BODY[product.kind])
    if not stamp and _STAMPED.match(content):
        return False  # a recorded request whose time was moved into its body, so as to be unchecked
    if stamp:
        if not _is_recent(stamp, log.clock.now()):
            return False
        content = f"{stamp}:".encode() + content
    return _is_signed(content, _from_hex([presented]), _keys(product, log))


def _by_jwt(product: Product, request: Request, log: Log) -> bool:
    from shared.hooks.jwt import is_valid  # only Auth0 shows one

    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    wanted = hook_settings.jwt_settings(os.environ)
    is_shown = scheme.lower() == "bearer"
    keys = [key for each in _secrets(product, log) for key in (each.encode(), _decoded(each))]
    is_proper = is_valid(
        token.strip(),
        keys=[key for key in keys if key],
        subject=wanted.subject,
        audience=wanted.audience,
        now=log.clock.now(),
    )
    return is_shown and is_proper


def _secrets(product: Product, log: Log) -> tuple[str, ...]:
    """Return the secrets of a product; without one nobody is let in, and the log says so."""
    secrets = hook_settings.secrets_of(product, os.environ)
    if not secrets:
        what = f"{product.secret_variable} is not set, so nobody may call this hook"
        _log_closed(log, f"{what}: set it to the secret that {product.name} has")
    return secrets


def _keys(product: Product, log: Log) -> list[bytes]:
    return [each.encode() for each in _secrets(product, log)]


def _is_signed(content: bytes, presented: Sequence[bytes], keys: Iterable[bytes]) -> bool:
    """Whether one of the signatures `presented` is that of `content` under one of `keys`."""
    known = [hmac.digest(key, content, "sha256") for key in keys if key]
    return any([_is_any(each, known) for each in presented])  # noqa: C419 (all are compared)


def _is_any(presented: bytes, known: Iterable[bytes]) -> bool:
    return any([hmac.compare_digest(presented, each) for each in known])  # noqa: C419


def _is_recent(stamp: str, now: float) -> bool:
    """Whether `stamp`, in seconds since the epoch, is not off by more than TOLERANCE."""
    is_time = bool(re.fullmatch("[0-9]{1,12}", stamp))
    return is_time and abs(int(stamp) - now) <= TOLERANCE


def _from_hex(texts: Iterable[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts if re.fullmatch("[0-9a-fA-F]{64}", text)]


def _decoded(text: str) -> bytes:
    """Return what a text in base64 stands for, nothing when it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _nothing_there() -> InvalidRequest:
    return InvalidRequest(
        "there is no open hook at this path; SMS_HOOKS opens them; a hook's path is "
        "/hooks/<product>, and that of CloudMonitor /hooks/cloudmonitor/<token>",
        status=404,
        code="not-found",
    )


Way = Callable[[Product, "Request", "Log"], bool]
_WAYS: Mapping[str, Way] = {
    products.KEY: _by_key,
    products.TOKEN: _by_token,
    products.STANDARD_WEBHOOKS: _by_standard_webhooks,
    products.ZITADEL: _by_zitadel,
    products.GRAFANA: _by_key_or_grafana,
    products.JWT: _by_jwt,
}
