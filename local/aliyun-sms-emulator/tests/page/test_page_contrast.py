"""The page's colours have the contrast WCAG 2.2 AA asks for, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import aliyun_sms_emulator.page

CSS = Path(aliyun_sms_emulator.page.__file__).parent / "static"
LIGHT, DARK = (CSS / "tokens.css").read_text("utf-8").split("@media (prefers-color-scheme: dark)")

TEXT = 4.5  # success criterion 1.4.3
CONTROL = 3.0  # success criterion 1.4.11

PAIRS = [
    *(("ink", surface, TEXT) for surface in ("bg", "surface", "sunken", "bubble", "accent-soft")),
    *(("ink", surface, TEXT) for surface in ("bad-soft", "good-soft", "wait-soft")),
    *(("muted", surface, TEXT) for surface in ("bg", "surface", "sunken", "accent-soft")),
    *(("accent", surface, TEXT) for surface in ("bg", "surface", "accent-soft", "sunken")),
    *(("bad", surface, TEXT) for surface in ("bg", "surface", "sunken", "bad-soft")),
    ("good", "good-soft", TEXT),
    ("wait", "wait-soft", TEXT),
    ("muted", "wait-soft", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-mark", "mark", TEXT),
    *(("control", surface, CONTROL) for surface in ("bg", "surface")),
    *((colour, "bg", CONTROL) for colour in ("good", "bad", "wait")),
]


def tokens(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", css))


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("css", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_every_pair_of_colours_has_its_contrast(
    css: str, front: str, back: str, least: float
) -> None:
    colours = tokens(css)
    assert contrast(colours[front], colours[back]) >= least


def test_both_schemes_have_the_same_tokens_and_nothing_else_names_a_colour() -> None:
    assert tokens(LIGHT).keys() == tokens(DARK).keys()
    files = [path for path in CSS.glob("*.css") if path.name != "tokens.css"]
    rules = "".join(path.read_text("utf-8") for path in files)
    assert len(files) == 3
    assert set(re.findall(r"var\(--([\w-]+)\)", rules)) <= tokens(LIGHT).keys()
    assert re.findall(r"#[0-9a-f]{3,8}\b(?=[;\s])", rules) == []


def test_the_scale_itself_is_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
