"""Properties that an s.yaml may set, and that change nothing here: said once, one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aliyun_fc_runtime_stub import FunctionCompute
from aliyun_fc_runtime_stub.commands.without_effect import (
    WithoutEffectReport,
    without_effect_text,
)
from aliyun_fc_runtime_stub.template.properties import PROPERTIES
from aliyun_fc_runtime_stub.template.s_yaml import load_application
from stub_project import Project

ECHO = "def handler(event, context): return event"


def names(project: Project) -> list[str]:
    function = load_application(project.write(), {}).functions[0]
    return [one.property for one in function.without_effect]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"instanceConcurrency": 20}, ["instanceConcurrency"]),
        ({"instanceConcurrency": 1}, []),
        ({"sessionAffinity": "HEADER_FIELD"}, ["sessionAffinity"]),
        ({"sessionAffinity": "NONE", "gpuConfig": {}}, []),
        ({"gpuConfig": {"gpuMemorySize": 8192}}, ["gpuConfig"]),
        ({"tracingConfig": {"type": "Jaeger"}}, ["tracingConfig"]),
        ({"nasConfig": "auto", "ossMountConfig": "auto"}, ["nasConfig", "ossMountConfig"]),
        ({"internetAccess": False}, ["internetAccess"]),
        ({"internetAccess": True, "tags": [{"key": "a", "value": "b"}]}, []),
        ({"asyncInvokeConfig": {"asyncTask": True}}, ["asyncInvokeConfig.asyncTask"]),
        ({"asyncInvokeConfig": {"qualifier": "prod"}}, ["asyncInvokeConfig.qualifier"]),
        ({"asyncInvokeConfig": {"qualifier": "LATEST"}}, []),
        ({"customDomain": {"domainName": "auto", "protocol": "HTTP"}}, ["customDomain"]),
        ({"memorySize": 512, "cpu": 0.35, "diskSize": 512}, ["cpu", "diskSize"]),
    ],
)
def test_what_is_set_without_effect_is_known(
    project: Project, props: dict[str, Any], expected: list[str]
) -> None:
    project.function("f", ECHO, **props)
    assert names(project) == expected


def test_a_qualifier_of_a_trigger_is_known_by_its_place(project: Project) -> None:
    project.http("f", ECHO)
    trigger = project.document["resources"]["f"]["props"]["triggers"][0]
    trigger["qualifier"] = "prod"
    trigger["triggerConfig"]["disableURLInternet"] = True
    assert names(project) == [
        "triggers.0.qualifier",
        "triggers.0.triggerConfig.disableURLInternet",
    ]


def test_each_property_is_one_row() -> None:
    rows = [row.name for row in PROPERTIES]
    assert len(rows) == len(set(rows))


def test_a_reason_is_said_in_one_line_with_its_properties_and_functions(project: Project) -> None:
    for name in ("a", "b"):
        project.function(name, ECHO, cpu=0.35, memorySize=512, diskSize=512)
    rows = WithoutEffectReport().fresh(load_application(project.write(), {}).functions)
    text = without_effect_text(rows)
    assert text.startswith("Without effect here:\n  cpu, diskSize (a, b): ")
    assert text.count("\n") == 2


def test_of_many_functions_only_their_number_is_said() -> None:
    rows = [{"function": name, "property": "cpu", "reason": "why"} for name in "abcd"]
    rows.append({"function": "a", "property": "tags", "reason": "why"})
    assert without_effect_text(rows) == "Without effect here:\n  cpu (4 functions), tags (a): why\n"


def test_it_is_said_once(project: Project) -> None:
    project.function("f", ECHO, vpcConfig="auto")
    functions = load_application(project.write(), {}).functions
    report = WithoutEffectReport()
    assert [row["property"] for row in report.fresh(functions)] == ["vpcConfig"]
    assert report.fresh(functions) == []


def test_a_start_says_it(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    from aliyun_fc_runtime_stub.commands.report import Report

    project.function("f", f"import yaml\n{ECHO}", instanceConcurrency=20)
    fc: FunctionCompute = project.start()
    report = Report(as_json=True)
    report.ready(fc)
    report.close()
    ready = json.loads(capfd.readouterr().out)
    assert [hint["function"] for hint in ready["hints"]] == ["f"]
    assert ready["without_effect"] == [
        {
            "function": "f",
            "property": "instanceConcurrency",
            "reason": "an instance of a built-in runtime takes one request at a time",
        }
    ]
