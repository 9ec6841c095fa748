"""Codes the platform refuses with, their HTTP status and text, for faults of kind `error`.

Sources: https://help.aliyun.com/document_detail/101346.html (codes of the service) and
https://developer.aliyun.com/ask/278265 (codes and statuses of the gateway).
"""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """How a code is answered; status 200 is the service's, every other one the gateway's."""

    status: int
    message: str


_SERVICE = {
    "isp.RAM_PERMISSION_DENY": "RAM权限不足",
    "isp.SYSTEM_ERROR": "系统错误",
    "isp.GATEWAY_ERROR": "调用发送应用模块失败",
    "isp.UNKNOWN": "未知错误",
    "isv.ACCOUNT_ABNORMAL": "账户异常",
    "isv.ACCOUNT_NOT_EXISTS": "账户不存在",
    "isv.AMOUNT_NOT_ENOUGH": "账户余额不足",
    "isv.BLACK_KEY_CONTROL_LIMIT": "黑名单管控",
    "isv.BUSINESS_LIMIT_CONTROL": "触发分钟级流控Permits:1",
    "isv.CUSTOMER_REFUSED": "用户已退订推广短信",
    "isv.DAY_LIMIT_CONTROL": "触发日发送限额",
    "isv.DENY_IP_RANGE": "源IP地址所在的地区被禁用",
    "isv.INVALID_JSON_PARAM": "模板变量JSON格式错误 或 JSON变量属性与模板占位符不一致",
    "isv.INVALID_PARAMETERS": "参数异常",
    "isv.MOBILE_COUNT_OVER_LIMIT": "手机号码数量超过限制",
    "isv.MOBILE_NUMBER_ILLEGAL": "非法手机号",
    "isv.MONTH_LIMIT_CONTROL": "触发月发送限额",
    "isv.OUT_OF_SERVICE": "业务停机",
    "isv.PARAM_LENGTH_LIMIT": "参数超过长度限制:35",
    "isv.PRODUCT_UN_SUBSCRIPT": "未开通云通信产品的阿里云客户",
    "isv.SMS_CONTENT_ILLEGAL": "短信内容包含禁止发送内容",
    "isv.SMS_SIGNATURE_ILLEGAL": "该账号下找不到对应签名",
    "isv.SMS_TEMPLATE_ILLEGAL": "该账号下找不到对应模板",
    "isv.TEMPLATE_MISSING_PARAMETERS": "模板变量缺失",
    "isv.TEMPLATE_PARAMS_ILLEGAL": "模板变量里包含非法关键字",
    "isv.UNSUPPORTED_CONTENT": "不支持的短信内容",
    "biz.FREQUENCY": "check frequency failed",
    "DATA_NOT_EXIST": "The message does not exist",
    "NOT_SUPPORTED_COUNTRY": "The country is not supported",
    "QPS_LIMIT_CONTROL": "The QPS limit is exceeded",
}
_GATEWAY = {
    "Throttling": (400, "Request was denied due to request throttling."),
    "Throttling.Api": (400, "Request was denied due to api flow control."),
    "Throttling.User": (400, "Request was denied due to user flow control."),
    "SignatureNonceUsed": (400, "Specified signature nonce was used already."),
    "SignatureDoesNotMatch": (400, "Specified signature is not matched with our calculation."),
    "InvalidTimeStamp.Expired": (400, "Specified time stamp or date value is expired."),
    "InvalidAccessKeyId.NotFound": (404, "Specified access key is not found."),
    "InvalidAccessKeyId.Inactive": (400, "Specified access key is disabled."),
    "InvalidSecurityToken.Expired": (400, "Specified SecurityToken is expired."),
    "InvalidAction.NotFound": (404, "Specified api is not found, please check your url."),
    "Forbidden": (403, "User not authorized to operate on the specified resource."),
    "InternalError": (
        500,
        "The request processing has failed due to some unknown error, exception or failure.",
    ),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server."),
}
_KNOWN = {code: Refusal(200, text) for code, text in _SERVICE.items()} | {
    code: Refusal(*refusal) for code, refusal in _GATEWAY.items()
}
_SERVICE_PREFIXES = ("isv.", "isp.", "biz.")

THROTTLING_CODES = ("Throttling", "Throttling.Api", "Throttling.User")


def refusal_of(code: str) -> Refusal:
    """The status and text of a code; those of an unknown one follow from its form."""
    status = 200 if code.startswith(_SERVICE_PREFIXES) else 400
    return _KNOWN.get(code) or Refusal(status, code)
