"""What each product sends, as its own source says, becomes a code or an alarm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.errors import InvalidRequest
from shared.hooks.contract import FIRING, NO_DATA, RESOLVED, Alarm, Code, Hook, code_in
from shared.hooks.products import PRODUCT_OF, PRODUCTS
from tests.unit.hook_requests import sample

E164 = "+8613800138000"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def translated(product: str, body: object, **arguments: Any) -> Any:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    hook = Hook(arguments.get("headers", {}), arguments.get("query", {}), content)
    return PRODUCT_OF[product].translator()(hook)


@pytest.mark.parametrize("product", [product.name for product in PRODUCTS])
def test_each_product_has_a_translator_with_a_name_of_its_own(product: str) -> None:
    assert callable(PRODUCT_OF[product].translator())


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        ("logto", Code(E164, "123456", "to", kind="SignIn", client_ip="203.0.113.7")),
        (
            "supabase",
            Code(
                E164,
                "561166",
                "sms.phone",
                client_ip="203.0.113.7",
                repeat_key="8b0e6f0a-6b5e-4f4e-9d5e-0c6c1c1f2a10",
            ),
        ),
        (
            "zitadel",
            Code(
                E164,
                "481516",
                "contextInfo.recipientPhoneNumber",
                kind="user.human.phone.code.added",
            ),
        ),
        ("authentik", Code(E164, "123456", "To")),
        ("novu", Code(E164, "123456", "to", repeat_key="66a8f3")),
        ("auth0", Code(E164, "123456", "recipient", client_ip="203.0.113.7")),
        ("casdoor", Code(E164, "123456", "phoneNumber")),
    ],
)
def test_the_published_request_of_a_product_is_its_code(product: str, expected: Code) -> None:
    assert PRODUCT_OF[product].translator()(sample(product)) == expected


def test_logto_and_supabase_keep_numbers_without_a_plus() -> None:
    body = {"to": "18624017194", "type": "SignIn", "payload": {"code": "1234"}}
    assert translated("logto", body).phone_number == "+18624017194"  # New Jersey
    sms = {"sms": {"otp": "123456", "phone": "8613800138000"}}
    assert translated("supabase", sms).phone_number == E164


def test_supabase_may_leave_the_number_of_the_sms_out() -> None:
    body = {"user": {"phone": "8613800138000"}, "sms": {"otp": "123456", "sms_type": "otp"}}
    assert translated("supabase", body) == Code(E164, "123456", "user.phone", kind="otp")


def test_an_invitation_of_logto_has_a_link_and_no_code() -> None:
    body = {"to": E164, "type": "OrganizationInvitation", "payload": {"link": "https://x.test"}}
    with pytest.raises(InvalidRequest) as caught:
        translated("logto", body)
    assert str(caught.value) == (
        "payload.code: is missing or empty: the product's request has no code there; an invitation "
        "holds a link and no code: send those by mail"
    )


@pytest.mark.parametrize(
    ("product", "body", "told"),
    [
        ("logto", {"payload": {"code": "123456"}}, "to: is missing or empty: the product's"),
        ("supabase", {"sms": {"otp": "123456"}}, "sms.phone: is missing or empty"),
        ("zitadel", {"args": {"code": "1234"}}, "contextInfo.recipientPhoneNumber: is missing"),
        ("auth0", {"recipient": E164}, "@@password@@"),
        ("casdoor", {"to": E164}, "let the provider's Parameter be code"),
        ("novu", {"to": E164, "content": " "}, "let the content of the SMS step"),
        ("authentik", {"To": E164}, "Body: is missing or empty: the product's request has no code"),
        ("generic", {"mobile": E164}, "name the field that the request has in SMS_HOOK_GENERIC"),
        ("logto", {"to": E164, "payload": {"code": "12"}}, "let the product make such codes"),
    ],
)
def test_what_a_request_lacks_is_named_with_what_to_do_in_the_product(
    product: str, body: dict[str, Any], told: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("SMS_HOOK_GENERIC_FIELDS", "number=to,code=code")
    with pytest.raises(InvalidRequest) as caught:
        translated(product, body)
    assert told in str(caught.value)


def test_the_one_time_password_of_a_login_is_in_another_argument_of_zitadel() -> None:
    body = {"contextInfo": {"recipientPhoneNumber": E164}, "args": {"oTP": "481516"}}
    assert translated("zitadel", body).code == "481516"


@pytest.mark.parametrize("number", ["phoneNumber", "phone", "mobile", "to"])
@pytest.mark.parametrize("code", ["code", "content", "message"])
def test_casdoor_has_the_names_that_its_administrator_chose(number: str, code: str) -> None:
    body = {number: E164, code: "123456"}
    expected = Code(E164, "123456", number)
    assert translated("casdoor", body) == expected
    form = f"{number}=%2B8613800138000&{code}=123456"
    assert translated("casdoor", form, headers=FORM) == expected
    assert translated("casdoor", "", headers=FORM, query=body) == expected


def test_any_other_product_is_read_by_the_paths_that_are_set(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("SMS_HOOK_GENERIC_FIELDS", "number=user.phone,code=otp,repeat_key=id")
    body = {"user": {"phone": E164}, "otp": 123456, "id": "m-1"}
    assert translated("generic", body) == Code(E164, "123456", "user.phone", repeat_key="m-1")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("123456", "123456"),
        ("Your code is 123456", "123456"),
        ("123456 是您的验证码，5 分钟内有效", "123456"),
        ("A1B2C3", "A1B2C3"),
        ("Code 123456, again: 123456.", "123456"),
    ],
)
def test_a_text_holds_one_code(text: str, code: str) -> None:
    assert code_in(text, "content") == code


@pytest.mark.parametrize("text", ["Hello", "Your code is 1234 or 5678", "12", "1234567890123"])
def test_a_text_without_one_certain_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="content: holds") as caught:
        code_in(text, "content")
    assert not any(character.isdigit() for character in str(caught.value))


@pytest.mark.parametrize("product", ["logto", "supabase", "zitadel", "novu", "auth0", "authentik"])
@pytest.mark.parametrize("body", ["", "[]", "null", "{", '{"a": 1, "a": 2}', "\ud800", "{}"])
def test_what_is_no_request_for_a_code_is_refused(product: str, body: str) -> None:
    content = body.encode("utf-8", "surrogatepass")
    with pytest.raises(InvalidRequest):
        PRODUCT_OF[product].translator()(Hook({}, {}, content))


# Alarms


def alarm(product: str) -> Alarm:
    found = PRODUCT_OF[product].translator()(sample(product))
    assert isinstance(found, Alarm)
    return found


def test_an_alarm_of_alertmanager() -> None:
    found = alarm("alertmanager")
    assert (found.receiver, found.group) == ("fc-sms", '{}:{alertname="InstanceDown"}')
    (alert,) = found.alerts
    assert (alert.state, alert.title, alert.severity) == (FIRING, "InstanceDown", "critical")
    assert alert.text == "web-1 does not answer"
    assert alert.identity == "2f0bd2f3f0e6b1a7 2026-11-30T10:00:00.000Z"


def test_an_alarm_of_grafana() -> None:
    (alert,) = alarm("grafana").alerts
    assert (alert.state, alert.title) == (FIRING, "High memory usage")
    assert alert.labels["team"] == "blue"


def test_grafana_names_the_rule_of_missing_data_in_a_label() -> None:
    labels = {"alertname": "DatasourceNoData", "rulename": "Sales"}
    (alert,) = translated("grafana", {"alerts": [{"labels": labels}]}).alerts
    assert (alert.state, alert.title) == (NO_DATA, "Sales")


def test_an_alarm_of_uptime_kuma() -> None:
    (alert,) = alarm("uptime-kuma").alerts
    assert (alert.state, alert.title) == (FIRING, "shop")
    assert alert.text == "connect ECONNREFUSED 203.0.113.9:443"
    body = {"heartbeat": {"status": 1}, "monitor": {"name": "shop"}, "msg": "up"}
    assert translated("uptime-kuma", body).alerts[0].state == RESOLVED


def test_the_test_button_of_uptime_kuma_sends_nulls() -> None:
    body = {"heartbeat": None, "monitor": None, "msg": "Uptime Kuma Testing"}
    (alert,) = translated("uptime-kuma", body).alerts
    assert (alert.state, alert.title) == (FIRING, "Uptime Kuma Testing")


def test_alarms_of_uptime_kuma_without_a_heartbeat_are_told_apart_by_what_they_say() -> None:
    """A certificate that ends, and a body of the owner's own, name no heartbeat."""
    bodies: list[dict[str, Any]] = [
        {"heartbeat": None, "monitor": None, "msg": "a will end in 7 days"},
        {"heartbeat": None, "monitor": None, "msg": "b will end in 7 days"},
        {"monitor": {"name": "a"}, "msg": "down"},
        {"monitor": {"name": "b"}, "msg": "down"},
        {"monitor": {"name": "b"}, "msg": "up"},
    ]
    identities = {translated("uptime-kuma", body).alerts[0].identity for body in bodies}
    assert len(identities) == len(bodies)


