"""The headers of a V3 signature: `Authorization`, and which of the others have to be signed."""

from __future__ import annotations

import re

from aliyun_sms_emulator.wire.errors import GatewayError, missing
from aliyun_sms_emulator.wire.leniency import Leniency
from aliyun_sms_emulator.wire.request import WireRequest

AUTHORIZATION = re.compile(
    r"(?P<algorithm>\S+)\s+Credential=(?P<key>[^,\s]*)\s*,\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*Signature=(?P<signature>[^,\s]+)\s*"
)
"""The form of a V3 signature's header `Authorization`."""

_MAY_BE_UNSIGNED = frozenset({"host", "content-type"})


def check_signed_headers(request: WireRequest, signed: list[str], leniency: Leniency) -> None:
    """Check that all that has to be signed is; raises GatewayError.

    Source: https://help.aliyun.com/document_detail/159972.html
    """
    if signed != sorted(set(signed)) or any(name != name.lower() for name in signed):
        raise incomplete("SignedHeaders must be lower-case, sorted and without repetition")
    for name in signed:
        if name not in request.headers:
            raise incomplete(f"the signed header {name} was not sent")
    if not request.headers.get("x-acs-content-sha256"):
        raise missing("ContentSha256")
    required = {name for name in request.headers if name.startswith("x-acs-")} | {"host"}
    if request.body and "content-type" in request.headers:
        required.add("content-type")
    unsigned = required.difference(signed)
    if not unsigned:
        return
    names = ", ".join(sorted(unsigned))
    if not unsigned <= _MAY_BE_UNSIGNED or not leniency.allows("header-unsigned", names):
        raise incomplete(f"these headers are not signed: {names}")


def incomplete(problem: str) -> GatewayError:
    """Build the error for a signature whose header says too little."""
    return GatewayError(
        "IncompleteSignature",
        f"The request signature does not conform to Aliyun standards: {problem}.",
    )
