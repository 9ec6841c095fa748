"""The fixture and the marker, in runs of pytest of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# Other plugins of the environment take their time to load.
PLUGINS = "aliyun_sms_emulator.pytest_plugin,xdist"
ONLY_OURS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": PLUGINS}

CONFTEST = """\
import pytest
from signing_client import Client


@pytest.fixture
def client(sms_emulator):
    return Client(sms_emulator)
"""
SMS_YAML = """\
templates:
  - {code: SMS_7, type: verification, content: "Own ${code}"}
signatures: [{name: shop}, {name: fc-sms}]
settings: {nonce_scope: node, nodes: 3}
"""
WORKING = """\
import pytest

pytestmark = pytest.mark.sms_emulator(settings={"nodes": 4, "limits": {"verification_per_hour": 9}})
HELLO = [{"code": "SMS_1", "type": "notification", "content": "Hello ${name}"}]


def test_the_file_is_read_and_delivery_is_at_once(sms_emulator, client, record_property):
    assert client.send(TemplateCode="SMS_7", SignName="shop").code == "OK"
    message = sms_emulator.wait_for_message(status="delivered", timeout=0)
    assert (message.text, message.code) == ("【shop】Own 1234", "1234")
    assert client.send(TemplateCode="SMS_100001").code == "isv.SMS_TEMPLATE_ILLEGAL"
    sms_emulator.settings(nonce_scope="off")
    sms_emulator.clock.advance(86400)
    sms_emulator.add_fault(kind="reset")


def test_nothing_is_left_of_other_tests(sms_emulator, client):
    assert sms_emulator.messages() == sms_emulator.requests() == sms_emulator.faults() == []
    assert sms_emulator.settings()["nonce_scope"] == "node"
    assert sms_emulator.call("GET", "/api/clock")["mode"] == "real"
    assert client.send(TemplateCode="SMS_7").code == "OK"
    assert client.send(TemplateCode="SMS_7").code == "isv.BUSINESS_LIMIT_CONTROL"


@pytest.mark.sms_emulator(templates=HELLO, sign_names=["own"], settings={"nodes": 5})
class TestNearest:
    def test_of_a_class(self, sms_emulator, client):
        assert client.send(TemplateCode="SMS_1", TemplateParam='{"name": "x"}').code != "OK"
        named = client.send(TemplateCode="SMS_1", SignName="own", TemplateParam='{"name": "x"}')
        assert named.code == "OK"
        settings = sms_emulator.settings()
        assert (settings["nodes"], settings["limits"]["verification_per_hour"]) == (5, 9)

    @pytest.mark.sms_emulator(templates="any", settings={"limits": False, "nodes": 6})
    def test_wins(self, sms_emulator, client):
        for code in ("SMS_8", "SMS_8", "SMS_9"):
            assert client.send(TemplateCode=code, SignName="any").code == "OK"
        assert client.send("85251234567", TemplateCode="SMS_9", SignName="Any").code == "OK"
        texts = [message.text for message in sms_emulator.messages()]
        assert texts[1:3] == ["【any】SMS_8: code=1234", "【any】SMS_9: code=1234"]
        assert texts[3] == "[Any]SMS_9: code=1234"
        assert {message.code for message in sms_emulator.messages()} == {"1234"}
        assert sms_emulator.settings()["nodes"] == 6
        sms_emulator.reset()
        assert client.send(TemplateCode="SMS_8", SignName="any").code == "OK"


def test_the_server_is_one(sms_emulator):
    with open("ports", "a") as file:
        file.write(sms_emulator.url + "\\n")


def test_the_server_is_the_same_one(sms_emulator):
    with open("ports", "a") as file:
        file.write(sms_emulator.url + "\\n")
"""
FAILING = """\
import pytest


def test_wait(sms_emulator, client):
    client.send("13800138000", OutId="order-1")
    client.send("13800138000", OutId="order-2")
    client.send("13900139000", TemplateCode="SMS_404")
    client.secret = "wrong-secret"
    client.send("13900139000")
    sms_emulator.wait_for_message(phone_number="13900139000", timeout=0)


def test_nobody(sms_emulator):
    sms_emulator.wait_for_message(timeout=0)


