"""`/api/conversations`: the numbers with messages and replies, and what of them was read."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.messages import FILTERS, MAX_LIMIT, message_filter
from aliyun_sms_emulator.api.parameters import json_object, only_known, whole_number
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.rules.phone_numbers import stored_form


class ConversationsApi:
    """The conversations of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer the numbers with something that matches, the newest first."""
        only_known(request, (*FILTERS, "limit", "offset"))
        wanted = message_filter(request)
        limit = whole_number(request, "limit", 100, highest=MAX_LIMIT)
        offset = whole_number(request, "offset", 0, highest=10**12)
        store, now = self._platform.store.conversations, self._platform.clock.now()
        found = store.listed(wanted, now, limit=limit, offset=offset)
        return JSONResponse(
            {
                "conversations": [conversation.as_json() for conversation in found],
                "total": store.count(wanted, now),
                "unread": store.unread(),
            }
        )

    async def read_all(self, request: Request) -> JSONResponse:
        """Mark all messages as read."""
        only_known(request, ())
        self._platform.store.conversations.mark_all_read()
        self._platform.changes.announce()
        return JSONResponse({"unread": 0})

    async def change(self, request: Request) -> JSONResponse:
        """Mark the messages to one number as read, up to one of them."""
        number = stored_form(request.path_params["phone_number"])
        if number is None:
            raise ApiError("is no phone number; write digits only", field="phone_number")
        changes = await json_object(request)
        for key in changes:
            if key != "read_to":
                raise ApiError("unknown field; known is read_to", field=key)
        message_id = changes.get("read_to")
        if type(message_id) is not int or not 0 <= message_id < 2**53:
            raise ApiError("must be the id of a message", field="read_to")
        store = self._platform.store.conversations
        if store.mark_read(number, message_id):
            self._platform.changes.announce()
        return JSONResponse({"unread": store.unread()})
