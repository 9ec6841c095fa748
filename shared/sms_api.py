"""One signed call to the platform, and what its answer means.

A call ends in exactly one of four verdicts (the platform documents that sending is not
idempotent, so nothing here ever sends a request a second time once a byte of it was written):

- accepted: the platform said OK;
- rejected: it said no, with a code that is known to mean so;
- nothing-written: no byte left this machine;
- in-doubt: anything else, a lost or unreadable answer above all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple, cast

import requests

from shared.clock import PLATFORM_OFFSET, Clock, utc_timestamp
from shared.errors import AnswerLost, ConnectionFailed, PlatformRefused, SmsError
from shared.logs import Log, safe_code, safe_request_id
from shared.settings import Credentials, Settings
from shared.signing import acs3_authorization, canonical_query, rpc_signature
from shared.transport import Timeout

VERSION = "2017-05-25"
ACCEPTED, REJECTED, NOTHING_WRITTEN, IN_DOUBT = (
    "accepted",
    "rejected",
    "nothing-written",
    "in-doubt",
)
_CONTENT_TYPE = "application/x-www-form-urlencoded"
_RECONNECT_WAITS = (0.1, 0.4)
_WINDOWS = {"分钟": 60, "小时": 3600, "天": 86400}


class Result(NamedTuple):
    """How a call ended: the verdict, its code, and the answer's body where there is one.

    `code` is the platform's, or one of ours when it gave none, with a `detail` for the log.
    `retry_after` is the number of seconds after which a limit that was hit lets calls through
    again, 0 where none was.
    """

    verdict: str
    code: str
    request_id: str = ""
    retry_after: int = 0
    body: Mapping[str, Any] = {}
    detail: str = ""


class SmsApi(NamedTuple):
    """The platform as one invocation sees it.

    `credentials` is asked at every call, so that a rotated token is used at once; `token` makes a
    nonce for calls that bring none; `session` is a requests.Session whose adapter raises
    ConnectionFailed if nothing was written.
    """

    settings: Settings
    credentials: Callable[[], Credentials]
    session: requests.Session
    clock: Clock
    log: Log
    token: Callable[[], str] = lambda: os.urandom(16).hex()

    def call(
        self,
        action: str,
        parameters: Mapping[str, str],
        *,
        deadline: float,
        nonce: str = "",
        phone_numbers: tuple[str, ...] = (),
    ) -> Result:
        """Sign and send one request and say how it ended; log it.

        `deadline` is in the clock's monotonic seconds, `phone_numbers` is for the log. While no
        byte was written the same signed request is tried again. Raises ConfigurationError when
        there are no credentials.
        """
        started = self.clock.monotonic()
        request = self._signed(action, parameters, nonce or self.token())
        result = self._exchange(request, deadline)
        for wait in _RECONNECT_WAITS:
            if result.verdict != NOTHING_WRITTEN or self.clock.monotonic() + wait >= deadline:
                break
            self.clock.sleep(wait)
            result = self._exchange(request, deadline)
        self.log.event(
            "info" if result.verdict == ACCEPTED else "warning",
            action,
            result.verdict,
            code=result.code,
            detail=result.detail,
            platform_request_id=result.request_id,
            duration_ms=round((self.clock.monotonic() - started) * 1000),
            **self.log.numbers(phone_numbers),
        )
        return result

    def query(
        self,
        action: str,
        parameters: Mapping[str, str],
        *,
        deadline: float,
        phone_numbers: tuple[str, ...] = (),
    ) -> Mapping[str, Any]:
        """Return the body of a call that only reads.

        Raises ConnectionFailed or AnswerLost when there is no answer, PlatformRefused when it is
        an error code.
        """
        result = self.call(action, parameters, deadline=deadline, phone_numbers=phone_numbers)
        if result.verdict == ACCEPTED:
            return result.body
        raise query_error(result)

    def _exchange(self, request: requests.PreparedRequest, deadline: float) -> Result:
        left = deadline - self.clock.monotonic()
        if left <= 0:
            return Result(NOTHING_WRITTEN, "out-of-time")
        timeout: Any = Timeout(self.settings.connect_timeout, self.settings.read_timeout, left)
        try:
            response = self.session.get_adapter(self.settings.endpoint).send(
                request, timeout=timeout, verify=self.session.verify or True
            )
            content = response.content
        except ConnectionFailed as error:
            return Result(NOTHING_WRITTEN, error.code, detail=error.detail)
        except AnswerLost as error:
            return Result(IN_DOUBT, error.code, detail=error.detail)
        except Exception as error:  # whatever it was, the request may be out
            return Result(IN_DOUBT, safe_code(type(error).__name__))
        return classify(response.status_code, content, self.clock.now())

    def _signed(
        self, action: str, parameters: Mapping[str, str], nonce: str
    ) -> requests.PreparedRequest:
        credentials = self.credentials()
        endpoint = self.settings.endpoint
        host = endpoint.partition("://")[2]
        now = utc_timestamp(self.clock.now())
        sign = _acs3 if self.settings.signature_method == "ACS3-HMAC-SHA256" else _rpc
        headers, body = sign(action, parameters, credentials, host, now, nonce)
        request = requests.PreparedRequest()
        request.method = "POST"
        request.url = f"{endpoint}/"
        request.body = body
        request.headers = cast(
            Any,
            {
                **headers,
                "accept": "application/json",
                "user-agent": "fc-sms",
                "content-length": str(len(body)),
            },
        )
        return request


def classify(status: int, content: bytes, now: float) -> Result:
    """Say what an answer means: the body first, then the HTTP status.

    Business errors come with status 200, gateway errors with 4xx, and both name their code in the
    body (seen with ``Code`` and with ``code``). What cannot be understood is in doubt, and so is
    every 5xx and every code that is not known to be a refusal. `now` (epoch seconds) tells when
    the window of a frequency limit ends.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return Result(IN_DOUBT, f"http-{status}")
    code = body.get("Code", body.get("code"))
    request_id = safe_request_id(body.get("RequestId", body.get("requestId")))
    if code == "OK" and status == 200:
        return Result(ACCEPTED, "OK", request_id, body=body)
    if status >= 500 or code is None or code == "OK":
        return Result(IN_DOUBT, safe_code(code or f"http-{status}"), request_id)
    return _refusal(safe_code(code), request_id, str(body.get("Message", body.get("message"))), now)


