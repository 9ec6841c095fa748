"""Runs the real Serverless Devs CLI, with the component fc3 where it looks for it.

No package registry has the component. Unless the variable FC3_COMPONENTS names a folder with the
built components `fc3` and `fc3-domain`, the one in `fc3_component` stands in for it: it makes the
same calls, with the same libraries.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.node_packages import clean_environment

STAND_IN = Path(__file__).resolve().parent / "fc3_component"
NEVER = '{"version": "0.1.22", "lastUpdateCheck": 4102444800000}'  # asks for no update before 2100


class ServerlessDevs:
    """The command `s`; `home` is where it keeps its things, instead of the home folder."""

    def __init__(self, node_modules: Path, home: Path) -> None:
        self._node_modules = node_modules
        self._home = home
        kept = home / ".s" / "components" / "devsapp.cn" / "v3"
        built = os.environ.get("FC3_COMPONENTS")
        for source in Path(built).iterdir() if built else [STAND_IN]:
            component = kept / ("fc3" if source == STAND_IN else source.name)
            shutil.copytree(source, component)
            (component / ".s.lock").write_text(NEVER)
        (home / ".s" / "set-config.yml").write_text("analysis: disable\n")

    def environment(self, **variables: str) -> Mapping[str, str]:
        """Return an environment in which `s` is found and reaches nothing but what it is told."""
        path = f"{self._node_modules / '.bin'}{os.pathsep}{os.environ['PATH']}"
        node_path = str(self._node_modules)
        own = {
            "HOME": str(Path.home()),  # fc-stub keeps its environments there
            "NODE_PATH": node_path,
            "SERVERLESS_DEVS_CICD": "1",
            "serverless_devs_config_home": str(self._home),
        }
        return {**clean_environment(**own), "PATH": path, **variables}

    def run(self, folder: Path, command: str, variables: Mapping[str, str]) -> str:
        """Run `s COMMAND` in a folder; return what it wrote, or fail with it."""
        done = subprocess.run(
            ["s", *command.split()],
            cwd=folder,
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout
