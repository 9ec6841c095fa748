"""Requests of products that call hooks, and functions that are set up for them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest
from standardwebhooks.webhooks import Webhook

from functions import receive_hook
from shared.hooks.contract import Hook
from shared.sending.scenes import instance_scenes
from shared.state.choice import open_store
from shared.trigger.invocation import instance_settings
from tests.unit.trigger_events import Context, base64_event, http_event

SAMPLES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "hooks.json").read_text(encoding="utf-8")
)
NUMBER = "13800138000"
WEBHOOK_SECRET = "v1,whsec_" + base64.b64encode(b"a secret of Standard Webhooks").decode()
SECRET = "a-secret-of-a-product-" * 3  # PyJWT wants 64 bytes for HS512
TOKEN = "a-token-in-a-url_0123"
SUBJECT, AUDIENCE = "urn:Auth0", "urn:fc-sms"
BY_KEY = (
    *("alertmanager", "authentik", "casdoor", "generic", "grafana", "logto"),
    *("novu", "uptime-kuma"),
)
ALL = (*BY_KEY, "auth0", "cloudmonitor", "supabase", "zitadel")
STATE_SECRET = "the-secret-of-the-state"
# Opens every hook; those by an API key need SMS_API_KEYS, too.
OPENS_ALL = {
    "SMS_HOOKS": ",".join(ALL),
    "SMS_HOOK_SUPABASE_SECRET": WEBHOOK_SECRET,
    "SMS_HOOK_ZITADEL_SECRET": SECRET,
    "SMS_HOOK_AUTH0_SECRET": SECRET,
    "SMS_HOOK_AUTH0_SUBJECT": SUBJECT,
    "SMS_HOOK_AUTH0_AUDIENCE": AUDIENCE,
    "SMS_HOOK_CLOUDMONITOR_SECRET": TOKEN,
    "SMS_HOOK_GENERIC_FIELDS": "number=to,code=payload.code,kind=type",
}
ALARM_SCENE = {
    "template_code": "SMS_200",
    "variables": {"name": "title", "state": "state", "count": "count"},
    "tell": [{"to": [f"+86{NUMBER}"]}],
}
SCENES = {"codes": {}, "alarms": {"*": ALARM_SCENE}}


class Answer(NamedTuple):
    """What a product was answered."""

    status: int
    headers: Mapping[str, str]
    body: Any


def key_of(product: str) -> str:
    """Return the API key of a hook."""
    return f"the-key-of-{product}-4f1d0c5b8e"


def key_entry(name: str, key: str) -> str:
    """Return an entry of SMS_API_KEYS."""
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


def sample(product: str) -> Hook:
    """Return the published request of a product."""
    found = SAMPLES[product]
    return Hook(headers=found["headers"], query={}, body=found["body"].encode())


def signed(product: str, body: bytes, at: float | None = None) -> dict[str, str]:
    """Return the headers by which a product shows who it is, signed now or `at` another time."""
    now = int(time.time() if at is None else at)
    if product == "supabase":
        return webhook_headers(body, now)
    if product == "zitadel":
        digest = hmac.new(SECRET.encode(), f"{now}.".encode() + body, "sha256").hexdigest()
        return {"ZITADEL-Signature": f"t={now},v1={digest}"}
    if product == "auth0":
        return {"Authorization": f"Bearer {token(iat=now, exp=now + 300)}"}
    if product == "cloudmonitor":
        return {}
    return {"Authorization": f"Bearer {key_of(product)}"}


def webhook_headers(body: bytes, now: int, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    """Return the headers of Standard Webhooks, made by its own library."""
    from datetime import datetime, timezone

    webhook = Webhook(secret.removeprefix("v1,"))
    moment = datetime.fromtimestamp(now, tz=timezone.utc)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": webhook.sign("msg_1", moment, body.decode()),
    }


def token(key: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """Return a JWT as Auth0 makes it, by PyJWT."""
    return jwt.encode({"sub": SUBJECT, "aud": AUDIENCE, **claims}, key, algorithm=algorithm)


def path_of(product: str) -> str:
    """Return the path that a product calls."""
    return f"/hooks/{product}" + (f"/{TOKEN}" if product == "cloudmonitor" else "")


def call(product: str, body: bytes | None = None, **arguments: Any) -> Answer:
    """Call a hook as its product does, with its sample where no `body` is given."""
    found = SAMPLES.get(product, {"headers": {}, "body": "{}"})
    content = found["body"].encode() if body is None else body
    headers = {**found["headers"], **signed(product, content), **arguments.pop("headers", {})}
    details = {"path": path_of(product), "key": None, "headers": headers, **arguments}
    try:
        event = http_event(content.decode(), **details)
    except UnicodeDecodeError:
        event = base64_event(content, **details)
    answered: Any = receive_hook.handler(event, Context())
    return Answer(answered["statusCode"], answered["headers"], json.loads(str(answered["body"])))


def forget_instance() -> None:
    """Begin with a new instance, which reads its settings again."""
    for cache in (instance_settings, instance_scenes, open_store):
        cache.cache_clear()


@contextmanager
def hooked(
    environment: pytest.MonkeyPatch, folder: Path, *, has_store: bool = True, **settings: str
) -> Iterator[None]:
    """Set a function up that opens every hook."""
    variables = {
        **OPENS_ALL,
        "SMS_API_KEYS": ",".join(key_entry(f"hook-{product}", key_of(product)) for product in ALL),
        "SMS_CODE_TEMPLATE": "SMS_100",
        "SMS_LOCAL_SCENES": str(folder / "scenes.json"),
    }
    if has_store:
        variables["SMS_STATE_URL"] = f"sqlite://{folder / 'state.db'}"
        variables["SMS_STATE_SECRET"] = STATE_SECRET
    variables["SMS_ALLOW_LOCAL_STATE"] = "1"
    for name, value in {**variables, **settings}.items():
        environment.setenv(name, value)
    write_scenes(folder, SCENES)
    forget_instance()
    try:
        yield
    finally:
        forget_instance()


def write_scenes(folder: Path, scenes: object) -> None:
    """Write scenes.json, and let the next call read it."""
    (folder / "scenes.json").write_text(json.dumps(scenes), encoding="utf-8")
    instance_scenes.cache_clear()
