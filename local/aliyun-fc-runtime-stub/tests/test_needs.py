"""What the runtimes carry, and what code lacks: installed, or said with a remedy."""

from __future__ import annotations

import json

import pytest

from aliyun_fc_runtime_stub.instances.carried_packages import (
    Carried,
    carried_by,
    constraints,
)
from aliyun_fc_runtime_stub.instances.needs import Needs, read_needs
from aliyun_fc_runtime_stub.template.s_yaml import load_application
from stub_project import RUNTIMES, Project, until


def needs(project: Project, text: str, **props: object) -> Needs:
    project.function("f", text, **props)
    (function,) = load_application(project.write(), {}).functions
    return read_needs(function, function.code, ())


@pytest.mark.parametrize(
    ("runtime", "module", "carried"),
    [
        ("python3.12", "requests", Carried("requests", "2.32.3")),
        ("python3.12", "PIL", Carried("Pillow", "10.4.0")),
        ("python3.10", "tablestore", Carried("tablestore", "5.4.1")),
        ("python3.10", "aliyun.log", Carried("aliyun-log-python-sdk", "0.8.0")),
        ("python3.10", "mns", Carried("aliyun-mns", "1.1.5")),
        ("python3.9", "elasticsearch", Carried("elasticsearch", "7.15.2")),
        ("python3.9", "cv2", Carried("opencv-python", "4.5.4.58")),
        ("python3.9", "pytz", Carried("pytz", "2021.3")),
        ("python3.9", "pymysql", None),
        ("python3.12", "tablestore", None),
        ("python3.12", "yaml", None),
    ],
)
def test_a_runtime_carries_what_its_documentation_lists(
    runtime: str, module: str, carried: Carried | None
) -> None:
    assert carried_by(runtime).get(module) == carried


@pytest.mark.parametrize("runtime", ["python3.12", "python3.10", "python3.9", "python3"])
def test_what_is_carried_goes_together(runtime: str) -> None:
    """One pin for a distribution, so that nothing brings another version of what is carried."""
    pins = [pin.lower() for pin in constraints(runtime)]
    names = [pin.partition("==")[0] for pin in pins]
    assert len(names) == len(set(names))
    for one in carried_by(runtime).values():
        assert one.requirement.lower() in pins


def test_a_version_that_was_never_published_is_not_asked_for() -> None:
    assert carried_by("python3.12")["pymysql"].version == "1.4.6"
    assert carried_by("python3.12")["pymysql"].requirement == "PyMySQL==1.1.1"


def test_for_python3_stands_what_goes_with_a_newer_python(project: Project) -> None:
    """It is Python 3.6, whose functions run under the current Python here."""
    assert carried_by("python3")["tablestore"] == Carried("tablestore", "5.1.0", "5.4.1")
    assert carried_by("python3")["cv2"].requirement == "opencv-python==4.5.4.58"
    found = needs(project, "import tablestore, requests", runtime="python3")
    assert {one.requirement for one in found.carried} == {"tablestore==5.4.1", "requests==2.28.1"}


def test_the_code_needs_what_it_imports_and_the_runtime_carries(project: Project) -> None:
    text = "import pymysql\nfrom aliyun.log import LogClient\nfrom PIL import Image\n"
    found = needs(project, text, runtime="python3.10")
    assert {one.name: place for one, place in found.carried.items()} == {
        "PyMySQL": "f.py, line 1",
        "aliyun-log-python-sdk": "f.py, line 2",
        "Pillow": "f.py, line 3",
    }
    assert found.hints == ()


def test_what_is_vendored_is_not_needed_of_the_runtime(project: Project) -> None:
    project.files({"pymysql/__init__.py": "", "index.py": ""})
    assert needs(project, "import pymysql", runtime="python3.10").carried == {}


def test_what_nothing_brings_gets_a_hint_how_to_vendor_it(project: Project) -> None:
    (hint,) = needs(project, "import json\nimport yaml\nimport pymongo").hints
    assert hint.startswith(
        "python3.12 does not carry, and its code does not bring: "
        "yaml (f.py, line 2), pymongo (f.py, line 3). "
    )
    assert hint.endswith("code PyYAML pymongo")
    assert "pip install -t " in hint


