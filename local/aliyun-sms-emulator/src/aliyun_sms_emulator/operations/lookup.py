"""Which operation a call asks for, and whether all that it needs is there."""

from __future__ import annotations

from aliyun_sms_emulator.operations import OPERATIONS
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.published import published_operations
from aliyun_sms_emulator.wire.errors import GatewayError, NotEmulated, missing
from aliyun_sms_emulator.wire.request import WireRequest

_NO_JSON = (
    "The body is JSON, whose members are no parameters of this API: send them as a form"
    " (application/x-www-form-urlencoded) or in the query. JSON without a signature is taken at"
    " POST /api/messages."
)
_NO_CALL = (
    "This is the platform API, which SDKs call. The page is at /inbox, the JSON API at"
    " /api/messages."
)


def find_operation(request: WireRequest) -> Operation:
    """Find what a call asks for; raises GatewayError, or NotEmulated where only we lack it."""
    if not request.action:
        raise _missing("Action", request)
    if not request.version:
        raise _missing("Version", request)
    operations = OPERATIONS.get(request.version)
    if operations is None:
        raise _unknown_version(request.version)
    operation = operations.get(request.action)
    if operation is None:
        raise _unknown_operation(request.action, request.version)
    if request.parameters.get("Format", "JSON").upper() not in {"JSON", "XML"}:
        raise GatewayError("InvalidParameter.Format", "Format must be JSON or XML.")
    return operation


def check_required(operation: Operation, request: WireRequest) -> None:
    """Check that no mandatory parameter is absent or empty; raises GatewayError."""
    for name in operation.required:
        if not request.parameters.get(name):
            raise _missing(name, request)


def _missing(name: str, request: WireRequest) -> GatewayError:
    """Return the platform's error, with a word to those who call it in another way than SDKs."""
    error, lower = missing(name), name[0].lower() + name[1:]
    if request.headers.get("content-type", "").startswith("application/json") and request.body:
        error.message += f" {_NO_JSON}"
    elif lower in request.parameters:
        error.message += f" It came as {lower}; names are case-sensitive."
    elif name == "Action" and not request.parameters:
        error.message += f" {_NO_CALL}"
    return error


def _unknown_version(version: str) -> GatewayError:
    if len(version.split("-")) == 3:
        text = (
            f"This emulator does not have version {version[:32]}; it has {', '.join(OPERATIONS)}."
        )
        return GatewayError("NoSuchVersion", text)
    return GatewayError("InvalidVersion", "Specified parameter Version is not valid.")


def _unknown_operation(name: str, version: str) -> GatewayError:
    shown = name[:64]
    having = f"It has: {', '.join(OPERATIONS[version])}."
    product = published_operations().get((version, name))
    if product is not None:
        return NotEmulated(
            f"This emulator does not have {shown}, which {product} {version} of the platform has;"
            f" nothing is wrong with the request. {having}"
        )
    others = [other for other in OPERATIONS if name in OPERATIONS[other]]
    elsewhere = f" Version {others[0]} has an operation of this name." if others else ""
    return GatewayError(
        "InvalidAction.NotFound",
        f"This emulator does not have {shown} in version {version}, and no published list of the"
        f" platform's operations names it.{elsewhere} {having}",
        404,
    )
