"""The routes of the inbox page, and the way to it from `/`."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Receive, Scope, Send

from aliyun_sms_emulator.faults.fault import NONE
from aliyun_sms_emulator.faults.kinds import KINDS
from aliyun_sms_emulator.operations import OPERATIONS
from aliyun_sms_emulator.page.first_steps import send_command, short_command
from aliyun_sms_emulator.page.languages import COOKIE, LANGUAGES, page_texts, wanted_language
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.rules.countries import all_countries
from aliyun_sms_emulator.rules.limits import Limits
from aliyun_sms_emulator.version import __version__

PATH = "/inbox"

_FOLDER = Path(__file__).parent
_YEAR_SECONDS = 365 * 86400
# A browser that knows them at once need not find out one from the other.
_SCRIPTS = sorted(path.name for path in (_FOLDER / "static").glob("*.js"))

# Beginnings of names first, as they stand for several operations.
_ACTIONS = ("Send*", "Query*", *sorted({name for names in OPERATIONS.values() for name in names}))


class FrontDoor:
    """ASGI application for `/`: takes browsers to the page, everything else to the platform."""

    def __init__(self, platform_api: ASGIApp) -> None:
        self._platform_api = platform_api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if asks_for_page(scope):
            await RedirectResponse(PATH)(scope, receive, send)
            return
        await self._platform_api(scope, receive, send)


def asks_for_page(scope: Scope) -> bool:
    """Say whether a browser opens `/`, rather than a program calling the platform."""
    headers = Headers(scope=scope)
    return (
        (scope["method"], scope["path"], scope["query_string"]) == ("GET", "/", b"")
        and "text/html" in headers.get("accept", "")
        and not any(name in headers for name in ("authorization", "x-acs-action"))
    )


class InboxPage:
    """The page of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._templates = Jinja2Templates(_FOLDER / "templates")

    async def show(self, request: Request) -> Response:
        """Answer the page in the reader's language."""
        language = wanted_language(request)
        texts, config = page_texts(language), self._platform.config
        response = self._templates.TemplateResponse(
            request,
            "inbox.html",
            {
                "t": SimpleNamespace(**texts),
                "language": language,
                "script": {"language": language, "texts": texts, "dial_codes": _dial_codes()},
                "scripts": _SCRIPTS,
                "kinds": [kind for kind in KINDS if kind != NONE],
                "actions": _ACTIONS,
                "limit_names": [f.name for f in fields(Limits) if f.name != "enabled"],
                "version": __version__,
                "host": request.headers["host"],
                "send_command": send_command(config, request.headers["host"], language),
                "short_command": short_command(config, request.headers["host"], language),
            },
        )
        response.headers["Vary"] = "Accept-Language, Cookie"
        response.headers["Cache-Control"] = "no-store"
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(COOKIE, language, _YEAR_SECONDS, path=PATH, samesite="strict")
        return response


class _FreshFiles(StaticFiles):
    """Static files that a browser asks after each time, so that an upgrade is seen at once."""

    def file_response(self, *arguments: object, **options: object) -> Response:
        response = super().file_response(*arguments, **options)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response


def page_routes(platform: Platform) -> list[BaseRoute]:
    """List the routes of the page."""
    return [
        Route(PATH, InboxPage(platform).show, methods=["GET"]),
        Mount(f"{PATH}/static", _FreshFiles(directory=_FOLDER / "static")),
    ]


@cache
def _dial_codes() -> list[str]:
    return sorted({country.dial_code for country in all_countries()})
