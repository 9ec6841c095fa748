"""The ASGI application: platform API at `/`, queues under `/queues`, JSON API under `/api`."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from aliyun_sms_emulator.api import api_routes
from aliyun_sms_emulator.api.errors import ApiError, on_api_error, on_http_exception
from aliyun_sms_emulator.api.guard import Guard
from aliyun_sms_emulator.mns.endpoint import QueueEndpoint
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.wire.endpoint import PlatformEndpoint


def build_app(platform: Platform, bound_host: str) -> Starlette:
    """Build the application for a platform served at `bound_host`."""
    return Starlette(
        routes=[
            Route("/", PlatformEndpoint(platform)),
            Route("/queues/{name}/messages", QueueEndpoint(platform)),
            *api_routes(platform),
        ],
        middleware=[Middleware(Guard, bound_host=bound_host)],
        exception_handlers={ApiError: on_api_error, HTTPException: on_http_exception},
    )
