"""The JSON API under `/api`: inbox, receipts, replies, request log, clock, settings, numbers."""

from __future__ import annotations

from starlette.routing import Route

from aliyun_sms_emulator.api.clock import ClockApi
from aliyun_sms_emulator.api.conversations import ConversationsApi
from aliyun_sms_emulator.api.events import EventStream
from aliyun_sms_emulator.api.export import ExportApi
from aliyun_sms_emulator.api.faults import FaultsApi
from aliyun_sms_emulator.api.health import HealthApi
from aliyun_sms_emulator.api.messages import MessagesApi
from aliyun_sms_emulator.api.numbers import NumbersApi
from aliyun_sms_emulator.api.ready import ReadyApi
from aliyun_sms_emulator.api.receipts import ReceiptsApi
from aliyun_sms_emulator.api.replies import RepliesApi
from aliyun_sms_emulator.api.requests import RequestsApi
from aliyun_sms_emulator.api.send import SendApi
from aliyun_sms_emulator.api.settings import SettingsApi
from aliyun_sms_emulator.api.signatures import SignaturesApi
from aliyun_sms_emulator.api.state import StateApi
from aliyun_sms_emulator.api.templates import TemplatesApi
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
    conversations = ConversationsApi(platform)
    faults, state = FaultsApi(platform), StateApi(platform)
    templates, signatures = TemplatesApi(platform), SignaturesApi(platform)
    return [
        Route("/readyz", ReadyApi(platform).read, methods=["GET"]),
        Route("/api/health", health.read, methods=["GET"]),
        Route("/api/messages", messages.read, methods=["GET"]),
        Route("/api/messages", SendApi(platform).send, methods=["POST"]),
        Route("/api/messages", messages.clear, methods=["DELETE"]),
        Route("/api/messages/{id:int}", messages.read_one, methods=["GET"]),
        Route("/api/messages/{id:int}", messages.delete, methods=["DELETE"]),
        Route("/api/export.{form}", ExportApi(platform).read, methods=["GET"]),
        Route("/api/conversations", conversations.read, methods=["GET"]),
        Route("/api/conversations/read", conversations.read_all, methods=["POST"]),
        Route("/api/conversations/{phone_number}", conversations.change, methods=["PUT"]),
        Route("/api/events", EventStream(platform)),
        Route("/api/receipts", receipts.read, methods=["GET"]),
        Route("/api/replies", replies.read, methods=["GET"]),
        Route("/api/replies", replies.create, methods=["POST"]),
        Route("/api/requests", requests.read, methods=["GET"]),
        Route("/api/requests", requests.clear, methods=["DELETE"]),
        Route("/api/requests/{id:int}/explanation", requests.explain, methods=["GET"]),
        Route("/api/clock", clock.read, methods=["GET"]),
        Route("/api/clock", clock.change, methods=["PUT"]),
        Route("/api/settings", settings.read, methods=["GET"]),
        Route("/api/settings", settings.change, methods=["PUT"]),
        Route("/api/settings", settings.reset, methods=["DELETE"]),
        Route("/api/faults", faults.read, methods=["GET"]),
        Route("/api/faults", faults.replace, methods=["PUT"]),
        Route("/api/faults", faults.add, methods=["POST"]),
        Route("/api/faults", faults.clear, methods=["DELETE"]),
        Route("/api/faults/{id}", faults.read_one, methods=["GET"]),
        Route("/api/faults/{id}", faults.change, methods=["PUT"]),
        Route("/api/faults/{id}", faults.remove, methods=["DELETE"]),
        Route("/api/templates", templates.read, methods=["GET"]),
        Route("/api/templates/{code:path}", templates.change, methods=["PUT"]),
        Route("/api/templates/{code:path}", templates.remove, methods=["DELETE"]),
        Route("/api/signatures", signatures.read, methods=["GET"]),
        Route("/api/signatures/{name:path}", signatures.change, methods=["PUT"]),
        Route("/api/signatures/{name:path}", signatures.remove, methods=["DELETE"]),
        Route("/api/state", state.reset, methods=["DELETE"]),
        Route("/api/numbers/{phone_number}", numbers.read, methods=["GET"]),
        Route("/api/numbers/{phone_number}", numbers.change, methods=["PUT"]),
    ]
