"""Who may call a hook: each product in its own way, and nobody else."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions import send_sms
from shared.errors import ConfigurationError, InvalidRequest, NotAuthenticated
from shared.hooks.authentication import TOLERANCE, authenticate
from shared.hooks.hook_settings import open_hooks, secrets_of
from shared.hooks.jwt import is_valid
from shared.hooks.products import PRODUCT_OF, PRODUCTS
from shared.logs import Log
from shared.trigger.http_trigger import Request
from tests.unit.hook_requests import (
    ALL,
    AUDIENCE,
    BY_KEY,
    SAMPLES,
    SECRET,
    SUBJECT,
    WEBHOOK_SECRET,
    call,
    hooked,
    key_entry,
    key_of,
    path_of,
    token,
    webhook_headers,
)
from tests.unit.manual_clock import ManualClock
from tests.unit.sms_platform import Platform
from tests.unit.trigger_events import Context, http_event

SIGNED_AT = 1796032800  # when the published samples were signed
PUBLISHED_SECRETS = {
    "SMS_HOOK_SUPABASE_SECRET": "v1,whsec_ZmMtc21zLXNhbXBsZS1zZWNyZXQtbm90LWZvci11c2U=",
    "SMS_HOOK_ZITADEL_SECRET": "zitadel-sample-signing-key",
    "SMS_HOOK_AUTH0_SECRET": "auth0-sample-gateway-secret",
    "SMS_HOOK_GRAFANA_SECRET": "grafana-sample-secret",
}
GRAFANA_SIGNATURE = "d5b95322fdfe43fc1502c6c01aa27023442d135705fb53a336b78b04eb3d3586"
GRAFANA_TIMED = "b6ff2dca105402fd1ac346827a8006d9f6bed6d754f40443712d51c03241276b"


@pytest.fixture(autouse=True)
def _hooked(deployed: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    with hooked(deployed, tmp_path):
        yield


@pytest.fixture
def published(deployed: pytest.MonkeyPatch) -> None:
    """The secrets that the published samples are signed with."""
    for name, value in PUBLISHED_SECRETS.items():
        deployed.setenv(name, value)


def entered(product: str, headers: dict[str, str], *, at: float = SIGNED_AT, body: str = "") -> str:
    """Return the space of who sends the sample of a product with such headers."""
    request = Request(
        method="POST",
        path=path_of(product),
        headers={name.lower(): value for name, value in headers.items()},
        query={},
        body=body or SAMPLES[product]["body"],
        is_base64=False,
    )
    log = Log("invocation-x", "receive_hook", b"key", ManualClock(at).as_clock(), io.StringIO())
    return authenticate(request, log)


@pytest.mark.parametrize("product", ["supabase", "zitadel", "auth0"])
@pytest.mark.usefixtures("published")
def test_the_published_signature_of_a_product_lets_it_in(product: str) -> None:
    assert entered(product, SAMPLES[product]["headers"]) == f".hook-{product}"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Grafana-Alerting-Signature": GRAFANA_SIGNATURE},
        {
            "X-Grafana-Alerting-Signature": GRAFANA_TIMED,
            "X-Grafana-Alerting-Timestamp": str(SIGNED_AT),
        },
    ],
)
@pytest.mark.usefixtures("published")
def test_the_published_signatures_of_grafana_let_it_in(headers: dict[str, str]) -> None:
    assert entered("grafana", headers) == ".hook-grafana"
    with pytest.raises(NotAuthenticated):
        entered("grafana", headers, body="{}")


@pytest.mark.usefixtures("published")
def test_a_recorded_request_of_grafana_cannot_hide_its_time_in_its_body() -> None:
    """What is signed are the same bytes, with the time in front of the body."""
    headers = {"X-Grafana-Alerting-Signature": GRAFANA_TIMED}
    moved = f"{SIGNED_AT}:{SAMPLES['grafana']['body']}"
    for at in (SIGNED_AT, SIGNED_AT + 3600):
        with pytest.raises(NotAuthenticated):
            entered("grafana", headers, at=at, body=moved)


@pytest.mark.parametrize("product", ["supabase", "zitadel"])
@pytest.mark.parametrize("seconds", [-TOLERANCE - 1, TOLERANCE + 1, 3600])
@pytest.mark.usefixtures("published")
def test_a_signature_of_another_time_lets_nobody_in(product: str, seconds: int) -> None:
    with pytest.raises(NotAuthenticated):
        entered(product, SAMPLES[product]["headers"], at=SIGNED_AT + seconds)


@pytest.mark.parametrize("product", ["supabase", "zitadel"])
@pytest.mark.usefixtures("published")
def test_a_signature_of_another_body_lets_nobody_in(product: str) -> None:
    with pytest.raises(NotAuthenticated):
        entered(product, SAMPLES[product]["headers"], body=SAMPLES[product]["body"] + " ")


@pytest.mark.parametrize("between", [" ", ", "])
def test_supabase_joins_signatures_by_a_comma_and_others_by_a_blank(between: str) -> None:
    body = SAMPLES["supabase"]["body"]
    right = webhook_headers(body.encode(), SIGNED_AT)
    other = webhook_headers(body.encode(), SIGNED_AT, "v1,whsec_" + "b3RoZXI=" * 4)
    names = [other["webhook-signature"], right["webhook-signature"]]
    headers = {**right, "webhook-signature": between.join(names)}
    assert entered("supabase", headers) == ".hook-supabase"


def test_two_secrets_hold_while_one_is_changed_to_the_other(deployed: pytest.MonkeyPatch) -> None:
    following = "v1,whsec_" + base64.b64encode(b"the secret that follows it").decode()
    deployed.setenv("SMS_HOOK_SUPABASE_SECRET", f"{WEBHOOK_SECRET}|{following}")
    body = SAMPLES["supabase"]["body"].encode()
    for secret in (WEBHOOK_SECRET, following):
        headers = webhook_headers(body, SIGNED_AT, secret)
        assert entered("supabase", headers) == ".hook-supabase"


@pytest.mark.parametrize("product", BY_KEY)
def test_the_key_of_a_hook_opens_that_hook_and_nothing_else(product: str) -> None:
    headers = {"Authorization": f"Bearer {key_of(product)}"}
    body = SAMPLES.get(product, {"body": "{}"})["body"]
    assert entered(product, headers, body=body) == f".hook-{product}"
    answered: Any = send_sms.handler(http_event({}, key=key_of(product)), Context())
    assert answered["statusCode"] == 401


def test_the_key_of_one_hook_does_not_open_another(deployed: pytest.MonkeyPatch) -> None:
    entries = (key_entry("hook-logto", "key-of-logto"), key_entry("shop", "key-of-a-shop"))
    deployed.setenv("SMS_API_KEYS", ",".join(entries))
    assert entered("logto", {"Authorization": "Bearer key-of-logto"}) == ".hook-logto"
    for product, key in (("novu", "key-of-logto"), ("logto", "key-of-a-shop"), ("logto", "")):
        with pytest.raises(NotAuthenticated):
            entered(product, {"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer  ", ""])
def test_a_key_is_shown_as_bearer_or_alone(scheme: str) -> None:
    headers = {"Authorization": f"{scheme}{key_of('novu')}"}
    assert entered("novu", headers) == ".hook-novu"


@pytest.mark.parametrize("header", ["", "Bearer", "Basic x", "Basic ", "Digest x", "\ud800"])
def test_what_is_no_key_lets_nobody_in(header: str) -> None:
    with pytest.raises(NotAuthenticated):
        entered("novu", {"Authorization": header})


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic Og=="])
def test_the_digest_of_nothing_is_no_key(header: str, deployed: pytest.MonkeyPatch) -> None:
    """``printf %s "$KEY" | sha256sum`` writes it where KEY is not set."""
    deployed.setenv("SMS_API_KEYS", f"{key_entry('hook-novu', '')},{key_entry('shop', '')}")
    with pytest.raises(NotAuthenticated):
        entered("novu", {"Authorization": header})
    event = http_event({}, key=None, headers={"Authorization": header})
    answered: Any = send_sms.handler(event, Context())
    assert answered["statusCode"] == 401


def test_a_key_may_be_the_password_of_basic_authentication() -> None:
    pair = base64.b64encode(f"fc-sms:{key_of('authentik')}".encode()).decode()
    assert entered("authentik", {"Authorization": f"Basic {pair}"}) == ".hook-authentik"


def test_the_triggers_own_authentication_opens_no_hook(deployed: pytest.MonkeyPatch) -> None:
    deployed.setenv("SMS_AUTH", "trigger")
    with pytest.raises(NotAuthenticated):
        entered("logto", {})


def test_cloudmonitor_shows_a_token_in_the_path(platform: Platform) -> None:
    assert call("cloudmonitor").status == 200
    for path in ("/hooks/cloudmonitor", "/hooks/cloudmonitor/", "/hooks/cloudmonitor/other"):
        assert call("cloudmonitor", path=path).status == 404
    assert len(platform.sends) == 1


@pytest.mark.parametrize("path", ["/hooks/logto/x", "/hooks/other", "/hooks/", "/", "/hooks/LOGTO"])
def test_another_path_is_no_hook(path: str, platform: Platform) -> None:
    answer = call("logto", path=path)
    assert (answer.status, answer.body["code"]) == (404, "not-found")
    assert "a hook's path is /hooks/<product>" in answer.body["detail"]
    assert platform.calls == []


@pytest.mark.parametrize("hooks", ["logto, supabase", ""])
def test_the_log_says_of_a_path_that_is_no_hook_which_hooks_there_are(
    hooks: str, deployed: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.setenv("SMS_HOOKS", hooks)
    assert call("logto", path="/hooks/foo").status == 404
    log = capsys.readouterr().out
    (closed,) = [line for line in map(json.loads, log.splitlines()) if line["outcome"] == "closed"]
    assert closed["level"] == "warning"  # whoever tries paths cannot call the owner out of bed
    assert f"no hook is at this path; SMS_HOOKS opens {hooks or 'none'}; the products are" in log
    assert all(product in log for product in ALL)
    assert "foo" not in log


@pytest.mark.parametrize("product", ALL)
def test_a_hook_that_is_not_named_is_closed(
    product: str, deployed: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.setenv("SMS_HOOKS", "")
    answer, unknown = call(product), call(product, path="/hooks/nothing")
    assert (answer.status, answer.body["code"]) == (404, "not-found")
    assert answer.body["detail"] == unknown.body["detail"], "it tells what is there"
    assert f"add {product} to SMS_HOOKS" in capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
def test_a_request_with_another_hooks_key_is_told_which_key_to_send() -> None:
    answer = call("logto", headers={"Authorization": "Bearer hook-alertmanager"})
    assert (answer.status, answer.body["code"]) == (401, "not-authenticated")
    assert "`make api-key NAME=hook-logto`" in answer.body["detail"]


@pytest.mark.parametrize("product", ["supabase", "zitadel", "auth0", "cloudmonitor"])
def test_a_product_without_a_secret_is_not_let_in(
    product: str, deployed: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = PRODUCT_OF[product].secret_variable
    deployed.delenv(name)
    assert call(product).status in (401, 404)
    assert f"{name} is not set" in capsys.readouterr().out


@pytest.mark.parametrize("secret", ["v1,whsec_no base64 at all", WEBHOOK_SECRET[:-1]])
def test_a_secret_of_standard_webhooks_that_is_not_whole_is_told_in_the_log(
    secret: str, deployed: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.setenv("SMS_HOOK_SUPABASE_SECRET", secret)
    assert call("supabase").status == 500
    log = capsys.readouterr().out
    assert "SMS_HOOK_SUPABASE_SECRET is not of the form v1,whsec_<base64>" in log
    assert secret not in log


# JWT, beside PyJWT


def is_let_in(written: str, now: float = SIGNED_AT) -> bool:
    return is_valid(written, keys=[SECRET.encode()], subject=SUBJECT, audience=AUDIENCE, now=now)


def accepted_by_pyjwt(written: str, now: float) -> bool:
    """Whether PyJWT takes a token; its clock is this machine's, so times are compared here."""
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        claims = jwt.decode(
            written, SECRET, algorithms=["HS256"], audience=AUDIENCE, options=options
        )
    except jwt.PyJWTError:
        return False
    begins = max(claims.get("nbf", now), claims.get("iat", now))
    return claims.get("sub") == SUBJECT and begins - 60 <= now < claims.get("exp", now + 1) + 60


