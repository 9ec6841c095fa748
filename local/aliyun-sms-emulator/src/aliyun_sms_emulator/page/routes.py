"""The routes of the inbox page, and the way to it from `/`."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Receive, Scope, Send

from aliyun_sms_emulator.config.config import Config
from aliyun_sms_emulator.config.reading import default_config
from aliyun_sms_emulator.page.languages import COOKIE, LANGUAGES, page_texts, wanted_language
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.rules.templates import AnyTemplate, Template
from aliyun_sms_emulator.version import __version__

PATH = "/inbox"

_FOLDER = Path(__file__).parent
_DEFAULT_HOST = "127.0.0.1:8100"
_PUBLIC_KEY = ("testid", "testsecret")
_YEAR_SECONDS = 365 * 86400


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
                "script": {"language": language, "texts": texts},
                "version": __version__,
                "host": request.headers["host"],
                "templates": list(config.templates.values()),
                "send_command": send_command(config, request.headers["host"]),
                "short_command": short_command(config, request.headers["host"]),
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


def short_command(config: Config, host: str) -> str:
    """Write the emulator's own command that sends a first message.

    Empty where that would need the configuration file: keys, template or signature are others.
    """
    common = default_config()
    if (config.access_keys, config.templates, config.signatures) != (
        common.access_keys,
        common.templates,
        common.signatures,
    ):
        return ""
    params = "".join(f" --param {name}=1234" for name in _first_template(config).variables)
    where = "" if host == _DEFAULT_HOST else f" --url http://{host}"
    return f"sms-emulator send 13800138000{params}{where}"


def send_command(config: Config, host: str) -> str:
    """Write a shell command that sends a first message with the official SDK."""
    key = next(iter(config.access_keys.values()))
    public = (key.id, key.secret) == _PUBLIC_KEY
    secret = '"testsecret"' if public else 'os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]'
    template = _first_template(config)
    sign_names = [
        s.name for s in config.signatures.values() if s.status == "approved" and not s.gift
    ] or (["fc-sms"] if config.any_signature else [])
    number = "85251234567" if template.type == "international" else "13800138000"
    values = json.dumps(dict.fromkeys(template.variables, "1234"))

    def literal(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    lines = (
        "pip install alibabacloud_dysmsapi20170525",
        "python - <<'END'",
        "import os",
        "from alibabacloud_dysmsapi20170525.client import Client",
        "from alibabacloud_dysmsapi20170525.models import SendSmsRequest",
        "from alibabacloud_tea_openapi.models import Config",
        "",
        f"client = Client(Config(access_key_id={literal(key.id)},",
        f"    access_key_secret={secret},",
        f'    endpoint={literal(host)}, protocol="http"))',
        f'print(client.send_sms(SendSmsRequest(phone_numbers="{number}",',
        f"    sign_name={literal(sign_names[0] if sign_names else '')},",
        f"    template_code={literal(template.code)},",
        f"    template_param={literal(values)})).body)",
        "END",
    )
    return "\n".join(lines)


def _first_template(config: Config) -> Template:
    templates = list(config.templates.values())
    usable = [t for t in templates if t.status == "approved" and t.type != "gift"]
    return (usable or templates or [AnyTemplate("SMS_1", "notification", "")])[0]
