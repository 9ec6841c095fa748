"""What all tests share: where things are, and that a skip is a failure under CI=true."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of test data."""
    return ROOT / "tests" / "data"


@pytest.fixture
def monkeypatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """pytest's own, but whenever it changes the environment, a new instance begins."""
    from shared.trigger.invocation import instance_settings

    for name in ("setenv", "delenv"):
        change = getattr(monkeypatch, name)

        def changed(*values: Any, change: Callable[..., None] = change, **options: Any) -> None:
            change(*values, **options)
            instance_settings.cache_clear()

        setattr(monkeypatch, name, changed)
    instance_settings.cache_clear()
    yield monkeypatch
    instance_settings.cache_clear()


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder of installed Node.js packages, for tests that are marked `node`."""
    from tests import node_packages  # the unit tests do without

    return node_packages.install()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "node: needs Node.js and npm")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("node"):
        from tests import node_packages

        if missing := node_packages.what_is_missing():
            pytest.skip(missing)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("CI") == "true" and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("CI=true: a skipped test is a failure", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
