"""The emulator and the fixture without what Windows does not have: fork, fcntl, resource."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from aliyun_sms_emulator import EmulatorClient
from signing_client import Client

# Python itself needs fcntl and fork where it starts other processes; the emulator starts none.
HIDDEN = """\
import os, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("fork", "forkpty", "register_at_fork", "geteuid", "getuid", "fchmod"):
    if hasattr(os, name):
        delattr(os, name)
"""
COMMAND = f"{HIDDEN}\nfrom aliyun_sms_emulator.commands.cli import main\nsys.exit(main())"
PYTEST = (
    f"{HIDDEN}\nimport pytest\nsys.exit(pytest.main(['-q', '-p', 'no:faulthandler', 'test_it.py']))"
)
TEST = """\
import os, sys
import pytest
from signing_client import Client


def test_it(sms_emulator):
    assert sys.modules["fcntl"] is None and not hasattr(os, "fork")
    assert Client(sms_emulator).send().code == "OK"
    assert sms_emulator.wait_for_message().code == "1234"
    assert "SSL_CERT_FILE" in sms_emulator.environment()
"""


def test_the_emulator_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COMMAND, "--port", "0", "--json", "--tls"]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        emulator = EmulatorClient(json.loads(line)["url"])
        assert Client(emulator).send().code == "OK"
        assert len(emulator.messages()) == 1
        process.terminate()
        assert process.communicate()[1] == ""
        assert process.returncode == 0


def test_the_fixture_runs(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TEST)
    paths = os.pathsep.join((str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, "-c", PYTEST],
        cwd=tmp_path,
        env={
            **{n: v for n, v in os.environ.items() if not n.startswith("PYTEST")},
            "PYTHONPATH": paths,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "aliyun_sms_emulator.pytest_plugin",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
