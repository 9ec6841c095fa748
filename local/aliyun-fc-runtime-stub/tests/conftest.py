from __future__ import annotations

from pathlib import Path

import pytest

from aliyun_fc_runtime_stub.pytest_plugin import FcStub
from deployer import Deployer
from stub_project import RUNTIMES, Project


@pytest.fixture
def project(tmp_path: Path, fc_stub: FcStub) -> Project:
    return Project(tmp_path, fc_stub)


@pytest.fixture
def deployer(tmp_path: Path, fc_stub: FcStub) -> Deployer:
    """A client of an empty Function Compute, whose state is below tmp_path / "state"."""
    return Deployer(fc_stub(state=tmp_path / "state", retry_delay=0.01))


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name
