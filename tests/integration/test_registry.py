"""`make registry`: an application that Serverless Devs takes, and makes projects of."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from aliyun_fc_runtime_stub.package.fcignore import uploaded
from tests.node_packages import clean_environment
from tools.make_metadata import address, version
from tools.make_registry import make_registry

# What `s registry publish` checks before it uploads: npm @serverless-devs/registry 0.0.10.
REQUIRED = {
    *("Edition", "Type", "Name", "Provider", "Version", "Description", "HomePage", "Tags"),
    *("Category", "Service", "Effective", "Parameters"),
}
ANSWERS = {"region": "cn-shanghai", "signName": "云上小店", "templateCode": "SMS_471147114"}


@pytest.fixture(scope="module")
def application(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is published."""
    folder = tmp_path_factory.mktemp("registry") / "fc-sms"
    make_registry(project, folder)
    return folder


@pytest.fixture(scope="module")
def s(node_modules: Path) -> Path:
    """The unmodified command of Serverless Devs."""
    return node_modules / "@serverless-devs" / "s" / "bin" / "s"


@pytest.fixture(scope="module")
def made(application: Path, s: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that a user made of it, with answers and a key of the user's own."""
    home = tmp_path_factory.mktemp("home")
    run_s(s, home, "init", "fc-sms", "-d", "mine", *("--uri", application), *("-a", "default"))
    folder = home / "mine"
    text = (folder / ".env.example").read_text()
    (folder / ".env").write_text(text.replace("KEY_ID=\n", "KEY_ID=testid\n"))
    return folder


def run_s(s: Path, folder: Path, *command: object) -> str:
    """Run a command of `s` there; what it keeps at home goes there, too."""
    answers = ("--parameters", json.dumps(ANSWERS)) if command[0] == "init" else ()
    done = subprocess.run(
        ["node", s, *map(str, command), *answers],
        cwd=folder,
        env=clean_environment(HOME=str(folder), SERVERLESS_DEVS_CICD="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_publish_yaml_has_what_the_registry_asks_for(project: Path, application: Path) -> None:
    described: dict[str, Any] = yaml.safe_load((application / "publish.yaml").read_text("utf-8"))
    assert set(described) == REQUIRED
    assert (described["Edition"], described["Type"]) == ("3.0.0", "Project")
    assert described["Version"] == version(project)
    assert described["Provider"] == ["阿里云"]
    assert described["Category"] == "基础云服务"
    assert set(described["Parameters"]) == {
        *("type", "additionalProperties", "required", "properties")
    }


def test_its_parameters_are_region_signature_and_template(application: Path) -> None:
    parameters = yaml.safe_load((application / "publish.yaml").read_text("utf-8"))["Parameters"]
    assert parameters["required"] == list(ANSWERS)
    assert list(parameters["properties"]) == list(ANSWERS)
    for each in parameters["properties"].values():
        assert each["type"] == "string"
        assert each["title"]
        assert each["description"]
    # `s init` without an answer asks for it, or refuses: no empty one is taken.
    assert [name for name in ANSWERS if "default" in parameters["properties"][name]] == ["region"]


def test_its_pages_name_the_version_and_the_address_of_the_repository(
    project: Path, application: Path
) -> None:
    pages = [*application.glob("*"), *application.glob("src/*.md")]
    texts = [path.read_text("utf-8") for path in pages if path.is_file()]
    assert len(texts) == 6
    assert [text for text in texts if "ADDRESS" in text or "VERSION" in text] == []
    assert [text for text in texts if address(project / "pyproject.toml") not in text] == []


def test_it_holds_what_is_uploaded_and_no_file_of_this_tree_besides(
    project: Path, application: Path
) -> None:
    code = {str(path) for path in uploaded(project)}
    assert {str(path) for path in uploaded(application / "src")} == code
    assert files(application / "src") - code == {
        *(".env.example", ".fcignore", ".gitignore", "LICENSE", "ram-policy.json", "readme.md"),
        *("readme_en.md", "s.yaml", "tools/__init__.py", "tools/api_key.py"),
    }
    assert {"publish.yaml", "readme.md", "readme_en.md", "version.md"} <= files(application)
    assert os.fspath(project) not in "".join(
        (application / name).read_text("utf-8") for name in files(application)
    )


@pytest.mark.node
def test_a_project_of_it_has_the_answers_and_the_keys_of_its_env(made: Path, s: Path) -> None:
    resources = yaml.safe_load(run_s(s, made, "preview", "-o", "json"))["resources"]
    assert {each["props"]["region"] for each in resources.values()} == {ANSWERS["region"]}
    for resource in resources.values():
        variables = resource["props"]["environmentVariables"]
        assert variables["SMS_SIGN_NAME"] == ANSWERS["signName"]
        assert variables["SMS_CODE_TEMPLATE"] == ANSWERS["templateCode"]
        assert variables["SMS_ACCESS_KEY_ID"] == "testid"
    assert "{{" not in (made / "s.yaml").read_text("utf-8")


@pytest.mark.node
def test_the_env_example_names_variables_that_s_yaml_passes_on(made: Path) -> None:
    lines = (made / ".env.example").read_text("utf-8").splitlines()
    names = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert {"SMS_ACCESS_KEY_ID", "SMS_ACCESS_KEY_SECRET", "SMS_API_KEYS"} <= set(names)
    text = (made / "s.yaml").read_text("utf-8")
    assert [name for name in names if f"env('{name}', '" not in text] == []


@pytest.mark.node
def test_its_maker_of_keys_runs_with_python_alone(made: Path) -> None:
    command = ["python3", "-m", "tools.api_key", "my-shop"]
    done = subprocess.run(command, cwd=made, check=True, capture_output=True, text=True)
    assert "my-shop:" in done.stdout
