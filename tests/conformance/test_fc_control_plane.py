"""This project deployed to a local Function Compute by the official SDK, and used there.

The package is the one that `s deploy` makes (npm @serverless-devs/zip); the calls are those of its
fc3 component, in its order.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions

from aliyun_fc_runtime_stub import FunctionCompute
from aliyun_fc_runtime_stub.template.model import Function
from aliyun_fc_runtime_stub.template.s_yaml import load_application
from aliyun_sms_emulator import SmsEmulator
from tests.conformance.fc2_signature import fc2_headers
from tests.node_packages import clean_environment
from tools import operate
from tools.function_compute import OperateError

pytestmark = [pytest.mark.node, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SEND = "fc-sms-send-sms"
KEY = "key-of-the-tests"


class Deployer:
    """What `s deploy` does, by the official client."""

    def __init__(self, cloud: FunctionCompute, package: Path) -> None:
        access = cloud.deploy_variables
        self._endpoint = access["FC_CLIENT_CUSTOM_ENDPOINT"]
        self._key = (access["AccessKeyID"], access["AccessKeySecret"])
        self._package = package
        self.client = self.client_with(*self._key)

    def client_with(self, key_id: str, secret: str) -> Client:
        host = self._endpoint.removeprefix("http://")
        return Client(
            Config(access_key_id=key_id, access_key_secret=secret, endpoint=host, protocol="http")
        )

    def upload(self) -> models.InputCodeLocation:
        """Take a token and put the package where it says, as the component does with ali-oss."""
        path = "/2016-08-15/tempBucketToken"
        token = requests.get(
            self._endpoint + path, headers=fc2_headers(*self._key, path), timeout=10
        ).json()
        name = f"1234567890123456/{token['objectName']}"
        put = requests.put(
            f"{self._endpoint}/{name}",
            data=self._package.read_bytes(),
            headers={"x-oss-security-token": token["credentials"]["SecurityToken"]},
            timeout=10,
        )
        assert put.status_code == 200, put.text
        return models.InputCodeLocation(oss_bucket_name=token["ossBucket"], oss_object_name=name)

    def deploy(self, function: Function, environment: dict[str, str]) -> str:
        """Create one function with its triggers; return the URL of its HTTP trigger."""
        self.client.create_function(
            models.CreateFunctionRequest(
                body=models.CreateFunctionInput(
                    function_name=function.name,
                    runtime=function.runtime,
                    handler=function.handler,
                    code=self.upload(),
                    memory_size=function.memory,
                    timeout=function.timeout,
                    role=function.role,
                    environment_variables={**function.environment, **environment},
                )
            )
        )
        self.client.put_async_invoke_config(
            function.name,
            models.PutAsyncInvokeConfigRequest(
                qualifier="LATEST",
                body=models.PutAsyncInvokeConfigInput(
                    max_async_retry_attempts=function.max_async_retries
                ),
            ),
        )
        for timer in function.timers:
            config: dict[str, Any] = {
                "cronExpression": timer.expression,
                "enable": timer.enabled,
                "payload": timer.payload,
            }
            self._trigger(function.name, timer.name, "timer", config)
        if function.http_trigger is None:
            return ""
        config = {
            "authType": function.http_trigger.auth_type,
            "methods": sorted(function.http_trigger.methods),
        }
        created = self._trigger(function.name, function.http_trigger.name, "http", config)
        return str(created.http_trigger.url_internet)

    def _trigger(self, function: str, name: str, kind: str, config: dict[str, Any]) -> Any:
        body = models.CreateTriggerInput(
            trigger_name=name, trigger_type=kind, trigger_config=json.dumps(config)
        )
        return self.client.create_trigger(function, models.CreateTriggerRequest(body=body)).body


@pytest.fixture(scope="module")
def package(node_modules: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code package that `s deploy` would upload."""
    folder = tmp_path_factory.mktemp("package")
    subprocess.run(
        ["node", project / "tests" / "integration" / "pack.cjs", project, folder, "code.zip"],
        env=clean_environment(HOME=str(folder)),
        capture_output=True,
        check=True,
    )
    return folder / "code.zip"


@pytest.fixture(scope="module")
def functions(project: Path) -> dict[str, Function]:
    """The functions of s.yaml by name, when no variable is set."""
    application = load_application(project / "s.yaml", variables={})
    return {function.name: function for function in application.functions}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], FunctionCompute]]:
    """Start a local Function Compute; a second one takes up what the first has kept."""
    running: list[FunctionCompute] = []

    def started() -> FunctionCompute:
        if running:
            running.pop().stop()
        cloud = FunctionCompute(state=tmp_path / "state", port=0)
        cloud.start()
        running.append(cloud)
        return cloud

    yield started
    running.pop().stop()


