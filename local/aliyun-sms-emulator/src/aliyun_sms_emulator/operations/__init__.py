"""The operations by version and name; one file per family.

Version 2017-05-25 is that of three products which share the endpoint here: Dysmsapi, Dybaseapi
(QueryTokenForMnsQueue) and Dypnsapi (SendSmsVerifyCode, CheckSmsVerifyCode).
"""

from __future__ import annotations

from collections.abc import Mapping

from aliyun_sms_emulator.operations import (
    query_send_details,
    query_send_statistics,
    query_token_for_mns_queue,
    send_inter_sms,
    send_message_to_globe,
    send_sms,
    signatures,
    templates,
    verify_codes,
)
from aliyun_sms_emulator.operations.call import Operation
from aliyun_sms_emulator.wire.answers import GLOBE, VERIFICATION

_VERSION_2017: Mapping[str, Operation] = {
    "SendSms": Operation(send_sms.send_sms, ("PhoneNumbers", "SignName", "TemplateCode")),
    "SendBatchSms": Operation(
        send_sms.send_batch_sms, ("PhoneNumberJson", "SignNameJson", "TemplateCode")
    ),
    "SendInterSms": Operation(
        send_inter_sms.send_inter_sms, ("CountryCode", "PhoneNumbers", "SignName", "TemplateCode")
    ),
    "QueryInterSmsIsoInfo": Operation(send_inter_sms.query_inter_sms_iso_info, ()),
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
    "QueryTokenForMnsQueue": Operation(
        query_token_for_mns_queue.query_token_for_mns_queue, ("MessageType",)
    ),
    "SendSmsVerifyCode": Operation(
        verify_codes.send_sms_verify_code,
        ("PhoneNumber", "SignName", "TemplateCode", "TemplateParam"),
        VERIFICATION,
    ),
    "CheckSmsVerifyCode": Operation(
        verify_codes.check_sms_verify_code, ("PhoneNumber", "VerifyCode"), VERIFICATION
    ),
}
_VERSION_2018: Mapping[str, Operation] = {
    "SendMessageToGlobe": Operation(
        send_message_to_globe.send_message_to_globe, ("To", "Message"), GLOBE
    ),
    "QueryMessage": Operation(send_message_to_globe.query_message, ("MessageId",), GLOBE),
}

OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "2017-05-25": _VERSION_2017,
    "2018-05-01": _VERSION_2018,
}
