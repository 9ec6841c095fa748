"""The platform's error and receipt codes as data: meaning, class, what to do, HTTP status.

Nothing imports this module on the way of a normal send.

A code is one line of `TABLE`, in the layer that it comes from. To add one, copy the line of a code
like it, and give it a row in tests/data/error-codes.csv; tests/unit/test_error_codes.py names what
is wrong with a line.

The layers and where their codes are documented:

- ``business``: answers of the domestic API, HTTP 200. "国内消息API错误码",
  https://help.aliyun.com/document_detail/101346.html
- ``gateway``: answers of the gateway of all products, HTTP 4xx and 5xx. The same page,
  https://developer.aliyun.com/ask/278265 (HTTP statuses), and for ``Forbidden.*`` and server faults
  a page of another product, https://help.aliyun.com/document_detail/435312.html. No public source
  confirms ``InvalidSecurityToken.*`` and ``NoPermission``.
- ``intl``: answers of the API 2018-05-01. https://help.aliyun.com/zh/sms/error-code-intl (names
  without ``isv.``) and the table of 2019, https://www.alibabacloud.com/help/doc-detail/116206.htm
- ``pnvs``: answers of SendSmsVerifyCode and CheckSmsVerifyCode.
  https://help.aliyun.com/zh/pnvs/developer-reference/api-dypnsapi-2017-05-25-sendsmsverifycode
- ``receipt``: receipts. "回执错误码", https://help.aliyun.com/document_detail/101347.html, and abroad
  https://help.aliyun.com/zh/sms/smsreport-http-intl
- ``carrier``: receipts that hand on what a carrier said. Not documented by the platform: SMPP 3.4,
  and general lists of CMPP codes, https://www.cnblogs.com/yhdkzy/p/4238029.html and
  https://www.cnblogs.com/da-guang/p/5880631.html
- ``manage``: answers of the domestic API's operations for signatures, templates and short links,
  which fc-sms does not call. The same page as for ``business``.
"""

import re
from typing import Literal, NamedTuple

Layer = Literal["business", "gateway", "intl", "pnvs", "receipt", "carrier", "manage"]
Kind = Literal["ok", "caller", "config", "account", "rate", "risk", "transient", "unknown"]
Retryable = Literal["no", "after-wait", "reconcile"]

_MISSING = re.compile(r"Missing[A-Z][A-Za-z]*")
_API_LAYERS = ("business", "manage", "gateway", "intl", "pnvs")

_STATUS = {
    "ok": 200,
    "caller": 422,
    "risk": 422,
    "config": 502,
    "account": 502,
    "rate": 429,
    "transient": 503,
}

_ADVICE_FOR_KIND = {
    "ok": "Nothing to do.",
    "caller": "Correct the request.",
    "config": "Correct the signature, template, key or permission at Alibaba Cloud.",
    "account": "Look at the account's balance and products in the console.",
    "rate": "Wait until the limit's window is over.",
    "risk": "Do not send this text to this number again.",
    "transient": "Try again later.",
    "unknown": "Wait for the receipt or query the delivery status.",
}


class ErrorCode(NamedTuple):
    """What is known about one code.

    `layer` says where the code comes from, see the module's docstring. `kind` says who or what is
    the cause: ``caller`` the request; ``config`` the signature, template, key or permission;
    ``account`` the account's state or balance; ``rate`` a limit; ``risk`` the content or the
    recipient's wish; ``transient`` a fault that passes; or ``ok``, or ``unknown``.

    `retryable` is ``no``; ``after-wait`` (nothing was processed, or a new attempt is a new
    decision); or ``reconcile`` (the outcome is unknown: query before sending again).

    `meaning` begins in lower case and has no full stop, so that it fits into a sentence.
    `own_advice` is a sentence; it is empty where the advice for the `kind` will do.
    """

    layer: Layer
    kind: Kind
    retryable: Retryable
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
        if code == "Throttling.Api":
            return 503  # all callers of the API are too many together, not ours
        return _STATUS[self.kind]

    @property
    def advice(self) -> str:
        """A sentence on what to do."""
        if self.retryable == "reconcile":
            return "It may have been sent: query the delivery status before you send again."
        return self.own_advice or _ADVICE_FOR_KIND[self.kind]


