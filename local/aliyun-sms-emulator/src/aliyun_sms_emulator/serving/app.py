"""The ASGI application: platform API at `/`, queues, JSON API under `/api`, page at `/inbox`."""

from __future__ import annotations

import sqlite3

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from aliyun_sms_emulator.api import api_routes
from aliyun_sms_emulator.api.errors import (
    ApiError,
    on_api_error,
    on_disconnect,
    on_http_exception,
    on_storage_error,
)
from aliyun_sms_emulator.gateway.endpoint import PlatformEndpoint
from aliyun_sms_emulator.mns.endpoint import QueueEndpoint
from aliyun_sms_emulator.page.routes import FrontDoor, page_routes
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.serving.guard import Guard
from aliyun_sms_emulator.serving.listening import Listening


def build_app(platform: Platform, listening: Listening) -> Starlette:
    """Build the application for a platform that is served there."""
    return Starlette(
        routes=[
            Route("/", FrontDoor(PlatformEndpoint(platform))),
            Route("/queues/{name}/messages", QueueEndpoint(platform)),
            *api_routes(platform),
            *page_routes(platform),
        ],
        middleware=[Middleware(Guard, listening=listening)],
        exception_handlers={
            ApiError: on_api_error,
            ClientDisconnect: on_disconnect,
            HTTPException: on_http_exception,
            sqlite3.Error: on_storage_error,
        },
    )
