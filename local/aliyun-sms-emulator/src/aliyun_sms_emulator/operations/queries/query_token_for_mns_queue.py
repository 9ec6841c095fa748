"""QueryTokenForMnsQueue of Dybaseapi: a temporary key for the queues of receipts and replies.

Source: https://help.aliyun.com/document_detail/101641.html
"""

from __future__ import annotations

from aliyun_sms_emulator.clock import china_text
from aliyun_sms_emulator.mns.names import kind_of_queue
from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.wire.answers import SMS
from aliyun_sms_emulator.wire.reports import KINDS


def query_token_for_mns_queue(call: Call) -> dict[str, object]:
    """Give out a key for the queues of one kind, or for the one that is named."""
    kind, queue_name = call.text("MessageType"), call.text("QueueName")
    if kind not in KINDS:
        raise invalid("MessageType")
    if queue_name and kind_of_queue(queue_name) != kind:
        raise invalid("QueueName")
    now = call.platform.request_time()
    token = call.platform.store.tokens.create(call.account, kind, queue_name, now)
    return {
        "MessageTokenDTO": {
            "AccessKeyId": token.access_key_id,
            "AccessKeySecret": token.access_key_secret,
            "SecurityToken": token.security_token,
            "CreateTime": china_text(token.created_at),
            "ExpireTime": china_text(token.expires_at),
        }
    }


OPERATION = Operation(
    version="2017-05-25",
    name="QueryTokenForMnsQueue",
    required=("MessageType",),
    run=query_token_for_mns_queue,
    dialect=SMS,
)
