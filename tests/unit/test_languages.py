"""Which language the programs of tools/ speak."""

from __future__ import annotations

import pytest

from tools.languages import own


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "yes"),
        ({"LANG": "en_US.UTF-8"}, "yes"),
        ({"LANG": "zh_CN.UTF-8"}, "是"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "C"}, "yes"),
        ({"LANG": "C", "LC_ALL": "zh_TW"}, "是"),
        ({"LANG": "zh_CN", "LC_ALL": ""}, "是"),
    ],
)
def test_a_text_is_in_the_language_of_the_locale(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], text: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert own("yes", "是") == text