def find(code: str) -> ErrorCode | None:
    """Return what is known about `code`; None when the tables do not list it.

    Abroad most codes come with and without ``isv.`` or ``isp.``, so a code that has no line is
    looked for with them. The gateway makes a code for every parameter that may be missing:
    ``Missing`` and its name.
    """
    for name in (code, f"isv.{code}", f"isp.{code}"):
        if name in ERROR_CODES:
            return ERROR_CODES[name]
    return ERROR_CODES["MissingParameter"] if _MISSING.fullmatch(code) else None


_GRANT = "In the RAM console grant the policy in docs/ram-policy.json."
_CHECK_ENDPOINT = "Check SMS_ENDPOINT and the other endpoints: this one may serve another API."
_REPORT_BUG = "The function builds this part of the request: report a bug of fc-sms."
_TEMPORARY_KEY = "Get a fresh token; on Function Compute set SMS_ROLE, and no key pair."
_NO_PAIR = (
    "Set SMS_ACCESS_KEY_ID and SMS_ACCESS_KEY_SECRET again: they are not a pair, or the secret lacks "
    "a character or has one too many."
)
_OR_BUG = "Correct the request; if nothing in it is wrong, report a bug of fc-sms."
_NUMBER = "Correct the number: eleven digits in the mainland, + and the country code abroad."
_SLOWER = "Send more slowly: set requests-per-second in SMS_LIMITS, which all instances share."
_BALANCE = (
    "Look at balance and bills under Expenses and Costs; if they are in order, open a ticket."
)
_CAP = (
    "Raise it in the SMS console: General Settings > Domestic Message Settings > Security Settings."
)

_Row = tuple[Kind, Retryable, str] | tuple[Kind, Retryable, str, str]

