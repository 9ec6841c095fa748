"""One signed call to the platform, and what its answer means.

A call ends in one of four verdicts; no request is sent again once a byte of it was written:

- accepted: the platform said OK;
- rejected: it said no, with a code that is known to mean so;
- nothing-written: no byte left this machine;
- in-doubt: anything else, a lost or unreadable answer above all.
"""

import json
import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import requests

from shared.clock import PLATFORM_OFFSET, Clock, utc_timestamp
from shared.errors import AnswerLost, ConnectionFailed, PlatformRefused, SmsError
from shared.logs import Log, safe_code, safe_request_id
from shared.settings import Credentials, Settings
from shared.signing import acs3_authorization, canonical_query, rpc_signature
from shared.transport import Timeout, exchange

_SMS = ("2017-05-25", "endpoint")
_INTERNATIONAL = ("2018-05-01", "international_endpoint")
_PNVS = ("2017-05-25", "pnvs_endpoint")
_BASE = ("2017-05-25", "base_endpoint")
# action -> version and the setting that holds its endpoint; all others are of _SMS
_APIS = {
    "SendMessageToGlobe": _INTERNATIONAL,
    "QueryMessage": _INTERNATIONAL,
    "SendSmsVerifyCode": _PNVS,
    "CheckSmsVerifyCode": _PNVS,
    "QueryTokenForMnsQueue": _BASE,
}
ACCEPTED, REJECTED = "accepted", "rejected"
NOTHING_WRITTEN, IN_DOUBT = "nothing-written", "in-doubt"
_CONTENT_TYPE = "application/x-www-form-urlencoded"
_RECONNECT_WAITS = (0.1, 0.4)
_DAY = 86400
_WINDOWS = (("分钟", "_MINUTE", 60), ("小时", "_HOUR", 3600), ("天", "_DAY", _DAY))


class Result(NamedTuple):
    """How a call ended: the verdict, the platform's code or ours, and the body if accepted.

    After `retry_after` seconds a limit lets calls through again; `detail` is for the log.
    """

    verdict: str
    code: str
    request_id: str = ""
    retry_after: int = 0
    body: Mapping[str, Any] = {}
    detail: str = ""


class Signed(NamedTuple):
    """A signed request to be sent as it is."""

    action: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class _Call(NamedTuple):
    action: str
    version: str
    host: str
    timestamp: str
    nonce: str
    parameters: Mapping[str, str]
    credentials: Credentials