def test_assertion(sms_emulator, client):
    assert client.send(SignName="no-such").code == "OK"


@pytest.mark.sms_emulator(template="any")
def test_unknown(): ...


@pytest.mark.sms_emulator("any")
def test_positional(): ...


@pytest.mark.sms_emulator(sign_names="shop")
def test_no_list(sms_emulator): ...


@pytest.mark.sms_emulator(templates=[{"code": "SMS_1", "type": "notification"}])
def test_template(sms_emulator): ...


@pytest.mark.sms_emulator(settings={"nodez": 1})
def test_setting(sms_emulator): ...
"""


def run(folder: Path, tests: str, *options: str, ini: str = "") -> tuple[int, str]:
    (folder / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_shop.py").write_text(tests, "utf-8")
    paths = os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))
    environment = {n: v for n, v in os.environ.items() if not n.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "--strict-markers", *options],
        cwd=folder,
        env={**environment, "PYTHONPATH": paths, **ONLY_OURS},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("workers", [0, 2])
def test_one_server_a_worker_is_reset_for_each_test(tmp_path: Path, workers: int) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sms.yaml").write_text(SMS_YAML, "utf-8")
    ini = "sms_emulator_config = config/sms.yaml"
    code, output = run(tmp_path, WORKING, f"-n{workers}", ini=ini)
    assert code == 0, output
    assert "6 passed" in output
    ports = (tmp_path / "ports").read_text().split()
    assert len(ports) == 2
    assert len(set(ports)) <= max(workers, 1)


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> str:
    code, output = run(tmp_path_factory.mktemp("failing"), FAILING)
    assert code == 1, output
    assert "3 failed, 5 errors" in output
    return output


def of(test: str, output: str) -> str:
    """The part of the output about one test."""
    heading = rf"^__+ (?:ERROR at setup of )?{test} _+$"
    match = re.search(rf"{heading}(.*?)(?=^(?:__|==))", output, re.MULTILINE | re.DOTALL)
    assert match is not None, output
    return match[1]


def test_a_failed_wait_says_what_came_and_what_was_refused_and_why(failed: str) -> None:
    text = of("test_wait", failed)
    assert "no message with this phone_number came within 0 seconds; what did arrive:" in text
    assert "SendSms delivered  to=138****8000  template_code=SMS_100001" in text
    assert "out_id=order-1  (other phone_number)" in text
    assert "isv.BUSINESS_LIMIT_CONTROL" in text
    assert "settings={'limits': False} turns the limits off" in text
    assert "to=139****9000  TemplateCode=SMS_404  SignName=fc-sms: isv.SMS_TEMPLATE_ILLEGAL" in text
    assert "templates='any' takes every template" in text
    assert "SignatureDoesNotMatch" in text
    assert "secret" in text
    assert "no program has called; is it pointed at this emulator?" in of("test_nobody", failed)


def test_refused_requests_stand_in_the_report(failed: str) -> None:
    text = of("test_assertion", failed)
    assert "-- SMS emulator --" in text
    assert "SignName=no-such: isv.SMS_SIGNATURE_ILLEGAL" in text


def test_reports_hold_no_secrets(failed: str) -> None:
    for each in ("test_wait", "test_assertion"):
        told = [line for line in of(each, failed).splitlines() if "****" in line]
        assert told
        for secret in ("13800138000", "13900139000", "1234,", '"1234"', "testsecret"):
            assert secret not in "\n".join(told)


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("test_unknown", "unknown name template; known are templates=, sign_names=, settings="),
        ("test_positional", "takes names alone"),
        ("test_no_list", "sign_names must be a list, or 'any'"),
        ("test_template", "templates[0].content: is missing; add it"),
        ("test_setting", "settings.nodez: unknown setting"),
    ],
)
def test_a_wrong_marker_is_an_error(failed: str, test: str, problem: str) -> None:
    assert f"marker sms_emulator: {problem}" in of(test, failed)


def test_a_wrong_file_is_an_error_that_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "sms.yaml").write_text("settings:\n  nodez: 1\n")
    tests = "def test_it(sms_emulator): ..."
    code, output = run(tmp_path, tests, ini="sms_emulator_config = sms.yaml")
    assert code == 1
    assert "sms.yaml:2: settings.nodez: unknown setting" in output
