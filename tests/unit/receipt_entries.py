"""Receipts and replies as the platform pushes them, after the documented samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

NUMBER = "13812345634"
ABROAD = "85251234567"
BIZ_ID = "900619746936498440^0"
MAINLAND: dict[str, Any] = {
    "phone_number": NUMBER,
    "send_time": "2027-01-15 16:00:00",
    "report_time": "2027-01-15 16:00:04",
    "success": True,
    "err_code": "DELIVERED",
    "err_msg": "用户接收成功",
    "sms_size": "2",
    "biz_id": BIZ_ID,
    "out_id": "order-1",
}
INTERNATIONAL: dict[str, Any] = {
    "To": ABROAD,
    "SendDate": "Fri, 15 Jan 2027 09:00:00 +0100",
    "ReceiveDate": "Fri, 15 Jan 2027 16:00:04 +0800",
    "Status": "1",
    "ErrorCode": "success",
    "ErrorDescription": "success",
    "TaskId": "order-2~3",
    "SmsSize": "2",
    "MessageId": "1008030300001234",
}
OLDER: dict[str, Any] = {
    "PhoneNumber": ABROAD,
    "SendStatus": "3",
    "BizId": "1234567^0",
    "ExternalId": "order-3",
    "SendDate": "2027-01-15 16:00:00",
    "ReceiveDate": "2027-01-15 16:00:04",
    "ErrorCode": "DELIVERED",
    "ErrorMessage": "ok",
    "SmsQuantity": "2",
}
REPLY: dict[str, Any] = {
    "phone_number": NUMBER,
    "content": "好的，谢谢",
    "send_time": "2027-01-15 16:05:00",
    "dest_code": "1234",
    "sequence_id": "1234567890",
}


def failed(**fields: Any) -> dict[str, Any]:
    return {**MAINLAND, "success": False, "err_code": "MOBILE_NOT_ON_SERVICE", **fields}


def without(entry: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in names}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
known_fields = st.sampled_from(sorted({**MAINLAND, **INTERNATIONAL, **OLDER, **REPLY}))