def query_error(result: Result) -> SmsError:
    """Return the error to raise for the `result` of a query that was not accepted."""
    if result.verdict == NOTHING_WRITTEN:
        return ConnectionFailed("the platform cannot be reached; try again", code=result.code)
    meaning, status = explain(result.code)
    if result.verdict == REJECTED:
        return PlatformRefused(
            meaning,
            code=result.code,
            request_id=result.request_id,
            status=status,
            retry_after=result.retry_after,
        )
    return AnswerLost("the platform gave no usable answer; try again", code=result.code)


def explain(code: str) -> tuple[str, int]:
    """Return what a code of the platform means and what to do, and the HTTP status for it."""
    from shared.error_codes import find

    known = find(code)
    if known is None:
        return "the platform refused with a code that is not documented; see its console.", 502
    meaning = known.meaning[:1].upper() + known.meaning[1:]
    return f"{meaning}. {known.advice(code)}", known.http_status(code)


def _refusal(code: str, request_id: str, message: str, now: float) -> Result:
    from shared.error_codes import find  # data that a normal send never needs

    known = find(code)
    if known is None:
        verdict = REJECTED if code.startswith("isv.") else IN_DOUBT
        return Result(verdict, code, request_id)
    if known.outcome == "unknown":
        return Result(IN_DOUBT, code, request_id)
    wait = _retry_after(code, message, now) if known.retryable == "after-wait" else 0
    return Result(REJECTED, code, request_id, wait)


def _retry_after(code: str, message: str, now: float) -> int:
    """Return the seconds until the limit that `code` stands for lets calls through again.

    A frequency limit names its window in `message`, such as ``触发分钟级流控Permits:1``: minute
    and hour windows follow the clock of UTC+8, the day window slides (document 44335). The
    account's own caps are looked at again when its day is over.
    """
    for word, seconds in _WINDOWS.items():
        if f"{word}级流控" in message:
            return seconds if word == "天" else seconds - int(now) % seconds
    if code.endswith(("DAY_LIMIT_CONTROL", "MONTH_LIMIT_CONTROL")):
        return 86400 - int(now + PLATFORM_OFFSET) % 86400
    return 1 if code.startswith(("Throttling", "QPS_")) else 60


def _acs3(
    action: str,
    parameters: Mapping[str, str],
    credentials: Credentials,
    host: str,
    now: str,
    nonce: str,
) -> tuple[dict[str, str], bytes]:
    body = canonical_query(parameters).encode("ascii")
    headers = {
        "host": host,
        "content-type": _CONTENT_TYPE,
        "x-acs-action": action,
        "x-acs-version": VERSION,
        "x-acs-date": now,
        "x-acs-signature-nonce": nonce,
        "x-acs-content-sha256": sha256(body).hexdigest(),
    }
    if credentials.security_token:
        headers["x-acs-security-token"] = credentials.security_token
    headers["authorization"] = acs3_authorization(
        "POST", "/", {}, headers, body, credentials.access_key_id, credentials.access_key_secret
    )
    return headers, body


def _rpc(
    action: str,
    parameters: Mapping[str, str],
    credentials: Credentials,
    host: str,
    now: str,
    nonce: str,
) -> tuple[dict[str, str], bytes]:
    signed = {
        **parameters,
        "AccessKeyId": credentials.access_key_id,
        "Action": action,
        "Format": "JSON",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": nonce,
        "SignatureVersion": "1.0",
        "Timestamp": now,
        "Version": VERSION,
    }
    if credentials.security_token:
        signed["SecurityToken"] = credentials.security_token
    signed["Signature"] = rpc_signature("POST", signed, credentials.access_key_secret)
    return {"host": host, "content-type": _CONTENT_TYPE}, canonical_query(signed).encode("ascii")
