"""Ask the function `operate` to run a command of the owner; the tools beside use it.

The function runs where the shared state is, which a laptop often cannot reach. It is called through
InvokeFunction of Function Compute, version 2023-03-30, with the key pair of a RAM user who may
``fc:InvokeFunction``: ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and, for
temporary ones, ALIBABA_CLOUD_SECURITY_TOKEN. SMS_REGION says where it is (cn-hangzhou). A stub on
this machine is named by ``ARGS='--endpoint URL'`` or SMS_FC_ENDPOINT, and needs no key pair.

With ``ARGS=--local`` the same command runs in this process, with SMS_STATE_URL and the other
variables of the functions.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from shared import settings, transport
from shared.clock import Clock
from shared.commands import running
from shared.errors import ConfigurationError, SmsError
from shared.logs import Log, hash_key
from shared.platform.sms_api import SmsApi
from shared.settings import read_credentials
from shared.trigger.invocation import Invocation
from tools import function_compute
from tools.function_compute import OperateError, Operation
from tools.state_url import with_files_of

ROOT = Path(__file__).resolve().parent.parent
FUNCTION = "fc-sms-operate"
# How the arguments of commands are written behind `make`.
_IN_MAKE = {
    "id": "ID",
    "day": "DAY",
    "phone_number": "the number",
    "caller": "ARGS: --caller",
    "first_part": "ARGS: --first-part",
}
SECONDS = 60.0  # that a command may take: the function's timeout in s.yaml
INVOKE = Operation(
    "InvokeFunction",
    "invocations",
    content_type="application/octet-stream",
    instead="; or, where the shared state can be reached from here, add ARGS=--local",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let `parser` take where a command runs."""
    parser.add_argument(
        "--local", action="store_true", help="run here, with SMS_STATE_URL, and not in operate"
    )
    parser.add_argument(
        "--endpoint",
        default=os.environ.get("SMS_FC_ENDPOINT", ""),
        help="the API of Function Compute, such as http://127.0.0.1:8900 of a stub",
    )
    parser.add_argument("--function", default=FUNCTION, help=f"its name, if not {FUNCTION}")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Let `parser` take ``--json``: then the answer is printed by print_json."""
    parser.add_argument("--json", action="store_true", help="print an object of JSON")


def print_json(answer: Mapping[str, Any]) -> None:
    """Print an answer for programs."""
    print(json.dumps(answer, ensure_ascii=False, indent=2))


def ask(command: str, arguments: Mapping[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Run `command` where `options` say, and return its answer; raises OperateError."""
    if options.local:
        return _run_here(command, arguments)
    event = json.dumps({"command": command, "arguments": dict(arguments)}).encode()
    told = _invoke(event, endpoint=options.endpoint, function=options.function)
    if "error" in told:
        raise OperateError(str(told["error"]["detail"]))
    answer: dict[str, Any] = told["answer"]
    return answer


def run(name: str, main: Callable[[], int | None]) -> int:
    """Run the tool `name`, and return its exit code: 2, with the reason, where it cannot."""
    try:
        return main() or 0
    except (OperateError, SmsError) as error:
        print(f"{name}: {_in_words_of_make(str(error))}", file=sys.stderr)
        return 2


def _in_words_of_make(text: str) -> str:
    field, between, problem = text.partition(": ")
    return f"{_IN_MAKE[field]} {problem}" if between and field in _IN_MAKE else text


def _run_here(command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    state_url = with_files_of(ROOT, os.environ.get("SMS_STATE_URL", ""))
    known = settings.read_settings({**os.environ, "SMS_STATE_URL": state_url})
    clock = Clock()
    with Path(os.devnull).open("w") as nowhere:
        log = Log("local", "operate", hash_key(known.state_secret), clock, nowhere)
        api = SmsApi(known, lambda: read_credentials(os.environ), transport.SESSION, clock, log)
        try:
            return running.run(command, arguments, Invocation(api, clock.monotonic() + SECONDS))
        except ConfigurationError as error:
            raise OperateError(
                f"{error}. With ARGS=--local the variables of this shell count; without it the "
                f"deployed function {FUNCTION} is asked"
            ) from None


def _invoke(event: bytes, *, endpoint: str, function: str) -> dict[str, Any]:
    """Call InvokeFunction and return what the function returned.

    Source: the documentation of InvokeFunction of Function Compute 3.0, and the official SDK.
    """
    reply = function_compute.call(INVOKE, function, event, endpoint=endpoint, seconds=SECONDS + 10)
    told = function_compute.json_of(reply)
    if told is None:
        raise OperateError(f"{function} gave no answer that can be read (HTTP {reply.status_code})")
    if reply.status_code == 200 and {"answer", "error"} & told.keys():
        return told
    raise function_compute.refusal(reply, function)
