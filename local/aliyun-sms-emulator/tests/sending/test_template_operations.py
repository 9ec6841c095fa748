"""Applying for templates and signatures' registration, by the operations of the platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aliyun_sms_emulator import ConfigError, SmsEmulator
from signing_client import Client, Reply

NEW = {"TemplateName": "Shop", "TemplateType": "1", "TemplateContent": "您好${name}"}
OLD = {**NEW, "Remark": "for orders"}


def apply(client: Client, action: str = "CreateSmsTemplate", **changes: str) -> Reply:
    values = {**(NEW if action == "CreateSmsTemplate" else OLD), **changes}
    return client.v3(action, {n: v for n, v in values.items() if v})


def code_of(reply: Reply) -> str:
    assert reply.code == "OK"
    return str(reply.json["TemplateCode"])


def send(client: Client, code: str) -> str:
    return client.send(TemplateCode=code, TemplateParam='{"name":"Ann"}').code


def shown(client: Client, code: str) -> dict[str, Any]:
    return client.v3("GetSmsTemplate", {"TemplateCode": code}).json


@pytest.mark.parametrize("action", ["CreateSmsTemplate", "AddSmsTemplate"])
def test_a_new_template_can_be_sent_when_its_review_has_passed(client: Client, action: str) -> None:
    emulator = client.emulator
    emulator.settings(review_seconds=60)
    code = code_of(apply(client, action))
    assert shown(client, code)["TemplateStatus"] == "0"
    assert send(client, code) == "isv.SMS_TEMPLATE_ILLEGAL"
    emulator.clock.advance(61)
    assert shown(client, code)["TemplateStatus"] == "1"
    assert client.v3("QuerySmsTemplate", {"TemplateCode": code}).json["TemplateStatus"] == 1
    assert send(client, code) == "OK"
    assert emulator.messages()[-1].text == "【fc-sms】您好Ann"
    (listed,) = [
        t for t in emulator.call("GET", "/api/templates")["templates"] if t["name"] == "Shop"
    ]
    assert listed["status"] == "approved"


def test_a_review_may_take_no_time_or_never_end(client: Client) -> None:
    client.emulator.settings(review_seconds=0)
    assert send(client, code_of(apply(client))) == "OK"
    assert client.emulator.settings(review_seconds="never")["review_seconds"] == "never"
    code = code_of(apply(client))
    client.emulator.clock.advance(10**7)
    assert send(client, code) == "isv.SMS_TEMPLATE_ILLEGAL"


def test_an_application_survives_a_restart_and_ends_with_a_reset(tmp_path: Path) -> None:
    with SmsEmulator(database=tmp_path / "sms.db") as first:
        code = code_of(apply(Client(first)))
        applied_on = shown(Client(first), code)["CreateDate"]
    with SmsEmulator(database=tmp_path / "sms.db") as second:
        second.clock.advance(2)
        assert shown(Client(second), code)["CreateDate"] == applied_on
        assert send(Client(second), code) == "OK"
        second.reset()
        assert shown(Client(second), code)["Code"] == "isv.SMS_TEMPLATE_ILLEGAL"


def test_all_that_was_said_is_shown(client: Client) -> None:
    reply = apply(
        client,
        TemplateType="3",
        IntlType="2",
        Remark="codes",
        RelatedSignName="fc-sms",
        TemplateRule='{"name":"other"}',
    )
    template = shown(client, code_of(reply))
    assert reply.json["OrderId"] == template["OrderId"]
    assert {name: template[name] for name in ("TemplateName", "TemplateType", "IntlType")} == {
        "TemplateName": "Shop",
        "TemplateType": "3",
        "IntlType": 2,
    }
    assert (template["Remark"], template["RelatedSignName"]) == ("codes", "fc-sms")
    assert template["VariableAttribute"] == '{"name":"other"}'
    assert template["AuditInfo"] == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TemplateName": ""}, "MissingTemplateName"),
        ({"TemplateContent": ""}, "MissingTemplateContent"),
        ({"TemplateType": "4"}, "isv.INVALID_PARAMETERS"),
        ({"TemplateType": "x"}, "isv.INVALID_PARAMETERS"),
        ({"TemplateContent": "x" * 501}, "isv.TEMPLATE_OVER_LIMIT"),
        ({"TemplateName": "x" * 31}, "isv.TEMPLATE_OVER_LIMIT"),
        ({"TemplateContent": "【shop】x"}, "isv.INVALID_PARAMETERS"),
        ({"TemplateType": "0", "TemplateContent": "x"}, "template_parameter_count_illegal"),
        ({"TemplateType": "0", "TemplateContent": "${a}${b}"}, "template_parameter_count_illegal"),
        ({"RelatedSignName": "nobody"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"IntlType": "7"}, "isv.INVALID_PARAMETERS"),
    ],
)
def test_an_impossible_application_is_refused(
    client: Client, changes: dict[str, str], code: str
) -> None:
    before = client.emulator.call("GET", "/api/templates")
    assert apply(client, **changes).code == code
    assert client.emulator.call("GET", "/api/templates") == before


def test_only_a_rejected_template_is_changed_and_none_under_review_deleted(client: Client) -> None:
    emulator = client.emulator
    code = code_of(apply(client))

    def update(action: str = "UpdateSmsTemplate") -> str:
        return client.v3(action, {**OLD, "TemplateCode": code, "TemplateContent": "Hi"}).code

    def delete() -> str:
        return client.v3("DeleteSmsTemplate", {"TemplateCode": code}).code

    assert (update(), delete()) == (
        "isv.ERROR_TEMPLATE_NOT_MODIFY",
        "isv.ERROR_TEMPLATE_NOT_DELETE",
    )
    emulator.clock.advance(2)
    assert update() == "isv.ERROR_TEMPLATE_NOT_MODIFY"
    for action in ("UpdateSmsTemplate", "ModifySmsTemplate"):
        rejected = {"type": "notification", "content": "Hi", "status": "rejected"}
        emulator.call("PUT", f"/api/templates/{code}", rejected)
        assert shown(client, code)["AuditInfo"]["RejectInfo"]
        assert update(action) == "OK"
        assert shown(client, code)["TemplateStatus"] == "0"
        emulator.clock.advance(2)
    assert shown(client, code)["TemplateContent"] == "Hi"
    assert (delete(), delete()) == ("OK", "isv.SMS_TEMPLATE_ILLEGAL")


def test_templates_are_listed_by_what_is_asked_for(client: Client) -> None:
    code = code_of(apply(client, RelatedSignName="fc-sms"))

    def listed(**query: str) -> list[str]:
        reply = client.v3("GetSmsTemplateList", {"PageSize": "50", **query})
        assert (reply.code, reply.json["Success"]) == ("OK", True)
        assert reply.json["Data"]["Total"] == len(reply.json["Data"]["List"])
        return [template["TemplateCode"] for template in reply.json["Data"]["List"]]

    assert listed()[0] == "SMS_100001"
    assert listed(AuditStatus="0") == [code]
    assert listed(TemplateName="hop") == [code]
    assert listed(SignName="fc-sms") == [code]
    assert listed(TemplateCode=code) == [code]
    assert listed(UsableStateList='["UNAVAILABLE"]') == ["SMS_100006", code]
    assert listed(TemplateType="0", AuditStatus="1") == ["SMS_100002", "SMS_100005", "SMS_100007"]
    assert "100001" not in listed()
    page = client.v3("GetSmsTemplateList", {"PageIndex": "2", "PageSize": "1"}).json["Data"]
    assert (page["PageNo"], len(page["List"]), page["Total"] > 2) == (2, 1, True)
    assert (
        client.v3("GetSmsTemplateList", {"UsableStateList": "x"}).code == "isv.INVALID_PARAMETERS"
    )


def registration(client: Client, name: str) -> dict[str, tuple[int, list[str]]]:
    answer = client.v3("GetSmsSign", {"SignName": name}).json
    assert (answer["Code"], answer["SignStatus"]) == ("OK", 1)
    return {
        detail["OperatorCode"]: (
            detail["RegisterStatus"],
            [reason["ReasonCode"] for reason in detail["RegisterStatusReasons"]],
        )
        for detail in answer["SignIspRegisterDetailList"]
    }


def test_the_registration_of_a_signature_is_set_by_carrier() -> None:
    failed = {"status": "failed", "reasons": ["SIGNATURE_ERROR", "OTHERS_ERROR"]}
    shop = {"name": "shop", "registration": {"unicom": "registering", "telecom": failed}}
    with SmsEmulator({"signatures": [shop, {"name": "fc-sms"}]}) as emulator:
        client = Client(emulator)
        assert registration(client, "shop") == {
            "mobile": (3, ["DETECT_SUCCESS"]),
            "unicom": (-1, ["REGISTERING"]),
            "telecom": (0, ["SIGNATURE_ERROR", "OTHERS_ERROR"]),
        }
        assert {number for number, _ in registration(client, "fc-sms").values()} == {3}
        changed = {"registration": {"mobile": "lapsed", "unicom": "not-filed"}}
        emulator.call("PUT", "/api/signatures/shop", changed)
        numbers = [number for number, _ in registration(client, "shop").values()]
        assert numbers == [2, -2, 3]
        assert client.v3("GetSmsSign", {"SignName": "x"}).code == "isv.SMS_SIGNATURE_ILLEGAL"
        assert client.v3("GetSmsSign", {}).code == "MissingSignName"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("x", "signatures[0].registration: must be a mapping"),
        ({"mobil": "failed"}, "signatures[0].registration.mobil: unknown key; known are mobile"),
        ({"mobile": 3}, "signatures[0].registration.mobile.status: must be one of failed"),
        ({"mobile": {"reasons": []}}, "signatures[0].registration.mobile.status: must be one of"),
        (
            {"mobile": {"status": "failed", "reasons": ["X"]}},
            "signatures[0].registration.mobile.reasons: must be a list of UNBINDING_QUA",
        ),
    ],
)
def test_an_impossible_registration_is_refused_with_its_place(given: object, problem: str) -> None:
    config = {"signatures": [{"name": "shop", "registration": given}]}
    with pytest.raises(ConfigError) as raised, SmsEmulator(json.loads(json.dumps(config))):
        pass
    assert problem in str(raised.value)
