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

_STATUS: Final = {
    "ok": 200,
    "caller": 422,
    "risk": 422,
    "config": 502,
    "account": 502,
    "rate": 429,
    "transient": 503,
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
        return 503 if code == "Throttling.Api" else _STATUS[self.kind]

    def advice(self, code: str) -> str:
        """Return one sentence on what to do about `code`."""
        if self.retryable == "reconcile":
            return "Query the delivery status before you send again."
        return _ADVICE.get(code, _CLASS_ADVICE[self.kind])


def find(code: str) -> ErrorCode | None:
    """Return what is known about `code`, or None for one the tables do not list.

    The gateway makes a code for every parameter that may be missing: ``Missing`` and its name.
    """
    if code not in ERROR_CODES and _MISSING.fullmatch(code):
        return ERROR_CODES["MissingParameter"]
    return ERROR_CODES.get(code)


# [layer kind retryable], and below it: codes | meaning | advice, where there is a better one than
# that of the kind.
_TABLE: Final = """
[business ok no]
OK | accepted for sending; says nothing about delivery
[business config no]
isp.RAM_PERMISSION_DENY | the RAM policy forbids this operation | Grant the function's role the operation, as docs/ram-policy.json does.
isv.ACCOUNT_NOT_EXISTS | no such account, or a wrong AccessKey
isv.CODE_EXCEED_LIMIT | no self-managed extension codes left
isv.DENY_IP_RANGE | caller's IP is outside the mainland, so mainland SMS is refused | Deploy the function in a region of the Chinese mainland.
isv.EXTEND_CODE_ERROR | one extension code shared by several signatures
isv.ONE_CODE_MULTIPLE_SIGN | extension code already tied to another signature
isv.SIGN_NAME_ILLEGAL | signature text breaks the naming rules
isv.SIGN_STATE_ILLEGAL | signature is marked unavailable
isv.SMS_SIGNATURE_ILLEGAL | signature unknown, unapproved, someone else's or misspelt | Check the signature in the console; write it without brackets.
isv.SMS_SIGNATURE_SCENE_ILLEGAL | signature kind does not fit the template kind | Use a signature whose kind fits the template's.
isv.SMS_SIGN_ILLEGAL | signature has been banned
isv.SMS_TEMPLATE_ILLEGAL | template unknown, unapproved, someone else's, or its variables do not fit | Check the template in the console, and that template_param names its variables.
isv.SMS_TEST_SIGN_TEMPLATE_LIMIT | test signature and test template only work as a pair
[business account no]
isv.ACCOUNT_ABNORMAL | account or its billing is in a bad state
isv.AMOUNT_NOT_ENOUGH | not enough money or package quota left | Top up the account or buy a package.
isv.OUT_OF_SERVICE | service suspended for unpaid bills, packages blocked too | Pay the open bill; sending resumes by itself.
isv.PRODUCT_UNSUBSCRIBE | the product behind this API is not switched on | Open that product for this account in the console.
isv.PRODUCT_UN_SUBSCRIPT | account never opened the SMS product | Open Short Message Service for this account in the console.
isv.SECURITY_FROZEN_ACCOUNT | sending frozen because the account lay idle too long | Ask Alibaba Cloud support to unfreeze sending.
[business caller no]
isv.CODE_ERROR | extension code not usable, e.g. too long
isv.DOMESTIC_NUMBER_NOT_SUPPORTED | international template used with a mainland number | Use a domestic template for numbers of the Chinese mainland.
isv.INVALID_JSON_PARAM | TemplateParam is broken JSON or has a non-string value | Send template_param as an object of strings.
isv.INVALID_PARAMETERS | a parameter is malformed; also non-alphanumeric value in a verification template | Correct the parameters; a verification template takes letters and digits only.
isv.MOBILE_COUNT_OVER_LIMIT | too many numbers in one call
isv.MOBILE_NUMBER_ILLEGAL | phone number badly formed | Correct the phone number.
isv.PARAM_LENGTH_LIMIT | variable too long: notification 1-35, verification 4-6
isv.PARAM_NOT_SUPPORT_URL | variable contains a link, IP or domain | Put the link into the template text, not into a variable.
isv.SMS_TEST_NUMBER_LIMIT | test mode sends only to numbers bound beforehand | Bind the number in the console first.
isv.SMS_TEST_TEMPLATE_PARAMS_ILLEGAL | test template takes only a 4-6 digit value
isv.TEMPLATE_MISSING_PARAMETERS | at least one template variable was left without a value | Give every variable of the template a value in template_param.
isv.TEMPLATE_PARAMS_ILLEGAL | value does not fit the variable's declared type
isv.UNSUPPORTED_CONTENT | text has unsupported characters such as emoji or traditional Chinese | Leave out emoji, brackets such as 【】 and special characters.
[business rate after-wait]
isv.BUSINESS_LIMIT_CONTROL | the frequency limit of this number is hit | Wait until the window is over; the limit counts all senders to this number.
isv.DAY_LIMIT_CONTROL | the account's own daily cap is used up | Raise the daily cap in the console, or wait until tomorrow.
isv.MONTH_LIMIT_CONTROL | the account's own monthly cap is used up | Raise the monthly cap in the console, or wait until next month.
[business risk no]
isv.BLACK_KEY_CONTROL_LIMIT | number blacklisted after complaint or opt-out | Do not send to this number.
isv.CUSTOMER_REFUSED | recipient opted out of promotions | Do not send promotions to this number.
isv.SMS_CONTENT_ILLEGAL | text contains banned content
isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE | marketing text sent through a notification template
[business transient reconcile]
isp.GATEWAY_ERROR | the platform could not reach its sending module; outcome unknown
isp.SYSTEM_ERROR | platform fault; outcome unknown
[business unknown reconcile]
isp.UNKNOWN | unexplained platform fault
[manage rate after-wait]
isv.SHORTURL_OVER_LIMIT | daily short links used up
isv.SIGN_COUNT_OVER_LIMIT | daily signature limit reached
isv.SMS_OVER_LIMIT | over 100 template or signature applications in a day
isv.TEMPLATE_COUNT_OVER_LIMIT | daily template limit reached
[manage caller no]
isv.ERROR_EMPTY_FILE | proof file has no content
isv.ERROR_SIGN_NOT_DELETE | signature in review cannot be removed
isv.ERROR_SIGN_NOT_MODIFY | approved signature cannot be edited
isv.ERROR_TEMPLATE_NOT_DELETE | template in review cannot be removed
isv.ERROR_TEMPLATE_NOT_MODIFY | approved template cannot be edited
isv.PHONENUMBERS_OVER_LIMIT | above 50000 numbers in one upload
isv.SHORTURL_NAME_ILLEGAL | short link name above 13 characters
isv.SHORTURL_STILL_AVAILABLE | this link already has a live short link
isv.SHORTURL_TIME_ILLEGAL | short link lifetime above 30 days
isv.SIGN_FILE_LIMIT | proof file above 2 MB
isv.SIGN_OVER_LIMIT | signature has too many characters
isv.SMS_SIGN_EMOJI_ILLEGAL | signature contains an emoji
isv.SOURCEURL_OVER_LIMIT | original link has too many characters
isv.TEMPLATE_OVER_LIMIT | template has too many characters
template_parameter_count_illegal | verification template has more than its one variable
[manage risk no]
SIGNATURE_BLACKLIST | signature text breaks content rules
[manage config no]
isv.NO_AVAILABLE_SHORT_URL | account has no usable short link
isv.SHORTURL_DOMAIN_EMPTY | the link's domain has not been registered yet
isv.SIGN_SOURCE_ILLEGAL | this kind of signature source is not accepted
[gateway config no]
Forbidden | caller lacks permission
Forbidden.RAM | RAM user lacks permission | Grant the function's role the operation, as docs/ram-policy.json does.
IncompleteSignature | signature parameters incomplete or non-standard
InvalidAccessKeyId.Inactive | AccessKey is switched off | Switch it on in the console, or use another.
InvalidAccessKeyId.NotFound | AccessKey id does not exist | Check the AccessKey id: it does not exist or was deleted.
InvalidAccessKeySecret | the old SDK's name for SignatureDoesNotMatch
InvalidAction | operation name refused
InvalidAction.NotFound | operation name unknown
InvalidApi.NotFound | API unknown
InvalidParameter.Format | Format must be JSON or XML
InvalidSecurityToken.Expired | temporary token too old | Get fresh temporary credentials; on Function Compute attach a role.
InvalidSecurityToken.Malformed | temporary token unreadable
InvalidSecurityToken.MismatchWithAccessKey | temporary token belongs to another key
InvalidSignatureMethod | unknown signature method
InvalidTimeStamp.Expired | clock off by more than 15 minutes | Set the machine's clock.
InvalidVersion | wrong API version, 2017-05-25 expected
MissingAccessKeyId | no AccessKeyId given
NoPermission | RAM refusal in the newer gateway | Grant the function's role the operation, as docs/ram-policy.json does.
NoSuchVersion | API version unknown
SignatureDoesNotMatch | the signature does not match | Check the AccessKey secret for missing or extra characters.
UnsupportedHTTPMethod | this HTTP method is refused
[gateway caller no]
IllegalTimestamp | timestamp absent or unusable
InvalidParameter | a parameter value is refused
InvalidTimeStamp.Format | timestamp in the wrong format
MissingParameter | a required parameter is absent
MissingPhoneNumbers | PhoneNumbers absent
MissingSignName | SignName absent
MissingTemplateCode | TemplateCode absent
UnsupportedParameter | parameter unknown to the API
[gateway unknown reconcile]
SignatureNonceUsed | an earlier try reached the gateway
[gateway risk no]
Forbidden.RiskControl | risk control refused it
[gateway account no]
Forbidden.UserVerification | account owner not real-name verified
InvalidDayuStatus.Malformed | account state wrong in the old sms.aliyuncs.com product
[gateway rate after-wait]
Throttling | rate limited, nothing processed | Send more slowly.
Throttling.Api | API's call rate too high, nothing processed | Send again a little later: the platform is overloaded.
Throttling.User | user's call rate too high, nothing processed | Send more slowly.
[gateway transient reconcile]
InternalError | server fault; outcome unknown
ServiceUnavailable | server temporarily down; outcome unknown
UnknownError | unexplained server fault; outcome unknown
[intl config no]
ACCOUNT_NOT_EXISTS | no such account
INVALID_SENDERID | sender id refused
RAM_PERMISSION_DENY | RAM policy forbids it | Grant the function's role the operation, as docs/ram-policy.json does.
SMS_CONTENT_CODE_ILLEGAL | template not valid
SMS_SIGN_NAME_ILLEGAL | signature not valid
isv.RAM_CHECK_FAILED | RAM policy forbids it | Grant the function's role the operation, as docs/ram-policy.json does.
isv.SMS_CONTENT_CODE_ILLEGAL | ContentCode not valid
isv.SMS_SIGN_NAME_ILLEGAL | SignName not valid
[intl account no]
ACCOUNT_ILLEGAL | account blacklisted for its content
AMOUNT_NOT_ENOUGH | not enough money or package quota left
FORBIDDEN_ACTION | interface restricted for this user
OUT_OF_SERVICE | international SMS suspended for the account
PRODUCT_NOT_SUBSCRIBED | SMS service not switched on
isv.FORBIDDEN_ACTION | operation not allowed for the account
[intl caller no]
CONTENT_MISSING_PARAMETERS | a template variable has no value
INVALID_JSON_PARAM | parameter JSON empty or broken
INVALID_PARAMETERS | a parameter is malformed
MOBILE_COUNT_OVER_LIMIT | above 1000 numbers
MOBILE_NUMBER_ILLEGAL | phone number badly formed
NOT_SUPPORTED_COUNTRY | destination country not served | This country is not served; do not send there.
PARAM_LENGTH_LIMIT | variable above 200 characters
QUERY_DATE_ILLEGAL | query date not allowed
isv.CONTENT_MISSING_PARAMETERS | ContentParam lacks a value
isv.COUNTRY_RESTRICTED | this API takes no mainland numbers
isv.NOT_SUPPORTED_COUNTRY | destination country not served | This country is not served; do not send there.
isv.QUERY_DATE_ILLEGAL | query date not allowed
isv.SENDERID_ERROR | From has a wrong format
[intl transient reconcile]
ONLINE_BILLING_FAILED | charging failed; outcome unknown
SYSTEM_ERROR | platform fault; outcome unknown
isv.BILLING_DEDUCTION_ERROR | charging failed; outcome unknown
[intl transient after-wait]
DATA_NOT_EXIST | record not visible yet or absent; query again later
isv.DATA_NOT_EXIST | record not visible yet or absent
[intl rate after-wait]
BUSINESS_LIMIT_CONTROL_MINUTE | per-minute limit hit
BUSINESS_LIMIT_CONTROL_PHONE | limit for this number hit
QPS_LIMIT_CONTROL | calls per second too high
isv.BUSINESS_LIMIT_DAY | per-day limit hit
isv.BUSINESS_LIMIT_HOUR | per-hour limit hit
[intl risk no]
BLACK_KEY_CONTROL_LIMIT | banned word in a template variable
SMS_CONTENT_ILLEGAL | text contains banned content
SMS_SECURITY_INTERCEPTED | risk control stopped it
[pnvs rate after-wait]
biz.FREQUENCY | SendSmsVerifyCode: same number again within Interval (default 60 s)
[pnvs caller no]
UNKNOWN (VerifyResult) | CheckSmsVerifyCode: code wrong, expired or never sent, although Code is OK
[receipt ok no]
DELIVERED | reached the handset
success | international receipt: delivered (Status 1)
[receipt transient after-wait]
IS_CLOSE | channel went down while sending
MOBILE_TERMINAL_ERROR, MOBLLE_TERMINAL_ERROR | handset trouble, e.g. memory or SIM full
[receipt caller no]
CONTENT_ERROR | promotion lacks the opt-out hint
INVALID_NUMBER | number malformed or in an odd state
MOBILE_ACCOUNT_ABNORMAL | subscriber in arrears, ported or otherwise irregular
MOBILE_NOT_ON_SERVICE | number stopped, unassigned, switched off or out of reach | Check the number, or try again when the phone is switched on.
PARAMS_ILLEGAL | signature, text or number was wrong
SP_NOT_BY_INTER_SMS | recipient cannot get international SMS
[receipt rate after-wait]
MOBILE_SEND_LIMIT | platform or carrier limit for this number reached
[receipt risk no]
CONTENT_KEYWORD | carrier stopped a keyword
MOBILE_IN_BLACK | number on the carrier's blacklist, mostly after opt-out
USER_REJECT | recipient opted out, or the service is not open
[receipt unknown no]
REQUEST_SUCCESS | accepted, carrier has not reported back
[receipt unknown after-wait]
SP_UNKNOWN_ERROR | carrier gave no clear reason
[receipt config no]
NO_ROUTE | no channel carries this text
PORT_NOT_REGISTERED | real-name registration at the carrier unfinished (5-10 working days) | Finish the signature's real-name registration.
[carrier ok no]
DELIVRD | carrier reports delivery
[carrier transient after-wait]
DB:0108 | service on hold
EXPIRED | gave up, handset stayed unreachable
IB:0011 | gateway data of another province out of step
ID:0011 | bad parameter or data out of step
MK:0002 | fault inside the gateway
MK:0010 | handset off or unreachable until expiry
MK:0023 | handset off
TIMEOUT | carrier timed out
[carrier risk no]
DB:0144, DBBLACK | on the gateway's blacklist
MB:1041 | provincial block (Hebei)
MBBLACK | on a local blacklist
MK:0012 | provincial block (Yunnan)
MK:0014 | content check refused it
MK:0015 | provincial block (Henan)
MK:0036 | provincial block (Sichuan)
MK:0115 | filtered as spam
MN:0001 | provincial block
REJECTD | carrier refused the message
[carrier caller no]
DB:0101 | number is wrong
DB:0102 | number suspended
MK:0000 | provincial block (Guangxi) or unassigned number
MK:0001 | subscriber unknown
MK:0005, MK:0013 | number suspended
MK:0075 | account unknown
NP:1243 | number has moved to China Unicom
UNDELIV | cannot be delivered, number stopped or suspended
[carrier unknown after-wait]
UNKNOWN | carrier knows no state
[carrier unknown no]
ACCEPTD | carrier took it over (SMPP 3.4)
DELETED | message removed by the carrier (SMPP 3.4)
ENROUTE | still on its way (SMPP 3.4)
[carrier config no]
NOROUTER | carrier has no channel for it
[carrier rate after-wait]
DB:0142 | above the daily messages to handsets
IB:0008 | gateway throttled it
MK:1041 | sender above its submission cap
"""

ERROR_CODES: Final[dict[str, ErrorCode]] = {}
_ADVICE: Final[dict[str, str]] = {}


def _read_table() -> None:
    for group in _TABLE.strip().split("\n["):
        heading, *rows = group.strip("[").split("\n")
        layer, kind, retryable = heading.rstrip("]").split()
        for row in rows:
            codes, meaning, *advice = row.split(" | ")
            for code in codes.split(", "):
                ERROR_CODES[code] = ErrorCode(layer, kind, retryable, meaning)
                if advice:
                    _ADVICE[code] = advice[0]


_read_table()
