"""The JSON API under `/api`: inbox, receipts, replies, request log, clock, settings, numbers."""

from __future__ import annotations

from starlette.routing import Route

from aliyun_sms_emulator.api.clock import ClockApi
from aliyun_sms_emulator.api.health import HealthApi
from aliyun_sms_emulator.api.messages import MessagesApi
from aliyun_sms_emulator.api.numbers import NumbersApi
from aliyun_sms_emulator.api.receipts import ReceiptsApi
from aliyun_sms_emulator.api.replies import RepliesApi
from aliyun_sms_emulator.api.requests import RequestsApi
from aliyun_sms_emulator.api.settings import SettingsApi
from aliyun_sms_emulator.platform import Platform


def api_routes(platform: Platform) -> list[Route]:
    """List the routes of the JSON API."""
    clock, health, messages = ClockApi(platform), HealthApi(platform), MessagesApi(platform)
    numbers, requests, settings = (
        NumbersApi(platform),
        RequestsApi(platform),
        SettingsApi(platform),
    )
    receipts, replies = ReceiptsApi(platform), RepliesApi(platform)
    return [
        Route("/api/health", health.read, methods=["GET"]),
        Route("/api/messages", messages.read, methods=["GET"]),
        Route("/api/messages", messages.clear, methods=["DELETE"]),
        Route("/api/messages/{id:int}", messages.read_one, methods=["GET"]),
        Route("/api/receipts", receipts.read, methods=["GET"]),
        Route("/api/replies", replies.read, methods=["GET"]),
        Route("/api/replies", replies.create, methods=["POST"]),
        Route("/api/requests", requests.read, methods=["GET"]),
        Route("/api/requests", requests.clear, methods=["DELETE"]),
        Route("/api/clock", clock.read, methods=["GET"]),
        Route("/api/clock", clock.change, methods=["PUT"]),
        Route("/api/settings", settings.read, methods=["GET"]),
        Route("/api/settings", settings.change, methods=["PUT"]),
        Route("/api/settings", settings.reset, methods=["DELETE"]),
        Route("/api/numbers/{phone_number}", numbers.read, methods=["GET"]),
        Route("/api/numbers/{phone_number}", numbers.change, methods=["PUT"]),
    ]
