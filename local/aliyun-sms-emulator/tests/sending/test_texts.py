from __future__ import annotations

import pytest

from aliyun_sms_emulator.rules.texts import count_segments, signed_text


@pytest.mark.parametrize(
    ("length", "segments"),
    [(0, 1), (1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (160, 3), (201, 3), (202, 4)],
)
def test_segments_of_the_mainland_are_counted(length: int, segments: int) -> None:
    assert count_segments("a" * length, international=False) == segments


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 350, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("中" + "a" * 69, 1),
        ("中" + "a" * 70, 2),
        ("中" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("]" * 152, 2),
        ("]" * 153, 3),
        ("a" * 152 + "]" + "a" * 152, 3),
        ("😀" * 67, 3),
        ("你" * 66 + "😀" + "你" * 66, 3),
    ],
)
def test_international_segments_are_counted(text: str, segments: int) -> None:
    assert count_segments(text, international=True) == segments


def test_a_signature_stands_in_brackets_of_its_script() -> None:
    assert signed_text("Shop", "Hi", international=False) == "【Shop】Hi"
    assert signed_text("Shop", "Hi", international=True) == "[Shop]Hi"
    assert signed_text("店", "Hi", international=True) == "【店】Hi"
