"""HTTP trigger ``/codes``: create and check a one-time code, sent by SMS."""

import os

from shared.codes import code_requests, verification
from shared.settings import read_code_settings
from shared.trigger import http_trigger
from shared.trigger.http_trigger import Request, Response
from shared.trigger.invocation import Context, Invocation


def handler(event: bytes, context: Context) -> dict[str, object]:
    """Answer one HTTP trigger event; ``/`` stands for the last route."""
    return http_trigger.serve(
        event,
        context,
        function="verify_code",
        routes={("POST", "/codes/check"): check, ("POST", "/codes"): create},
    )


def create(request: Request, invocation: Invocation) -> Response:
    """Send a code to a number, for one purpose; the answer never holds the code."""
    code_request = code_requests.read_request(request.json(), request.idempotency_key)
    code_request = code_request._replace(space=invocation.space)
    from shared.sending.scenes import instance_scenes  # a check needs none

    scene = instance_scenes().code(f"purpose:{code_request.purpose}")
    settings = scene.applied_to(read_code_settings(os.environ))
    created = verification.create(code_request, invocation, settings)
    has_store = invocation.store is not None
    return verification.created_response(created, code_request.out_id, has_store=has_store)


def check(request: Request, invocation: Invocation) -> Response:
    """Answer whether a code is right; a right one is right once."""
    code_check = code_requests.read_check(request.json())._replace(space=invocation.space)
    verified = verification.check(code_check, invocation, read_code_settings(os.environ))
    return Response(200, {"verified": verified})
