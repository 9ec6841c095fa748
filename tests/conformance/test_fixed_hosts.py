"""Clients that have the platform's host in their text, unmodified, by proxy and by name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliyun_sms_emulator import SmsEmulator

CLIENTS = Path(__file__).parent / "fixed_hosts"
KEY = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
}
PYTHON = [sys.executable, "-W", "ignore"]  # of what old SDKs do
BY_PROXY = [
    pytest.param([*PYTHON, "client.py"], id="python-requests"),
    pytest.param([*PYTHON, "core.py", "http"], id="python-sdk-core-http"),
    pytest.param([*PYTHON, "core.py", "https"], id="python-sdk-core"),
    pytest.param(["node", "client.cjs", "axios"], id="node-axios", marks=pytest.mark.node),
    pytest.param(["bash", "client.sh"], id="shell"),
]
BY_NAME = {
    "13800138001": [*PYTHON, "client.py"],
    "13800138002": ["node", "client.cjs", "https"],
    "13800138003": ["node", "sdk.cjs"],
    "13800138004": ["bash", "client.sh"],
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[SmsEmulator]:
    with SmsEmulator({"settings": {"limits": False}}) as started:
        yield started


@pytest.mark.parametrize("command", BY_PROXY)
def test_by_the_proxy(
    emulator: SmsEmulator, request: pytest.FixtureRequest, command: list[str]
) -> None:
    environment = {"PATH": os.environ["PATH"], **KEY, **emulator.environment()}
    if command[0] == "node":
        environment["NODE_PATH"] = str(request.getfixturevalue("node_modules"))
    emulator.reset()
    done = subprocess.run(
        [*command, "13800138000"],
        cwd=CLIENTS,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Code"] == "OK"
    assert [message.phone_number for message in emulator.messages()] == ["13800138000"]


# A machine of its own: its names, and its ports 80 and 443.
MACHINE = """
set -eu
ip link set lo up
printf '127.0.0.1 localhost dysmsapi.aliyuncs.com\\n' > "$1/hosts"
mount --bind "$1/hosts" /etc/hosts
cd "$1"
python -m aliyun_sms_emulator --port 443 --port 80 --tls --tls-folder tls --database db > ready &
emulator=$!
until [ -s ready ]; do kill -0 $emulator; sleep 0.05; done
eval "$(python -m aliyun_sms_emulator trust --tls-folder tls)"
cd "$2"
"""


@pytest.mark.node
def test_by_name(tmp_path: Path, node_modules: Path) -> None:
    """As in compose, where the container has the platform's name, or with a line in the hosts."""
    if missing := what_is_missing():
        pytest.skip(missing)
    lines = [" ".join((*command, number)) for number, command in BY_NAME.items()]
    lines.append("python -m aliyun_sms_emulator messages --url http://127.0.0.1:80 --json")
    lines.append("kill $emulator")
    paths = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    script = MACHINE + "\n".join(lines)
    done = subprocess.run(
        ["unshare", "--mount", "--net", "bash", "-c", script, "bash", str(tmp_path), str(CLIENTS)],
        env={
            **KEY,
            "PATH": paths,
            "HOME": str(tmp_path),
            "NODE_PATH": str(node_modules),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    codes = [answer["Code"] for answer in answers if "Code" in answer]
    assert codes == ["OK"] * len(BY_NAME)
    assert [a["phone_number"] for a in answers if "Code" not in a] == list(BY_NAME)


def what_is_missing() -> str:
    """Return what this machine needs before it can make another one; empty when all is there."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "install unshare (util-linux) and ip (iproute2), on Linux"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "true"], capture_output=True, check=False
    )
    return "" if tried.returncode == 0 else "run as root: unshare may not make a network"
