"""The platform's error and receipt codes as data: meaning, class, what to do, HTTP status.

Nothing imports it on the way of a normal send. Sources: documents 101346 (the domestic API), 101347
(receipts) and 116206 (the international API), and the gateway's common error codes.
"""

import re
from typing import NamedTuple

_MISSING = re.compile(r"Missing[A-Z][A-Za-z]*")
_API_LAYERS = ("business", "gateway", "intl", "pnvs")
_STATUS = {
    "ok": 200,
    "caller": 422,
    "risk": 422,
    "config": 502,
    "account": 502,
    "rate": 429,
    "transient": 503,
}
_CLASS_ADVICE = {
    "ok": "Nothing to do.",
    "caller": "Correct the request.",
    "config": "Correct the signature, template, key or permission at Alibaba Cloud.",
    "account": "Look at the account's products and balance in the console.",
    "rate": "Wait until the limit's window is over.",
    "risk": "Do not send this text to this number again.",
    "transient": "Try again later.",
    "unknown": "Wait for the receipt or query the delivery status.",
}


class ErrorCode(NamedTuple):
    """What is known about one code: `layer`, `kind` and `retryable` as in the table's headings.

    `retryable` is ``no``; ``after-wait`` (nothing was processed, or a new attempt is a new
    decision); or ``reconcile`` (the outcome is unknown: query before sending again).
    """

    layer: str
    kind: str
    retryable: str
    meaning: str
    own_advice: str = ""

    @property
    def answers_calls(self) -> bool:
        """Whether an answer may carry this code; the others occur in receipts only."""
        return self.layer in _API_LAYERS

    @property
    def outcome(self) -> str:
        """What the code in the answer to a send says: accepted, rejected or unknown."""
        if not self.answers_calls or self.retryable == "reconcile":
            return "unknown"
        return "accepted" if self.kind == "ok" else "rejected"

    @property
    def delivery_status(self) -> str:
        """What the code in a receipt says: delivered, failed or waiting (no final word)."""
        if self.kind == "ok":
            return "delivered"
        return "waiting" if self.kind == "unknown" and self.retryable == "no" else "failed"

    def http_status(self, code: str) -> int:
        """Return the HTTP status for our caller."""
        if self.outcome == "unknown":
            return 504
        if self.layer == "gateway" and self.kind == "caller":
            return 502  # we built that request, not the caller
        return 503 if code == "Throttling.Api" else _STATUS[self.kind]

    @property
    def advice(self) -> str:
        """A sentence on what to do."""
        if self.retryable == "reconcile":
            return "Query the delivery status before you send again."
        return self.own_advice or _CLASS_ADVICE[self.kind]


def find(code: str) -> ErrorCode | None:
    """Return what is known about `code`; None when the tables do not list it.

    Abroad the same codes come without ``isv.`` or ``isp.``. The gateway makes a code for every
    parameter that may be missing: ``Missing`` and its name.
    """
    for name in (code, f"isv.{code}", f"isp.{code}"):
        if name in ERROR_CODES:
            return ERROR_CODES[name]
    return ERROR_CODES["MissingParameter"] if _MISSING.fullmatch(code) else None


