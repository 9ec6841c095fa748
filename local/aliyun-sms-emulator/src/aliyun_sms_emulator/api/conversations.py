"""`/api/conversations`: the numbers that messages went to."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.messages import FILTERS, MAX_LIMIT, message_filter
from aliyun_sms_emulator.api.parameters import only_known, whole_number
from aliyun_sms_emulator.platform import Platform


class ConversationsApi:
    """The conversations of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer the numbers with messages that match, the newest message first."""
        only_known(request, (*FILTERS, "limit", "offset"))
        wanted = message_filter(request)
        limit = whole_number(request, "limit", 100, highest=MAX_LIMIT)
        offset = whole_number(request, "offset", 0, highest=10**12)
        store, now = self._platform.store, self._platform.clock.now()
        found = store.inbox.conversations(wanted, now, limit=limit, offset=offset)
        total = store.inbox.count_conversations(wanted, now)
        return JSONResponse({"conversations": [c.as_json() for c in found], "total": total})
