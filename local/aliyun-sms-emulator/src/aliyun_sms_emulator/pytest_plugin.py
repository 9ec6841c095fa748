"""The pytest plugin: fixture and marker `sms_emulator`, ini option `sms_emulator_config`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from aliyun_sms_emulator.emulator import SmsEmulator
from aliyun_sms_emulator.errors import ConfigError, EmulatorError

if TYPE_CHECKING:
    from collections.abc import Generator

_OPTION = "sms_emulator_config"
_MARKER = "sms_emulator"
_KNOWN = ("templates", "sign_names", "settings")
_ANY = "any"
# Tests do not wait for receipts; everything else is as on the platform.
_SETTINGS: Mapping[str, object] = {"delivery_delay_seconds": 0}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option."""
    parser.addini(_OPTION, "YAML file of the SMS emulator, from the folder of the ini file")


def pytest_configure(config: pytest.Config) -> None:
    """Add the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(templates=, sign_names=, settings=): what the SMS emulator knows in these"
        " tests; templates is a list as in its YAML file, sign_names a list, each may be 'any'",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker that says nothing, whether the test uses the fixture or not."""
    for marker in item.iter_markers(_MARKER):
        _check(marker)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a test that failed which requests were refused."""
    report = yield
    emulator = getattr(item, "funcargs", {}).get("sms_emulator")
    if report.when == "call" and report.failed and isinstance(emulator, SmsEmulator):
        from aliyun_sms_emulator.shortfall import refused_requests

        try:
            refused = refused_requests(emulator)
        except EmulatorError as error:
            refused = [str(error)]
        if refused:
            report.sections.append(("SMS emulator", "\n".join(refused)))
    return report


@pytest.fixture(scope="session")
def _sms_emulator_document(pytestconfig: pytest.Config) -> Mapping[str, object]:
    """The configuration of the whole run: what the ini option names, with delivery at once."""
    name = pytestconfig.getini(_OPTION)
    document: Mapping[str, object] = {}
    if name:
        from aliyun_sms_emulator.config.reading import load_config
        from aliyun_sms_emulator.config.yaml_file import read_yaml

        folder = pytestconfig.rootpath
        if pytestconfig.inipath is not None:
            folder = pytestconfig.inipath.parent
        try:
            load_config(folder / name)  # its errors name the line
        except ConfigError as error:
            pytest.fail(f"{_OPTION}: {error}", pytrace=False)
        document = _mapping(read_yaml(folder / name).document)
    return {**document, "settings": _merged(_SETTINGS, _mapping(document.get("settings")))}


@pytest.fixture(scope="session")
def _sms_emulator_server(_sms_emulator_document: Mapping[str, object]) -> Iterator[SmsEmulator]:
    """The one emulator of this run; with pytest-xdist each worker has its own."""
    with SmsEmulator(_sms_emulator_document) as emulator:
        yield emulator


@pytest.fixture
def sms_emulator(
    request: pytest.FixtureRequest,
    _sms_emulator_server: SmsEmulator,
    _sms_emulator_document: Mapping[str, object],
) -> SmsEmulator:
    """An emulator in memory, on a free port of 127.0.0.1, that remembers nothing of other tests.

    The marker `sms_emulator` says what it knows: templates, signatures, settings.
    """
    document = dict(_sms_emulator_document)
    for marker in reversed(list(request.node.iter_markers(_MARKER))):  # the nearest comes last
        document = _changed(document, marker.kwargs)
    try:
        _sms_emulator_server.reset(document)
    except ConfigError as error:
        place = error.place.replace("signatures", "sign_names", 1)
        pytest.fail(f"marker {_MARKER}: {place}: {error.problem}", pytrace=False)
    return _sms_emulator_server


def _check(marker: pytest.Mark) -> None:
    known = ", ".join(f"{name}=" for name in _KNOWN)
    if marker.args:
        pytest.fail(f"marker {_MARKER}: takes names alone: {known}", pytrace=False)
    for name, value in marker.kwargs.items():
        if name not in _KNOWN:
            pytest.fail(f"marker {_MARKER}: unknown name {name}; known are {known}", pytrace=False)
        kind, needed = (Mapping, "a dict") if name == "settings" else (list, "a list, or 'any'")
        if not isinstance(value, kind) and (name == "settings" or value != _ANY):
            pytest.fail(f"marker {_MARKER}: {name} must be {needed}", pytrace=False)


def _changed(document: dict[str, object], marked: Mapping[str, Any]) -> dict[str, object]:
    """Put into a configuration what one marker says."""
    changed = dict(document)
    if "templates" in marked:
        changed["templates"] = marked["templates"]
    if "sign_names" in marked:
        names = marked["sign_names"]
        changed["signatures"] = _ANY if names == _ANY else [{"name": name} for name in names]
    elif marked.get("templates") == _ANY:
        changed["signatures"] = _ANY
    if "settings" in marked:
        changed["settings"] = _merged(_mapping(document["settings"]), marked["settings"])
    return changed


def _merged(earlier: Mapping[str, object], later: Mapping[str, object]) -> Mapping[str, object]:
    from aliyun_sms_emulator.config.settings import merged_changes

    return merged_changes(earlier, later)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
