"""Ask the function `operate` to run a command of the owner; the tools beside use it.

The function runs where the shared state is, which a laptop often cannot reach. It is called through
InvokeFunction of Function Compute, version 2023-03-30, with the key pair of a RAM user who may
``fc:InvokeFunction``: ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and, for
temporary ones, ALIBABA_CLOUD_SECURITY_TOKEN. SMS_REGION says where it is (cn-hangzhou). A stub on
this machine is named by ``--endpoint`` or SMS_FC_ENDPOINT, and needs no key pair.

With ``--local`` the same command runs in this process, with SMS_STATE_URL and the other variables
of the functions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from shared import settings, transport
from shared.clock import Clock, utc_timestamp
from shared.commands import running
from shared.errors import SmsError
from shared.logs import Log, hash_key
from shared.platform.sms_api import SmsApi
from shared.settings import LOOPBACK, Credentials, read_credentials
from shared.signing import acs3_authorization
from shared.trigger.invocation import Invocation

FUNCTION = "fc-sms-operate"
SECONDS = 60.0  # that a command may take: the function's timeout in s.yaml
VERSION = "2023-03-30"


class OperateError(Exception):
    """What was asked for was not done; the text says why, and the remedy."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let `parser` take where a command runs."""
    parser.add_argument(
        "--local", action="store_true", help="run here, with SMS_STATE_URL, and not in operate"
    )
    parser.add_argument(
        "--endpoint",
        default=os.environ.get("SMS_FC_ENDPOINT", ""),
        help="the API of Function Compute, such as http://127.0.0.1:9000 of a stub",
    )
    parser.add_argument("--function", default=FUNCTION, help=f"its name, if not {FUNCTION}")


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


def run(name: str, main: Callable[[], None]) -> int:
    """Run the tool `name`, and return its exit code: 2, with the reason, where it cannot."""
    try:
        main()
    except (OperateError, SmsError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    return 0


def _run_here(command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    known, clock = settings.read_settings(os.environ), Clock()
    with Path(os.devnull).open("w") as nowhere:
        log = Log("local", "operate", hash_key(known.state_secret), clock, nowhere)
        api = SmsApi(known, lambda: read_credentials(os.environ), transport.SESSION, clock, log)
        return running.run(command, arguments, Invocation(api, clock.monotonic() + SECONDS))


def _invoke(event: bytes, *, endpoint: str, function: str) -> dict[str, Any]:
    """Call InvokeFunction and return what the function returned.

    Source: the documentation of InvokeFunction of Function Compute 3.0, and the official SDK.
    """
    region = os.environ.get("SMS_REGION") or "cn-hangzhou"
    url = urlsplit(endpoint or f"https://fcv3.{region}.aliyuncs.com")
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        raise OperateError(f"{endpoint}: plain http is only for this machine; use https://")
    path = f"/{VERSION}/functions/{quote(function, safe='')}/invocations"
    headers = {
        "host": url.netloc,
        "content-type": "application/octet-stream",
        "x-acs-action": "InvokeFunction",
        "x-acs-version": VERSION,
        "x-acs-date": utc_timestamp(Clock().now()),
        "x-acs-signature-nonce": secrets.token_hex(16),
        "x-acs-content-sha256": hashlib.sha256(event).hexdigest(),
    }
    credentials = _owner_credentials(is_needed=url.hostname not in LOOPBACK)
    if credentials:
        if credentials.security_token:
            headers["x-acs-security-token"] = credentials.security_token
        headers["authorization"] = acs3_authorization(
            "POST",
            path,
            query={},
            headers=headers,
            body=event,
            access_key_id=credentials.access_key_id,
            access_key_secret=credentials.access_key_secret,
        )
    address = f"{url.scheme}://{url.netloc}{path}"
    try:
        with requests.Session() as session:
            session.trust_env = url.hostname not in LOOPBACK
            reply = session.post(address, data=event, headers=headers, timeout=(10, SECONDS + 10))
    except requests.RequestException as error:
        raise OperateError(
            f"Function Compute cannot be reached at {url.netloc} ({type(error).__name__}); "
            "SMS_REGION names the region"
        ) from None
    return _read_reply(reply, function)


def _owner_credentials(*, is_needed: bool) -> Credentials | None:
    """Return the key pair of whoever asks, which is not that of the functions."""
    own = {name: value for name, value in os.environ.items() if name.startswith("ALIBABA_CLOUD_")}
    if is_needed or own.get("ALIBABA_CLOUD_ACCESS_KEY_ID"):
        try:
            return read_credentials(own)
        except SmsError:
            raise OperateError(
                "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET to the key "
                "pair of a RAM user who may fc:InvokeFunction (docs/permissions.md); or, where "
                "the shared state can be reached, take --local"
            ) from None
    return None


def _read_reply(reply: requests.Response, function: str) -> dict[str, Any]:
    try:
        told = reply.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise OperateError(f"{function} gave no answer that can be read (HTTP {reply.status_code})")
    if reply.status_code == 200 and {"answer", "error"} & told.keys():
        return told
    kind = told.get("Code") or reply.headers.get("X-Fc-Error-Type") or reply.status_code
    hint = "; is it deployed, and is SMS_REGION its region?" if reply.status_code == 404 else ""
    raise OperateError(f"{function} cannot be invoked ({kind}){hint}")
