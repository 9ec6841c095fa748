"""`/api/export.json` and `/api/export.csv`: the messages that match, as a file."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import StreamingResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.messages import FILTERS, message_filter
from aliyun_sms_emulator.api.parameters import only_known
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.records import SmsMessage
from aliyun_sms_emulator.tables.inbox import MessageFilter

_AT_ONCE = 500
_COLUMNS = (
    *("id", "phone_number", "status", "text", "segments", "sign_name", "template_code", "api"),
    *("out_id", "biz_id", "request_id", "accepted_at", "receipt_at", "receipt_code"),
)
# https://owasp.org/www-community/attacks/CSV_Injection, with the full-width forms
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


class ExportApi:
    """The messages of one platform as files."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> StreamingResponse:
        """Answer a file with the messages that match, the oldest first."""
        only_known(request, FILTERS)
        form, wanted = request.path_params["form"], message_filter(request)
        if form == "json":
            content, kind = self._json(wanted), "application/json"
        elif form == "csv":
            content, kind = self._csv(wanted), "text/csv; charset=utf-8"
        else:
            raise ApiError("there is export.json and export.csv", status=404)
        headers = {"Content-Disposition": f'attachment; filename="sms-messages.{form}"'}
        return StreamingResponse(content, media_type=kind, headers=headers)

    async def _json(self, wanted: MessageFilter) -> AsyncIterator[str]:
        separator = "[\n"
        async for message in self._messages(wanted):
            yield separator + json.dumps(message.as_json(), ensure_ascii=True)
            separator = ",\n"
        yield "[]\n" if separator == "[\n" else "\n]\n"

    async def _csv(self, wanted: MessageFilter) -> AsyncIterator[str]:
        yield "\ufeff" + _csv_line(list(_COLUMNS))  # the mark tells spreadsheets that it is UTF-8
        async for message in self._messages(wanted):
            yield _csv_line([_cell(getattr(message, column)) for column in _COLUMNS])

    async def _messages(self, wanted: MessageFilter) -> AsyncIterator[SmsMessage]:
        store, offset = self._platform.store, 0
        while True:
            now = self._platform.clock.now()
            found = store.inbox.listed(wanted, now, limit=_AT_ONCE, offset=offset)
            for message in found:
                yield message
            if len(found) < _AT_ONCE:
                return
            offset += _AT_ONCE
            await asyncio.sleep(0)


def _csv_line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode(errors="replace").decode()


def _cell(value: object) -> str:
    """Write a value so that no spreadsheet takes it for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
