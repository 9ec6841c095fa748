"""Signed calls of Function Compute, version 2023-03-30, for the tools of the owner.

The key pair is that of a RAM user of the owner: ALIBABA_CLOUD_ACCESS_KEY_ID,
ALIBABA_CLOUD_ACCESS_KEY_SECRET and, for temporary ones, ALIBABA_CLOUD_SECURITY_TOKEN. SMS_REGION
says where the functions are (cn-hangzhou). A stub on this machine needs no key pair.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import requests

from shared.clock import Clock, utc_timestamp
from shared.environment import LOOPBACK
from shared.errors import SmsError
from shared.settings import Credentials, read_credentials
from shared.signing import acs3_authorization

VERSION = "2023-03-30"
_OF_KEY_PAIR = "; check the key pair, and what its RAM user may do (docs/permissions.md)"
_PROBLEM = "urn:fc-sms:problem:"  # begins the type of an answer of our functions, not of the API
_HINTS = {  # by the status of an answer
    401: _OF_KEY_PAIR,
    403: _OF_KEY_PAIR,
    404: "; is it deployed, and is SMS_REGION its region?",
    429: "; it is busy, try again in a minute",
}


class OperateError(Exception):
    """What was asked for was not done; the text says why, and the remedy."""


class Operation(NamedTuple):
    """An operation on one function: its name, the last part of its path, and what it takes.

    `instead` is what may be done where there is no key pair that may do it.
    """

    action: str
    path: str
    content_type: str = "application/json"
    instead: str = ""


def call(
    operation: Operation, function: str, body: bytes, *, endpoint: str, seconds: float
) -> requests.Response:
    """Call an operation on `function` and return the reply, whatever it is.

    `endpoint` is that of a stub, or "" for the platform. An answer is awaited for `seconds`. Raises
    OperateError where no call can be made.
    """
    region = os.environ.get("SMS_REGION") or "cn-hangzhou"
    url = urlsplit(endpoint or f"https://fcv3.{region}.aliyuncs.com")
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        raise OperateError(f"{endpoint}: plain http is only for this machine; use https://")
    path = f"/{VERSION}/functions/{quote(function, safe='')}/{operation.path}"
    headers = {
        "host": url.netloc,
        "content-type": operation.content_type,
        "x-acs-action": operation.action,
        "x-acs-version": VERSION,
        "x-acs-date": utc_timestamp(Clock().now()),
        "x-acs-signature-nonce": secrets.token_hex(16),
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    }
    credentials = _owner_credentials(operation, is_needed=url.hostname not in LOOPBACK)
    if credentials:
        if credentials.security_token:
            headers["x-acs-security-token"] = credentials.security_token
        headers["authorization"] = acs3_authorization(
            "POST",
            path,
            query={},
            headers=headers,
            body=body,
            access_key_id=credentials.access_key_id,
            access_key_secret=credentials.access_key_secret,
        )
    address = f"{url.scheme}://{url.netloc}{path}"
    try:
        with requests.Session() as session:
            session.trust_env = url.hostname not in LOOPBACK
            return session.post(address, data=body, headers=headers, timeout=(10, seconds))
    except requests.RequestException as error:
        is_here = url.hostname in LOOPBACK
        remedy = "start fc-stub there" if is_here else "SMS_REGION names the region"
        raise OperateError(
            f"Function Compute cannot be reached at {url.netloc} ({type(error).__name__}); {remedy}"
        ) from None


def json_of(reply: requests.Response) -> dict[str, object] | None:
    """Return the JSON object in a reply, None where there is none."""
    try:
        told = reply.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def refusal(reply: requests.Response, function: str) -> OperateError:
    """Return why a call on `function` was refused."""
    told = json_of(reply) or {}
    if str(told.get("type")).startswith(_PROBLEM):
        return OperateError(
            "the endpoint is the URL of a function; give that of the API, which fc-stub prints last"
        )
    kind = told.get("Code") or reply.headers.get("X-Fc-Error-Type") or reply.status_code
    return OperateError(f"{function} refuses ({kind}){_HINTS.get(reply.status_code, '')}")


def _owner_credentials(operation: Operation, *, is_needed: bool) -> Credentials | None:
    """Return the key pair of whoever asks, which is not that of the functions."""
    own = {name: value for name, value in os.environ.items() if name.startswith("ALIBABA_CLOUD_")}
    if is_needed or own.get("ALIBABA_CLOUD_ACCESS_KEY_ID"):
        try:
            return read_credentials(own)
        except SmsError:
            raise OperateError(
                "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET to the key "
                f"pair of a RAM user who may fc:{operation.action} (docs/permissions.md)"
                f"{operation.instead}"
            ) from None
    return None
