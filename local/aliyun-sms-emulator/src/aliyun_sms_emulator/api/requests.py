"""`/api/requests`: the log of calls to the platform API."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.api.parameters import only_known, whole_number
from aliyun_sms_emulator.explain.explanation import explain, explain_refusal
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.tables.request_log import RequestFilter

_REFUSED = frozenset({"refused", "rejected", "failed"})


class RequestsApi:
    """The request log of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def read(self, request: Request) -> JSONResponse:
        """Answer the logged calls that match."""
        only_known(request, ("verdict", "search", "order", "limit", "offset"))
        query = request.query_params
        wanted = RequestFilter(verdict=query.get("verdict"), search=query.get("search"))
        order = request.query_params.get("order", "oldest")
        if order not in {"oldest", "newest"}:
            raise ApiError("must be oldest or newest", field="order")
        limit = whole_number(request, "limit", 1000, highest=10_000)
        offset = whole_number(request, "offset", 0, highest=10**12)
        records = self._platform.store.request_log.listed(
            wanted, limit=limit, offset=offset, newest_first=order == "newest"
        )
        total = self._platform.store.request_log.count(wanted)
        return JSONResponse({"requests": [r.as_json() for r in records], "total": total})

    async def explain(self, request: Request) -> JSONResponse:
        """Answer why a call was refused, and what was wrong with its signature."""
        only_known(request, ("lang",))
        language = request.query_params.get("lang", "en")
        if language not in {"en", "zh"}:
            raise ApiError("must be en or zh", field="lang")
        row_id = min(int(request.path_params["id"]), 2**63 - 1)
        record = self._platform.store.request_log.find(row_id)
        if record is None or record.verdict not in _REFUSED:
            raise ApiError("no request with this id was refused", field="id", status=404)
        kept = self._platform.store.refusals.find(row_id)
        if kept is None:
            return JSONResponse(explain_refusal(record.code).as_json(language))
        keys, strict = self._platform.config.access_keys.values(), self._platform.settings.strict
        secrets = {key.id: key.secret for key in keys}
        # Trying the known mistakes may take a while, in which others are to be answered.
        explanation = await run_in_threadpool(
            explain, kept.request, secrets, kept.at, kept.code, strict=strict
        )
        return JSONResponse(explanation.as_json(language))

    async def clear(self, request: Request) -> JSONResponse:
        """Forget all logged calls."""
        only_known(request, ())
        deleted = self._platform.store.clear_requests()
        self._platform.changes.announce()
        return JSONResponse({"deleted": deleted})