@given(
    key=st.sampled_from([SECRET, "another-secret-0123" * 4]),
    algorithm=st.sampled_from(["HS256", "HS384", "HS512", "none"]),
    audience=st.sampled_from([AUDIENCE, [AUDIENCE], ["a", AUDIENCE], "b", ["a"], []]),
    subject=st.sampled_from([SUBJECT, "somebody"]),
    times=st.fixed_dictionaries(
        {},
        optional={
            name: st.integers(min_value=SIGNED_AT - 300, max_value=SIGNED_AT + 300)
            for name in ("exp", "nbf", "iat")
        },
    ),
)
def test_a_token_is_let_in_where_pyjwt_takes_it(
    key: str, algorithm: str, audience: object, subject: str, times: dict[str, int]
) -> None:
    secret = "" if algorithm == "none" else key
    written = token(secret, algorithm, aud=audience, sub=subject, **times)
    assert is_let_in(written) == accepted_by_pyjwt(written, SIGNED_AT)


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: [parts[0], parts[1], ""],
        lambda parts: parts[:2],
        lambda parts: [*parts, "x"],
        lambda parts: [parts[0], parts[1], parts[2][:-4]],
        lambda parts: [_encoded({"alg": "none"}), parts[1], ""],
        lambda parts: [_encoded({"alg": "RS256"}), parts[1], parts[2]],
        lambda parts: ["é", "é", "é"],
        lambda parts: ["." * 9000],
    ],
)
def test_a_token_that_was_changed_is_not_let_in(change: Callable[[list[str]], list[str]]) -> None:
    parts = token().split(".")
    assert is_let_in(".".join(parts))
    assert not is_let_in(".".join(change(parts)))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["soon", True, None, [1], 10**400, -(10**400)])
