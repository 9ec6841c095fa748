from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aliyun_fc_runtime_stub import FunctionCompute
from stub_project import RUNTIMES, Project


@pytest.fixture
def project(tmp_path: Path, fc_stub: Callable[..., FunctionCompute]) -> Project:
    return Project(tmp_path, fc_stub)


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name
