"""The page's languages: which one a reader wants, and its texts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.requests import Request

LANGUAGES = ("en", "zh")
COOKIE = "lang"


def wanted_language(request: Request) -> str:
    """Take the language from the query, else the cookie, else Accept-Language, else English."""
    for named in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if named in LANGUAGES:
            return named
    accepted = []
    for part in request.headers.get("accept-language", "").lower().split(","):
        tag, _, parameters = part.strip().partition(";")
        accepted.append((-_quality(parameters), tag.partition("-")[0]))
    ordered = (tag for _, tag in sorted(accepted, key=lambda item: item[0]))
    return next((tag for tag in ordered if tag in LANGUAGES), "en")


def _quality(parameters: str) -> float:
    try:
        return float(parameters.strip().removeprefix("q="))
    except ValueError:
        return 1.0


@cache
def page_texts(language: str) -> dict[str, str]:
    """All texts of the page in one language."""
    import yaml

    source = Path(__file__).with_name("texts.yaml").read_text("utf-8")
    texts: dict[str, list[str]] = yaml.safe_load(source)
    return {key: values[LANGUAGES.index(language)] for key, values in texts.items()}
