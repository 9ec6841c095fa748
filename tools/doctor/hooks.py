"""Hooks of other products: who may call, what scenes.json says, and test numbers."""

from __future__ import annotations

import time
from pathlib import Path

from shared.errors import ConfigurationError
from shared.fixed_codes import LONGEST_DAYS, read_fixed_codes
from shared.hooks import hook_settings
from shared.hooks.products import ALARMS, GRAFANA, JWT, KEY, PRODUCT_OF, Product
from shared.ids import HOOK_KEY_PREFIX
from shared.sending.scenes import Scenes, load_scenes
from shared.settings import read_access
from tools.doctor.deployment import Deployment
from tools.doctor.findings import ERROR, OK, WARN, Finding, Findings

_DAY = 86400


def examine(deployment: Deployment, scenes_file: Path) -> Findings:
    """Yield what is wrong with the hooks that are open; raises ConfigurationError."""
    names = hook_settings.open_hooks(deployment.environ)
    for name in dict.fromkeys(names):
        yield from _access(PRODUCT_OF[name], deployment)
    scenes = load_scenes(str(scenes_file))
    yield from _scenes(scenes, names, deployment)
    if names and not deployment.environ.get("SMS_STATE_URL"):
        yield Finding(
            "hooks",
            WARN,
            "without shared state a repeat across ten minutes of the clock is sent again",
            "set SMS_STATE_URL and SMS_STATE_SECRET",
        )


def _access(product: Product, deployment: Deployment) -> Findings:
    environ = deployment.environ
    key = f"{HOOK_KEY_PREFIX}{product.name}"
    has_key = key in read_access(environ).keys.values()
    has_secret = product.has_secret and bool(hook_settings.secrets_of(product, environ))
    if product.access == JWT:
        hook_settings.jwt_settings(environ)
    if product.name == "generic":
        hook_settings.generic_fields(environ)
    by_key = product.access in (KEY, GRAFANA)
    if (by_key and has_key) or has_secret:
        yield Finding("hooks", OK, f"{product.name} may call")
    else:
        remedy = (
            f"`make api-key NAME={key}` makes a key; add the entry that it prints to SMS_API_KEYS"
            if by_key
            else f"set {product.secret_variable} to the secret that {product.name} has"
        )
        yield Finding("hooks", ERROR, f"nobody can call the open hook of {product.name}", remedy)


def _scenes(scenes: Scenes, names: tuple[str, ...], deployment: Deployment) -> Findings:
    for key in (*scenes.codes, *scenes.alarms):
        name = key.partition(":")[0]
        if name not in (*PRODUCT_OF, "purpose", "*"):
            yield Finding(
                "scenes",
                WARN,
                f"scenes.json has a scene for {name}, which is no product",
                f"name one of {', '.join(PRODUCT_OF)}, or purpose:<purpose>, or * for every alarm",
            )
    for name in dict.fromkeys(names):
        product = PRODUCT_OF[name]
        if product.kind == ALARMS and not _has_alarm_scene(scenes, name):
            yield Finding(
                "scenes",
                ERROR,
                f"scenes.json has no scene for alarms of {name}, so nobody is told",
                'add one under "alarms", see docs/hooks.md',
            )
        has_template = bool(deployment.environ.get("SMS_CODE_TEMPLATE"))
        if product.kind != ALARMS and not has_template and name not in scenes.codes:
            yield Finding(
                "scenes",
                ERROR,
                f"no template is set for the codes of {name}",
                "set SMS_CODE_TEMPLATE, or add a scene to shared/scenes.json",
            )
    if scenes.codes or scenes.alarms:
        count = len(scenes.codes) + len(scenes.alarms)
        yield Finding(
            "scenes", OK, f"shared/scenes.json has {count} scene{'s' if count > 1 else ''}"
        )


def _has_alarm_scene(scenes: Scenes, name: str) -> bool:
    return any(key == "*" or key.partition(":")[0] == name for key in scenes.alarms)


def examine_test_numbers(deployment: Deployment, now: float | None = None) -> Findings:
    """Yield that test numbers are set, and which are over; `now` is in epoch seconds."""
    codes = read_fixed_codes(deployment.environ)
    now = time.time() if now is None else now
    if not codes:
        return
    if deployment.environ.get("SMS_CODE_BACKEND") == "pnvs":
        raise ConfigurationError("SMS_TEST_NUMBERS needs SMS_CODE_BACKEND=own")
    yield Finding(
        "test numbers",
        WARN,
        f"SMS_TEST_NUMBERS has {len(codes)}: whoever knows an entry passes as that number",
        "take them out when the review is over",
    )
    if over := sum(code.ends_at <= now for code in codes.values()):
        what = f"the last day of {over} of them is over: calls for them are refused"
        yield Finding("test numbers", WARN, what, "take them out of SMS_TEST_NUMBERS")
    if any(code.ends_at - now > (LONGEST_DAYS + 1) * _DAY for code in codes.values()):
        what = f"SMS_TEST_NUMBERS names a day that is more than {LONGEST_DAYS} days away"
        yield Finding("test numbers", ERROR, what, "name an earlier day")