@pytest.mark.parametrize(
    ("written", "state"),
    [("OK", RESOLVED), ("ALERT", FIRING), ("ALARM", FIRING), ("INSUFFICIENT_DATA", NO_DATA)],
)
def test_the_states_of_cloudmonitor(written: str, state: str) -> None:
    form = f"alertName=memory&alertState={written}&instanceName=web-1&curValue=97.39&unit=%25"
    (alert,) = translated("cloudmonitor", form, headers=FORM).alerts
    assert (alert.state, alert.title, alert.text) == (state, "memory", "web-1 97.39%")


def test_an_alarm_of_cloudmonitor_may_be_json() -> None:
    body = {"alertName": "cpu", "alertState": "ALARM", "curValue": "95", "unit": "null"}
    (alert,) = translated("cloudmonitor", body).alerts
    assert (alert.title, alert.text, alert.severity) == ("cpu", "95", "")
    assert alarm("cloudmonitor").alerts[0].severity == "warn"


@pytest.mark.parametrize(
    ("product", "body"),
    [
        ("alertmanager", {"alerts": []}),
        ("alertmanager", {"alerts": {"a": 1}}),
        ("grafana", {"alerts": ["a"]}),
        ("uptime-kuma", {}),
        ("cloudmonitor", {"alertState": "GREEN"}),
    ],
)
def test_what_is_no_alarm_is_refused(product: str, body: object) -> None:
    with pytest.raises(InvalidRequest):
        translated(product, body)
