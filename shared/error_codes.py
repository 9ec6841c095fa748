"""The platform's error and receipt codes as data: meaning, class, what to do, HTTP status.

Only needed once something went wrong, so nothing imports it on the way of a normal send.
Sources: "Error codes of the domestic message API" (help.aliyun.com document 101346), "Receipt
error codes" (101347), the international table (116206) and the gateway's common error codes.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_MISSING: Final = re.compile(r"Missing[A-Z][A-Za-z]*")
_API_LAYERS: Final = ("business", "manage", "gateway", "intl", "pnvs")
_OVERLOADED: Final = ("Throttling.Api",)

_STATUS: Final = {
    "ok": 200,
    "caller": 422,
    "risk": 422,
    "config": 502,
    "account": 502,
    "rate": 429,
    "transient": 503,
    "unknown": 503,
}

_CLASS_ADVICE: Final = {
    "ok": "Nothing to do.",
    "caller": "Correct the request; repeating it as it is will be refused again.",
    "config": "Correct the signature, template, key or permission on the Alibaba Cloud side.",
    "account": "Look at the account's state and balance in the Alibaba Cloud console.",
    "rate": "Wait until the limit's window is over.",
    "risk": "Do not send this text to this number again; look at the content and the recipient.",
    "transient": "Try again later.",
    "unknown": "Wait for the receipt or query the delivery status.",
}

_RECONCILE_ADVICE: Final = "Query the delivery status before you send again."


class ErrorCode(NamedTuple):
    """What is known about one code.

    `kind` is one of ok, caller, config, account, rate, risk, transient, unknown. `retryable` is
    ``no``; ``after-wait`` (nothing was processed, or a new attempt is a new decision); or
    ``reconcile`` (the outcome is unknown: query before sending again).
    """

    layer: str
    kind: str
    retryable: str
    meaning: str

    @property
    def answers_calls(self) -> bool:
        """Whether an API answer may carry this code; the others occur in receipts only."""
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
        """Return the HTTP status that tells a caller of ours about `code`."""
        if self.outcome == "unknown":
            return 504
        if self.layer == "gateway" and self.kind == "caller":
            return 502  # the gateway found fault with a request that we built, not the caller
        return 503 if code in _OVERLOADED else _STATUS[self.kind]

    def advice(self, code: str) -> str:
        """Return one sentence on what to do about `code`."""
        if self.retryable == "reconcile":
            return _ADVICE.get(code, _RECONCILE_ADVICE)
        return _ADVICE.get(code, _CLASS_ADVICE[self.kind])


def find(code: str) -> ErrorCode | None:
    """Return what is known about `code`, or None for one the tables do not list.

    The gateway makes a code for every parameter that may be missing: ``Missing`` and its name.
    """
    if code not in ERROR_CODES and _MISSING.fullmatch(code):
        return ERROR_CODES["MissingParameter"]
    return ERROR_CODES.get(code)


_ADVICE: Final = {
    "isp.RAM_PERMISSION_DENY": (
        "Grant the function's role the operation, as docs/ram-policy.json does."
    ),
    "isv.OUT_OF_SERVICE": "Pay the open bill; sending resumes by itself.",
    "isv.PRODUCT_UN_SUBSCRIPT": "Open Short Message Service for this account in the console.",
    "isv.PRODUCT_UNSUBSCRIBE": "Open the product behind this API for this account in the console.",
    "isv.AMOUNT_NOT_ENOUGH": "Top up the account or buy a package.",
    "isv.SECURITY_FROZEN_ACCOUNT": "Ask Alibaba Cloud support to unfreeze sending.",
    "isv.SMS_TEMPLATE_ILLEGAL": (
        "Check that the template exists in this account, is approved, and that "
        "template_param names its variables."
    ),
    "isv.SMS_SIGNATURE_ILLEGAL": (
        "Check that the signature exists in this account, is approved and is written without "
        "brackets."
    ),
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL": "Use a signature whose kind fits the template's.",
    "isv.INVALID_JSON_PARAM": "Send template_param as an object of strings.",
    "isv.INVALID_PARAMETERS": (
        "Check the parameters; a verification template takes letters and digits only."
    ),
    "isv.TEMPLATE_MISSING_PARAMETERS": (
        "Give every variable of the template a value in template_param."
    ),
    "isv.PARAM_LENGTH_LIMIT": "Shorten the value: 1-35 characters, 4-6 in a verification template.",
    "isv.PARAM_NOT_SUPPORT_URL": "Put the link into the template text, not into a variable.",
    "isv.MOBILE_NUMBER_ILLEGAL": "Correct the phone number.",
    "isv.DENY_IP_RANGE": "Deploy the function in a region of the Chinese mainland.",
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED": (
        "Use a domestic template for numbers of the Chinese mainland."
    ),
    "isv.BUSINESS_LIMIT_CONTROL": (
        "Wait until the window is over; the limit counts all senders to this number."
    ),
    "isv.DAY_LIMIT_CONTROL": "Raise the daily cap in the console, or wait until tomorrow.",
    "isv.MONTH_LIMIT_CONTROL": "Raise the monthly cap in the console, or wait until next month.",
    "isv.BLACK_KEY_CONTROL_LIMIT": "Do not send to this number: its owner complained or opted out.",
    "isv.CUSTOMER_REFUSED": "Do not send promotions to this number.",
    "isv.SMS_TEST_SIGN_TEMPLATE_LIMIT": "Use the test signature and the test template together.",
    "isv.SMS_TEST_NUMBER_LIMIT": (
        "Bind the number in the console first: test mode sends to bound numbers only."
    ),
    "isv.UNSUPPORTED_CONTENT": "Leave out emoji, brackets such as 【】 and special characters.",
    "SignatureDoesNotMatch": "Check the AccessKey secret for missing or extra characters.",
    "InvalidAccessKeyId.NotFound": "Check the AccessKey id: it does not exist or was deleted.",
    "InvalidAccessKeyId.Inactive": "Switch the AccessKey on in the console, or use another.",
    "InvalidSecurityToken.Expired": (
        "Get fresh temporary credentials; on Function Compute attach a role."
    ),
    "InvalidTimeStamp.Expired": "Set the machine's clock: it is off by more than 15 minutes.",
    "SignatureNonceUsed": (
        "An earlier try reached the platform: query the delivery status before you send again."
    ),
    "Forbidden.RAM": "Grant the function's role the operation, as docs/ram-policy.json does.",
    "NoPermission": "Grant the function's role the operation, as docs/ram-policy.json does.",
    "RAM_PERMISSION_DENY": "Grant the function's role the operation, as docs/ram-policy.json does.",
    "isv.RAM_CHECK_FAILED": (
        "Grant the function's role the operation, as docs/ram-policy.json does."
    ),
    "Throttling": "Send more slowly; nothing was processed.",
    "Throttling.User": "Send more slowly; nothing was processed.",
    "Throttling.Api": (
        "The platform is overloaded and processed nothing; send again a little later."
    ),
    "PORT_NOT_REGISTERED": (
        "Finish the signature's real-name registration; it takes 5-10 working days."
    ),
    "MOBILE_NOT_ON_SERVICE": "Check the number, or try again when the phone is switched on.",
    "NOT_SUPPORTED_COUNTRY": "This country is not served; do not send there.",
    "isv.NOT_SUPPORTED_COUNTRY": "This country is not served; do not send there.",
}

# code | kind | retryable | meaning, below the layer they belong to.
_TABLE: Final = """
[business]
OK | ok | no | accepted for sending; says nothing about delivery
isp.RAM_PERMISSION_DENY | config | no | the RAM policy forbids this operation
isv.OUT_OF_SERVICE | account | no | service suspended for unpaid bills, packages blocked too
isv.PRODUCT_UN_SUBSCRIPT | account | no | account never opened the SMS product
isv.PRODUCT_UNSUBSCRIBE | account | no | the product behind this API is not switched on
isv.ACCOUNT_NOT_EXISTS | config | no | no such account, or a wrong AccessKey
isv.ACCOUNT_ABNORMAL | account | no | account or its billing is in a bad state
isv.SECURITY_FROZEN_ACCOUNT | account | no | sending frozen because the account lay idle too long
isv.AMOUNT_NOT_ENOUGH | account | no | not enough money or package quota left
isv.SMS_TEMPLATE_ILLEGAL | config | no | template unknown, unapproved, someone else's, or its variables do not fit
isv.SMS_SIGNATURE_ILLEGAL | config | no | signature unknown, unapproved, someone else's or misspelt
isv.SMS_SIGNATURE_SCENE_ILLEGAL | config | no | signature kind does not fit the template kind
isv.SMS_SIGN_ILLEGAL | config | no | signature has been banned
isv.SIGN_STATE_ILLEGAL | config | no | signature is marked unavailable
isv.SIGN_NAME_ILLEGAL | config | no | signature text breaks the naming rules
isv.EXTEND_CODE_ERROR | config | no | one extension code shared by several signatures
isv.ONE_CODE_MULTIPLE_SIGN | config | no | extension code already tied to another signature
isv.CODE_EXCEED_LIMIT | config | no | no self-managed extension codes left
isv.CODE_ERROR | caller | no | extension code not usable, e.g. too long
isv.INVALID_PARAMETERS | caller | no | a parameter is malformed; also non-alphanumeric value in a verification template
isv.INVALID_JSON_PARAM | caller | no | TemplateParam is broken JSON or has a non-string value
isv.TEMPLATE_MISSING_PARAMETERS | caller | no | at least one template variable was left without a value
isv.TEMPLATE_PARAMS_ILLEGAL | caller | no | value does not fit the variable's declared type
isv.PARAM_LENGTH_LIMIT | caller | no | variable too long: notification 1-35, verification 4-6
isv.PARAM_NOT_SUPPORT_URL | caller | no | variable contains a link, IP or domain
isv.MOBILE_NUMBER_ILLEGAL | caller | no | phone number badly formed
isv.MOBILE_COUNT_OVER_LIMIT | caller | no | too many numbers in one call
isv.DOMESTIC_NUMBER_NOT_SUPPORTED | caller | no | international template used with a mainland number
isv.DENY_IP_RANGE | config | no | caller's IP is outside the mainland, so mainland SMS is refused
isv.BUSINESS_LIMIT_CONTROL | rate | after-wait | the frequency limit of this number is hit
isv.DAY_LIMIT_CONTROL | rate | after-wait | the account's own daily cap is used up
isv.MONTH_LIMIT_CONTROL | rate | after-wait | the account's own monthly cap is used up
isv.BLACK_KEY_CONTROL_LIMIT | risk | no | number blacklisted after complaint or opt-out
isv.CUSTOMER_REFUSED | risk | no | recipient opted out of promotions
isv.SMS_CONTENT_ILLEGAL | risk | no | text contains banned content
isv.UNSUPPORTED_CONTENT | caller | no | text has unsupported characters such as emoji or traditional Chinese
isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE | risk | no | marketing text sent through a notification template
isv.SMS_TEST_SIGN_TEMPLATE_LIMIT | config | no | test signature and test template only work as a pair
isv.SMS_TEST_TEMPLATE_PARAMS_ILLEGAL | caller | no | test template takes only a 4-6 digit value
isv.SMS_TEST_NUMBER_LIMIT | caller | no | test mode sends only to numbers bound beforehand
isp.SYSTEM_ERROR | transient | reconcile | platform fault, outcome unknown
isp.GATEWAY_ERROR | transient | reconcile | the platform could not reach its sending module, outcome unknown
isp.UNKNOWN | unknown | reconcile | unexplained platform fault
[manage]
isv.SMS_OVER_LIMIT | rate | after-wait | over 100 template or signature applications in a day
isv.SIGN_COUNT_OVER_LIMIT | rate | after-wait | daily number of signature applications used up
isv.TEMPLATE_COUNT_OVER_LIMIT | rate | after-wait | daily number of template applications used up
isv.SIGN_FILE_LIMIT | caller | no | signature proof file above 2 MB
isv.SIGN_OVER_LIMIT | caller | no | signature has too many characters
isv.TEMPLATE_OVER_LIMIT | caller | no | template has too many characters
SIGNATURE_BLACKLIST | risk | no | signature text breaks content rules
isv.SIGN_SOURCE_ILLEGAL | config | no | this kind of signature source is not accepted
isv.SMS_SIGN_EMOJI_ILLEGAL | caller | no | signature contains an emoji
isv.ERROR_EMPTY_FILE | caller | no | signature proof file has no content
isv.ERROR_SIGN_NOT_DELETE | caller | no | signature in review cannot be removed
isv.ERROR_SIGN_NOT_MODIFY | caller | no | approved signature cannot be edited
isv.ERROR_TEMPLATE_NOT_DELETE | caller | no | template in review cannot be removed
isv.ERROR_TEMPLATE_NOT_MODIFY | caller | no | approved template cannot be edited
template_parameter_count_illegal | caller | no | verification template has more than its one variable
isv.SHORTURL_OVER_LIMIT | rate | after-wait | daily number of short links used up
isv.NO_AVAILABLE_SHORT_URL | config | no | account has no usable short link
isv.SHORTURL_NAME_ILLEGAL | caller | no | short link name above 13 characters
isv.SOURCEURL_OVER_LIMIT | caller | no | original link has too many characters
isv.SHORTURL_TIME_ILLEGAL | caller | no | short link lifetime above 30 days
isv.PHONENUMBERS_OVER_LIMIT | caller | no | above 50000 numbers in one upload
isv.SHORTURL_STILL_AVAILABLE | caller | no | this link already has a live short link
isv.SHORTURL_DOMAIN_EMPTY | config | no | the link's domain has not been registered yet
[gateway]
SignatureDoesNotMatch | config | no | the signature does not match
IncompleteSignature | config | no | signature parameters incomplete or non-standard
InvalidAccessKeyId.NotFound | config | no | AccessKey id does not exist
InvalidAccessKeyId.Inactive | config | no | AccessKey is switched off
InvalidAccessKeySecret | config | no | the old SDK's name for SignatureDoesNotMatch
MissingAccessKeyId | config | no | no AccessKeyId given
InvalidSecurityToken.Expired | config | no | temporary token too old
InvalidSecurityToken.Malformed | config | no | temporary token unreadable
InvalidSecurityToken.MismatchWithAccessKey | config | no | temporary token belongs to another key
InvalidTimeStamp.Expired | config | no | clock off by more than 15 minutes
InvalidTimeStamp.Format | caller | no | timestamp in the wrong format
IllegalTimestamp | caller | no | timestamp absent or unusable
SignatureNonceUsed | unknown | reconcile | an earlier try reached the gateway
InvalidSignatureMethod | config | no | unknown signature method
InvalidVersion | config | no | wrong API version, 2017-05-25 expected
NoSuchVersion | config | no | API version unknown
InvalidAction | config | no | operation name refused
InvalidAction.NotFound | config | no | operation name unknown
InvalidApi.NotFound | config | no | API unknown
InvalidParameter | caller | no | a parameter value is refused
InvalidParameter.Format | config | no | Format must be JSON or XML
MissingParameter | caller | no | a required parameter is absent
MissingPhoneNumbers | caller | no | PhoneNumbers absent
MissingSignName | caller | no | SignName absent
MissingTemplateCode | caller | no | TemplateCode absent
UnsupportedHTTPMethod | config | no | this HTTP method is refused
UnsupportedParameter | caller | no | parameter unknown to the API
Forbidden | config | no | caller lacks permission
Forbidden.RAM | config | no | RAM user lacks permission
NoPermission | config | no | RAM refusal in the newer gateway
Forbidden.RiskControl | risk | no | risk control refused it
Forbidden.UserVerification | account | no | account owner not real-name verified
InvalidDayuStatus.Malformed | account | no | account state wrong in the old sms.aliyuncs.com product
Throttling | rate | after-wait | rate limited, nothing processed
Throttling.User | rate | after-wait | user's call rate too high, nothing processed
Throttling.Api | rate | after-wait | API's call rate too high, nothing processed
ServiceUnavailable | transient | reconcile | server temporarily down, outcome unknown
InternalError | transient | reconcile | server fault, outcome unknown
UnknownError | transient | reconcile | unexplained server fault, outcome unknown
[intl]
INVALID_SENDERID | config | no | sender id refused (SMPP 25)
FORBIDDEN_ACTION | account | no | interface restricted for this user (SMPP 26)
OUT_OF_SERVICE | account | no | international SMS suspended for the account (SMPP 27)
ACCOUNT_NOT_EXISTS | config | no | no such account (SMPP 29)
SMS_CONTENT_CODE_ILLEGAL | config | no | template not valid (SMPP 31)
SMS_SIGN_NAME_ILLEGAL | config | no | signature not valid (SMPP 32)
MOBILE_NUMBER_ILLEGAL | caller | no | phone number badly formed (SMPP 33)
MOBILE_COUNT_OVER_LIMIT | caller | no | above 1000 numbers (SMPP 34)
CONTENT_MISSING_PARAMETERS | caller | no | a template variable has no value (SMPP 35)
INVALID_PARAMETERS | caller | no | a parameter is malformed (SMPP 36)
INVALID_JSON_PARAM | caller | no | parameter JSON empty or broken (SMPP 42)
PARAM_LENGTH_LIMIT | caller | no | variable above 200 characters (SMPP 44)
AMOUNT_NOT_ENOUGH | account | no | not enough money or package quota left (SMPP 45)
SYSTEM_ERROR | transient | reconcile | platform fault, outcome unknown (SMPP 46)
DATA_NOT_EXIST | transient | after-wait | record not visible yet or absent; query again later
QPS_LIMIT_CONTROL | rate | after-wait | calls per second too high (SMPP 48)
ONLINE_BILLING_FAILED | transient | reconcile | charging failed, outcome unknown (SMPP 49)
QUERY_DATE_ILLEGAL | caller | no | query date not allowed (SMPP 52)
RAM_PERMISSION_DENY | config | no | RAM policy forbids it (SMPP 55)
PRODUCT_NOT_SUBSCRIBED | account | no | SMS service not switched on (SMPP 57)
SMS_SECURITY_INTERCEPTED | risk | no | risk control stopped it (SMPP 61)
SMS_CONTENT_ILLEGAL | risk | no | text contains banned content (SMPP 62)
ACCOUNT_ILLEGAL | account | no | account blacklisted for its content (SMPP 63)
BLACK_KEY_CONTROL_LIMIT | risk | no | banned word in a template variable (SMPP 64)
NOT_SUPPORTED_COUNTRY | caller | no | destination country not served (SMPP 65)
isv.NOT_SUPPORTED_COUNTRY | caller | no | destination country not served
isv.COUNTRY_RESTRICTED | caller | no | this API takes no mainland numbers
isv.SMS_CONTENT_CODE_ILLEGAL | config | no | ContentCode not valid
isv.SMS_SIGN_NAME_ILLEGAL | config | no | SignName not valid
isv.CONTENT_MISSING_PARAMETERS | caller | no | ContentParam lacks a value
isv.DATA_NOT_EXIST | transient | after-wait | record not visible yet or absent
isv.BILLING_DEDUCTION_ERROR | transient | reconcile | charging failed, outcome unknown
isv.FORBIDDEN_ACTION | account | no | operation not allowed for the account
isv.SENDERID_ERROR | caller | no | From has a wrong format
BUSINESS_LIMIT_CONTROL_MINUTE | rate | after-wait | per-minute limit hit
isv.BUSINESS_LIMIT_HOUR | rate | after-wait | per-hour limit hit
isv.BUSINESS_LIMIT_DAY | rate | after-wait | per-day limit hit
BUSINESS_LIMIT_CONTROL_PHONE | rate | after-wait | limit for this number hit
isv.QUERY_DATE_ILLEGAL | caller | no | query date not allowed
isv.RAM_CHECK_FAILED | config | no | RAM policy forbids it
[pnvs]
biz.FREQUENCY | rate | after-wait | SendSmsVerifyCode: same number again within Interval (default 60 s)
UNKNOWN (VerifyResult) | caller | no | CheckSmsVerifyCode: code wrong, expired or never sent, although Code is OK
[receipt]
DELIVERED | ok | no | reached the handset
IS_CLOSE | transient | after-wait | channel went down while sending
PARAMS_ILLEGAL | caller | no | signature, text or number was wrong
MOBILE_NOT_ON_SERVICE | caller | no | number stopped, unassigned, switched off or out of reach
MOBILE_SEND_LIMIT | rate | after-wait | platform or carrier limit for this number reached
MOBILE_ACCOUNT_ABNORMAL | caller | no | subscriber in arrears, ported or otherwise irregular
MOBILE_IN_BLACK | risk | no | number on the carrier's blacklist, mostly after opt-out
MOBLLE_TERMINAL_ERROR | transient | after-wait | handset trouble, e.g. memory or SIM full
MOBILE_TERMINAL_ERROR | transient | after-wait | handset trouble, e.g. memory or SIM full
CONTENT_KEYWORD | risk | no | carrier stopped a keyword
INVALID_NUMBER | caller | no | number malformed or in an odd state
CONTENT_ERROR | caller | no | promotion lacks the opt-out hint
REQUEST_SUCCESS | unknown | no | accepted, carrier has not reported back
SP_NOT_BY_INTER_SMS | caller | no | recipient cannot get international SMS
SP_UNKNOWN_ERROR | unknown | after-wait | carrier gave no clear reason
USER_REJECT | risk | no | recipient opted out, or the service is not open
NO_ROUTE | config | no | no channel carries this text
PORT_NOT_REGISTERED | config | no | real-name registration at the carrier unfinished (5-10 working days)
success | ok | no | international receipt: delivered (Status 1)
[carrier]
DELIVRD | ok | no | carrier reports delivery
EXPIRED | transient | after-wait | gave up, handset stayed unreachable
REJECTD | risk | no | carrier refused the message
UNDELIV | caller | no | cannot be delivered, number stopped or suspended
UNKNOWN | unknown | after-wait | carrier knows no state
ACCEPTD | unknown | no | carrier took it over (SMPP 3.4)
DELETED | unknown | no | message removed by the carrier (SMPP 3.4)
ENROUTE | unknown | no | still on its way (SMPP 3.4)
TIMEOUT | transient | after-wait | carrier timed out
NOROUTER | config | no | carrier has no channel for it
MBBLACK | risk | no | on a local blacklist
DBBLACK | risk | no | on the gateway's blacklist
MK:0000 | caller | no | China Mobile: provincial block (Guangxi) or unassigned number
MK:0001 | caller | no | China Mobile: subscriber unknown
MK:0002 | transient | after-wait | China Mobile: fault inside the gateway
MK:0005 | caller | no | China Mobile: number suspended
MK:0010 | transient | after-wait | China Mobile: handset off or unreachable until expiry
MK:0012 | risk | no | China Mobile: provincial block (Yunnan)
MK:0013 | caller | no | China Mobile: number suspended
MK:0014 | risk | no | China Mobile: content check refused it
MK:0015 | risk | no | China Mobile: provincial block (Henan)
MK:0023 | transient | after-wait | China Mobile: handset off
MK:0036 | risk | no | China Mobile: provincial block (Sichuan)
MK:0075 | caller | no | China Mobile: account unknown
MK:0115 | risk | no | China Mobile: filtered as spam
MK:1041 | rate | after-wait | China Mobile: sender above its submission cap
MB:1041 | risk | no | provincial block (Hebei)
MN:0001 | risk | no | provincial block
DB:0101 | caller | no | number is wrong
DB:0102 | caller | no | number suspended
DB:0108 | transient | after-wait | service on hold
DB:0142 | rate | after-wait | above the daily number of messages to handsets
DB:0144 | risk | no | on the gateway's blacklist
IB:0008 | rate | after-wait | gateway throttled it
IB:0011 | transient | after-wait | gateway data of another province out of step
ID:0011 | transient | after-wait | bad parameter or data out of step
NP:1243 | caller | no | number has moved to China Unicom
"""


def _read_table() -> dict[str, ErrorCode]:
    codes: dict[str, ErrorCode] = {}
    layer = ""
    for line in _TABLE.split("\n"):
        if line.startswith("["):
            layer = line.strip("[]")
        elif line:
            code, kind, retryable, meaning = line.split(" | ")
            codes[code] = ErrorCode(layer, kind, retryable, meaning)
    return codes


ERROR_CODES: Final = _read_table()
