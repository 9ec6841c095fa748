"""From the event of an invocation to the answer of a command.

    {"command": "unread", "arguments": {"raw": true}}

An answer may hold phone numbers, if its command was asked to show them; the log never does.
"""

from collections.abc import Mapping
from typing import Any

from shared.clock import Clock
from shared.commands.table import COMMANDS
from shared.errors import (
    ConfigurationError,
    InternalError,
    InvalidRequest,
    SmsError,
    StoreUnavailable,
)
from shared.fields import parse_json, read_object
from shared.logs import safe_code
from shared.trigger import http_trigger
from shared.trigger.event_size import is_too_large
from shared.trigger.invocation import Context, Invocation, log_bug, open_invocation, open_log

_EVENT_FIELDS = frozenset(("command", "arguments"))


class _HttpRefused(InvalidRequest):
    """The event is that of an HTTP trigger, which somebody added."""


def answer(event: bytes, context: Context, clock: Clock = Clock()) -> dict[str, object]:
    """Run the command that `event` names and return what the function returns; raises nothing.

    An exception would have Function Compute log the whole event, with what it holds.
    """
    started = clock.monotonic()
    log = open_log(context, "operate", clock)
    name, code = "", ""
    told: dict[str, object]
    try:
        name, arguments = read_event(event)
        told = {"answer": run(name, arguments, open_invocation(context, log, started))}
    except _HttpRefused as error:
        code = error.code
        refusal = http_trigger.problem(403, str(error), code, request_id=log.request_id)
        told = http_trigger.fc_response(refusal)
    except SmsError as error:
        if isinstance(error, ConfigurationError):
            log.misconfigured(error)
        if isinstance(error, StoreUnavailable):
            log.failed("store", error)
        code = safe_code(error.code)
        told = {"error": {"code": error.code, "detail": str(error)}}
    except Exception as error:
        log_bug(error, log)
        code = InternalError.code
        told = {"error": {"code": code, "detail": str(InternalError())}}
    log.event(
        "warning" if code else "info",
        "command",
        "failed" if code else "done",
        command=name,
        code=code,
        duration_ms=round((clock.monotonic() - started) * 1000),
    )
    return told


def read_event(event: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return the command that an event names, and its arguments; raises InvalidRequest."""
    if is_too_large(event):
        raise InvalidRequest("is too large", field="event")
    try:
        fields = parse_json(event.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise InvalidRequest("is not valid JSON in UTF-8", field="event") from None
    if isinstance(fields, dict) and {"requestContext", "rawPath"} & fields.keys():
        raise _HttpRefused(
            "this function takes no HTTP requests: remove its trigger, and call InvokeFunction",
            code="http-refused",
        )
    request = read_object(fields, "", _EVENT_FIELDS)
    name = request.get("command")
    if not isinstance(name, str) or name not in COMMANDS:
        raise InvalidRequest(f"must be one of {', '.join(COMMANDS)}", field="command")
    arguments = read_object(request.get("arguments", {}), "arguments", COMMANDS[name].arguments)
    return name, arguments


def run(name: str, arguments: Mapping[str, Any], invocation: Invocation) -> dict[str, object]:
    """Run a command that is in the table, and return its answer.

    Raises InvalidRequest for wrong arguments, ConfigurationError where there is no shared state but
    the command needs it, and what the command raises.
    """
    command = COMMANDS[name]
    if command.needs_state and invocation.store is None:
        raise ConfigurationError("this needs shared state: set SMS_STATE_URL and SMS_STATE_SECRET")
    return command.run(arguments, invocation)
