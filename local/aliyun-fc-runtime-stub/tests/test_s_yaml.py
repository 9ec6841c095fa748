"""Reading s.yaml: templates, extends, .env, and what is checked.

Sources: the Serverless Devs documentation (yaml, variables), the fc3 component's schema, and the
Function Compute pages named in each test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from aliyun_fc_runtime_stub.errors import ConfigurationError
from aliyun_fc_runtime_stub.template.model import Application, Function, Hook, HttpTrigger
from aliyun_fc_runtime_stub.template.s_yaml import load_application, read_dotenv
from stub_project import Project


def load(project: Project, **variables: str) -> Application:
    return load_application(project.write(), variables)


def load_one(project: Project, **props: Any) -> Function:
    project.function("f", **props)
    return load(project).functions[0]


def test_what_is_not_said_has_the_components_default(project: Project) -> None:
    """Component fc3: timeout 3 s, memory 512 MB; 3 asynchronous repeats; age 18000 s."""
    props = project.function("f")
    del props["timeout"], props["memorySize"]
    function = load(project).functions[0]
    assert (function.timeout, function.memory) == (3, 512)
    assert (function.max_async_retries, function.max_async_age) == (3, 18000)
    assert function.http_trigger is None


def test_all_properties_are_read(project: Project) -> None:
    function = load_one(
        project,
        cpu=0.25,
        diskSize=512,
        role="acs:ram::1234567890123456:role/fc",
        environmentVariables={"A": "", "B_2": "ä"},
        logConfig={"project": "p", "logstore": "l"},
        instanceConcurrency=10,
        instanceLifecycleConfig={
            "initializer": {"handler": "f.init", "timeout": 5},
            "preStop": {"handler": "f.stop", "timeout": 6},
        },
        asyncInvokeConfig={
            "maxAsyncRetryAttempts": 0,
            "maxAsyncEventAgeInSeconds": 60,
            "destinationConfig": {"onFailure": {"destination": "acs:mns:..."}},
        },
        triggers=[
            {
                "triggerName": "web",
                "triggerType": "http",
                "triggerConfig": {"methods": ["GET"], "authType": "function"},
            },
            {
                "triggerName": "tick",
                "triggerType": "timer",
                "triggerConfig": {"cronExpression": "@every 5m", "enable": False, "payload": ""},
            },
        ],
    )
    assert function.environment == {"A": "", "B_2": "ä"}
    assert function.initializer == Hook("f.init", 5)
    assert function.pre_stop == Hook("f.stop", 6)
    assert function.http_trigger == HttpTrigger("web", frozenset({"GET"}), "function")
    (timer,) = function.timers
    assert (timer.name, timer.expression) == ("tick", "@every 5m")
    assert (timer.enabled, timer.payload) == (False, "")
    assert (function.on_success, function.on_failure) == ("", "acs:mns:...")
    assert (function.max_async_retries, function.max_async_age) == (0, 60)
    assert (function.log_project, function.log_store) == ("p", "l")


def _timer(expression: str) -> list[dict[str, Any]]:
    config = {"cronExpression": expression}
    return [{"triggerName": "t", "triggerType": "timer", "triggerConfig": config}]


def _web(**config: Any) -> list[dict[str, Any]]:
    full = {"methods": ["GET"], "authType": "anonymous", **config}
    return [{"triggerName": "w", "triggerType": "http", "triggerConfig": full}]


def _destination(outcome: str, arn: object) -> dict[str, Any]:
    return {"asyncInvokeConfig": {"destinationConfig": {outcome: {"destination": arn}}}}


@pytest.mark.parametrize(
    ("props", "message"),
    [
        ({"codez": 1}, "props: codez: is not a known property"),
        ({"timeout": "3"}, "timeout: must be a whole number"),
        ({"timeout": True}, "timeout: must be a whole number"),
        ({"timeout": 0}, "timeout: must be 1 to 86400"),
        ({"memorySize": 500}, "memorySize: must be a multiple of 64"),
        ({"memorySize": 64}, "memorySize: must be 128 to 32768"),
        ({"memorySize": 512, "cpu": 1}, "ratio of vCPU to GB"),
        ({"memorySize": 1024, "cpu": 0.2}, "ratio of vCPU to GB"),
        ({"cpu": 0.07}, "multiple of 0.05"),
        ({"cpu": "0.1"}, "cpu: must be a number"),
        ({"diskSize": 1024}, "diskSize: must be 512 or 10240"),
        ({"runtime": "python3.11"}, "runtime: 'python3.11' is unknown"),
        ({"functionName": "a b"}, "functionName: must be"),
        ({"handler": "index"}, "handler: must be file.method"),
        ({"handler": None}, "handler: must be a string"),
        ({"code": "./none"}, "code: there is no './none'"),
        ({"code": {"ossBucketName": "b"}}, "code: is not on this machine"),
        ({"code": "https://x/y.zip"}, "code: is not on this machine"),
        ({"environmentVariables": {"A": 5}}, "environmentVariables: A: must be a string, not 5"),
        ({"environmentVariables": {"A": None}}, "A: must be a string, not None"),
        ({"environmentVariables": {"FC_A": "x"}}, "the prefix FC_ is reserved"),
        ({"environmentVariables": {"1A": "x"}}, "a name starts with a letter"),
        ({"environmentVariables": {"A": "x" * 4097}}, "must be 4096 bytes, not 4097"),
        ({"layers": "arn"}, "layers: must be a list"),
        ({"instanceLifecycleConfig": {"initializer": {"command": ["x"]}}}, "with a GPU"),
        ({"instanceLifecycleConfig": {"preFreeze": {}}}, "preFreeze: is not a known property"),
        (
            {"instanceLifecycleConfig": {"preStop": {"handler": "a.b", "timeout": 91}}},
            "must be 1 to 90",
        ),
        ({"asyncInvokeConfig": {"maxAsyncRetryAttempts": 9}}, "must be 0 to 8"),
        ({"asyncInvokeConfig": {"retries": 1}}, "retries: is not a known property"),
        (_destination("onFailure", "a-queue"), "onFailure: destination: must be an ARN"),
        (_destination("onFailure", 5), "onFailure: destination: must be a string"),
        (_destination("onRetry", ""), "onRetry: is not a known property"),
        ({"triggers": [{"triggerName": "x", "triggerType": "sms"}]}, "'sms' is none of"),
        ({"triggers": [5]}, "triggers: 0: must be a map"),
        ({"triggers": _web(methods=["FETCH"])}, "'FETCH' is none of"),
        ({"triggers": _web(methods=[])}, "methods: is missing"),
        ({"triggers": _web(authType="none")}, "authType: must be"),
        ({"triggers": _web(cronExpression="x")}, "cronExpression: is not a known property"),
        ({"triggers": _web() * 2}, "at most one http trigger"),
        ({"triggers": _timer("* * *")}, "cronExpression: must be"),
        ({"triggers": _timer("@every 5m") * 2}, "triggerName: 't' is also the name"),
    ],
)
def test_mistakes_name_the_place(project: Project, props: dict[str, Any], message: str) -> None:
    """Schema of fc3 and "Limits", "Environment variables", "Lifecycle hooks" pages.

    A deploy stops on few of these; the service, or the first request, would.
    """
    project.function("f", **props)
    with pytest.raises(ConfigurationError, match=message) as caught:
        load(project)
    assert caught.value.place[:3] == ("s.yaml", "f", "props")


def test_a_required_property_that_is_missing_is_named(project: Project) -> None:
    """Component fc3: region, functionName, runtime, code and handler are required."""
    for name in ("region", "functionName", "runtime", "code", "handler"):
        props = project.function("f")
        del props[name]
        with pytest.raises(ConfigurationError, match=f"{name}: is missing"):
            load(project)


def test_templates_and_base_files_are_merged(project: Project) -> None:
    """Serverless Devs: `extend: {name, ignore}` merges a template, a file's `extend` a base file.

    Maps are merged, lists are replaced.
    """
    project.function("f", environmentVariables={"A": "own"})
    resource = project.document["resources"]["f"]
    resource["extend"] = {"name": "shared", "ignore": ["role"]}
    project.document["template"] = {
        "shared": {"role": "r", "description": "d", "environmentVariables": {"A": "t", "B": "t"}}
    }
    project.write().rename(project.folder / "base.yaml")
    top = {
        "extend": "base.yaml",
        "resources": {"f": {"props": {"timeout": 9, "triggers": _timer("@every 1h")}}},
    }
    project.path.write_text(yaml.safe_dump(top))
    function = load_application(project.path, {}).functions[0]
    assert function.environment == {"A": "own", "B": "t"}
    assert (function.role, function.timeout) == ("", 9)
    assert [timer.name for timer in function.timers] == ["t"]


def test_variables_are_found_in_props(project: Project) -> None:
    project.function("f", environmentVariables={"A": "${env('A_VALUE', 'none')}"})
    assert load(project, A_VALUE="given").functions[0].environment == {"A": "given"}
    assert load(project).functions[0].environment == {"A": "none"}
    project.function("f", environmentVariables={"A": "${env('A_VALUE')}"})
    with pytest.raises(ConfigurationError, match="f: props: environmentVariables: A: env"):
        load(project)


def test_a_dotenv_counts_as_set_but_overrides_nothing(project: Project) -> None:
    """Trials: a .env beside s.yaml or in a code folder counts as set, but overrides nothing."""
    project.function("f", environmentVariables={name: f"${{env('{name}', 'd')}}" for name in "ABC"})
    (project.folder / ".env").write_text("A=beside\nB=beside\n")
    (project.folder / "code/.env").write_text("B=code\nC=code\n")
    assert load(project, A="set").functions[0].environment == {
        "A": "set",
        "B": "beside",
        "C": "code",
    }


def test_a_dotenv_is_read_as_the_cli_does(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# c\n\nA=1\nexport B = two words # c\nC='#x'\nD=\"a\\nb\"\nE=\nnonsense\n=x\nF=a#b\n"
    )
    assert read_dotenv(tmp_path / ".env") == {
        "A": "1",
        "B": "two words",
        "C": "#x",
        "D": "a\nb",
        "E": "",
        "F": "a#b",
    }


def test_other_resources_are_named_not_run(project: Project) -> None:
    """What this stub does not run is listed with a reason, and does not stop the rest."""
    project.function("f")
    project.function("web", runtime="custom-container")
    project.document["resources"]["bucket"] = {
        "component": "oss",
        "props": {"x": "${resources.f.output.arn}"},
    }
    application = load(project)
    assert [function.name for function in application.functions] == ["f"]
    assert "custom containers are not run" in application.not_run["web"]
    assert "'oss' is not fc3" in application.not_run["bucket"]


@pytest.mark.parametrize(("component", "runs"), [("fc3@0.1.22", True), ("fc", False)])
def test_the_component_may_be_a_variable(project: Project, component: str, runs: bool) -> None:
    project.function("f")
    project.document["resources"]["f"]["component"] = "${env('COMPONENT', 'fc3')}"
    assert [one.name for one in load_application(project.write(), {}).functions] == ["f"]
    application = load_application(project.path, {"COMPONENT": component})
    assert bool(application.functions) is runs
    assert ("f" in application.not_run) is not runs


def test_yaml_is_read_as_the_cli_does(project: Project) -> None:
    """YAML 1.2 as of js-yaml: yes and 010 are strings; a repeated key is an error."""
    project.function("f", environmentVariables={"A": "A_VALUE", "B": "B_VALUE"})
    text = project.write().read_text()
    project.path.write_text(text.replace("A_VALUE", "yes").replace("B_VALUE", "1:30"))
    assert load_application(project.path, {}).functions[0].environment == {"A": "yes", "B": "1:30"}
    project.path.write_text(text + "name: twice\n")
    with pytest.raises(ConfigurationError, match="'name' is repeated"):
        load_application(project.path, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a map"),
        ("- a", "must be a map"),
        ("a: [", "is not YAML"),
        ("edition: 1.0.0\nresources: {}", "only edition 3.0.0"),
        ("edition: 3.0.0", "resources: must be a map"),
        ("edition: 3.0.0\nresources: {a: 1}", "a: must be a map"),
        ("extend: s.yaml", "extends itself"),
        ("extend: [a]", "must be the path"),
        ("extend: none.yaml", "there is no such file"),
        ("edition: 3.0.0\nresources: {a: {component: fc3, extend: {name: x}}}", "no template 'x'"),
        ("edition: 3.0.0\nresources: {a: {component: fc3, extend: x}}", "must be a map of name"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        load_application(tmp_path / "s.yaml", {})


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file"):
        load_application(tmp_path / "s.yaml", {})
    (tmp_path / "s.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_application(tmp_path / "s.yaml", {})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_application(tmp_path, {})


def test_names_are_unique(project: Project) -> None:
    project.function("f")
    project.document["resources"]["g"] = project.document["resources"]["f"]
    with pytest.raises(ConfigurationError, match="also the function of resource 'f'"):
        load(project)