class SmsApi(NamedTuple):
    """The platform as one invocation sees it.

    `credentials` is asked at every call, for tokens rotate; `token` makes a random nonce.
    """

    settings: Settings
    credentials: Callable[[], Credentials]
    session: requests.Session
    clock: Clock
    log: Log
    token: Callable[[], str] = lambda: os.urandom(16).hex()

    def sign(self, action: str, parameters: Mapping[str, str], nonce: str = "") -> Signed:
        """Sign a request; raises ConfigurationError without credentials."""
        version, endpoint_setting = _APIS.get(action, _SMS)
        endpoint = getattr(self.settings, endpoint_setting)
        call = _Call(
            action,
            version,
            endpoint.partition("://")[2],
            utc_timestamp(self.clock.now()),
            nonce or self.token(),
            parameters,
            self.credentials(),
        )
        sign = _acs3 if self.settings.signature_method == "ACS3-HMAC-SHA256" else _rpc
        headers, body = sign(call)
        headers["accept"] = "application/json"
        headers["user-agent"] = "fc-sms"
        headers["content-length"] = str(len(body))
        return Signed(action, f"{endpoint}/", headers, body)

    def exchange(
        self, signed: Signed, deadline: float, phone_numbers: tuple[str, ...] = ()
    ) -> Result:
        """Send a signed request, again while no byte was written, and log how it ended.

        `deadline` is in monotonic seconds, `phone_numbers` is for the log.
        """
        started = self.clock.monotonic()
        result = self._try(signed, deadline)
        for wait in _RECONNECT_WAITS:
            if result.verdict != NOTHING_WRITTEN or self.clock.monotonic() + wait >= deadline:
                break
            self.clock.sleep(wait)
            result = self._try(signed, deadline)
        uncounted = signed.action.startswith("Send") and not self.settings.state_url
        self.log.event(
            "info" if result.verdict == ACCEPTED else "warning",
            signed.action,
            result.verdict,
            code=result.code,
            detail=result.detail,
            platform_request_id=result.request_id,
            duration_ms=round((self.clock.monotonic() - started) * 1000),
            limits="static-only" if uncounted else "",
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
        """Sign a request and exchange it; see `sign` and `exchange`."""
        return self.exchange(self.sign(action, parameters), deadline, phone_numbers)

    def query(
        self,
        action: str,
        parameters: Mapping[str, str],
        *,
        deadline: float,
        phone_numbers: tuple[str, ...] = (),
    ) -> Mapping[str, Any]:
        """Return the body of a call that only reads; raises what `query_error` makes of others."""
        result = self.call(action, parameters, deadline=deadline, phone_numbers=phone_numbers)
        if result.verdict == ACCEPTED:
            return result.body
        raise query_error(result)

    def _try(self, signed: Signed, deadline: float) -> Result:
        left = deadline - self.clock.monotonic()
        if left <= 0:
            return Result(NOTHING_WRITTEN, "out-of-time")
        timeout = Timeout(self.settings.connect_timeout, self.settings.read_timeout, left)
        try:
            response = exchange(self.session, "POST", *signed[1:], timeout)
            content = response.content
        except ConnectionFailed as error:
            return Result(NOTHING_WRITTEN, error.code, detail=error.detail)
        except AnswerLost as error:
            return Result(IN_DOUBT, error.code, detail=error.detail)
        except Exception as error:  # whatever it was, the request may be out
            return Result(IN_DOUBT, safe_code(type(error).__name__))
        return classify(response.status_code, content, self.clock.now())


def classify(status: int, content: bytes, now: float) -> Result:
    """Say what an answer means at `now` (epoch seconds).

    Business errors come with status 200, gateway errors with 4xx; the code is ``ResponseCode`` in
    version 2018-05-01, else ``Code`` or ``code``. In doubt is what cannot be understood, every 5xx
    and every code that is not known to be a refusal.
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
        return Result(ACCEPTED, "OK", request_id, body=body)
    if code in (None, "OK"):
        return Result(IN_DOUBT, f"http-{status}", request_id)
    code = safe_code(code)
    if status >= 500:
        return Result(IN_DOUBT, code, request_id)
    message = body.get("Message", body.get("message", body.get("ResponseDescription")))
    return _refusal(code, request_id, str(message), now)


def query_error(result: Result) -> SmsError:
    """Return ConnectionFailed, PlatformRefused or AnswerLost, as `result` says."""
    if result.verdict == NOTHING_WRITTEN:
        return ConnectionFailed("the platform cannot be reached; try again", code=result.code)
    if result.verdict == REJECTED:
        meaning, status = explain(result.code)
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
    from shared.platform.error_codes import find

    known = find(code)
    if known is None:
        return "the platform refused with a code that is not documented; see its console.", 502
    meaning = known.meaning[:1].upper() + known.meaning[1:]
    return f"{meaning}. {known.advice}", known.http_status(code)


def _refusal(code: str, request_id: str, message: str, now: float) -> Result:
    from shared.platform.error_codes import find  # data that a normal send never needs

    known = find(code)
    is_refusal = known.outcome != "unknown" if known else code.startswith("isv.")
    if not is_refusal:
        return Result(IN_DOUBT, code, request_id)
    is_limit = known and known.retryable == "after-wait"
    return Result(REJECTED, code, request_id, _retry_after(code, message, now) if is_limit else 0)


def _retry_after(code: str, message: str, now: float) -> int:
    for word, suffix, seconds in _WINDOWS:
        if f"{word}级流控" in message or code.endswith(suffix):
            return seconds if seconds == _DAY else seconds - int(now) % seconds
    if code.endswith(("DAY_LIMIT_CONTROL", "MONTH_LIMIT_CONTROL")):
        return _DAY - int(now + PLATFORM_OFFSET) % _DAY
    return 1 if code.startswith(("Throttling", "QPS_")) else 60


def _acs3(call: _Call) -> tuple[dict[str, str], bytes]:
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
    headers["authorization"] = acs3_authorization("POST", "/", {}, headers, body, key_id, secret)
    return headers, body


def _rpc(call: _Call) -> tuple[dict[str, str], bytes]:
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
