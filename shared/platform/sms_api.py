"""One signed call to the platform, and what its answer means.

A call ends in one of four verdicts; no request is sent again once a byte of it was written:

- accepted: the platform said OK;
- rejected: it said no, with a code that is known to mean so;
- nothing-written: no byte left this machine;
- in-doubt: anything else, such as an answer that is lost or cannot be read.

Sources: "V3 request structure and signature" and "RPC mechanism (V2)" of the Alibaba Cloud SDK
documentation for the form of a request and of its answer.
"""

import json
import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import requests

from shared.clock import Clock, utc_timestamp
from shared.errors import AnswerLost, ConnectionFailed, PlatformRefused, SmsError
from shared.logs import Log, logged_message_id, safe_code, safe_request_id
from shared.platform.actions import ACTIONS, UNLISTED
from shared.settings import Credentials, Settings
from shared.signing import acs3_authorization, canonical_query, rpc_signature
from shared.transport import Timeout, exchange

ACCEPTED, REJECTED = "accepted", "rejected"
NOTHING_WRITTEN, IN_DOUBT = "nothing-written", "in-doubt"
_CONTENT_TYPE = "application/x-www-form-urlencoded"
_RECONNECT_WAITS = (0.1, 0.4)  # seconds before the second and the third try to connect


class Result(NamedTuple):
    """How a call ended: the verdict, the platform's code or ours, and the body if accepted.

    Ours are in lower case: ``connection-failed``, ``answer-lost``, ``out-of-time``, ``http-502``,
    or the name of an exception. `retry_after` is the seconds after which a limit lets calls through
    again, 0 when none refused. `detail` is for the log.
    """

    verdict: str
    code: str
    request_id: str = ""
    retry_after: int = 0
    body: Mapping[str, Any] = {}
    detail: str = ""


class Signed(NamedTuple):
    """A signed request, to be sent as it is; `body` is a form, as `headers` say."""

    action: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class _Call(NamedTuple):
    """What a signature is made of; `timestamp` is ``2026-01-31T08:00:00Z``."""

    action: str
    version: str
    host: str
    timestamp: str
    nonce: str
    parameters: Mapping[str, str]
    credentials: Credentials


class SmsApi(NamedTuple):
    """The platform as one invocation sees it.

    `credentials` is asked at every call, because temporary ones are replaced while an instance
    lives. `token` makes a nonce at random.
    """

    settings: Settings
    credentials: Callable[[], Credentials]
    session: requests.Session
    clock: Clock
    log: Log
    token: Callable[[], str] = lambda: os.urandom(16).hex()

    def sign(self, action: str, parameters: Mapping[str, str], nonce: str = "") -> Signed:
        """Return the signed request of one call, made now.

        `parameters` are those of `action` in the platform's spelling: ``{"PhoneNumbers": ...}``.
        The platform refuses a second request with the same `nonce`; where none is given a new one
        is made. Raises ConfigurationError when there are no credentials.
        """
        operation = ACTIONS.get(action, UNLISTED)
        endpoint: str = getattr(self.settings, operation.endpoint)
        call = _Call(
            action=action,
            version=operation.version,
            host=endpoint.partition("://")[2],
            timestamp=utc_timestamp(self.clock.now()),
            nonce=nonce or self.token(),
            parameters=parameters,
            credentials=self.credentials(),
        )
        sign = _acs3 if self.settings.signature_method == "ACS3-HMAC-SHA256" else _rpc
        headers, body = sign(call)
        headers["accept"] = "application/json"
        headers["user-agent"] = "fc-sms"
        headers["content-length"] = str(len(body))
        return Signed(action=action, url=f"{endpoint}/", headers=headers, body=body)

    def exchange(
        self,
        signed: Signed,
        *,
        deadline: float,
        phone_numbers: tuple[str, ...] = (),
        explain: Callable[[str], str] = lambda _code: "",
    ) -> Result:
        """Send a signed request, log how it ended, and return that: every failure is a Result.

        While no byte of it was written it is tried again, three times in all. `deadline` is in
        monotonic seconds. `phone_numbers` are whom it is about, for the log. `explain` returns what
        else the log says of a code that refused it.
        """
        started = self.clock.monotonic()
        result = self._send_once(signed, deadline)
        for wait in _RECONNECT_WAITS:
            if result.verdict != NOTHING_WRITTEN or self.clock.monotonic() + wait >= deadline:
                break
            self.clock.sleep(wait)
            result = self._send_once(signed, deadline)
        operation = ACTIONS.get(signed.action, UNLISTED)
        # Without a store nothing is counted, which whoever reads the log of a send should see.
        is_uncounted = operation.sends and not self.settings.state_url
        message_id = result.body.get(operation.message_id) if operation.sends else None
        self.log.event(
            "info" if result.verdict == ACCEPTED else "warning",
            signed.action,
            result.verdict,
            code=result.code,
            detail=result.detail,
            remedy=explain(result.code) if result.verdict == REJECTED else "",
            platform_request_id=result.request_id,
            duration_ms=round((self.clock.monotonic() - started) * 1000),
            limits="static-only" if is_uncounted else "",
            **{operation.name_of_id: logged_message_id(message_id, phone_numbers)},
            **self.log.numbers(phone_numbers),
        )
        return result

    def call(
        self,
        action: str,
        parameters: Mapping[str, str],
        *,
        deadline: float,
        phone_numbers: tuple[str, ...] = (),
    ) -> Result:
        """Sign a request, send it at most once, log how that ended, and return it.

        `parameters` are those of `action` in the platform's spelling. `deadline` is in monotonic
        seconds. `phone_numbers` are whom it is about, for the log. Raises ConfigurationError when
        there are no credentials.
        """
        signed = self.sign(action, parameters)
        return self.exchange(signed, deadline=deadline, phone_numbers=phone_numbers)

    def query(
        self,
        action: str,
        parameters: Mapping[str, str],
        *,
        deadline: float,
        phone_numbers: tuple[str, ...] = (),
    ) -> Mapping[str, Any]:
        """Make a call that only reads, as `call` does, and return the body of the answer.

        Raises PlatformRefused when the platform said no, ConnectionFailed when no byte was written,
        AnswerLost when there was no usable answer, and ConfigurationError without credentials.
        """
        result = self.call(action, parameters, deadline=deadline, phone_numbers=phone_numbers)
        if result.verdict == ACCEPTED:
            return result.body
        raise query_error(result)

    def _send_once(self, signed: Signed, deadline: float) -> Result:
        left = deadline - self.clock.monotonic()
        if left <= 0:
            return Result(NOTHING_WRITTEN, "out-of-time")
        timeout = Timeout(
            connect=self.settings.connect_timeout, exchange=self.settings.read_timeout, total=left
        )
        try:
            response = exchange(
                self.session,
                method="POST",
                url=signed.url,
                headers=signed.headers,
                body=signed.body,
                timeout=timeout,
            )
            content = response.content  # read in here, for to read may fail, too
        except ConnectionFailed as error:
            return Result(NOTHING_WRITTEN, error.code, detail=error.detail)
        except AnswerLost as error:
            return Result(IN_DOUBT, error.code, detail=error.detail)
        except Exception as error:  # whatever it was, the request may be out
            return Result(IN_DOUBT, safe_code(type(error).__name__))
        return classify(response.status_code, content, self.clock.now())


