"""The operations of version 2017-05-25, by name; one file per family."""

from __future__ import annotations

from collections.abc import Mapping

from aliyun_sms_emulator.operations import (
    query_send_details,
    query_send_statistics,
    send_sms,
    signatures,
    templates,
)
from aliyun_sms_emulator.operations.call import Operation

VERSION = "2017-05-25"

OPERATIONS: Mapping[str, Operation] = {
    "SendSms": Operation(send_sms.send_sms, ("PhoneNumbers", "SignName", "TemplateCode")),
    "SendBatchSms": Operation(
        send_sms.send_batch_sms, ("PhoneNumberJson", "SignNameJson", "TemplateCode")
    ),
    "QuerySendDetails": Operation(
        query_send_details.query_send_details,
        ("PhoneNumber", "SendDate", "PageSize", "CurrentPage"),
    ),
    "QuerySendStatistics": Operation(
        query_send_statistics.query_send_statistics,
        ("IsGlobe", "StartDate", "EndDate", "PageIndex", "PageSize"),
    ),
    "QuerySmsTemplate": Operation(templates.query_sms_template, ("TemplateCode",)),
    "QuerySmsTemplateList": Operation(templates.query_sms_template_list, ()),
    "QuerySmsSign": Operation(signatures.query_sms_sign, ("SignName",)),
    "QuerySmsSignList": Operation(signatures.query_sms_sign_list, ()),
}
