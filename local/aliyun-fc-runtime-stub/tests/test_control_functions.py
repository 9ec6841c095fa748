"""CreateFunction and its siblings, called by the official SDK; the functions then run."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from alibabacloud_fc20230330 import models

from deployer import ECHO, Deployer, fetch, inline, zipped

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SECRET = "value-that-nobody-may-see"


def test_created_function_runs(deployer: Deployer) -> None:
    created = deployer.create("f", environment_variables={"A": "1"})
    assert created.function_arn == "acs:fc:cn-hangzhou:1234567890123456:functions/f"
    assert (created.state, created.last_update_status) == ("Active", "Successful")
    assert deployer.get("f").to_map() == created.to_map()
    assert deployer.invoke("f", b"ping").body.read() == b"ping"
    assert deployer.invoke("f", b"later", kind="Async").status_code == 202
    deployer.cloud.wait_for_async()
    assert [one.payload for one in deployer.cloud.invocations()] == [b"ping", b"later"]


def test_update_leaves_what_is_not_given(deployer: Deployer) -> None:
    before = deployer.create("f", environment_variables={"A": "1"}, description="old")
    after = deployer.update("f", description="new")
    assert (after.description, after.environment_variables) == ("new", {"A": "1"})
    assert after.code_checksum == before.code_checksum
    assert (after.function_id, after.created_time) == (before.function_id, before.created_time)


def test_new_code_runs_at_once(deployer: Deployer) -> None:
    deployer.create("f")
    assert deployer.invoke("f", b"x").body.read() == b"x"
    code = "import os\ndef handler(e, c): return os.environ['A']"
    deployer.update("f", code=inline(zipped(("index.py", code))), environment_variables={"A": "2"})
    assert deployer.invoke("f", b"x").body.read() == b"2"


def test_a_new_trigger_leaves_instances_alone(deployer: Deployer) -> None:
    deployer.create("f", "import os\ndef handler(e, c): return str(os.getpid())")
    before = deployer.invoke("f").body.read()
    deployer.http("f")
    assert deployer.invoke("f").body.read() == before


def test_a_deleted_function_is_gone_and_may_be_created_again(deployer: Deployer) -> None:
    deployer.create("f")
    deployer.client.delete_function("f")
    for call in (deployer.get, deployer.invoke, deployer.client.delete_function):
        with pytest.raises(Exception, match="FunctionNotFound") as caught:
            call("f")
        assert caught.value.status_code == 404  # type: ignore[attr-defined]
    assert deployer.create("f").function_name == "f"


def test_lists_come_in_pages(deployer: Deployer) -> None:
    for name in ("a1", "b", "a2", "A3", "a-4"):
        deployer.create(name)
    assert deployer.names() == ["A3", "a-4", "a1", "a2", "b"]
    assert deployer.names(prefix="a") == ["a-4", "a1", "a2"]
    pages: list[list[str]] = []
    token = None
    while token is not None or not pages:
        request = models.ListFunctionsRequest(limit=2, next_token=token)
        body = deployer.client.list_functions(request).body
        pages.append([function.function_name for function in body.functions])
        token = body.next_token
    assert pages == [["A3", "a-4"], ["a1", "a2"], ["b"]]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"limit": 0}, "limit: must be 1 to 100, not '0'"),
        ({"limit": 101}, "limit: must be"),
        ({"next_token": "!"}, "nextToken: is not one"),
        ({"runtime": "python3.12"}, "runtime: is not a parameter"),
    ],
)
def test_a_page_that_cannot_be_is_refused(
    deployer: Deployer, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(Exception, match=f"InvalidArgument.*{message}"):
        deployer.names(**fields)


def test_a_function_cannot_be_created_twice(deployer: Deployer) -> None:
    deployer.create("f")
    with pytest.raises(Exception, match="FunctionAlreadyExists") as caught:
        deployer.create("f")
    assert caught.value.status_code == 409  # type: ignore[attr-defined]


LAYER = "acs:fc:cn-hangzhou:1:layers/l/versions/1"
WRONG = [
    ({"function_name": "1f"}, "functionName: must be"),
    ({"function_name": "f" * 65}, "functionName: must be"),
    ({"function_name": "a/b"}, "functionName: must be"),
    ({"function_name": "电话"}, "functionName: must be"),
    ({"runtime": "nodejs20"}, "runtime: fc-stub cannot run this function"),
    ({"runtime": "cobol"}, "runtime: 'cobol' is unknown"),
    ({"handler": "index"}, "handler: must be file.method"),
    ({"memory_size": 100}, "memorySize: must be 128 to 32768"),
    ({"memory_size": 200}, "memorySize: must be a multiple of 64"),
    ({"cpu": 0.07}, "cpu: must be a multiple of 0.05"),
    ({"cpu": 8, "memory_size": 512}, "cpu: 8 vCPU to 512 MB"),
    ({"disk_size": 1024}, "diskSize: must be 512 or 10240"),
    ({"timeout": 0}, "timeout: must be 1 to 86400"),
    ({"timeout": "3"}, "timeout: must be a whole number, not a string"),
    ({"timeout": True}, "timeout: must be a whole number, not true or false"),
    ({"internet_access": "yes"}, "internetAccess: must be true or false"),
    ({"environment_variables": {"FC_A": SECRET}}, "environmentVariables.FC_A: the prefix FC_"),
    ({"environment_variables": {"a-b": SECRET}}, "environmentVariables.a-b: a name starts"),
    ({"environment_variables": {"A": f"{SECRET}\0"}}, "environmentVariables.A: holds a zero byte"),
    ({"environment_variables": {"A": 5}}, "environmentVariables.A: must be a string"),
    ({"environment_variables": {"A": SECRET * 200}}, "environmentVariables: all values together"),
    ({"environment_variables": [SECRET]}, "environmentVariables: must be a map, not a list"),
    ({"layers": [LAYER] * 6}, "layers: must be a list of at most 5"),
    ({"instance_concurrency": 0}, "instanceConcurrency: must be 1 to 200"),
    ({"session_affinity": "SOME"}, "sessionAffinity: 'SOME' is none of"),
    ({"disable_inject_credentials": "x"}, "disableInjectCredentials: 'x' is none of"),
    ({"tags": [{"Key": str(n), "Value": ""} for n in range(21)]}, "tags: at most 20"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG)
def test_a_value_beyond_its_limits_is_refused_by_the_name_of_its_field(
    deployer: Deployer, fields: dict[str, Any], message: str
) -> None:
    """Values outside documented limits, by the name of their field; secrets stay unsaid."""
    package = inline(zipped(("index.py", ECHO))).to_map()
    given = {
        "functionName": "f",
        "runtime": "python3.12",
        "handler": "index.handler",
        "code": package,
    } | {_wire(name): value for name, value in fields.items()}
    with pytest.raises(Exception, match=f"InvalidArgument code: 400, {message}") as caught:
        deployer.call("POST", "functions", given)
    assert SECRET not in str(caught.value)
    assert deployer.names() == []


def _wire(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"zork": 1}, "zork: is not a known field; known are code, cpu"),
        ({"vpcConfig": {"zork": 1}}, "vpcConfig.zork: is not a known field"),
        ({"nasConfig": {"mountPoints": [{"a": 1}]}}, r"nasConfig.mountPoints\[0\].a: is not"),
        ({"nasConfig": {"mountPoints": [{}] * 6}}, "nasConfig.mountPoints: at most 5"),
        ({"functionName": "f"}, "code: is missing"),
        ([1], "the body must be a JSON object"),
        ({"logConfig": {"project": None, "logstore": 5}}, "logConfig.logstore: must be a string"),
        ({"code": {"zipFile": "x", "ossObjectName": "y"}}, "code: either"),
        ({"code": {"zipFile": "€"}}, "code.zipFile: is not base64"),
        ({"code": {"zipFile": "bm8gemlw"}}, "code: cannot be unpacked: File is not a zip file"),
        ({"code": {"ossBucketName": "mine", "ossObjectName": "a"}}, "code.ossBucketName: 'mine'"),
        (
            {"code": {"ossBucketName": "_fc-stub-temp_", "ossObjectName": "../../lock"}},
            "code.ossObjectName: there is no object",
        ),
    ],
)
def test_an_unknown_field_and_missing_code_are_refused(
    deployer: Deployer, body: Any, message: str
) -> None:
    """Unknown fields at any depth, and code that is not there."""
    if isinstance(body, dict) and "code" in body:
        body = {"functionName": "f", "runtime": "python3.12", "handler": "a.b"} | body
    with pytest.raises(Exception, match=f"InvalidArgument code: 400, {message}"):
        deployer.call("POST", "functions", body)


def test_failed_update_changes_nothing(deployer: Deployer) -> None:
    before = deployer.create("f")
    for fields in ({"timeout": 99999}, {"code": models.InputCodeLocation(zip_file="AAAA")}):
        with pytest.raises(Exception, match="InvalidArgument"):
            deployer.update("f", description="new", **fields)
    assert deployer.get("f").to_map() == before.to_map()
    assert deployer.invoke("f", b"x").body.read() == b"x"


@pytest.mark.parametrize(
    "path", ["/2023-03-30/layers", "/2016-08-15/services", "/2021-04-06/services/s"]
)
def test_what_is_not_offered_is_answered_with_the_list_of_what_is(
    deployer: Deployer, path: str
) -> None:
    status, body = fetch(deployer.cloud.api_url + path)
    answer = json.loads(body)
    assert (status, answer["Code"]) == (400, "PathNotSupported")
    assert answer["Message"].startswith(f"'GET' against '{path}' is not offered")
    for call in ("functions/*/triggers", "functions/*/invocations", "tempBucketToken"):
        assert call in answer["Message"]


def test_a_role_that_was_not_given_is_answered_as_an_empty_one(deployer: Deployer) -> None:
    """The fc3 component puts an empty one into its plan, which otherwise shows a difference."""
    assert deployer.create("f").to_map()["role"] == ""
    assert deployer.get("f").to_map()["role"] == ""


def test_nothing_is_said_of_what_the_component_sends_empty(deployer: Deployer) -> None:
    deployer.create(
        "f",
        log_config=models.LogConfig(
            enable_instance_metrics=False,
            enable_request_metrics=False,
            log_begin_rule="None",
            logstore="",
            project="",
        ),
        nas_config=models.NASConfig(group_id=0, mount_points=[], user_id=0),
        oss_mount_config=models.OSSMountConfig(mount_points=[]),
        vpc_config=models.VPCConfig(security_group_id="", v_switch_ids=[], vpc_id=""),
    )
    (function,) = deployer.cloud.functions
    assert function.without_effect == ()


def test_a_call_that_is_not_offered_says_so(deployer: Deployer) -> None:
    """What is not offered says so; versions and aliases are not."""
    deployer.create("f")
    with pytest.raises(Exception, match=r"PathNotSupported.*is not offered by fc-stub") as caught:
        deployer.client.list_aliases("f", models.ListAliasesRequest())
    assert "POST/GET functions, GET/PUT/DELETE functions/*, " in str(caught.value)
    with pytest.raises(Exception, match="qualifier: only LATEST"):
        deployer.client.get_function("f", models.GetFunctionRequest(qualifier="1"))