def classify(status: int, content: bytes, now: float) -> Result:
    """Return what an answer to a call means; `now`, in epoch seconds, is when it came.

    `content` is a JSON object, or the answer is in doubt. Its code is ``ResponseCode`` in version
    2018-05-01, else ``Code`` or ``code``. Business errors come with status 200, as OK does, those
    of the gateway with 4xx. In doubt are every 5xx, OK with another status than 200, and every code
    that is not known to be a refusal.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return Result(IN_DOUBT, f"http-{status}")
    code = body.get("ResponseCode", body.get("Code", body.get("code")))
    request_id = safe_request_id(body.get("RequestId", body.get("requestId")))
    if code == "OK" and status == 200:
        return Result(ACCEPTED, "OK", request_id=request_id, body=body)
    if code in (None, "OK"):
        return Result(IN_DOUBT, f"http-{status}", request_id=request_id)
    code = safe_code(code)
    if status >= 500:
        return Result(IN_DOUBT, code, request_id=request_id)
    from shared.platform import refusals  # with the table of codes, which a normal send never needs

    if not refusals.is_refusal(code):
        return Result(IN_DOUBT, code, request_id=request_id)
    message = body.get("Message", body.get("message", body.get("ResponseDescription")))
    retry_after = refusals.retry_after(code, str(message), now)
    return Result(REJECTED, code, request_id=request_id, retry_after=retry_after)


def query_error(result: Result) -> SmsError:
    """Return the error that a call which only reads raises, when `result` is not accepted.

    It is PlatformRefused when that was rejected, ConnectionFailed when no byte was written, else
    AnswerLost.
    """
    if result.verdict == NOTHING_WRITTEN:
        return ConnectionFailed("the platform cannot be reached; try again", code=result.code)
    if result.verdict == REJECTED:
        from shared.platform.refusals import explain

        meaning, status = explain(result.code)
        return PlatformRefused(
            meaning,
            code=result.code,
            request_id=result.request_id,
            status=status,
            retry_after=result.retry_after,
        )
    return AnswerLost("the platform gave no usable answer; try again", code=result.code)


def _acs3(call: _Call) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a call that is signed with ACS3.

    Action, version, time, nonce and signature go in headers, the parameters in the body.
    """
    key_id, secret, security_token = call.credentials
    body = canonical_query(call.parameters).encode("ascii")
    headers = {
        "host": call.host,
        "content-type": _CONTENT_TYPE,
        "x-acs-action": call.action,
        "x-acs-version": call.version,
        "x-acs-date": call.timestamp,
        "x-acs-signature-nonce": call.nonce,
        "x-acs-content-sha256": sha256(body).hexdigest(),
    }
    if security_token:
        headers["x-acs-security-token"] = security_token
    headers["authorization"] = acs3_authorization(
        "POST",
        "/",
        query={},
        headers=headers,
        body=body,
        access_key_id=key_id,
        access_key_secret=secret,
    )
    return headers, body


def _rpc(call: _Call) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a call that is signed with V1: all goes in the body."""
    key_id, secret, security_token = call.credentials
    signed = {
        **call.parameters,
        "AccessKeyId": key_id,
        "Action": call.action,
        "Format": "JSON",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": call.nonce,
        "SignatureVersion": "1.0",
        "Timestamp": call.timestamp,
        "Version": call.version,
    }
    if security_token:
        signed["SecurityToken"] = security_token
    signed["Signature"] = rpc_signature("POST", signed, secret)
    body = canonical_query(signed).encode("ascii")
    return {"host": call.host, "content-type": _CONTENT_TYPE}, body
