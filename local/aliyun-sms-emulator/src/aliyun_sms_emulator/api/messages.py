"""`/api/messages`: read, wait for and clear the inbox."""

from __future__ import annotations

import math

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.parameters import moment, only_known, seconds, whole_number
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.rules.phone_numbers import stored_form
from aliyun_sms_emulator.tables.inbox import MessageFilter

MAX_WAIT_SECONDS = 300.0
MAX_LIMIT = 1000

FILTERS = (
    "phone_number",
    "out_id",
    "out_id_prefix",
    "biz_id",
    "template_code",
    "text",
    "search",
    "status",
    "number_part",
    "since",
    "until",
)
_PARAMETERS = (*FILTERS, "order", "limit", "offset", "wait", "count")
_STATUSES = ("accepted", "delivered", "failed")
# A status changes when its time has come, without any event.
_STATUS_POLL_SECONDS = 0.05


class MessagesApi:
    """The inbox of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer the messages that match, after waiting for `count` of them if asked to."""
        only_known(request, _PARAMETERS)
        wanted = message_filter(request)
        limit = whole_number(request, "limit", 100, highest=MAX_LIMIT)
        offset = whole_number(request, "offset", 0, highest=10**12)
        order = request.query_params.get("order", "oldest")
        if order not in {"oldest", "newest"}:
            raise ApiError("must be oldest or newest", field="order")
        wait = seconds(request, "wait", highest=MAX_WAIT_SECONDS)
        total = await self._wait(wanted, wait, whole_number(request, "count", 1, highest=10**6))
        messages = self._platform.store.inbox.listed(
            wanted,
            self._platform.clock.now(),
            limit=limit,
            offset=offset,
            newest_first=order == "newest",
        )
        return JSONResponse({"messages": [m.as_json() for m in messages], "total": total})

    async def clear(self, request: Request) -> JSONResponse:
        """Forget all messages."""
        only_known(request, ())
        deleted = self._platform.store.clear_messages()
        self._platform.changes.announce()
        return JSONResponse({"deleted": deleted})

    async def read_one(self, request: Request) -> JSONResponse:
        """Answer one message."""
        number = int(request.path_params["id"])
        wanted = MessageFilter(id=min(number, 2**63 - 1))
        found = self._platform.store.inbox.listed(wanted, self._platform.clock.now())
        if not found:
            raise ApiError("no message has this id", field="id", status=404)
        return JSONResponse(found[0].as_json())

    async def delete(self, request: Request) -> JSONResponse:
        """Forget one message, its receipt, and that the limits counted it."""
        only_known(request, ())
        number = min(int(request.path_params["id"]), 2**63 - 1)
        if not self._platform.store.delete_message(number):
            raise ApiError("no message has this id", field="id", status=404)
        self._platform.changes.announce()
        return JSONResponse({"deleted": 1})

    async def _wait(self, wanted: MessageFilter, wait: float, enough: int) -> int:
        platform = self._platform
        return await platform.wait_for(
            lambda: platform.store.inbox.count(wanted, platform.clock.now()),
            enough,
            wait,
            _STATUS_POLL_SECONDS if wanted.status else math.inf,
        )


def message_filter(request: Request) -> MessageFilter:
    """Read which messages are asked for from the query."""
    query = request.query_params
    number = query.get("phone_number")
    if number is not None:
        stored = stored_form(number)
        if stored is None:
            raise ApiError("is no phone number; write digits only", field="phone_number")
        number = stored
    status = query.get("status")
    if status is not None and status not in _STATUSES:
        raise ApiError(f"must be one of {', '.join(_STATUSES)}", field="status")
    return MessageFilter(
        phone_number=number,
        out_id=query.get("out_id"),
        out_id_prefix=query.get("out_id_prefix"),
        biz_id=query.get("biz_id"),
        template_code=query.get("template_code"),
        text=query.get("text"),
        search=query.get("search"),
        status=status,
        number_part=query.get("number_part"),
        since=moment(request, "since"),
        until=moment(request, "until"),
    )
