"""Custom runtimes as official templates and other languages use them, on this machine.

Sources: "Custom runtimes" (interpreters below /var/fc/lang, /code, the built-in packages of a
language), github.com/devsapp/start-fc and github.com/devsapp/start-web-framework (how templates
start Flask, FastAPI and Django, and where their packages lie).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_tea_openapi.exceptions import ClientException

from aliyun_fc_runtime_stub import runtime_environment
from aliyun_fc_runtime_stub.cli import main
from aliyun_fc_runtime_stub.errors import ConfigurationError
from deployer import Deployer, fetch, inline, zipped
from stub_project import PROGRAM, Project
from test_http_trigger import send

OK = "self.answer('ok')"
TELL = "self.answer(json.dumps([sys.version_info[:2], sys.argv, dict(os.environ)]))"
FLASK_LAYER = "acs:fc:cn-hangzhou:official:layers/Python3-Flask2x/versions/2"


def test_paths_of_the_platform_lead_to_this_machine(project: Project, tmp_path: Path) -> None:
    """/code, /opt of layers, /var/fc/lang: in the command, in variables and in shell scripts."""
    (tmp_path / "layer/python").mkdir(parents=True)
    project.program(
        "f",
        TELL,
        config={"command": ["bash", "/code/run/start.sh"], "args": ["--at=/code/x", "/codes"]},
        layers=["arn"],
        environmentVariables={
            "PATH": "/var/fc/lang/python3.10/bin:/usr/bin:/bin",
            "PYTHONPATH": "/opt/python:/code/python:/opt/none",
            "URL": "http://h/code/x",
        },
    )
    project.files({"run/start.sh": 'export URL2=/code; exec python3 "/code/f.py" "$@"\n'})
    fc = project.start(layers={"arn": tmp_path / "layer"})
    version, arguments, seen = json.loads(fc.invoke("f").payload)
    code = seen["FC_FUNC_CODE_PATH"]
    assert version == [3, 10] or any("python3.10" in warning for warning in fc.warnings)
    assert arguments == [f"{code}/f.py", f"--at={code}/x", "/codes"]
    assert seen["URL2"] == code
    assert seen["URL"] == "http://h/code/x"
    layer, own, none = seen["PYTHONPATH"].split(":")
    assert (Path(layer).name, own, none) == ("python", f"{code}/python", "/opt/none")
    assert "/var/fc/lang" not in seen["PATH"]


def test_an_interpreter_that_is_missing_is_named(project: Project) -> None:
    project.program(
        "f", OK, environmentVariables={"PATH": "/var/fc/lang/dotnet99/bin:/usr/bin:/bin"}
    )
    fc = project.start()
    assert fc.warnings == ["f names dotnet99, which this machine does not have"]


@pytest.mark.skipif(
    shutil.which("node") is None and "CI" not in os.environ, reason="install Node.js"
)
def test_a_program_in_another_language_runs(project: Project) -> None:
    """The official Node.js template without its package express: a fixed port, a layer of Node."""
    text = """
        require('http').createServer((request, response) => {
            console.log(request.method, request.url);
            request.pipe(response);
        }).listen(9000, '0.0.0.0');
    """
    project.program(
        "f",
        OK,
        config={"command": ["node", "server.js"]},
        layers=["acs:fc:cn-hangzhou:official:layers/Nodejs16/versions/1"],
        environmentVariables={"PATH": "/opt/nodejs16/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin"},
    )
    project.files({"server.js": text})
    invocation = project.start().invoke("f", b"event")
    assert (invocation.payload, invocation.log) == (b"event", "POST /invoke\n")


def test_a_jar_that_java_starts_is_not_unpacked(project: Project) -> None:
    """The packer of the fc3 component keeps it whole where the command holds `java -jar`."""
    with zipfile.ZipFile(project.folder / "app.jar", "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Main-Class: App")
    for command, listed in (("java -jar app.jar", "app.jar\n"), ("java App", "META-INF\n")):
        command = f"ls; : {command}; exec python3 -m http.server 9000"
        project.program("f", OK, config={"command": ["sh", "-c", command]}, code="./app.jar")
        assert project.start().invoke("f").log.startswith(listed)


FRAMEWORKS: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "flask": (
        "flask==2.2.5 werkzeug<3",
        {
            "index.py": """
                from flask import Flask, request
                app = Flask(__name__)
                @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
                @app.route("/<path:path>", methods=["GET", "POST"])
                def hello(path):
                    return f"{path} {request.headers.get('x-fc-request-id', '')[:2]}"
                if __name__ == "__main__":
                    app.run(host="0.0.0.0", port=9000)
            """
        },
        {"command": ["python3", "index.py"], "port": 9000},
    ),
    "fastapi": (
        "fastapi==0.104.1 uvicorn==0.24.0.post1",
        {
            "index.py": """
                import uvicorn
                from fastapi import FastAPI, Request, Response
                app = FastAPI()
                @app.get("/{path:path}")
                async def hello(path: str, request: Request):
                    return Response(f"{path} {request.headers['x-fc-request-id'][:2]}")
                if __name__ == "__main__":
                    uvicorn.run("index:app", host="0.0.0.0", port=9000)
            """
        },
        {"command": ["python3"], "args": ["-u", "index.py"]},
    ),
    "django": (
        "Django==4.2.16",
        {
            "manage.py": """
                import sys
                from django.conf import settings
                from django.core.management import execute_from_command_line
                from django.http import HttpResponse
                from django.urls import re_path
                def hello(request, path):
                    return HttpResponse(f"{path} {request.headers['x-fc-request-id'][:2]}")
                urlpatterns = [re_path("^(.*)$", hello)]
                settings.configure(DEBUG=True, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
                execute_from_command_line(sys.argv)
            """
        },
        {"command": ["python3"], "args": ["manage.py", "runserver", "0.0.0.0:9000"]},
    ),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_web_frameworks_run_as_official_templates_deploy_them(
    project: Project, tmp_path: Path, framework: str
) -> None:
    """Packages vendored (`pip install -t`), for Flask in a layer; a domain leads there."""
    packages, files, config = FRAMEWORKS[framework]
    environment = {"PATH": "/var/fc/lang/python3.10/bin:/usr/bin:/bin"}
    project.program("f", OK, config=config, memorySize=512, environmentVariables=environment)
    project.files(files)
    props = project.document["resources"]["f"]["props"]
    del props["triggers"]
    routes = [{"path": "/*", "functionName": "${resources.f.props.functionName}"}]
    domain = {"region": "cn-hangzhou", "domainName": "auto", "routeConfig": {"routes": routes}}
    project.document["resources"]["d"] = {"component": "fc3-domain", "props": domain}
    target, layers = project.folder / "code", {}
    if framework == "flask":
        environment["PYTHONPATH"] = "/opt/python:/code/python:/code"
        props["layers"] = [FLASK_LAYER]
        target, layers = tmp_path / "layer/python", {FLASK_LAYER: tmp_path / "layer"}
    pip = [
        str(runtime_environment("python3.10").python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
    ]
    subprocess.run([*pip, "--target", str(target), *packages.split()], check=True)
    fc = project.start(layers=layers)
    assert fc.warnings == [] or "this machine has no python3.10" in fc.warnings[0]
    reply = send(fc.url("f"), "GET", "/a/b")
    assert reply.body == b"a/b 1-", reply.body.decode()


def test_an_official_layer_that_is_missing_is_named(project: Project) -> None:
    """What it brings may be in the code; a layer of one's own is still asked for."""
    project.program("f", OK, layers=[FLASK_LAYER])
    fc = project.start()
    assert fc.invoke("f").payload == b"ok"
    assert f"f runs without the layer {FLASK_LAYER}" in fc.warnings[0]


def test_a_custom_runtime_can_be_deployed(deployer: Deployer) -> None:
    """As the fc3 component sends it: customRuntimeConfig as it is, the handler "handler"."""
    text = PROGRAM.format(handle="self.answer(self.path)", listen='("0.0.0.0", 9000)')
    config = models.CustomRuntimeConfig(command=["python3", "index.py"], port=9000)
    deployer.create(
        "f",
        runtime="custom.debian10",
        handler="handler",
        instance_concurrency=20,
        custom_runtime_config=config,
        code=inline(zipped(("index.py", text))),
    )
    assert deployer.invoke("f").body.read() == b"/invoke"
    assert fetch(f"{deployer.http('f')}a?b=c") == (200, b"/a?b=c")
    assert deployer.get("f").custom_runtime_config.command == ["python3", "index.py"]
    with pytest.raises(ClientException, match="port: must be 1 to 65535, not 99999"):
        deployer.update("f", custom_runtime_config=models.CustomRuntimeConfig(port=99999))


def test_one_invocation_needs_no_running_stub(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """`fc-stub invoke`: the result on standard output, the log on the other; 1 if it fails."""
    text = "print('told'); sys.stdout.flush(); self.answer('ok') if body else os._exit(3)"
    project.program("f", text)
    event = project.folder / "event"
    event.write_text("x")
    path = str(project.write())
    assert main(["invoke", "f", "-t", path, "--event", str(event)]) == 0
    assert capsys.readouterr() == ("ok", "told\n")
    assert main(["invoke", "f", "-t", path]) == 1
    assert "FunctionExitError" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("props", "message"),
    [
        ({"port": 0}, "port: must be 1 to 65535, not 0"),
        ({"command": "python3"}, "command: must be a list, not 'python3'"),
        ({"command": [], "args": ["x"]}, "command: is missing: args are its arguments"),
        ({"healthCheckConfig": {"periodSeconds": 1}}, "httpGetUrl: is missing"),
        ({"healthCheckConfig": {"httpGetUrl": "ready"}}, "httpGetUrl: must be a path"),
        ({"healthCheckConfig": {"httpGetUrl": "/", "timeoutSeconds": 4}}, "must be 1 to 3, not 4"),
        ({"comand": ["x"]}, "comand: is not a known property"),
    ],
)
def test_mistakes_in_the_configuration_name_the_place(
    project: Project, props: dict[str, Any], message: str
) -> None:
    project.program("f", OK, config=props)
    with pytest.raises(ConfigurationError, match="customRuntimeConfig: ") as raised:
        project.start()
    assert message in str(raised.value)
