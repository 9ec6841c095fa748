"""The operations of the platform: one file and one row each, in folders by what they are about.

Version 2017-05-25 is that of three products which share the endpoint here: Dysmsapi, Dybaseapi
(QueryTokenForMnsQueue) and Dypnsapi (SendSmsVerifyCode, CheckSmsVerifyCode).
"""

from __future__ import annotations

from collections.abc import Mapping

from aliyun_sms_emulator.operations.codes import check_sms_verify_code, send_sms_verify_code
from aliyun_sms_emulator.operations.conversions import (
    conversion_data,
    conversion_data_intl,
    sms_conversion,
    sms_conversion_intl,
)
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.queries import (
    query_inter_sms_iso_info,
    query_message,
    query_send_details,
    query_send_statistics,
    query_token_for_mns_queue,
)
from aliyun_sms_emulator.operations.sending import (
    batch_send_message_to_globe,
    send_batch_sms,
    send_inter_sms,
    send_message_to_globe,
    send_message_with_template,
    send_sms,
)
from aliyun_sms_emulator.operations.signatures import (
    get_sms_sign,
    query_sms_sign,
    query_sms_sign_list,
)
from aliyun_sms_emulator.operations.templates import (
    add_sms_template,
    create_sms_template,
    delete_sms_template,
    get_sms_template,
    get_sms_template_list,
    modify_sms_template,
    query_sms_template,
    query_sms_template_list,
    update_sms_template,
)

_TABLE = (
    send_sms.OPERATION,
    send_batch_sms.OPERATION,
    send_message_to_globe.OPERATION,
    batch_send_message_to_globe.OPERATION,
    send_message_with_template.OPERATION,
    send_inter_sms.OPERATION,
    query_send_details.OPERATION,
    query_send_statistics.OPERATION,
    query_message.OPERATION,
    query_inter_sms_iso_info.OPERATION,
    query_token_for_mns_queue.OPERATION,
    create_sms_template.OPERATION,
    update_sms_template.OPERATION,
    delete_sms_template.OPERATION,
    get_sms_template.OPERATION,
    get_sms_template_list.OPERATION,
    add_sms_template.OPERATION,
    modify_sms_template.OPERATION,
    query_sms_template.OPERATION,
    query_sms_template_list.OPERATION,
    get_sms_sign.OPERATION,
    query_sms_sign.OPERATION,
    query_sms_sign_list.OPERATION,
    sms_conversion_intl.OPERATION,
    conversion_data_intl.OPERATION,
    sms_conversion.OPERATION,
    conversion_data.OPERATION,
    send_sms_verify_code.OPERATION,
    check_sms_verify_code.OPERATION,
)


def _by_version() -> Mapping[str, Mapping[str, Operation]]:
    versions: dict[str, dict[str, Operation]] = {}
    for operation in _TABLE:
        versions.setdefault(operation.version, {})[operation.name] = operation
    return versions


OPERATIONS = _by_version()
"""By version and name."""
