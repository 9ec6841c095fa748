"""docs/deploy-here.md of fc-stub, followed word by word: its blocks, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
import requests

from tests.integration.serverless_devs import ServerlessDevs

pytestmark = pytest.mark.node

INDENTED = re.compile(r"(?:^    .*\n)+", re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^ *export (\w+)=(\S+)$", re.MULTILINE)
URL = re.compile(r"http://127\.0\.0\.1:\d+/(?=\s)")
PROGRAMS = Path(sys.executable).parent
HELLO = """
edition: 3.0.0
name: hello
access: default
resources:
  hello:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: hello
      runtime: python3.10
      handler: index.handler
      code: ./code
      triggers:
        - triggerName: web
          triggerType: http
          triggerConfig: {authType: anonymous, methods: [GET]}
"""


class Page:
    """The blocks of the page: shell commands by their place, and Python."""

    def __init__(self, path: Path) -> None:
        text = path.read_text("utf-8")
        self.by_sdk, self.in_tests = PYTHON.findall(text)
        shell_blocks = INDENTED.findall(PYTHON.sub("", text))
        self.serve, self.deploy, self.afterwards = map(_lines, shell_blocks)


def _lines(block: str) -> list[str]:
    return [line.strip() for line in block.splitlines()]


@pytest.fixture(scope="module")
def page(project: Path) -> Page:
    return Page(project / "local" / "aliyun-fc-runtime-stub" / "docs" / "deploy-here.md")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one function that is called over HTTP."""
    code = tmp_path / "hello" / "code"
    code.mkdir(parents=True)
    (code / "index.py").write_text("def handler(event, context): return 'hello'\n")
    (code.parent / "s.yaml").write_text(HELLO)
    return code.parent


@pytest.fixture
def deployer(node_modules: Path, tmp_path: Path) -> ServerlessDevs:
    return ServerlessDevs(node_modules, tmp_path / "home")


@pytest.fixture
def printed(page: Page, tmp_path: Path) -> Iterator[str]:
    """What the page's first command prints; it goes on until the test ends."""
    (command,) = page.serve
    program, *arguments = command.split()
    process = subprocess.Popen(
        [PROGRAMS / program, *arguments, "--port", "0"],  # another may have the usual one
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    yield "".join(_until_ready(process.stdout))
    process.terminate()
    process.communicate()


def _until_ready(output: IO[str]) -> Iterator[str]:
    for line in output:
        yield line
        if "Ctrl-C ends" in line:
            return


def shell(commands: list[str], folder: Path, deployer: ServerlessDevs) -> str:
    """Run commands in one shell; fail if one of them does."""
    done = subprocess.run(
        ["sh", "-e", "-c", "\n".join(commands)],
        cwd=folder,
        env=deployer.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_page_shows_what_serve_prints(page: Page, printed: str) -> None:
    shown = [line.partition("=")[0] for line in page.deploy if line.startswith("export ")]
    assert shown == [f"export {name}" for name, _ in PRINTED.findall(printed)]
    assert page.deploy[-1] == "s deploy -y"


def test_what_is_deployed_as_the_page_says_answers_and_is_removed_as_it_says(
    page: Page, printed: str, folder: Path, deployer: ServerlessDevs
) -> None:
    exports = [f"export {name}={value}" for name, value in PRINTED.findall(printed)]
    shell([*exports, page.deploy[-1]], folder, deployer)
    *kept, remove = page.afterwards
    (url,) = set(URL.findall(shell([*exports, *kept], folder, deployer)))
    assert requests.get(url, timeout=60).text == "hello"
    assert remove == "s remove -y"
    shell([*exports, remove], folder, deployer)
    assert requests.get(url, timeout=60).status_code == 404


def test_the_sdk_is_a_client_as_the_page_says(page: Page, printed: str) -> None:
    variables = dict(PRINTED.findall(printed))
    address = variables["FC_CLIENT_CUSTOM_ENDPOINT"].removeprefix("http://")
    lists = (
        "from alibabacloud_fc20230330.models import ListFunctionsRequest\n"
        "print(client.list_functions(ListFunctionsRequest()).body.functions)\n"
    )
    script = re.sub(r"127\.0\.0\.1:\d+", address, page.by_sdk) + lists
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_the_test_on_the_page_passes(page: Page, folder: Path, deployer: ServerlessDevs) -> None:
    (folder / "test_page.py").write_text(page.in_tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_page.py"],
        cwd=folder,
        env=deployer.environment(PYTHONPATH=os.environ.get("PYTHONPATH", "")),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