# [layer kind retryable], and below it: codes | meaning | advice, where that of the kind will not do
_TABLE = """
[business ok no]
OK | accepted for sending; says nothing about delivery
[business config no]
isp.RAM_PERMISSION_DENY | the RAM policy forbids it | Grant it to the function's role, as docs/ram-policy.json does.
isv.ACCOUNT_NOT_EXISTS | no such account, or a wrong AccessKey
isv.CODE_EXCEED_LIMIT | no extension codes left
isv.DENY_IP_RANGE | called from outside the mainland | Deploy the function in a region there.
isv.EXTEND_CODE_ERROR | extension code shared by several signatures
isv.ONE_CODE_MULTIPLE_SIGN | extension code of another signature
isv.SIGN_NAME_ILLEGAL | signature text breaks the naming rules
isv.SIGN_STATE_ILLEGAL | signature unavailable
isv.SMS_SIGNATURE_ILLEGAL | signature unknown, unapproved, not yours or misspelt | Check it in the console; write it without brackets.
isv.SMS_SIGNATURE_SCENE_ILLEGAL | signature does not fit the template
isv.SMS_SIGN_ILLEGAL | signature banned
isv.SMS_TEMPLATE_ILLEGAL | template unknown, unapproved, not yours, or its variables do not fit | Check it in the console, and template_param.
isv.SMS_TEST_SIGN_TEMPLATE_LIMIT | test signature and template only go together
[business account no]
isv.ACCOUNT_ABNORMAL | account or its billing in a bad state
isv.AMOUNT_NOT_ENOUGH | not enough money or package quota left | Top up the account or buy a package.
isv.OUT_OF_SERVICE | service suspended for unpaid bills | Pay them; sending resumes by itself.
isv.PRODUCT_UNSUBSCRIBE | product of this API not switched on
isv.PRODUCT_UN_SUBSCRIPT | SMS service not switched on
isv.SECURITY_FROZEN_ACCOUNT | sending frozen, as the account lay idle too long | Ask support to unfreeze it.
[business caller no]
isv.CODE_ERROR | extension code not usable, e.g. too long
isv.DOMESTIC_NUMBER_NOT_SUPPORTED | international template, but a mainland number | Use a domestic template for it.
isv.INVALID_JSON_PARAM | TemplateParam is no JSON object of strings
isv.INVALID_PARAMETERS | a parameter is malformed; a verification template takes letters and digits only
isv.MOBILE_COUNT_OVER_LIMIT | too many numbers in one call
isv.MOBILE_NUMBER_ILLEGAL | phone number malformed | Correct the phone number.
isv.PARAM_LENGTH_LIMIT | variable too long: notification 1-35, verification 4-6, abroad up to 200
isv.PARAM_NOT_SUPPORT_URL | variable contains a link, IP or domain | Put the link into the template text, not into a variable.
isv.SMS_TEST_NUMBER_LIMIT | test mode sends only to numbers bound before | Bind the number in the console.
isv.SMS_TEST_TEMPLATE_PARAMS_ILLEGAL | test template takes only 4-6 digits
isv.TEMPLATE_MISSING_PARAMETERS | a template variable has no value
isv.TEMPLATE_PARAMS_ILLEGAL | value does not fit the variable's type
isv.UNSUPPORTED_CONTENT | unsupported characters such as emoji, 【】, traditional Chinese
[business rate after-wait]
isv.BUSINESS_LIMIT_CONTROL | the frequency limit of this number is hit | Wait until its window is over; it counts all senders.
isv.DAY_LIMIT_CONTROL | account's own daily cap used up | Raise it in the console, or wait until tomorrow.
isv.MONTH_LIMIT_CONTROL | account's own monthly cap used up | Raise it in the console, or wait until next month.
[business risk no]
isv.BLACK_KEY_CONTROL_LIMIT | number blacklisted after a complaint or opt-out | Do not send to this number.
isv.CUSTOMER_REFUSED | recipient opted out of promotions
isv.SMS_CONTENT_ILLEGAL | text contains banned content
isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE | promotion in a notification template
[business transient reconcile]
isp.GATEWAY_ERROR | platform could not reach its sending module; outcome unknown
isp.SYSTEM_ERROR | platform fault; outcome unknown
[business unknown reconcile]
isp.UNKNOWN | unexplained platform fault
[gateway config no]
Forbidden, Forbidden.NoPermission, Forbidden.RAM, NoPermission | RAM user lacks permission | Grant it to the function's role, as docs/ram-policy.json does.
IncompleteSignature | signature parameters incomplete
InvalidAccessKeyId.Inactive | AccessKey switched off
InvalidAccessKeyId.NotFound | AccessKey id unknown or deleted
InvalidAction, InvalidAction.NotFound, InvalidApi.NotFound, InvalidVersion, NoSuchVersion | operation or version unknown
InvalidParameter.Format, InvalidSignatureMethod, UnsupportedHTTPMethod | format or method refused
InvalidSecurityToken.Expired | temporary token too old | Get a fresh one; on Function Compute attach a role.
InvalidSecurityToken.Malformed | temporary token unreadable
InvalidSecurityToken.MismatchWithAccessKey | temporary token belongs to another key
InvalidTimeStamp.Expired | clock off by more than 15 minutes | Set the machine's clock.
MissingAccessKeyId | no AccessKeyId given
InvalidAccessKeySecret, SignatureDoesNotMatch | signature does not match | Check the AccessKey secret.
[gateway caller no]
IllegalTimestamp, InvalidTimeStamp.Format | timestamp absent or malformed
InvalidParameter | parameter value refused
MissingParameter | required parameter absent
UnsupportedParameter | parameter unknown to the API
[gateway unknown reconcile]
SignatureNonceUsed | an earlier try reached the gateway
[gateway risk no]
Forbidden.RiskControl | risk control refused it
[gateway account no]
Forbidden.UserVerification | account not real-name verified
InvalidDayuStatus.Malformed | account state wrong in the old product
[gateway rate after-wait]
Throttling, Throttling.User | call rate too high, nothing processed | Send more slowly.
Throttling.Api | API's call rate too high, nothing processed | Send again a little later.
[gateway transient reconcile]
InternalError, ServiceUnavailable, UnknownError | server fault or down; outcome unknown
[intl config no]
INVALID_SENDERID | sender id refused
isv.RAM_CHECK_FAILED | RAM policy forbids it | Grant it to the function's role, as docs/ram-policy.json does.
isv.SMS_CONTENT_CODE_ILLEGAL | ContentCode not valid
isv.SMS_SIGN_NAME_ILLEGAL | SignName not valid
[intl account no]
ACCOUNT_ILLEGAL | account blacklisted for its content
PRODUCT_NOT_SUBSCRIBED | SMS service not switched on
isv.FORBIDDEN_ACTION | operation not allowed for the account
[intl caller no]
isv.CONTENT_MISSING_PARAMETERS | ContentParam lacks a value
isv.COUNTRY_RESTRICTED | this API takes no mainland numbers
isv.NOT_SUPPORTED_COUNTRY | country not served | Do not send there.
isv.QUERY_DATE_ILLEGAL | query date not allowed
isv.SENDERID_ERROR | From malformed
[intl transient reconcile]
ONLINE_BILLING_FAILED, isv.BILLING_DEDUCTION_ERROR | charging failed; outcome unknown
[intl transient after-wait]
isv.DATA_NOT_EXIST | not visible yet, or absent
[intl rate after-wait]
BUSINESS_LIMIT_CONTROL_MINUTE | per-minute limit hit
BUSINESS_LIMIT_CONTROL_PHONE | limit for this number hit
QPS_LIMIT_CONTROL | calls per second too high
isv.BUSINESS_LIMIT_DAY | per-day limit hit
isv.BUSINESS_LIMIT_HOUR | per-hour limit hit
[intl risk no]
BLACK_KEY_CONTROL_LIMIT | banned word in a template variable
SMS_SECURITY_INTERCEPTED | risk control stopped it
[pnvs rate after-wait]
biz.FREQUENCY | SendSmsVerifyCode: same number again within Interval
[pnvs caller no]
UNKNOWN (VerifyResult) | CheckSmsVerifyCode: code wrong, expired or never sent
[receipt ok no]
DELIVERED | reached the handset
success | delivered abroad
[receipt transient after-wait]
IS_CLOSE | channel went down while sending
MOBILE_TERMINAL_ERROR, MOBLLE_TERMINAL_ERROR | handset trouble, e.g. memory or SIM full
[receipt caller no]
CONTENT_ERROR | promotion lacks the opt-out hint
INVALID_NUMBER | number malformed or in an odd state
MOBILE_ACCOUNT_ABNORMAL | subscriber in arrears, ported or irregular
MOBILE_NOT_ON_SERVICE | number stopped, unassigned, off or out of reach | Check the number, or try again later.
PARAMS_ILLEGAL | signature, text or number was wrong
SP_NOT_BY_INTER_SMS | recipient cannot get international SMS
[receipt rate after-wait]
MOBILE_SEND_LIMIT | platform's or carrier's limit for this number hit
[receipt risk no]
CONTENT_KEYWORD | carrier stopped a keyword
MOBILE_IN_BLACK | number on the carrier's blacklist
USER_REJECT | recipient opted out, or service not open
[receipt unknown no]
REQUEST_SUCCESS | accepted, carrier has not reported back
[receipt unknown after-wait]
SP_UNKNOWN_ERROR | carrier gave no clear reason
[receipt config no]
NO_ROUTE | no channel carries this text
PORT_NOT_REGISTERED | real-name registration at the carrier unfinished | Finish it; it takes 5-10 working days.
[carrier ok no]
DELIVRD | carrier reports delivery
[carrier transient after-wait]
DB:0108 | service on hold
EXPIRED | handset stayed out of reach
IB:0011 | data of another province out of step
ID:0011 | bad parameter or data out of step
MK:0002 | gateway fault
MK:0010, MK:0023 | handset off or out of reach
TIMEOUT | carrier timed out
[carrier risk no]
DB:0144, DBBLACK | on the gateway's blacklist
MBBLACK | on a local blacklist
MK:0014 | content check refused it
MK:0115 | filtered as spam
MB:1041, MK:0012, MK:0015, MK:0036, MN:0001 | blocked by a province
REJECTD | carrier refused it
[carrier caller no]
DB:0101 | number is wrong
MK:0000 | blocked by a province, or unassigned
MK:0001, MK:0075 | subscriber unknown
DB:0102, MK:0005, MK:0013 | number suspended
NP:1243 | number moved to China Unicom
UNDELIV | number stopped or suspended
[carrier unknown after-wait]
UNKNOWN | carrier knows no state
[carrier unknown no]
ACCEPTD | carrier took it over
DELETED | carrier removed it
ENROUTE | still on its way
[carrier config no]
NOROUTER | carrier has no channel for it
[carrier rate after-wait]
DB:0142, IB:0008, MK:1041 | a limit of the gateway for its sender is hit
"""
ERROR_CODES: dict[str, ErrorCode] = {}


def _read_table() -> None:
    for group in _TABLE.strip().split("\n["):
        heading, *rows = group.strip("[").split("\n")
        layer, kind, retryable = heading.rstrip("]").split()
        for row in rows:
            codes, meaning, *advice = row.split(" | ")
            for code in codes.split(", "):
                ERROR_CODES[code] = ErrorCode(layer, kind, retryable, meaning, *advice)


_read_table()
