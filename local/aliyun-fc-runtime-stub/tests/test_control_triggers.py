"""Triggers and configurations of deployed functions, by the official SDK."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models

from aliyun_fc_runtime_stub import FunctionCompute
from deployer import Deployer, fetch

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FAILS = "def handler(event, context): raise ValueError"
HTTP = {"authType": "anonymous", "methods": ["GET"]}


def test_http_trigger_has_a_url(deployer: Deployer) -> None:
    deployer.create("f", "def handler(e, c): return 'hello'")
    url = deployer.http("f")
    assert fetch(url) == (200, b"hello")
    assert fetch(url, "POST", b"")[0] == 403
    got = deployer.client.get_trigger("f", "web").body
    assert (got.http_trigger.url_internet, got.trigger_type) == (url, "http")
    assert json.loads(got.trigger_config) == HTTP
    assert "targetArn" not in got.to_map()  # a plan would show it as a difference


def test_the_qualifier_of_a_trigger_is_kept_without_effect(deployer: Deployer) -> None:
    """There is one version here; what s.yaml says of others is said to have no effect."""
    deployer.create("f")
    deployer.trigger("f", "web", "http", HTTP, qualifier="prod")
    assert deployer.client.get_trigger("f", "web").body.qualifier == "prod"
    assert fetch(deployer.cloud.url("f"))[0] == 200
    (function,) = deployer.cloud.functions
    assert [one.property for one in function.without_effect] == ["triggers.0.qualifier"]


def test_a_changed_trigger_counts_at_once(deployer: Deployer) -> None:
    deployer.create("f", "def handler(e, c): return 'hello'")
    url = deployer.http("f")
    changed = models.UpdateTriggerInput(
        trigger_config=json.dumps({"authType": "function", "methods": ["POST"]})
    )
    deployer.client.update_trigger("f", "web", models.UpdateTriggerRequest(body=changed))
    assert fetch(url)[0] == 403
    assert b"sign the request" in fetch(url, "POST", b"")[1]


def test_a_deleted_trigger_no_longer_answers(deployer: Deployer) -> None:
    deployer.create("f", "def handler(e, c): return 'hello'")
    url = deployer.http("f")
    deployer.client.delete_trigger("f", "web")
    assert fetch(url)[0] == 403
    with pytest.raises(Exception, match="TriggerNotFound"):
        deployer.client.get_trigger("f", "web")
    assert deployer.http("f") == url
    deployer.client.delete_function("f")
    assert fetch(url)[0] == 404


def test_timer_fires(tmp_path: Path) -> None:
    moment = datetime(2026, 2, 1, tzinfo=timezone.utc)
    with FunctionCompute(state=tmp_path, port=0, timers=True, clock=lambda: moment) as cloud:
        deployer = Deployer(cloud)
        deployer.create("f")
        timer = {"cronExpression": "@every 5m", "enable": True, "payload": "p"}
        deployer.trigger("f", "often", "timer", timer)
        moment += timedelta(minutes=5)
        cloud.fire_due_timers()
        cloud.wait_for_async()
        assert [json.loads(one.payload)["payload"] for one in cloud.invocations()] == ["p"]
        deployer.client.delete_trigger("f", "often")
        assert cloud.timer_times() == {}


def test_triggers_of_other_services_are_kept_and_listed(deployer: Deployer) -> None:
    deployer.create("f")
    created = deployer.trigger(
        *("f", "topic", "mns_topic", {"notifyContentFormat": "JSON"}),
        source_arn="acs:mns:cn-hangzhou:123:/topics/t",
        invocation_role="acs:ram::123:role/r",
    )
    assert (created.source_arn, created.http_trigger) == ("acs:mns:cn-hangzhou:123:/topics/t", None)
    deployer.http("f")
    listed = deployer.client.list_triggers("f", models.ListTriggersRequest()).body.triggers
    assert [trigger.trigger_name for trigger in listed] == ["topic", "web"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"triggerName": "1"}, "triggerName: must be"),
        ({"triggerType": "carrier_pigeon"}, "triggerType: 'carrier_pigeon' is none of"),
        ({"triggerConfig": "{"}, "triggerConfig: must be JSON"),
        ({"triggerConfig": "[]"}, "triggerConfig: must be a JSON object"),
        ({"triggerConfig": {}}, "triggerConfig: must be a string, not a map"),
        ({"triggerConfig": '{"methods": ["FETCH"]}'}, "triggerConfig.methods: 'FETCH' is none"),
        ({"triggerConfig": '{"methods": []}'}, "triggerConfig.methods: is missing"),
        (
            {"triggerConfig": '{"methods": ["GET"], "authType": "none"}'},
            "triggerConfig.authType: must be",
        ),
        ({"triggerConfig": '{"methods": ["GET"], "x": 1}'}, "triggerConfig.x: is not a known"),
        (
            {"triggerType": "timer", "triggerConfig": '{"cronExpression": "never"}'},
            "triggerConfig.cronExpression: ",
        ),
        ({"zork": 1}, "zork: is not a known field"),
    ],
)
def test_a_trigger_that_cannot_be_is_refused(
    deployer: Deployer, fields: dict[str, Any], message: str
) -> None:
    deployer.create("f")
    given = {"triggerName": "t", "triggerType": "http", "triggerConfig": json.dumps(HTTP)}
    with pytest.raises(Exception, match=f"InvalidArgument code: 400, {message}"):
        deployer.call("POST", "functions/f/triggers", {**given, **fields})
    assert deployer.client.list_triggers("f", models.ListTriggersRequest()).body.triggers == []


def test_a_function_has_at_most_one_http_trigger(deployer: Deployer) -> None:
    deployer.create("f")
    deployer.http("f")
    with pytest.raises(Exception, match="TriggerAlreadyExists"):
        deployer.http("f")
    with pytest.raises(Exception, match="triggerType: a function version has at most one"):
        deployer.trigger("f", "second", "http", HTTP)


def test_asynchronous_configuration_counts(deployer: Deployer) -> None:
    deployer.create("f", FAILS)
    with pytest.raises(Exception, match="AsyncConfigNotExists"):
        deployer.call("GET", "functions/f/async-invoke-config")
    put = deployer.call("PUT", "functions/f/async-invoke-config", {"maxAsyncRetryAttempts": 1})
    assert put["body"]["functionArn"].endswith("functions/f")
    deployer.invoke("f", kind="Async")
    deployer.cloud.wait_for_async()
    assert len(deployer.cloud.invocations()) == 2
    deployer.call("DELETE", "functions/f/async-invoke-config")
    deployer.invoke("f", kind="Async")
    deployer.cloud.wait_for_async()
    assert len(deployer.cloud.invocations()) == 6


@pytest.mark.parametrize(
    ("kind", "body", "empty", "listed"),
    [
        ("async-invoke-config", {"asyncTask": False}, "AsyncConfigNotExists", "configs"),
        ("concurrency", {"reservedConcurrency": 3}, "OnDemandConfigNotFound", "configs"),
        ("provision-config", {"target": 2}, "", "provisionConfigs"),
        ("scaling-config", {"minInstances": 2}, "", "scalingConfigs"),
    ],
)
def test_a_configuration_is_got_as_it_was_put(
    deployer: Deployer, kind: str, body: dict[str, Any], empty: str, listed: str
) -> None:
    """What is put is what is got; none is an error or, as fc3 expects it, an empty one."""
    deployer.create("f")
    path = f"functions/f/{kind}"
    every = {"concurrency": "concurrency-configs"}.get(kind, f"{kind}s")

    def check_none() -> None:
        if empty:
            with pytest.raises(Exception, match=empty):
                deployer.call("GET", path)
        else:
            assert deployer.call("GET", path)["body"] == {}

    check_none()
    deployer.call("PUT", path, body, qualifier="LATEST")
    assert body.items() <= deployer.call("GET", path)["body"].items()
    assert len(deployer.call("GET", every, functionName="f")["body"][listed]) == 1
    assert deployer.call("GET", every, functionName="g")["body"][listed] == []
    deployer.call("DELETE", path)
    check_none()


@pytest.mark.parametrize("given", ["defaultTarget", "target"])
def test_provisioned_instances_are_there_at_once(deployer: Deployer, given: str) -> None:
    """The fc3 component waits for ever until `current` is `target`, and plans what was given."""
    deployer.create("f")
    deployer.call("PUT", "functions/f/provision-config", {given: 3})
    answered = deployer.call("GET", "functions/f/provision-config")["body"]
    assert (answered["current"], answered["target"]) == (3, 3)
    assert answered.get("defaultTarget", 3) == answered[given] == 3


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("async-invoke-config", {"maxAsyncRetryAttempts": 9}, "maxAsyncRetryAttempts: must be 0"),
        (
            "async-invoke-config",
            {"destinationConfig": {"onFailure": {"destination": "x"}}},
            "destinationConfig.onFailure.destination: must be an ARN",
        ),
        ("concurrency", {}, "reservedConcurrency: is missing"),
        ("concurrency", {"reservedConcurrency": -1}, "reservedConcurrency: must not be below 0"),
        ("provision-config", {"defaultTarget": 10001}, "defaultTarget: must be at most 10000"),
        ("provision-config", {"target": 10001}, "target: must be at most 10000"),
        (
            "provision-config",
            {"scheduledActions": [{"target": -1}]},
            r"scheduledActions\[0\].target: must not be below 0",
        ),
        ("scaling-config", {"mode": "sync"}, "mode: is not a known field"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    deployer: Deployer, kind: str, body: dict[str, Any], message: str
) -> None:
    deployer.create("f")
    with pytest.raises(Exception, match=f"InvalidArgument code: 400, {message}"):
        deployer.call("PUT", f"functions/f/{kind}", body)


def test_vpc_bindings_are_created_listed_and_deleted(deployer: Deployer) -> None:
    deployer.create("f")
    for vpc in ("vpc-1", "vpc-2", "vpc-1"):
        body = models.CreateVpcBindingInput(vpc_id=vpc)
        deployer.client.create_vpc_binding("f", models.CreateVpcBindingRequest(body=body))
    assert deployer.client.list_vpc_bindings("f").body.vpc_ids == ["vpc-1", "vpc-2"]
    deployer.client.delete_vpc_binding("f", "vpc-1")
    assert deployer.client.list_vpc_bindings("f").body.vpc_ids == ["vpc-2"]
    with pytest.raises(Exception, match="VpcBindingNotFound"):
        deployer.client.delete_vpc_binding("f", "vpc-1")


def test_tags_are_set_changed_and_removed(deployer: Deployer) -> None:
    arn = deployer.create("f", tags=[models.Tag(key="a", value="1")]).function_arn
    tags = [models.Tag(key="a", value="2"), models.Tag(key="b", value="3")]
    body = models.TagResourcesInput(resource_id=[arn], resource_type="function", tag=tags)
    deployer.client.tag_resources(models.TagResourcesRequest(body=body))
    request = models.UntagResourcesRequest(
        resource_id=[arn], resource_type="function", tag_key=["b"]
    )
    deployer.client.untag_resources(request)
    assert [tag.to_map() for tag in deployer.get("f").tags] == [{"Key": "a", "Value": "2"}]
    everything = models.UntagResourcesRequest(resource_id=[arn], resource_type="function", all=True)
    deployer.client.untag_resources(everything)
    assert deployer.get("f").tags == []
