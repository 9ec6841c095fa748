"""`/api/replies`: write back as a recipient would, and read what was written."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.parameters import json_object, only_known, whole_number
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.rules.phone_numbers import stored_form
from aliyun_sms_emulator.wire.reports import REPLY

DEFAULT_DEST_CODE = "1000"
"""Extension code a reply goes to when the message it answers had none."""

MAX_CONTENT = 1000

_KEYS = ("phone_number", "content", "dest_code")
_DEST_CODE = re.compile(r"[0-9]{1,20}")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class RepliesApi:
    """The replies (SmsUp) of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer the replies, the oldest first."""
        only_known(request, ("phone_number", "limit", "offset"))
        number = request.query_params.get("phone_number")
        if number is not None:
            number = stored_form(number)
            if number is None:
                raise ApiError("is no phone number; write digits only", field="phone_number")
        limit = whole_number(request, "limit", 100, highest=1000)
        offset = whole_number(request, "offset", 0, highest=10**12)
        replies = self._platform.store.replies
        shown = replies.listed(limit=limit, offset=offset, phone_number=number)
        total = replies.count(number)
        return JSONResponse({"replies": [reply.as_json() for reply in shown], "total": total})

    async def create(self, request: Request) -> JSONResponse:
        """Store a reply, queue it and push it where a URL is set."""
        document = await json_object(request)
        for key in document:
            if key not in _KEYS:
                raise ApiError(f"unknown field; known are {', '.join(_KEYS)}", field=key)
        number = stored_form(_text(document, "phone_number"))
        if number is None:
            raise ApiError("is no phone number; write digits only", field="phone_number")
        content = _text(document, "content")
        if not 1 <= len(content) <= MAX_CONTENT or _LONE_SURROGATE.search(content):
            raise ApiError(f"must be 1 to {MAX_CONTENT} characters of text", field="content")
        platform = self._platform
        answered = platform.store.replies.newest_message(number)
        account = next(iter(platform.config.access_keys.values())).account
        dest_code = DEFAULT_DEST_CODE
        if answered is not None:
            account = answered["account"]
            dest_code = answered["sms_up_extend_code"] or dest_code
        if "dest_code" in document:
            dest_code = _text(document, "dest_code")
        if not _DEST_CODE.fullmatch(dest_code):
            raise ApiError("must be 1 to 20 digits", field="dest_code")
        now = platform.clock.now()
        with platform.store.transaction():
            reply_id = platform.store.replies.add(account, number, content, dest_code, now)
            platform.report(account, REPLY, reply_id, now, international=False)
        platform.changes.announce()
        return JSONResponse(platform.store.replies.find(reply_id).as_json(), 201)


def _text(document: dict[str, object], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        raise ApiError("must be a string", field=key)
    return value
