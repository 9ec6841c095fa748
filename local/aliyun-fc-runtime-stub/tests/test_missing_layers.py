"""A function whose layer is not on this machine is known but not run; the others run."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from aliyun_fc_runtime_stub import FunctionCompute, FunctionNotFound
from deployer import Deployer, fetch
from stub_project import Project, until
from test_cli import run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LAYER = "acs:fc:cn-hangzhou:1:layers/l/versions/1"
REMEDY = f"the layer {LAYER} is not on this machine: unpack it into a folder and give --layer"
LAYERED = """
    import layered
    def handler(event, context): return layered.NAME
"""
PLAIN = """
    def handler(event, context): return event
"""


def layer(folder: Path) -> dict[str, Path]:
    (folder / "python").mkdir(parents=True)
    (folder / "python/layered.py").write_text("NAME = 'of the layer'")
    return {LAYER: folder}


def test_start_serves_the_functions_that_lack_nothing(project: Project) -> None:
    project.function("plain", PLAIN)
    project.http("layered", LAYERED, layers=[LAYER])
    fc = project.start()
    assert fc.invoke("plain", b"x").payload == b"x"
    assert [function.name for function in fc.functions] == ["plain"]
    assert fc.not_run["layered"].startswith(REMEDY)
    for ask in (fc.invoke, fc.url):
        with pytest.raises(FunctionNotFound, match="'layered' is not run: the layer"):
            ask("layered")
    with urllib.request.urlopen(f"{fc.api_url}/stub/status") as answer:
        assert json.loads(answer.read())["not_run"] == dict(fc.not_run)


def test_where_nothing_else_is_there_the_command_ends_with_the_remedy(project: Project) -> None:
    project.function("layered", LAYERED, layers=[LAYER])
    for command in (["start", "--port", "0"], ["invoke", "layered"]):
        code, _, log = run(project, *command)
        assert code == 2
        assert f"there is nothing to run: layered: {REMEDY} {LAYER}=FOLDER" in log


def test_a_function_that_comes_with_a_layer_while_others_run_is_not_run(project: Project) -> None:
    project.function("plain", PLAIN)
    fc = project.start(reload=True)
    project.function("layered", LAYERED, layers=[LAYER])
    project.write()
    until(lambda: "layered" in fc.not_run)
    assert fc.invoke("plain", b"x").payload == b"x"
    del project.document["resources"]["layered"]
    project.write()
    until(lambda: not fc.not_run)


def test_what_is_deployed_is_kept_and_runs_once_its_layer_is_given(tmp_path: Path) -> None:
    """The deployer goes on to the next function, as it would where the layer is."""
    state, told = tmp_path / "state", list[str]()
    with FunctionCompute(state=state, port=0, notify=lambda notice: told.append(notice.kind)) as fc:
        deployer = Deployer(fc)
        deployer.create("layered", LAYERED, layers=[LAYER])
        assert deployer.http("layered") == ""
        deployer.create("plain")
        assert deployer.names() == ["layered", "plain"]
        assert fc.not_run["layered"].startswith(REMEDY)
        with pytest.raises(Exception, match=r"FunctionNotFound.*is not run: the layer"):
            deployer.invoke("layered")
        assert deployer.invoke("plain", b"x").body.read() == b"x"
        assert told == ["not_run", "deployed"]
    with FunctionCompute(state=state, port=0) as fc:
        assert list(fc.not_run) == ["layered"]
        assert Deployer(fc).invoke("plain", b"x").body.read() == b"x"
    with FunctionCompute(state=state, port=0, layers=layer(tmp_path / "layer")) as fc:
        assert not fc.not_run
        assert fetch(fc.url("layered")) == (200, b"of the layer")


def test_an_update_decides_anew_whether_a_function_runs(deployer: Deployer) -> None:
    deployer.create("f")
    url = deployer.http("f")
    deployer.update("f", layers=[LAYER])
    status, body = fetch(url)
    assert (status, b"is not run: the layer" in body) == (404, True)
    deployer.update("f", layers=[])
    assert fetch(url)[0] == 200
    deployer.update("f", layers=[LAYER])
    deployer.client.delete_function("f")
    assert not deployer.cloud.not_run
