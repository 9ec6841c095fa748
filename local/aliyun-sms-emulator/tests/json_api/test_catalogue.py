"""Templates and signatures that are changed while the emulator runs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from aliyun_sms_emulator import SmsEmulator
from signing_client import Client

HELLO = {"type": "notification", "content": "Hi ${name}", "name": "Hello"}


def test_a_template_can_be_used_as_soon_as_it_is_added(client: Client) -> None:
    emulator = client.emulator
    values = {"TemplateCode": "SMS_7", "TemplateParam": '{"name": "Ann"}'}
    assert client.send(**values).code == "isv.SMS_TEMPLATE_ILLEGAL"
    added = emulator.call("PUT", "/api/templates/SMS_7", HELLO)
    assert added == {**HELLO, "code": "SMS_7", "status": "approved", "variables": ["name"]}
    assert client.send(**values).code == "OK"
    emulator.call("PUT", "/api/templates/SMS_7", {**HELLO, "content": "Bye ${name}"})
    assert client.send(**values).code == "OK"
    assert [m.text[-6:] for m in emulator.messages()] == ["Hi Ann", "ye Ann"]
    assert emulator.call("GET", "/api/templates")["templates"][-1]["content"] == "Bye ${name}"
    emulator.call("DELETE", "/api/templates/SMS_7")
    assert client.send(**values).code == "isv.SMS_TEMPLATE_ILLEGAL"


def test_a_signature_can_be_used_as_soon_as_it_is_added(client: Client) -> None:
    emulator = client.emulator
    name = "某店/Shop"
    assert client.notify(SignName=name).code == "isv.SMS_SIGNATURE_ILLEGAL"
    added = emulator.call("PUT", f"/api/signatures/{quote(name)}", {})
    assert added == {"name": name, "status": "approved", "gift": False, "registration": {}}
    assert client.notify(SignName=name).code == "OK"
    emulator.call("PUT", f"/api/signatures/{quote(name)}", {"status": "rejected"})
    assert client.notify(SignName=name).code == "isv.SMS_SIGNATURE_ILLEGAL"
    emulator.call("DELETE", f"/api/signatures/{quote(name)}")
    assert name not in str(emulator.call("GET", "/api/signatures"))


def test_changes_survive_a_restart_and_end_with_a_reset(tmp_path: Path) -> None:
    database = tmp_path / "sms.db"
    with SmsEmulator(database=database) as first:
        first.call("PUT", "/api/templates/SMS_7", HELLO)
        first.call("DELETE", "/api/templates/SMS_100001")
        first.call("DELETE", "/api/signatures/fc-sms")
    with SmsEmulator(database=database) as second:
        codes = [t["code"] for t in second.call("GET", "/api/templates")["templates"]]
        assert "SMS_7" in codes
        assert "SMS_100001" not in codes
        assert "fc-sms" not in str(second.call("GET", "/api/signatures"))
        second.reset()
        codes = [t["code"] for t in second.call("GET", "/api/templates")["templates"]]
        assert (codes[0], "SMS_7" in codes) == ("SMS_100001", False)
        assert "fc-sms" in str(second.call("GET", "/api/signatures"))


@pytest.mark.parametrize(
    ("method", "path", "document", "problem"),
    [
        ("PUT", "/api/templates/A", {}, "type: must be one of verification"),
        ("PUT", "/api/templates/A", {**HELLO, "content": ""}, "content: must not be empty"),
        ("PUT", "/api/templates/A", {**HELLO, "content": "【x】"}, "content: must not contain"),
        ("PUT", "/api/templates/A", {**HELLO, "type": "verification", "content": "x"}, "exactly"),
        ("PUT", "/api/templates/A", {**HELLO, "content": "\ud83d"}, "content: holds half"),
        ("PUT", "/api/templates/A", {**HELLO, "colour": "red"}, "colour: unknown key"),
        ("PUT", "/api/signatures/A", {"status": "new"}, "status: must be one of approved"),
        ("DELETE", "/api/templates/A", None, "code: no template has this code"),
        ("DELETE", "/api/signatures/A", None, "name: no signature has this name"),
    ],
)
def test_what_is_wrong_is_named(
    emulator: SmsEmulator, method: str, path: str, document: dict[str, object] | None, problem: str
) -> None:
    before = emulator.call("GET", "/api/templates"), emulator.call("GET", "/api/signatures")
    with pytest.raises(ValueError, match=problem):
        emulator.call(method, path, document)
    after = emulator.call("GET", "/api/templates"), emulator.call("GET", "/api/signatures")
    assert before == after