def test_the_whole_project_is_deployed_and_sends(
    emulator: SmsEmulator,
    start: Callable[[], FunctionCompute],
    package: Path,
    functions: dict[str, Function],
) -> None:
    deployer = Deployer(start(), package)
    environment = {
        "SMS_ACCESS_KEY_ID": "keyid",
        "SMS_ACCESS_KEY_SECRET": "keysecret",
        "SMS_API_KEYS": f"tests:{hashlib.sha256(KEY.encode()).hexdigest()}",
        "SMS_ENDPOINT": emulator.url,
        "SMS_SIGN_NAME": "阿里云短信测试",
    }
    urls = {name: deployer.deploy(function, environment) for name, function in functions.items()}
    listed = deployer.client.list_functions(models.ListFunctionsRequest(limit=100)).body
    assert [function.function_name for function in listed.functions] == sorted(functions)
    assert {name for name, url in urls.items() if not url} == {
        "fc-sms-daily-report",
        "fc-sms-operate",
        "fc-sms-send-on-event",
    }

    _send(urls[SEND], "13800138000", "order-1")
    message = emulator.wait_for_message(out_id="tests~order-1")
    assert message.text == "【阿里云短信测试】您的验证码为1234，5分钟内有效。"

    again = start()
    assert {function.name for function in again.functions} == set(functions)
    _send(again.url(SEND), "13900139000", "order-2")
    assert emulator.wait_for_message(out_id="tests~order-2").phone_number == "13900139000"


def test_the_owner_s_tools_sign_so_that_the_function_operate_answers(
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[[], FunctionCompute],
    package: Path,
    functions: dict[str, Function],
    tmp_path: Path,
) -> None:
    cloud = start()
    state = {
        "SMS_STATE_URL": f"sqlite://{tmp_path}/state.sqlite3",
        "SMS_ALLOW_LOCAL_STATE": "1",
        "SMS_STATE_SECRET": "c3RhdGUtc2VjcmV0LW9mLXRlc3Rz",
    }
    Deployer(cloud, package).deploy(functions["fc-sms-operate"], state)
    access = cloud.deploy_variables
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", access["AccessKeyID"])
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", access["AccessKeySecret"])
    parser = argparse.ArgumentParser()
    operate.add_options(parser)
    options = parser.parse_args(["--endpoint", access["FC_CLIENT_CUSTOM_ENDPOINT"]])
    assert operate.ask("unread", {}, options) == {"unread": [], "left": 0, "days": 30}

    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong")
    with pytest.raises(OperateError, match="SignatureNotMatch"):
        operate.ask("unread", {}, options)
    options.function = "fc-sms-other"
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", access["AccessKeySecret"])
    with pytest.raises(OperateError, match="is it deployed"):
        operate.ask("unread", {}, options)


def _send(url: str, phone_number: str, out_id: str) -> None:
    answer = requests.post(
        f"{url}sms",
        json={
            "phone_numbers": phone_number,
            "template_code": "SMS_100001",
            "template_param": {"code": "1234"},
            "out_id": out_id,
        },
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=30,
    )
    assert answer.json()["outcome"] == "accepted", answer.text


def test_a_changed_function_is_updated_invoked_and_deleted(
    start: Callable[[], FunctionCompute], package: Path, functions: dict[str, Function]
) -> None:
    cloud = start()
    deployer = Deployer(cloud, package)
    client = deployer.client
    deployer.deploy(functions[SEND], {})
    before = client.get_function(SEND, models.GetFunctionRequest()).body

    changed = models.UpdateFunctionInput(environment_variables={"SMS_SIGN_NAME": "x"}, timeout=9)
    client.update_function(SEND, models.UpdateFunctionRequest(body=changed))
    after = client.get_function(SEND, models.GetFunctionRequest()).body
    assert (after.timeout, after.environment_variables) == (9, {"SMS_SIGN_NAME": "x"})
    assert (after.code_checksum, after.handler) == (before.code_checksum, before.handler)

    event = json.dumps({"version": "v1", "rawPath": "/nowhere", "headers": {}}).encode()
    synchronous = client.invoke_function(SEND, models.InvokeFunctionRequest(body=event))
    assert json.loads(synchronous.body.read())["statusCode"] == 400  # an event without a method
    asynchronous = client.invoke_function_with_options(
        SEND,
        models.InvokeFunctionRequest(body=event),
        models.InvokeFunctionHeaders(x_fc_invocation_type="Async"),
        RuntimeOptions(),
    )
    assert asynchronous.status_code == 202
    cloud.wait_for_async()
    assert [one.trigger for one in cloud.invocations()] == ["event", "async"]

    client.delete_function(SEND)
    with pytest.raises(Exception, match="FunctionNotFound"):
        client.get_function(SEND, models.GetFunctionRequest())
    with pytest.raises(Exception, match="FunctionNotFound"):
        client.invoke_function(SEND, models.InvokeFunctionRequest(body=b""))


def test_a_wrong_secret_deploys_and_invokes_nothing(
    start: Callable[[], FunctionCompute], package: Path, functions: dict[str, Function]
) -> None:
    cloud = start()
    deployer = Deployer(cloud, package)
    deployer.deploy(functions[SEND], {})
    stranger = deployer.client_with(cloud.access_key[0], "wrong")
    with pytest.raises(Exception, match="SignatureNotMatch"):
        stranger.delete_function(SEND)
    with pytest.raises(Exception, match="SignatureNotMatch"):
        stranger.invoke_function(SEND, models.InvokeFunctionRequest(body=b""))
    with pytest.raises(Exception, match="InvalidAccessKeyID"):
        deployer.client_with("other", "wrong").list_functions(models.ListFunctionsRequest())
    assert [function.name for function in cloud.functions] == [SEND]
    assert list(cloud.invocations()) == []
