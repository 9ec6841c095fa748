"""Every error of fc-sms.

    SmsError
    ├── InvalidRequest, NotAuthenticated, OutIdConflict, InProgress, LimitReached    at the caller
    ├── SendingStopped                                                               by the owner
    ├── PlatformRefused, ConnectionFailed, AnswerLost                                at the platform
    ├── StoreUnavailable, UnreadFull, BucketUnavailable, NotSettled                  in state, files
    └── ConfigurationError, InternalError                                            here

The caller sees an error's text, and the log keeps it: it holds no key, code or phone number.
"""

from collections.abc import Mapping


class SmsError(Exception):
    """The root of all errors here; never raised itself.

    `detail` says what is wrong and the remedy; `code` is the platform's, or one of ours in lower
    case with hyphens. `retryable`: repeating the same request is safe and may help, after
    `retry_after` seconds (0: not said). The caller gets the HTTP `status` and `headers`.
    """

    status = 500
    code = "internal-error"
    retryable = False
    retry_after = 0
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.request_id = request_id
        if code:
            self.code = code


class InvalidRequest(SmsError):
    """The request breaks a rule.

    `field` names the place, such as ``messages[3]``, and `problem` says what is wrong there. The
    text has both: ``messages[3]: must be a JSON object``.
    """

    code = "invalid-request"

    def __init__(
        self,
        problem: str,
        *,
        field: str = "",
        status: int = 422,
        code: str = "",
        headers: Mapping[str, str] = {},
    ) -> None:
        super().__init__(f"{field}: {problem}" if field else problem, code=code)
        self.field = field
        self.problem = problem
        self.status = status
        self.headers = headers


class NotAuthenticated(SmsError):
    """The caller showed no API key, or one that is not in SMS_API_KEYS."""

    status = 401
    code = "not-authenticated"
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}


class ConfigurationError(SmsError):
    """A setting is missing or malformed; the text names its variable."""

    code = "configuration"


class PlatformRefused(SmsError):
    """The platform answered a query with an error code."""

    def __init__(
        self, detail: str, *, code: str, request_id: str, status: int, retry_after: int
    ) -> None:
        super().__init__(detail, code=code, request_id=request_id)
        self.status = status
        self.retry_after = retry_after
        self.retryable = retry_after > 0


class ConnectionFailed(SmsError):
    """No byte was written: name resolution, connection or TLS failed."""

    status = 503
    code = "connection-failed"
    retryable = True
    retry_after = 1


class AnswerLost(SmsError):
    """At least one byte was written, but no complete answer read."""

    status = 504
    code = "answer-lost"
    retryable = True


class OutIdConflict(SmsError):
    """The out_id was used before, for other content."""

    status = 409
    code = "out-id-conflict"
    text = "This out_id was used for other content; take a new one."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.text)


class InProgress(SmsError):
    """Another invocation is at work on this out_id, for `retry_after` seconds at most."""

    status = 409
    code = "in-progress"
    retryable = True
    retry_after = 1
    text = "Another call is at work on this out_id. Repeat it to learn how that ended."

    def __init__(self, retry_after: int) -> None:
        super().__init__(self.text)
        self.retry_after = retry_after


class LimitReached(SmsError):
    """A limit of ours refused, its rule is the `code`; nothing was sent."""

    status = 429
    retryable = True

    def __init__(self, detail: str, *, code: str, retry_after: int) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class SendingStopped(SmsError):
    """The owner stopped sending; nothing was sent."""

    status = 503
    code = "sending-stopped"
    retryable = True
    retry_after = 60

    def __init__(self) -> None:
        super().__init__("the owner has stopped sending; nothing was sent; repeat it later")


class StoreUnavailable(SmsError):
    """The shared state cannot be reached or written; nothing was sent."""

    status = 503
    code = "store-unavailable"
    retryable = True
    retry_after = 1


class UnreadFull(StoreUnavailable):
    """Something that cannot be read finds no room where such things are kept."""

    code = "unread-full"


class BucketUnavailable(SmsError):
    """A file of recipients, or its results, cannot be read or written now."""

    status = 503
    code = "bucket-unavailable"
    retryable = True
    retry_after = 1


class NotSettled(SmsError):
    """Entries of an event are not settled: Function Compute shall deliver it again."""

    code = "not-settled"
    retryable = True


class InternalError(SmsError):
    """The function itself failed: a mistake of ours."""

    def __init__(self) -> None:
        super().__init__("the function failed; its log says where")
