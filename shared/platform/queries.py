"""What the platform shows of messages that were sent.

That it shows none proves nothing: a message that was accepted may become visible later.

Sources: documents 419277 (QuerySendDetails) and 106595, as of 2019 (QueryMessage).
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from shared.errors import AnswerLost, PlatformRefused
from shared.platform.sms_api import SmsApi
from shared.platform.times import platform_time

MAX_PAGE_SIZE = 50
# SendStatus of QuerySendDetails: waiting for the receipt, failed, delivered
_STATUSES = {"1": "waiting", "2": "failed", "3": "delivered"}


class SendDetail(NamedTuple):
    """One message to one number.

    `status` is ``waiting``, ``delivered`` or ``failed``. `err_code` is the receipt's, such as
    ``DELIVERED``. Times are ``2026-01-31 16:00:00`` in UTC+8, or "". `out_id` is the OutId that the
    send carried. Receipts add the last two: `contradictory`, where a receipt's code says something
    else than its status, and in `contradicted_by` another final status that was reported.
    """

    phone_number: str
    status: str
    err_code: str
    send_date: str
    receive_date: str
    template_code: str = ""
    out_id: str = ""
    content: str = ""
    contradictory: bool = False
    contradicted_by: Mapping[str, str] = {}

    @property
    def is_final(self) -> bool:
        """Whether the message is no longer on its way."""
        return self.status != "waiting"


class Page(NamedTuple):
    """One page of an answer; `total` is the number of messages on all pages."""

    total: int
    details: tuple[SendDetail, ...]


def read_page(
    api: SmsApi,
    phone_number: str,
    send_date: str,
    *,
    deadline: float,
    biz_id: str = "",
    current_page: int = 1,
    page_size: int = MAX_PAGE_SIZE,
) -> Page:
    """Ask for one page of the messages to `phone_number` on `send_date` (UTC+8, ``20260131``).

    `phone_number` is in the form of phone_numbers.queried. With `biz_id` only messages of that send
    are shown. `deadline` is in monotonic seconds; `current_page` counts from 1. Raises
    PlatformRefused, ConnectionFailed or AnswerLost.
    """
    parameters = {
        "PhoneNumber": phone_number,
        "SendDate": send_date,
        "PageSize": str(page_size),
        "CurrentPage": str(current_page),
    }
    if biz_id:
        parameters["BizId"] = biz_id
    body = api.query(
        "QuerySendDetails", parameters, deadline=deadline, phone_numbers=(phone_number,)
    )
    try:
        entries = (body.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
        return Page(int(body.get("TotalCount") or 0), tuple(_read(entry) for entry in entries))
    except (ArithmeticError, AttributeError, TypeError, ValueError):
        raise AnswerLost("the platform's answer cannot be read; try again") from None


def all_details(
    api: SmsApi, phone_number: str, send_date: str, *, deadline: float, biz_id: str = ""
) -> Iterator[SendDetail]:
    """Yield the messages of every page, each asked for when it is needed.

    For the arguments, and for what it raises, see read_page.
    """
    for number in itertools.count(1):
        page = read_page(
            api,
            phone_number,
            send_date,
            deadline=deadline,
            biz_id=biz_id,
            current_page=number,
        )
        yield from page.details
        if not page.details or number * MAX_PAGE_SIZE >= page.total:
            return


def query_message(api: SmsApi, message_id: str, deadline: float) -> SendDetail | None:
    """Return what became of a message of SendMessageToGlobe; None when the platform shows none.

    `deadline` is in monotonic seconds. Raises PlatformRefused, ConnectionFailed or AnswerLost.
    """
    try:
        answer = api.query("QueryMessage", {"MessageId": message_id}, deadline=deadline)
    except PlatformRefused as error:
        if error.code.endswith("DATA_NOT_EXIST"):
            return None
        raise
    err_code = str(answer.get("ErrorCode") or "")
    return SendDetail(
        phone_number=str(answer.get("To") or ""),
        status=_judged(err_code, str(answer.get("Status"))),
        err_code=err_code,
        send_date=platform_time(str(answer.get("SendDate"))),
        receive_date=platform_time(str(answer.get("ReceiveDate"))),
    )


def _judged(err_code: str, status: str) -> str:
    """Return the status of a message of QueryMessage.

    Its documents agree only on Status 2, which is failed. That of 2019 calls 1 submitted and 3
    delivered, today's calls 1 delivered and 3 sending. So the ErrorCode decides.
    """
    from shared.platform.error_codes import find  # a table that a look-up of a send never needs

    if status == "2":
        return "failed"
    known = find(err_code) if err_code != "OK" else None
    return known.delivery_status if known else "waiting"


def meaning_of(err_code: str) -> str:
    """Return what the code in a receipt says: ``reached the handset`` for DELIVERED; "" for ""."""
    from shared.platform.error_codes import find

    known = find(err_code)
    if known:
        return known.meaning
    return "not documented" if err_code else ""


def _read(entry: Mapping[str, Any]) -> SendDetail:
    """Read one SmsSendDetailDTO; what it lacks is ""."""

    def text(name: str) -> str:
        return str(entry.get(name) or "")

    return SendDetail(
        phone_number=text("PhoneNum"),
        status=_STATUSES.get(text("SendStatus"), "waiting"),
        err_code=text("ErrCode"),
        template_code=text("TemplateCode"),
        out_id=text("OutId"),
        content=text("Content"),
        send_date=text("SendDate"),
        receive_date=text("ReceiveDate"),
    )