def test_with_requirements_the_hint_is_what_s_build_does(project: Project) -> None:
    project.files({"requirements.txt": "pymongo\n"})
    (hint,) = needs(project, "import pymongo").hints
    assert "code/python -r " in hint
    assert hint.endswith("and set PYTHONPATH: /code/python in environmentVariables")
    variables = {"PYTHONPATH": "/code/python"}
    (hint,) = needs(project, "import pymongo", environmentVariables=variables).hints
    assert hint.endswith("/requirements.txt")


def test_what_s_deploy_runs_before_is_the_remedy_where_it_installs(project: Project) -> None:
    actions = {
        "pre-deploy": [
            {"run": "echo hello"},
            {"run": "pip3 install -r requirements.txt -t .", "path": "./code"},
        ],
        "post-deploy": [{"run": "pip download x"}],
    }
    project.files({"requirements.txt": "pymongo\n"})
    project.function("f", "import pymongo")
    project.document["resources"]["f"]["actions"] = actions
    (function,) = load_application(project.write(), {}).functions
    (hint,) = read_needs(function, function.code, ()).hints
    assert hint.endswith(
        "s deploy would run this before: (cd ./code && pip3 install -r requirements.txt -t .)"
    )


def test_a_custom_runtime_without_any_of_its_requirements_gets_a_hint(project: Project) -> None:
    files = {"requirements.txt": "flask\n", "server.py": "import flask"}
    project.files(files)
    custom = {"command": ["python3", "server.py"]}
    (hint,) = needs(project, "", runtime="custom.debian10", customRuntimeConfig=custom).hints
    assert hint.startswith("requirements.txt names packages, and nothing of them is in the code. ")
    (project.folder / "code/python/Flask-3.0.dist-info").mkdir(parents=True)
    assert needs(project, "", runtime="custom.debian10", customRuntimeConfig=custom).hints == ()


def test_what_pythonpath_brings_is_there(project: Project) -> None:
    project.files({"python/yaml/__init__.py": ""})
    variables = {"PYTHONPATH": "/code/python:/opt/x"}
    assert needs(project, "import yaml", environmentVariables=variables).hints == ()


@pytest.mark.parametrize(
    "text",
    [
        "def handler(environ, start_response): return []",
        "from flask import Flask\nhandler = Flask(__name__)",
    ],
)
def test_a_wsgi_handler_gets_a_hint_what_is_called_instead(project: Project, text: str) -> None:
    hint = needs(project, text).hints[0]
    assert "f.handler is a WSGI or ASGI application" in hint
    assert "they call handler(event, context)" in hint
    assert "custom runtime" in hint


@pytest.mark.skipif("python3.10" not in RUNTIMES, reason="needs a Python 3.10")
def test_what_the_runtime_carries_can_be_imported(project: Project) -> None:
    text = """
        import pymysql, requests
        def handler(event, context): return [pymysql.__version__, requests.__version__]
    """
    project.function("f", text, runtime="python3.10")
    fc = project.start()
    assert json.loads(fc.invoke("f").payload) == ["1.0.2", "2.28.1"]
    assert fc.hints == []


def test_offline_the_version_of_the_platform_is_said(project: Project) -> None:
    project.function("f", "import scrapy\ndef handler(e, c): pass", runtime="python3.12")
    said: list[str] = []
    (hint,) = project.start(offline=True, announce=said.append).hints
    assert (hint.function, said) == ("f", [])
    assert hint.text.startswith("python3.12 carries scrapy 2.11.2, and this machine lacks it, but ")
    assert "f.py, line 1 imports it: run " in hint.text
    assert hint.text.endswith("-m pip install scrapy==2.11.2")


def test_a_hint_comes_when_the_code_changes(project: Project) -> None:
    from aliyun_fc_runtime_stub import Notice

    notices: list[Notice] = []
    project.function("f", "def handler(e, c): return 'one'")
    fc = project.start(reload=True, notify=notices.append)
    assert fc.invoke("f").payload == b"one"
    project.files({"f.py": "import yaml\ndef handler(e, c): return 'two'"})
    until(lambda: fc.invoke("f").error_type)
    assert [one.kind for one in notices] == ["hint", "reloaded"]
    assert "yaml (f.py, line 1)" in notices[0].text