def test_a_time_that_is_none_lets_nobody_in(name: str, value: object) -> None:
    header = _encoded({"alg": "HS256"})
    claims = _encoded({"sub": SUBJECT, "aud": AUDIENCE, name: value})
    algorithm = jwt.get_algorithm_by_name("HS256")
    signature = algorithm.sign(f"{header}.{claims}".encode(), algorithm.prepare_key(SECRET))
    assert not is_let_in(f"{header}.{claims}.{_base64(signature)}")


def test_the_secret_of_auth0_may_be_base64(deployed: pytest.MonkeyPatch) -> None:
    deployed.setenv("SMS_HOOK_AUTH0_SECRET", base64.b64encode(SECRET.encode()).decode())
    headers = {"Authorization": f"Bearer {token()}"}
    assert entered("auth0", headers) == ".hook-auth0"


def _encoded(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


# Settings


def test_a_product_that_is_not_known_is_named() -> None:
    with pytest.raises(ConfigurationError, match="SMS_HOOKS: entry 2 must be one of auth0, "):
        open_hooks({"SMS_HOOKS": "logto,other"})


@pytest.mark.parametrize("value", ["short", "a" * 15 + "|" + "b" * 16, "|".join(["c" * 16] * 5)])
def test_secrets_are_long_and_few(value: str) -> None:
    with pytest.raises(ConfigurationError, match="SMS_HOOK_ZITADEL_SECRET must be a secret of 16"):
        secrets_of(PRODUCT_OF["zitadel"], {"SMS_HOOK_ZITADEL_SECRET": value})


def test_the_token_of_a_path_has_nothing_that_a_url_escapes() -> None:
    with pytest.raises(ConfigurationError, match="SMS_HOOK_CLOUDMONITOR_SECRET goes into a URL"):
        secrets_of(PRODUCT_OF["cloudmonitor"], {"SMS_HOOK_CLOUDMONITOR_SECRET": "a/b" * 6})


def test_auth0_needs_a_subject_and_an_audience(deployed: pytest.MonkeyPatch) -> None:
    deployed.delenv("SMS_HOOK_AUTH0_SUBJECT")
    headers = {"Authorization": f"Bearer {token()}"}
    with pytest.raises(ConfigurationError, match="SMS_HOOK_AUTH0_SUBJECT"):
        entered("auth0", headers, at=time.time())


def test_each_name_of_a_product_makes_a_variable() -> None:
    names = {product.secret_variable for product in PRODUCTS}
    assert "SMS_HOOK_UPTIME_KUMA_SECRET" in names
    assert len(names) == len(PRODUCTS)


def test_a_body_that_is_too_large_is_refused_before_its_signature_is_made() -> None:
    with pytest.raises(InvalidRequest) as caught:
        entered("supabase", webhook_headers(b"{}", SIGNED_AT), body="x" * (1024 * 1024 + 1))
    assert caught.value.status == 413
