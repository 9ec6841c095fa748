"""DisableFunctionInvocation and EnableFunctionInvocation, called by the official SDK."""

from __future__ import annotations

import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.models import Config

from aliyun_fc_runtime_stub import FunctionCompute, RequestRefused
from stub_project import Project

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CODE = """
    def handler(event, context):
        return b"got " + event
"""


def client(fc: FunctionCompute) -> Client:
    endpoint = fc.api_url.removeprefix("http://")
    return Client(
        Config(access_key_id="id", access_key_secret="secret", endpoint=endpoint, protocol="http")
    )


def disabled(**members: object) -> models.DisableFunctionInvocationRequest:
    return models.DisableFunctionInvocationRequest(**members)


def test_a_function_that_is_off_is_not_run_and_runs_again_when_it_is_on(project: Project) -> None:
    project.function("f", CODE)
    project.function("g", CODE)
    fc = project.start()
    told = client(fc).disable_function_invocation("f", disabled(reason="too much"))
    assert told.body.success is True
    with pytest.raises(RequestRefused, match="'f' are disabled: too much") as refused:
        fc.invoke("f", b"1")
    assert (refused.value.status, refused.value.code) == (403, "InvocationDisabled")
    assert fc.invoke("g", b"1").payload == b"got 1"
    assert client(fc).enable_function_invocation("f").body.success is True
    assert fc.invoke("f", b"2").payload == b"got 2"
    assert client(fc).enable_function_invocation("f").body.success is True


def test_asynchronous_invocations_wait_until_the_function_is_on(project: Project) -> None:
    project.function("f", CODE)
    fc = project.start(retry_delay=0.05)
    client(fc).disable_function_invocation("f", disabled())
    fc.invoke("f", b"1", asynchronous=True)
    assert fc.invocations() == []
    client(fc).enable_function_invocation("f")
    fc.wait_for_async()
    assert [one.payload for one in fc.invocations()] == [b"got 1"]


def test_what_it_cannot_do_is_said(project: Project) -> None:
    project.function("f", CODE)
    fc = project.start()
    with pytest.raises(ClientException, match="abortOngoingRequest"):
        client(fc).disable_function_invocation("f", disabled(abort_ongoing_request=True))
    with pytest.raises(ClientException, match="FunctionNotFound"):
        client(fc).disable_function_invocation("h", disabled())
    assert fc.invoke("f", b"1").payload == b"got 1"
