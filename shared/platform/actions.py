"""The operations of the platform that we call: a row each.

To add one: a row here, a reader of its request (sending/ has those of sends), and the operation in
the emulator, so that it can be tried. Everything else asks this table.

Sources: documents 55284 (SendSms), 419274 (SendBatchSms), 419277 (QuerySendDetails), 419276
(QuerySendStatistics), 106595, as of 2019 (QueryMessage), 101646 (QueryTokenForMnsQueue),
api-dysmsapi-2018-05-01-sendmessagetoglobe, and SendSmsVerifyCode and CheckSmsVerifyCode of PNVS.
SendInterSms, of 2017, is no longer documented.
"""

from typing import NamedTuple


class Action(NamedTuple):
    """One operation.

    `endpoint` is the member of Settings that holds its address.

    The rest is about operations that send. `id_parameter` carries our id, which comes back in
    receipts. The answer has the platform's id of the message in `message_id`. `shown_by` is the
    operation that shows what became of it, if there is one. A message is billed once, or by the
    segments of the text in `billed_by`. `confirmed_by` is a member of the answer that has to be
    true besides its code.
    """

    version: str
    endpoint: str
    id_parameter: str = ""
    message_id: str = "BizId"
    shown_by: str = ""
    billed_by: str = ""
    confirmed_by: str = ""

    @property
    def sends(self) -> bool:
        """Whether the operation sends messages."""
        return bool(self.id_parameter)

    @property
    def name_of_id(self) -> str:
        """What we call the platform's id of a message: ``biz_id`` or ``message_id``."""
        return "biz_id" if self.message_id == "BizId" else "message_id"

    @property
    def is_found_by_our_id(self) -> bool:
        """Whether a query shows our id with the message: then a lost answer can be found."""
        return self.shown_by == "QuerySendDetails"


ACTIONS = {
    "SendSms": Action("2017-05-25", "endpoint", id_parameter="OutId", shown_by="QuerySendDetails"),
    "SendBatchSms": Action(
        "2017-05-25", "endpoint", id_parameter="OutId", shown_by="QuerySendDetails"
    ),
    "SendInterSms": Action("2017-05-25", "endpoint", id_parameter="OutId"),
    "SendMessageToGlobe": Action(
        "2018-05-01",
        "international_endpoint",
        id_parameter="TaskId",
        message_id="MessageId",
        shown_by="QueryMessage",
        billed_by="Message",
    ),
    "SendSmsVerifyCode": Action(
        "2017-05-25", "pnvs_endpoint", id_parameter="OutId", confirmed_by="Success"
    ),
    "CheckSmsVerifyCode": Action("2017-05-25", "pnvs_endpoint"),
    "QuerySendDetails": Action("2017-05-25", "endpoint"),
    "QueryMessage": Action("2018-05-01", "international_endpoint"),
    "QuerySendStatistics": Action("2017-05-25", "endpoint"),
    "QueryTokenForMnsQueue": Action("2017-05-25", "base_endpoint"),
}
# What only tools ask, such as QuerySmsSign, has no row: it is of the domestic API.
UNLISTED = Action("2017-05-25", "endpoint")
