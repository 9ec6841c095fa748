"""Functions of one name in several regions are several functions."""

from __future__ import annotations

import json
import subprocess

import pytest

from aliyun_fc_runtime_stub import ConfigurationError, FunctionNotFound
from deployer import fetch
from stub_project import Project
from test_cli import COMMAND, run

CODE = """
    import os
    def handler(event, context):
        named = [context.function.name, os.environ["FC_FUNCTION_NAME"], context.region]
        return " ".join([*named, os.environ.get("LEVEL", "")]).strip()
"""
HERE, THERE = "f@cn-hangzhou", "f@cn-shanghai"


def two(project: Project, **props: object) -> None:
    """Write a project with two functions of one name."""
    topic = {
        "triggerName": "t",
        "triggerType": "mns_topic",
        "sourceArn": "acs:mns:cn-hangzhou:1:/topics/t",
        "triggerConfig": {},
    }
    web = {
        "triggerName": "w",
        "triggerType": "http",
        "triggerConfig": {"methods": ["GET"], "authType": "anonymous"},
    }
    for resource, region in (("hz", "cn-hangzhou"), ("sh", "cn-shanghai")):
        project.function(
            resource,
            CODE,
            functionName="f",
            region=region,
            handler="hz.handler",
            triggers=[web, topic],
            **props,
        )


def test_each_is_called_by_its_name_and_region(project: Project) -> None:
    two(project)
    fc = project.start(environment={f"{THERE}:LEVEL": "high"})
    assert [function.name for function in fc.functions] == [HERE, THERE]
    assert fc.invoke(HERE).payload == b"f f cn-hangzhou"
    assert fc.invoke(THERE).payload == b"f f cn-shanghai high"
    assert fetch(fc.url(HERE))[1].startswith(b"f f cn-hangzhou")
    assert fc.url(HERE) != fc.url(THERE)
    with pytest.raises(FunctionNotFound, match=f"there are: {HERE}, {THERE}"):
        fc.invoke("f")


def test_the_command_takes_the_resource_as_well(project: Project) -> None:
    two(project)
    for name in (THERE, "sh"):
        assert run(project, "invoke", name)[1] == b"f f cn-shanghai"
    code, _, log = run(project, "invoke", "f")
    assert (code, f"there are: {HERE}, {THERE}, hz, sh" in log) == (2, True)


def test_start_lists_both_and_the_commands_that_play_their_triggers(project: Project) -> None:
    two(project)
    command = [*COMMAND, "start", "--json", "--port", "0", "-t", str(project.write())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stub:
        assert stub.stdout is not None
        ready = json.loads(stub.stdout.readline())
        stub.terminate()
        stub.stdout.read()
    assert [row["name"] for row in ready["functions"]] == [HERE, THERE]
    plays = [row["triggers"][0]["send_event"] for row in ready["functions"]]
    assert [play.partition(" --api")[0].split()[-1] for play in plays] == [HERE, THERE]


def test_a_destination_is_the_function_of_its_region(project: Project) -> None:
    arn = "acs:fc:cn-shanghai:1234567890123456:functions/f"
    two(project)
    success = {"destinationConfig": {"onSuccess": {"destination": arn}}}
    project.function("first", CODE, asyncInvokeConfig=success)
    fc = project.start()
    fc.invoke("first", asynchronous=True)
    fc.wait_for_async()
    assert [one.function for one in fc.invocations()] == ["first", THERE]


def test_one_name_twice_in_a_region_is_a_mistake(project: Project) -> None:
    two(project)
    project.function("again", CODE, functionName="f")
    with pytest.raises(ConfigurationError, match="'f' is also the function of resource 'hz'"):
        project.start()
