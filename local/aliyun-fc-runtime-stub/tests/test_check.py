"""`fc-stub check`: what of an s.yaml will not work as it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aliyun_fc_runtime_stub.cli import main
from stub_project import Project

ECHO = "def handler(event, context): return event"
LAYER = "acs:fc:cn-hangzhou:1:layers/x/versions/1"


def check(project: Project, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    """Return the exit code, and each finding as where, place and text."""
    code = main(["check", "--json", "-t", str(project.write()), *options])
    return code, json.loads(capsys.readouterr().out)["findings"]


def test_nothing_is_found_where_all_is_well(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.function("f", "import json, requests\n" + ECHO)
    assert check(project, capsys) == (0, [])


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"command": ["python3", "none.py"]}, "names none.py, which is not in the code"),
        ({"command": ["/code/none"]}, "the start command /code/none is not in the code"),
        ({"command": ["./f.py"]}, "the start command ./f.py may not be executed: chmod +x"),
    ],
)
def test_a_start_command_that_is_not_there_is_found(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    config: dict[str, list[str]],
    text: str,
) -> None:
    project.program("g", "self.answer('')")
    project.program("f", "self.answer('')", config=config)
    code, (finding,) = check(project, capsys)
    assert (code, finding["function"], finding["where"]) == (2, "f", "everywhere")
    assert text in finding["text"]


ERRORS: list[tuple[dict[str, Any], dict[str, str], str, str]] = [
    ({"handler": "g.handler"}, {}, "handler", "g.handler: there is no g.py in the code"),
    ({"handler": "f.main"}, {}, "handler", "f.main: f has no function 'main'"),
    ({"handler": "f.handler"}, {".fcignore": "f.py"}, "handler", ".fcignore keeps the file back"),
    (
        {"handler": "a.b.handler", "runtime": "python3.10"},
        {"a/b.py": ECHO},
        "handler",
        "only where each folder has __init__.py",
    ),
    (
        {"handler": "json.loads", "runtime": "python3.9"},
        {},
        "handler",
        "python3.9 looks for handlers nowhere else",
    ),
    (
        {"instanceLifecycleConfig": {"initializer": {"handler": "f.init"}}},
        {},
        "initializer",
        "f has no function 'init'",
    ),
    (
        {},
        {"f.py": f"import lib\n{ECHO}", "lib.py": "X = 1\nif:"},
        "lib.py, line 2",
        "invalid syntax: if:",
    ),
    ({}, {"f.py": f"import pymongo\n{ECHO}"}, "code", "pymongo (f.py, line 1)"),
    (
        {},
        {"f.py": "def handler(environ, start_response): pass"},
        "code",
        "f.handler is a WSGI or ASGI application",
    ),
]


ERRORS += [
    (
        {"runtime": "custom", "customRuntimeConfig": {"command": [command]}},
        {"run.sh": "#!/bin/sh\n"},
        "customRuntimeConfig",
        text,
    )
    for command, text in [
        ("/code/start.sh", "/code/start.sh is not in the code"),
        ("./run.sh", "./run.sh may not be executed: chmod +x"),
    ]
]
ERRORS.append(({"runtime": "custom"}, {}, "customRuntimeConfig", "/code/bootstrap is not in"))


@pytest.mark.parametrize(("props", "files", "place", "text"), ERRORS)
def test_what_fails_everywhere_is_an_error(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    props: dict[str, Any],
    files: dict[str, str],
    place: str,
    text: str,
) -> None:
    project.function("f", ECHO, **props)
    project.files(files)
    code, (found,) = check(project, capsys)
    assert (code, found["error"], found["where"]) == (2, True, "everywhere")
    assert (found["function"], found["place"]) == ("f", place)
    assert text in found["text"]


def test_each_mistake_in_an_s_yaml_is_found(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.function("a", ECHO, memorySize=100)
    project.function("b", ECHO, timeout=0)
    project.function("c", "")
    code, findings = check(project, capsys)
    assert code == 2
    assert [one["text"].partition(":")[2].strip() for one in findings[:2]] == [
        "a: props: memorySize: must be 128 to 32768, not 100",
        "b: props: timeout: must be 1 to 86400, not 0",
    ]
    assert "there is no c.py" in findings[2]["text"]


def test_a_missing_layer_is_an_error_here_alone(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it may bring is not known, so no module and no handler is missed."""
    project.function("f", "", handler="of_layer.handler", layers=[LAYER])
    code, (found,) = check(project, capsys)
    assert (code, found["where"], found["place"]) == (2, "fc-stub", "layers")
    assert f"--layer {LAYER}=FOLDER" in found["text"]
    (project.folder / "layer/python").mkdir(parents=True)
    code, (found,) = check(project, capsys, "--layer", f"{LAYER}={project.folder / 'layer'}")
    assert (code, found["place"]) == (2, "handler")


def test_what_serve_lacks_is_said_of_serve(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    domain = {"domainName": "sms.example.com", "protocol": "HTTP"}
    project.function("f", ECHO, customDomain=domain)
    same = project.document["resources"]["f"]
    other = {**same, "props": {**same["props"], "region": "cn-shanghai"}}
    project.document["resources"]["g"] = other
    code, findings = check(project, capsys)
    assert code == 2
    errors = [one for one in findings if one["error"]]
    assert {one["where"] for one in errors} == {"fc-stub serve"}
    assert {one["place"] for one in errors} == {"functionName", "customDomain"}


def test_what_the_platform_lacks_is_said_of_the_platform(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    destination = {"destination": "acs:fc:ap-southeast-1:123:functions/g"}
    project.function(
        "f",
        ECHO,
        region="ap-southeast-1",
        asyncInvokeConfig={"destinationConfig": {"onSuccess": destination}},
    )
    (project.folder / "code/elsewhere").symlink_to("../../outside")
    code, findings = check(project, capsys)
    assert code == 2
    assert {one["where"] for one in findings} == {"Function Compute"}
    assert [one["place"] for one in findings] == ["runtime", "role", "code"]


@pytest.mark.parametrize(
    ("props", "files", "where", "place"),
    [
        ({"gpuConfig": {"gpuMemorySize": 1}}, {}, "fc-stub", "gpuConfig"),
        ({}, {".env": "SECRET=1"}, "Function Compute", "code"),
    ],
)
def test_what_differs_is_a_note_and_no_error(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    props: dict[str, Any],
    files: dict[str, str],
    where: str,
    place: str,
) -> None:
    project.function("f", ECHO, **props)
    project.files(files)
    code, (found,) = check(project, capsys)
    assert (code, found["error"], found["where"], found["place"]) == (0, False, where, place)


def test_the_text_says_a_thing_once_whatever_the_number_of_functions(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        project.function(f"f{number}", ECHO, vpcConfig="auto", internetAccess=False)
    project.function("g", "", handler="none.handler")
    assert main(["check", "-t", str(project.write())]) == 2
    assert capsys.readouterr().out == (
        "error: g: handler: none.handler: there is no none.py in the code\n"
        "note (fc-stub): f0, f1, f2 and 2 more: internetAccess, vpcConfig: has no effect: "
        "functions reach what this machine reaches\n"
        "6 functions read: some of this fails as it is written\n"
    )


def test_the_code_is_not_run(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.function("f", f"raise SystemExit\n{ECHO}")
    assert check(project, capsys) == (0, [])
