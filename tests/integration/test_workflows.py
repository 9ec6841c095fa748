"""The workflows below .github have the form of workflows, and call make targets that are there.

No service has run them, and each says so.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

WORKFLOWS = ("deploy", "release", "tests")
TARGET = re.compile(r"make ([a-z-]+)( [A-Z_]+=\S+)*")
Workflow = dict[str, Any]


def workflow_file(project: Path, name: str) -> Path:
    return project / ".github" / "workflows" / f"{name}.yaml"


def workflow(project: Path, name: str) -> Workflow:
    """Return a workflow; YAML 1.1, which PyYAML reads, takes its key `on` for true."""
    document: dict[Any, Any] = yaml.safe_load(workflow_file(project, name).read_text("utf-8"))
    return {"on" if key is True else key: value for key, value in document.items()}


def steps(described: Workflow) -> list[dict[str, Any]]:
    return [step for job in described["jobs"].values() for step in job["steps"]]


def test_these_are_all_of_them(project: Path) -> None:
    found = (project / ".github" / "workflows").iterdir()
    assert sorted(path.name for path in found) == [f"{name}.yaml" for name in WORKFLOWS]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_the_form_of_one_and_says_that_it_was_not_run(
    project: Path, data: Path, name: str
) -> None:
    schema = json.loads((data / "schemastore" / "github-workflow.json").read_text("utf-8"))
    errors = jsonschema.Draft7Validator(schema).iter_errors(workflow(project, name))
    assert [f"{error.json_path}: {error.message[:200]}" for error in errors] == []
    assert workflow_file(project, name).read_text("utf-8").startswith("# Not yet run")


def test_the_schema_refuses_what_is_no_workflow(project: Path, data: Path) -> None:
    schema = json.loads((data / "schemastore" / "github-workflow.json").read_text("utf-8"))
    broken = workflow(project, "tests") | {"permisions": {"contents": "read"}}
    assert not jsonschema.Draft7Validator(schema).is_valid(broken)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_it_runs_targets_of_the_makefile_alone(project: Path, name: str) -> None:
    makefile = (project / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    commands = [step["run"] for step in steps(workflow(project, name)) if "run" in step]
    assert commands
    for command in commands:
        called = TARGET.fullmatch(command)
        assert called, command
        assert called[1] in targets


def test_the_tests_run_on_each_python_that_the_packages_name(project: Path) -> None:
    tested = workflow(project, "tests")["jobs"]["linux"]["strategy"]["matrix"]["python"]
    for package in ("aliyun-fc-runtime-stub", "aliyun-sms-emulator"):
        text = (project / "local" / package / "pyproject.toml").read_text("utf-8")
        assert re.findall(r"Python :: (3\.\d+)", text) == tested


def test_only_the_jobs_that_publish_may_more_than_read(project: Path) -> None:
    for name in WORKFLOWS:
        assert workflow(project, name)["permissions"] == {"contents": "read"}
    jobs = workflow(project, "release")["jobs"]
    more = {name: job["permissions"] for name, job in jobs.items() if "permissions" in job}
    assert more == {"packages": {"id-token": "write"}, "notes": {"contents": "write"}}
    assert "secrets." not in workflow_file(project, "release").read_text("utf-8")


def test_the_sample_of_a_deploy_sets_variables_that_s_yaml_passes_on(project: Path) -> None:
    text = (project / "s.yaml").read_text("utf-8")
    (job,) = workflow(project, "deploy")["jobs"].values()
    ours = [name for name in job["env"] if name.startswith("SMS_")]
    assert len(ours) > 5
    assert [name for name in ours if f"env('{name}', '" not in text] == []


def test_the_templates_for_issues_can_be_read(project: Path) -> None:
    for path in (project / ".github" / "ISSUE_TEMPLATE").glob("*.yaml"):
        form = yaml.safe_load(path.read_text("utf-8"))
        assert {"name", "description", "body"} <= set(form)
        ids = [field["id"] for field in form["body"] if field["type"] != "markdown"]
        assert len(ids) == len(set(ids)) > 0
