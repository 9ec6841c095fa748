"""The Serverless Devs CLI deploys to `fc-stub serve`: each call of it, in its order, with pauses.

`tests/data/deployed/calls.json` was recorded from @serverless-devs/s 3.1.10 and the component fc3
(github.com/devsapp/fc3 at 4ca1c1b), both unmodified.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aliyun_fc_runtime_stub import FunctionCompute
from tests.integration.local_program import copy_project
from tests.integration.serverless_devs import ServerlessDevs
from tests.integration.tcp_proxy import TcpProxy

pytestmark = pytest.mark.node

REQUEST = re.compile(rb"^(GET|PUT|POST|DELETE) (\S+) HTTP/1\.1\r$", re.MULTILINE)
OBJECT = re.compile(r"/[0-9a-f]{32}$")
PAUSE = {"PAUSE_SECONDS": "5"}  # as fc3 pauses between two looks at instances that are to come


class Recorder(TcpProxy):
    """A relay that notes each request."""

    def __init__(self, server: tuple[str, int]) -> None:
        super().__init__(server)
        self.calls: list[str] = []
        self._turn = threading.Lock()

    def heard(self, data: bytes) -> None:
        with self._turn:
            for method, path in REQUEST.findall(data):
                target = OBJECT.sub("/OBJECT", path.decode()).replace("/2023-03-30/", "")
                self.calls.append(f"{method.decode()} {target}")


@pytest.fixture
def deployer(node_modules: Path, tmp_path: Path) -> ServerlessDevs:
    return ServerlessDevs(node_modules, tmp_path / "home")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[FunctionCompute]:
    """A Function Compute to deploy to."""
    with FunctionCompute(state=tmp_path / "state", port=0) as cloud:
        yield cloud


def through(relay: TcpProxy, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a deploy with the relay's address in place of the stub's."""
    address = f"http://127.0.0.1:{relay.port}"
    return {k: address if v.startswith("http:") else v for k, v in variables.items()}


def test_every_call_of_the_deployer_is_answered_in_its_order_and_after_its_pauses(
    deployer: ServerlessDevs, cloud: FunctionCompute, data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(data / "deployed", folder)
    port, pause = urlsplit(cloud.api_url).port or 0, PAUSE
    for step in json.loads((data / "deployed" / "calls.json").read_text()):
        with Recorder(("127.0.0.1", port)) as relay:
            variables = through(relay, cloud.deploy_variables)
            deployer.run(folder, step["command"], variables | pause)
        pause = {}
        assert relay.calls == step["calls"], step["command"]
        if step["command"] == "info":
            assert cloud.invoke("every-setting", b"x").payload == b"x"
    assert cloud.functions == ()


def test_a_component_may_be_named_by_a_variable(
    deployer: ServerlessDevs, cloud: FunctionCompute, data: Path
) -> None:
    variables = {**cloud.deploy_variables, "COMPONENT": "fc3"}
    deployer.run(data / "deployed", "scaled deploy -y", variables)
    assert [function.name for function in cloud.functions] == ["scaled"]


def test_the_account_of_another_is_refused_before_anything_is_deployed(
    deployer: ServerlessDevs, cloud: FunctionCompute, data: Path
) -> None:
    variables = {**cloud.deploy_variables, "AccountID": "42"}
    with pytest.raises(AssertionError, match="set AccountID=1234567890123456"):
        deployer.run(data / "deployed", "scaled deploy -y", variables)
    assert cloud.functions == ()


@pytest.fixture
def events(project: Path, tmp_path: Path) -> Path:
    """s.events.yaml, in a copy of the project."""
    return copy_project(project, tmp_path / "copy") / "s.events.yaml"


def test_triggers_of_ones_own_resources_are_deployed_whole_where_their_roles_are_named(
    deployer: ServerlessDevs, cloud: FunctionCompute, events: Path
) -> None:
    role = "acs:ram::1234567890123456:role/fc-sms-events"
    events.write_text(events.read_text().replace("invocationRole:\n", f"invocationRole: {role}\n"))
    deployer.run(events.parent, "deploy -y -t s.events.yaml", cloud.deploy_variables)
    functions = {function.name: function for function in cloud.functions}
    assert len(functions) == len(list(events.parent.glob("functions/[a-z]*.py")))
    sender = functions["fc-sms-send-on-event"]
    assert [one.kind for one in sender.event_triggers] == ["mns_topic", "eventbridge", "oss"]
    assert [one.name for one in sender.timers] == ["schedule"]


def test_the_role_of_such_a_trigger_is_looked_up_in_ram_where_none_is_named(
    deployer: ServerlessDevs, cloud: FunctionCompute, events: Path
) -> None:
    with pytest.raises(AssertionError, match="RAM is asked for the role of the trigger topic"):
        deployer.run(
            events.parent, "send_on_event deploy -y -t s.events.yaml", cloud.deploy_variables
        )