# layer -> code -> kind, retryable, meaning and, where the advice for the kind will not do, advice.
# The formatter would spread a code over six lines; it stays one line here, however long.
# fmt: off
TABLE: dict[Layer, dict[str, _Row]] = {
    "business": {
        "OK": ("ok", "no", "accepted for sending, which says nothing about delivery"),

        # account and permission
        "isp.RAM_PERMISSION_DENY": ("config", "no", "the RAM user or role may not call this operation", _GRANT),
        "isv.ACCOUNT_NOT_EXISTS": ("config", "no", "there is no such account, or the AccessKey is wrong", "Compare SMS_ACCESS_KEY_ID with the RAM console."),
        "isv.ACCOUNT_ABNORMAL": ("account", "no", "the account or its billing is in a bad state", _BALANCE),
        "isv.AMOUNT_NOT_ENOUGH": ("account", "no", "not enough money or package quota left", "Top up the account, or buy a package in the SMS console."),
        "isv.OUT_OF_SERVICE": ("account", "no", "the service is suspended for unpaid bills, and packages cannot be used either", "Top up the account; sending resumes by itself."),
        "isv.PRODUCT_UN_SUBSCRIPT": ("account", "no", "the account never switched on the SMS service", "Activate Short Message Service in the console, with the account of the AccessKey."),
        "isv.PRODUCT_UNSUBSCRIBE": ("account", "no", "the product that this API belongs to is not switched on", "Activate that product in the console; for codes of PNVS it is Phone Number Verification Service."),
        "isv.SECURITY_FROZEN_ACCOUNT": ("account", "no", "sending is frozen because the account sent nothing for a long time, such as 45 days", "Open a ticket, and ask for it to be unfrozen."),
        "isv.DENY_IP_RANGE": ("config", "no", "called from an IP address outside the mainland, from where no SMS may be sent to the mainland", "Set SMS_REGION to a region of the mainland, such as cn-hangzhou, and deploy."),

        # signature
        "isv.SMS_SIGNATURE_ILLEGAL": ("config", "no", "the signature is unknown, not approved, misspelt, or of another account than the AccessKey", "Copy it from Signature Management in the SMS console, without brackets or spaces, into sign_name or SMS_SIGN_NAME."),
        "isv.SMS_SIGNATURE_SCENE_ILLEGAL": ("config", "no", "a signature for verification codes is used with a template of another kind", "Use a general signature, which fits templates of every kind."),
        "isv.SMS_SIGN_ILLEGAL": ("config", "no", "the signature is banned", "Use another signature, or apply for one in Signature Management in the SMS console."),
        "isv.SIGN_STATE_ILLEGAL": ("config", "no", "the signature is marked as not available", "Read the reason in Signature Management in the SMS console, and correct the signature or use another."),
        "isv.SIGN_NAME_ILLEGAL": ("config", "no", "the text of the signature breaks the rules for names", "Write the whole signature as Signature Management in the SMS console shows it, without spaces."),
        "isv.SMS_TEST_SIGN_TEMPLATE_LIMIT": ("config", "no", "a test signature and a test template only work together", "Use both of them, or neither."),

        # extension code
        "isv.EXTEND_CODE_ERROR": ("config", "no", "one extension code is used for several signatures", "Give each signature a sms_up_extend_code of its own, or send none."),
        "isv.ONE_CODE_MULTIPLE_SIGN": ("config", "no", "the extension code already belongs to another signature", "Use another sms_up_extend_code, or none."),
        "isv.CODE_EXCEED_LIMIT": ("config", "no", "the account has no self-managed extension codes left", "Send no sms_up_extend_code, or ask for more by a ticket."),
        "isv.CODE_ERROR": ("caller", "no", "the extension code cannot be used, for example because it is too long", "Correct sms_up_extend_code, or send none."),

        # template and the values for it
        "isv.SMS_TEMPLATE_ILLEGAL": ("config", "no", "the template is unknown, not approved, of another account than the AccessKey, or has other variables", "Compare template_code and the names in template_param with Template Management in the SMS console."),
        "isv.INVALID_PARAMETERS": ("caller", "no", "a parameter is malformed, or a value for a verification template is not of letters and digits only", "Correct the value."),
        "isv.INVALID_JSON_PARAM": ("caller", "no", "TemplateParam is broken JSON, holds a value that is no string, or has other names than the template's variables", "Send template_param as an object of strings, with the names of the template's variables."),
        "isv.TEMPLATE_MISSING_PARAMETERS": ("caller", "no", "a template variable has no value", "Give every variable of the template a value in template_param."),
        "isv.TEMPLATE_PARAMS_ILLEGAL": ("caller", "no", "a value does not fit the type that the template declares for its variable (in 2020: a value holds a banned word)", "Look up the variable's type in Template Management in the SMS console, and send a value of that type."),
        "isv.PARAM_LENGTH_LIMIT": ("caller", "no", "a value breaks the length limit: 1 to 35 characters in a notification, 4 to 6 in a verification, up to 200 abroad", "Send a value of that length."),
        "isv.PARAM_NOT_SUPPORT_URL": ("caller", "no", "a variable contains a link, an IP address or a domain", "Put the link into the template text, not into a variable."),
        "isv.UNSUPPORTED_CONTENT": ("caller", "no", "the text has characters that are not supported, such as emoji, 【】 or traditional Chinese", "Leave out these characters."),
        "isv.SMS_TEST_TEMPLATE_PARAMS_ILLEGAL": ("caller", "no", "the test template takes only a value of 4 to 6 digits", "Send 4 to 6 digits, or use a template that is not for tests."),

        # number
        "isv.MOBILE_NUMBER_ILLEGAL": ("caller", "no", "the phone number is malformed", _NUMBER),
        "isv.MOBILE_COUNT_OVER_LIMIT": ("caller", "no", "too many numbers in one call: SendSms takes 1000, SendBatchSms 100", "Send to fewer numbers in one call."),
        "isv.DOMESTIC_NUMBER_NOT_SUPPORTED": ("caller", "no", "an international template is used for a number of the mainland", "Use a template for the mainland."),
        "isv.SMS_TEST_NUMBER_LIMIT": ("caller", "no", "a test signature or test template sends only to numbers that were bound before", "Bind the number in the SMS console under Quick Start, or use a signature and a template that are not for tests."),

        # limits; the message of BUSINESS_LIMIT_CONTROL names minute, hour or day, and Permits:N
        "isv.BUSINESS_LIMIT_CONTROL": ("rate", "after-wait", "the platform's frequency limit for this number is hit", "Wait until its window is over; it also counts what others send."),
        "isv.DAY_LIMIT_CONTROL": ("rate", "after-wait", "the account's own daily cap is used up", _CAP),
        "isv.MONTH_LIMIT_CONTROL": ("rate", "after-wait", "the account's own monthly cap is used up", _CAP),

        # content and recipient
        "isv.BLACK_KEY_CONTROL_LIMIT": ("risk", "no", "the number is blacklisted after a complaint or an opt-out (in 2020: a variable holds banned text)", "Do not send to this number."),
        "isv.CUSTOMER_REFUSED": ("risk", "no", "the recipient opted out of promotions", "Do not send promotions to this number."),
        "isv.SMS_CONTENT_ILLEGAL": ("risk", "no", "the text contains banned content", "Take the banned content out of the text and its variables."),
        "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE": ("risk", "no", "a promotion is sent with a notification template", "Use a promotion template for it."),

        # faults; the page says of the first two to call again, but the message may have been sent
        "isp.SYSTEM_ERROR": ("transient", "reconcile", "the platform has a fault"),
        "isp.GATEWAY_ERROR": ("transient", "reconcile", "the platform could not reach its sending module"),
        "isp.UNKNOWN": ("unknown", "reconcile", "the platform has a fault that it does not explain"),
    },
    "gateway": {
        # key and signature of the request; the message holds the string to sign: never show it
        "SignatureDoesNotMatch": ("config", "no", "the signature of the request does not match", _NO_PAIR),
        "InvalidAccessKeySecret": ("config", "no", "the AccessKey secret is wrong (the name of the old Python SDK for SignatureDoesNotMatch)", _NO_PAIR),
        "IncompleteSignature": ("config", "no", "the parameters of the signature are incomplete or not of the standard", _REPORT_BUG),
        "InvalidSignatureMethod": ("config", "no", "the signature method is unknown", "Set SMS_SIGNATURE_METHOD to ACS3-HMAC-SHA256."),
        "MissingAccessKeyId": ("config", "no", "the request has no AccessKey id", "Set SMS_ACCESS_KEY_ID and SMS_ACCESS_KEY_SECRET, or SMS_ROLE, and deploy."),
        "InvalidAccessKeyId.NotFound": ("config", "no", "the AccessKey id is unknown or deleted", "Compare SMS_ACCESS_KEY_ID with the RAM console."),
        "InvalidAccessKeyId.Inactive": ("config", "no", "the AccessKey is disabled", "Enable it in the RAM console, or set another."),
        "InvalidSecurityToken.Expired": ("config", "no", "the temporary token has expired", _TEMPORARY_KEY),
        "InvalidSecurityToken.Malformed": ("config", "no", "the temporary token cannot be read", _TEMPORARY_KEY),
        "InvalidSecurityToken.MismatchWithAccessKey": ("config", "no", "the temporary token belongs to another AccessKey", _TEMPORARY_KEY),

        # time and nonce
        "InvalidTimeStamp.Expired": ("config", "no", "the clock is off by more than 15 minutes", "Set the machine's clock."),
        "InvalidTimeStamp.Format": ("caller", "no", "the timestamp is absent or malformed", _REPORT_BUG),
        "IllegalTimestamp": ("caller", "no", "the timestamp is absent or malformed", _REPORT_BUG),
        "SignatureNonceUsed": ("unknown", "reconcile", "the nonce was used in the last 15 minutes: an earlier try of this request reached the gateway"),

        # operation
        "InvalidVersion": ("config", "no", "the version of the API is unknown: in the mainland it is 2017-05-25", _CHECK_ENDPOINT),
        "NoSuchVersion": ("config", "no", "the version of the API is unknown: in the mainland it is 2017-05-25", _CHECK_ENDPOINT),
        "InvalidAction": ("config", "no", "the name of the operation is unknown", _CHECK_ENDPOINT),
        "InvalidAction.NotFound": ("config", "no", "the name of the operation is unknown", _CHECK_ENDPOINT),
        "InvalidApi.NotFound": ("config", "no", "the API is unknown", _CHECK_ENDPOINT),
        "UnsupportedHTTPMethod": ("config", "no", "the HTTP method is refused", _CHECK_ENDPOINT),

        # parameters
        "InvalidParameter": ("caller", "no", "the value of a parameter is refused", _OR_BUG),
        "InvalidParameter.Format": ("config", "no", "the parameter Format is neither JSON nor XML", _REPORT_BUG),
        "MissingParameter": ("caller", "no", "a required parameter is absent or empty", _OR_BUG),
        "MissingPhoneNumbers": ("caller", "no", "the parameter PhoneNumbers is absent or empty", "Send phone_numbers."),
        "MissingSignName": ("caller", "no", "the parameter SignName is absent or empty", "Send sign_name, or set SMS_SIGN_NAME."),
        "MissingTemplateCode": ("caller", "no", "the parameter TemplateCode is absent or empty", "Send template_code."),
        "UnsupportedParameter": ("caller", "no", "a parameter is unknown to the API", _REPORT_BUG),

        # permission and account
        "Forbidden": ("config", "no", "the RAM user or role lacks permission for this operation", _GRANT),
        "Forbidden.RAM": ("config", "no", "the RAM user or role lacks permission for this operation", _GRANT),
        "Forbidden.NoPermission": ("config", "no", "the RAM user or role lacks permission for this operation", _GRANT),  # of PNVS
        "NoPermission": ("config", "no", "the RAM user or role lacks permission for this operation", _GRANT),
        "Forbidden.RiskControl": ("risk", "no", "the platform's risk control refused the call", "Open a ticket, and ask why."),
        "Forbidden.UserVerification": ("account", "no", "the owner of the account is not verified by real name", "Verify the account by real name in the Account Center."),
        "InvalidDayuStatus.Malformed": ("account", "no", "the account is in a wrong state in the old product, sms.aliyuncs.com", _BALANCE),

        # limits; nothing was processed
        "Throttling": ("rate", "after-wait", "the call rate is too high; nothing was processed", _SLOWER),
        "Throttling.User": ("rate", "after-wait", "this account's call rate is too high; nothing was processed", _SLOWER),
        "Throttling.Api": ("rate", "after-wait", "the call rate of this API is too high; nothing was processed", "Send again a little later."),

        # faults
        "ServiceUnavailable": ("transient", "reconcile", "the server is down for a time"),
        "InternalError": ("transient", "reconcile", "the server has a fault"),
        "UnknownError": ("transient", "reconcile", "the server has a fault"),
    },
    "intl": {
        # account and permission
        "RAM_PERMISSION_DENY": ("config", "no", "the RAM user or role may not call this operation", _GRANT),
        "isv.RAM_CHECK_FAILED": ("config", "no", "the check of the RAM policy failed", _GRANT),
        "ACCOUNT_NOT_EXISTS": ("config", "no", "there is no such account", "Compare SMS_ACCESS_KEY_ID with the RAM console; the account must have activated SMS, and be verified by real name."),
        "ACCOUNT_ILLEGAL": ("account", "no", "the account is blacklisted for the content that it sent", "Open a ticket."),
        "AMOUNT_NOT_ENOUGH": ("account", "no", "not enough money or package quota left", "Top up the account, or buy a package in the SMS console."),
        "OUT_OF_SERVICE": ("account", "no", "international SMS is suspended for this account", "Top up the account; if it owes nothing, open a ticket."),
        "PRODUCT_NOT_SUBSCRIBED": ("account", "no", "the account has not switched on international SMS", "Activate it in the SMS console."),
        "FORBIDDEN_ACTION": ("account", "no", "the account's calls of this operation are restricted", "Open a ticket, and ask for them to be restored."),
        "isv.FORBIDDEN_ACTION": ("account", "no", "the account's calls of this operation are restricted", "Open a ticket, and ask for them to be restored."),

        # sender, signature, template and the values for it
        "INVALID_SENDERID": ("config", "no", "the sender id is not valid, or not approved", "Compare sender_id with International SMS > Before Sending > SenderID in the SMS console, or send none."),
        "isv.SENDERID_ERROR": ("caller", "no", "the sender id, From, is malformed", "Correct sender_id: up to 11 letters and digits, or up to 15 digits."),
        "SMS_SIGN_NAME_ILLEGAL": ("config", "no", "the signature does not exist, or is blocked", "Compare it with the SMS console, or apply for another."),
        "isv.SMS_SIGN_NAME_ILLEGAL": ("config", "no", "the signature does not exist, or is blocked", "Compare it with the SMS console, or apply for another."),
        "SMS_CONTENT_CODE_ILLEGAL": ("config", "no", "the template does not exist, or is blocked", "Compare template_code with the SMS console, or apply for another."),
        "isv.SMS_CONTENT_CODE_ILLEGAL": ("config", "no", "the template does not exist, or is blocked", "Compare template_code with the SMS console, or apply for another."),
        "CONTENT_MISSING_PARAMETERS": ("caller", "no", "a variable of the template has no value", "Give every variable of the template a value in template_param."),
        "isv.CONTENT_MISSING_PARAMETERS": ("caller", "no", "a variable of the template has no value", "Give every variable of the template a value in template_param."),
        "INVALID_PARAMETERS": ("caller", "no", "a parameter is malformed"),
        "INVALID_JSON_PARAM": ("caller", "no", "the parameter for the template's values is empty or broken JSON", "Send template_param as an object of strings."),
        "PARAM_LENGTH_LIMIT": ("caller", "no", "a value is longer than 200 characters", "Shorten the value."),

        # number and country
        "MOBILE_NUMBER_ILLEGAL": ("caller", "no", "the phone number is malformed", _NUMBER),
        "MOBILE_COUNT_OVER_LIMIT": ("caller", "no", "more than 1000 numbers in one call", "Send to fewer numbers in one call."),
        "NOT_SUPPORTED_COUNTRY": ("caller", "no", "the country of the number is not served", "Do not send there, or ask by a ticket."),
        "isv.NOT_SUPPORTED_COUNTRY": ("caller", "no", "the country of the number is not served", "Do not send there, or ask by a ticket."),
        "isv.COUNTRY_RESTRICTED": ("caller", "no", "this API takes no numbers of the mainland", "Send to the mainland by POST /sms."),

        # queries
        "DATA_NOT_EXIST": ("transient", "after-wait", "the record is not visible yet, or there is none", "Query again later."),
        "isv.DATA_NOT_EXIST": ("transient", "after-wait", "the record is not visible yet, or there is none", "Query again later."),
        "QUERY_DATE_ILLEGAL": ("caller", "no", "this date cannot be queried", "Ask for one of the last 30 days."),
        "isv.QUERY_DATE_ILLEGAL": ("caller", "no", "this date cannot be queried", "Ask for one of the last 30 days."),

        # limits
        "QPS_LIMIT_CONTROL": ("rate", "after-wait", "too many calls per second", _SLOWER),
        "BUSINESS_LIMIT_CONTROL_MINUTE": ("rate", "after-wait", "the limit per minute is hit"),
        "isv.BUSINESS_LIMIT_HOUR": ("rate", "after-wait", "the limit per hour is hit"),
        "isv.BUSINESS_LIMIT_DAY": ("rate", "after-wait", "the limit per day is hit"),
        "BUSINESS_LIMIT_CONTROL_PHONE": ("rate", "after-wait", "the limit for this number is hit"),

        # content
        "SMS_CONTENT_ILLEGAL": ("risk", "no", "the text contains banned content", "Take the banned content out of the text and its variables."),
        "BLACK_KEY_CONTROL_LIMIT": ("risk", "no", "a template variable holds a banned word", "Take the banned word out of the variable."),
        "SMS_SECURITY_INTERCEPTED": ("risk", "no", "the platform's risk control stopped the message", "Open a ticket, and ask why."),

        # faults
        "SYSTEM_ERROR": ("transient", "reconcile", "the platform has a fault"),
        "ONLINE_BILLING_FAILED": ("transient", "reconcile", "charging the account failed"),
        "isv.BILLING_DEDUCTION_ERROR": ("transient", "reconcile", "deducting the charge from the balance failed"),
    },
    "pnvs": {
        # biz.FREQUENCY is in no document; clients in public code handle it
        "biz.FREQUENCY": ("rate", "after-wait", "SendSmsVerifyCode: this number got a code less than Interval ago (60 seconds by default)"),
        # in Model.VerifyResult of an answer whose Code is OK
        "UNKNOWN (VerifyResult)": ("caller", "no", "CheckSmsVerifyCode: the code is wrong, has expired or was never sent, although Code is OK", "Let the person type the code again, or send a new one."),
    },
    "receipt": {
        "DELIVERED": ("ok", "no", "reached the handset"),
        "success": ("ok", "no", "reached the handset abroad"),
        "REQUEST_SUCCESS": ("unknown", "no", "accepted; the carrier has not reported back"),

        # number and handset; the list spells MOBLLE, the right spelling is not in it
        "MOBILE_NOT_ON_SERVICE": ("caller", "no", "the number is stopped, unassigned, switched off or out of reach", "Check the number, or try again later."),
        "MOBILE_ACCOUNT_ABNORMAL": ("caller", "no", "the subscriber is in arrears, has moved to another carrier or is otherwise irregular", "Ask the recipient for another number."),
        "INVALID_NUMBER": ("caller", "no", "the number is malformed or in an odd state", "Check the number."),
        "MOBLLE_TERMINAL_ERROR": ("transient", "after-wait", "the handset has trouble, for example its memory or SIM is full"),
        "MOBILE_TERMINAL_ERROR": ("transient", "after-wait", "the handset has trouble, for example its memory or SIM is full"),
        "SP_NOT_BY_INTER_SMS": ("caller", "no", "the recipient cannot get international SMS", "Do not send from abroad to this number."),
        "MOBILE_SEND_LIMIT": ("rate", "after-wait", "the platform's or the carrier's limit for this number is hit"),

        # content and recipient
        "PARAMS_ILLEGAL": ("caller", "no", "the signature, the text or the number is wrong", "Check all three of them."),
        "CONTENT_ERROR": ("caller", "no", "the promotion lacks the hint how to opt out", "Add the hint to the template."),
        "CONTENT_KEYWORD": ("risk", "no", "the carrier stopped the message for a keyword", "Take the keyword out of the text."),
        "MOBILE_IN_BLACK": ("risk", "no", "the number is on the carrier's blacklist, mostly after an opt-out", "Do not send to this number."),
        "USER_REJECT": ("risk", "no", "the recipient opted out, or has not opened this service", "Do not send to this number."),

        # on the way
        "IS_CLOSE": ("transient", "after-wait", "the channel went down while sending"),
        "NO_ROUTE": ("config", "no", "no channel carries this text", "Open a ticket, and ask for a channel."),
        "PORT_NOT_REGISTERED": ("config", "no", "the signature is not yet registered by real name at the carrier", "Submit the registration in Signature Management in the SMS console; it takes 5 to 10 working days."),
        "SP_UNKNOWN_ERROR": ("unknown", "after-wait", "the carrier gave no clear reason", "Try again later."),
    },
    "carrier": {
        # states of SMPP
        "DELIVRD": ("ok", "no", "the carrier reports delivery"),
        "ACCEPTD": ("unknown", "no", "the carrier took over the message"),
        "ENROUTE": ("unknown", "no", "the message is still on its way"),
        "DELETED": ("unknown", "no", "the carrier removed the message"),
        "UNKNOWN": ("unknown", "after-wait", "the carrier knows no state of the message"),
        "EXPIRED": ("transient", "after-wait", "the carrier gave up because the handset stayed out of reach"),
        "REJECTD": ("risk", "no", "the carrier refused the message"),
        "UNDELIV": ("caller", "no", "the message cannot be delivered because the number is stopped or suspended", "Check the number."),

        # words of carriers
        "TIMEOUT": ("transient", "after-wait", "the carrier ran out of time"),
        "NOROUTER": ("config", "no", "the carrier has no channel for the message", "Open a ticket, and ask for a channel."),
        "MBBLACK": ("risk", "no", "the number is on a local blacklist", "Do not send to this number."),
        "DBBLACK": ("risk", "no", "the number is on the gateway's blacklist", "Do not send to this number."),

        # China Mobile
        "MK:0000": ("caller", "no", "China Mobile: blocked by the province of Guangxi, or the number is unassigned", "Check the number."),
        "MK:0001": ("caller", "no", "China Mobile: the subscriber is unknown", "Check the number."),
        "MK:0002": ("transient", "after-wait", "China Mobile: its gateway has a fault"),
        "MK:0005": ("caller", "no", "China Mobile: the number is suspended", "Check the number."),
        "MK:0010": ("transient", "after-wait", "China Mobile: the handset was off or out of reach until the message expired"),
        "MK:0012": ("risk", "no", "China Mobile: blocked by the province of Yunnan"),
        "MK:0013": ("caller", "no", "China Mobile: the number is suspended", "Check the number."),
        "MK:0014": ("risk", "no", "China Mobile: the check of content refused the message", "Change the text."),
        "MK:0015": ("risk", "no", "China Mobile: blocked by the province of Henan"),
        "MK:0023": ("transient", "after-wait", "China Mobile: the handset is off"),
        "MK:0036": ("risk", "no", "China Mobile: blocked by the province of Sichuan"),
        "MK:0075": ("caller", "no", "China Mobile: the subscriber's account is unknown", "Check the number."),
        "MK:0115": ("risk", "no", "China Mobile: filtered as spam", "Change the text."),
        "MK:1041": ("rate", "after-wait", "China Mobile: the sender is above its cap for messages"),

        # gateways
        "MB:1041": ("risk", "no", "blocked by the province of Hebei"),
        "MN:0001": ("risk", "no", "blocked by a province"),
        "DB:0101": ("caller", "no", "the number is wrong", "Check the number."),
        "DB:0102": ("caller", "no", "the number is suspended", "Check the number."),
        "DB:0108": ("transient", "after-wait", "the number's service is on hold"),
        "DB:0142": ("rate", "after-wait", "the daily number of messages to handsets is used up", "Try again tomorrow."),
        "DB:0144": ("risk", "no", "the number is on the gateway's blacklist", "Do not send to this number."),
        "IB:0008": ("rate", "after-wait", "the gateway throttled the message"),
        "IB:0011": ("transient", "after-wait", "the gateway's data of another province are out of step"),
        "ID:0011": ("transient", "after-wait", "a parameter is wrong, or the gateway's data are out of step"),
        "NP:1243": ("caller", "no", "the number has moved to China Unicom", "Open a ticket, and ask how to reach the number."),
    },
    "manage": {
        # signature
        "isv.SIGN_COUNT_OVER_LIMIT": ("rate", "after-wait", "the day's applications for signatures are used up", "Apply again tomorrow."),
        "isv.SIGN_FILE_LIMIT": ("caller", "no", "the signature's proof file is larger than 2 MB", "Upload a smaller file."),
        "isv.ERROR_EMPTY_FILE": ("caller", "no", "the signature's proof file is empty", "Upload the file again, with its content."),
        "isv.SIGN_OVER_LIMIT": ("caller", "no", "the signature has too many characters", "Shorten the signature."),
        "isv.SMS_SIGN_EMOJI_ILLEGAL": ("caller", "no", "the signature contains an emoji", "Take the emoji out."),
        "isv.SIGN_SOURCE_ILLEGAL": ("config", "no", "a signature from this kind of source is not accepted", "Apply with another source for the signature."),
        "isv.ERROR_SIGN_NOT_DELETE": ("caller", "no", "a signature in review cannot be deleted", "Wait until the review is over."),
        "isv.ERROR_SIGN_NOT_MODIFY": ("caller", "no", "an approved signature cannot be changed", "Apply for another signature."),
        "SIGNATURE_BLACKLIST": ("risk", "no", "the text of the signature breaks the rules for content", "Apply with another text."),

        # template
        "isv.SMS_OVER_LIMIT": ("rate", "after-wait", "more than 100 applications for templates or signatures in a day", "Apply again tomorrow."),
        "isv.TEMPLATE_COUNT_OVER_LIMIT": ("rate", "after-wait", "the day's applications for templates are used up", "Apply again tomorrow."),
        "isv.TEMPLATE_OVER_LIMIT": ("caller", "no", "the template has too many characters", "Shorten the template."),
        "template_parameter_count_illegal": ("caller", "no", "a verification template has more than its one variable", "Leave one variable in it."),
        "isv.ERROR_TEMPLATE_NOT_DELETE": ("caller", "no", "a template in review cannot be deleted", "Wait until the review is over."),
        "isv.ERROR_TEMPLATE_NOT_MODIFY": ("caller", "no", "an approved template cannot be changed", "Apply for another template."),

        # short link
        "isv.SHORTURL_OVER_LIMIT": ("rate", "after-wait", "the day's short links are used up", "Create it tomorrow."),
        "isv.NO_AVAILABLE_SHORT_URL": ("config", "no", "the account has no short link that can be used", "Create a short link in the console."),
        "isv.SHORTURL_NAME_ILLEGAL": ("caller", "no", "the name of the short link has more than 13 characters", "Shorten the name."),
        "isv.SOURCEURL_OVER_LIMIT": ("caller", "no", "the original link has too many characters", "Shorten the link."),
        "isv.SHORTURL_TIME_ILLEGAL": ("caller", "no", "a short link cannot live for more than 30 days", "Give it at most 30 days."),
        "isv.SHORTURL_STILL_AVAILABLE": ("caller", "no", "there is a valid short link for this link", "Use that short link."),
        "isv.SHORTURL_DOMAIN_EMPTY": ("config", "no", "the domain of the link is not registered yet", "Register the domain in the console."),
        "isv.PHONENUMBERS_OVER_LIMIT": ("caller", "no", "more than 50000 numbers in one upload", "Upload fewer numbers at a time."),
    },
}
# fmt: on

ERROR_CODES: dict[str, ErrorCode] = {
    code: ErrorCode(layer, *row) for layer, rows in TABLE.items() for code, row in rows.items()
}
