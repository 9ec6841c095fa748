"""The control plane on the API's port: who may call, what answers, in which form."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.types import Receive

from ..errors import RequestRefused
from ..http_messages import Headers, HttpRequest, HttpResponse
from ..web.acs3 import AccessKey, check
from ..web.api_paths import INVOKE, SWITCH
from ..web.request_body import read_body
from .arguments import invalid
from .call import Call
from .deployments import Deployments
from .functions import MAX_BODY
from .routes import Route, make_routes, offered
from .store import Store
from .uploads import TOKEN_PATH, Uploads, check_token_call, oss_error

_TOO_LARGE = RequestRefused(400, "EntityTooLarge", "the body is over 100 MB")


class ControlPlane:
    """Answers the calls of a deploy; every one of them must be signed with the stub's key pair."""

    def __init__(self, deployments: Deployments, store: Store, access_key: AccessKey) -> None:
        self._routes = make_routes(deployments, store)
        self._uploads = Uploads(store, deployments)
        self._key = access_key

    @staticmethod
    def takes(request: HttpRequest) -> bool:
        """Say whether a request, whose body is not read yet, is one of a deploy.

        All are but InvokeFunction and what tells about the stub itself.
        """
        path = request.path
        return not (path.startswith("/stub/") or INVOKE.fullmatch(path) or SWITCH.fullmatch(path))

    def check(self, request: HttpRequest) -> None:
        """Refuse a call that is not signed, or not as it should be."""
        digest = hashlib.sha256(request.body).hexdigest()
        check(self._key, request, (digest,), time.time())
        if request.header("x-acs-content-sha256") != digest:
            raise RequestRefused(
                403, "SignatureNotMatch", "x-acs-content-sha256 is not that of the body"
            )

    async def answer(self, request: HttpRequest, receive: Receive, request_id: str) -> HttpResponse:
        """Answer one request; raises RequestRefused."""
        if _is_upload(request):
            try:
                return await self._uploads.take(request, receive)
            except RequestRefused as error:
                return oss_error(error, request_id)
            except OSError as error:
                return oss_error(_disk(error), request_id)
        request = request.with_body(await read_body(receive, MAX_BODY, _TOO_LARGE))
        if request.path == TOKEN_PATH:
            return self._token(request, request_id)
        route, names = self._find(request)
        self.check(request)
        query = dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True))
        for name in query:
            if name not in route.query:
                invalid(name, "is not a parameter that this call takes here")
        try:
            answer = await route.operation(Call(names, query, request.body))
        except OSError as error:
            raise _disk(error) from None
        return _json(200 if answer is not None else 204, answer, request_id)

    def _token(self, request: HttpRequest, request_id: str) -> HttpResponse:
        try:
            check_token_call(self._key, request, time.time())
            token = self._uploads.token(request.header("x-fc-account-id"))
        except RequestRefused as error:  # in the form of API version 2016-08-15
            body = {"ErrorCode": error.code, "ErrorMessage": str(error)}
            return _json(error.status, body, request_id)
        return _json(200, token, request_id)

    def _find(self, request: HttpRequest) -> tuple[Route, tuple[str, ...]]:
        """Return the operation and the names in its path; refuse what is not offered.

        No signature is asked for before: whoever calls the wrong thing should see what there is.
        """
        path = request.raw_path.decode("latin-1")
        for route in self._routes:
            match = route.path.fullmatch(path)
            if match and route.method == request.method:
                return route, tuple(unquote(name) for name in match.groups())
        message = f"{request.method!r} against {request.path!r} is not offered by fc-stub serve"
        raise RequestRefused(
            400, "PathNotSupported", f"{message}, which offers {offered(self._routes)}"
        )


def _is_upload(request: HttpRequest) -> bool:
    return request.method == "PUT" and bool(request.header("x-oss-security-token"))


def _disk(error: OSError) -> RequestRefused:
    message = f"the state folder cannot be written: {error.strerror}"
    return RequestRefused(500, "InternalServerError", message)


def _json(status: int, answer: Mapping[str, Any] | None, request_id: str) -> HttpResponse:
    headers: Headers = [(b"x-fc-request-id", request_id.encode())]
    if answer is None:
        return HttpResponse(status, headers, b"")
    headers.append((b"content-type", b"application/json"))
    return HttpResponse(status, headers, json.dumps(answer).encode())
