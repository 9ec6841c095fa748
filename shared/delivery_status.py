"""What became of messages, by number or by id: stored receipts, and what the platform shows.

Where the two differ, the one that is final is right. By id no number is asked for or told: its last
two digits and its keyed hash stand for it. The platform is asked by QuerySendDetails (document
419277), for a message of SendMessageToGlobe by QueryMessage (document 106595 had it in 2019). That
it shows none proves nothing: when it does is not documented.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import phone_numbers
from shared.clock import is_date, parse_platform_time, platform_date, platform_time
from shared.errors import (
    AnswerLost,
    ConnectionFailed,
    InvalidRequest,
    PlatformRefused,
    SmsError,
    StoreUnavailable,
)
from shared.fields import read_flag, read_object, read_out_id, read_text, read_whole_number
from shared.logs import safe_message_id
from shared.sms_api import SmsApi

if TYPE_CHECKING:
    from shared.receipts import Receipt
    from shared.store import Store

MAX_PAGE_SIZE = 50
_NOT_VISIBLE = ("DATA_NOT_EXIST", "isv.DATA_NOT_EXIST")
_STATUSES = {"1": "waiting", "2": "failed", "3": "delivered"}
MAX_PART = 999_999
_ASK_BY_NUMBER = "POST phone_number and send_date to this path (numbers stay out of the URL)"
_APART = 15 * 60  # seconds; a second message with the same out_id is never sent earlier
_DAYS_KEPT = 30
_CODE_LIKE = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{4,8}(?![A-Za-z0-9])", re.ASCII
)


class SendDetail(NamedTuple):
    """One message to one number; times are ``yyyy-MM-dd HH:mm:ss`` in UTC+8, or empty."""

    phone_number: str
    status: str
    err_code: str
    send_date: str
    receive_date: str
    template_code: str = ""
    out_id: str = ""
    content: str = ""

    @property
    def is_final(self) -> bool:
        """Whether the message is no longer on its way."""
        return self.status != "waiting"

    @property
    def meaning(self) -> str:
        """What the receipt code says; empty while there is none."""
        return meaning_of(self.err_code)


class Page(NamedTuple):
    """One page of an answer, and the number of messages on all pages."""

    total: int
    details: tuple[SendDetail, ...]


class Question(NamedTuple):
    """What ``POST /delivery-status`` asks for."""

    phone_number: str
    send_date: str
    biz_id: str
    out_id: str
    page_size: int
    current_page: int
    include_content: bool


_QUESTION_FIELDS = frozenset(Question._fields)


def read_question(body: object, now: float) -> Question:
    """Read the body of ``POST /delivery-status`` at `now`, in epoch seconds."""
    request = read_object(body, "", _QUESTION_FIELDS)
    size = request.get("page_size", MAX_PAGE_SIZE)
    biz_id = read_text(request.get("biz_id", ""), "biz_id")
    return Question(
        phone_number=phone_numbers.queried(request.get("phone_number"), "phone_number"),
        send_date=_read_send_date(request.get("send_date"), now),
        biz_id=biz_id,
        out_id=read_out_id(request["out_id"], "out_id") if "out_id" in request else "",
        page_size=read_whole_number(size, "page_size", 1, MAX_PAGE_SIZE),
        current_page=read_whole_number(request.get("current_page", 1), "current_page", 1, 10**6),
        include_content=read_flag(request, "include_content"),
    )


def ask(api: SmsApi, question: Question, deadline: float, store: "Store | None" = None) -> Page:
    """Ask the platform; with an out_id, for which it cannot search, all its pages are, and what
    stored receipts say is added.

    Raises PlatformRefused, ConnectionFailed or AnswerLost, but not where a stored receipt is final.
    """
    number, date, biz_id = question.phone_number, question.send_date, question.biz_id
    if not question.out_id:
        return read_page(
            api,
            number,
            date,
            deadline,
            page_size=question.page_size,
            current_page=question.current_page,
            biz_id=biz_id,
        )
    stored = _stored(api, question, store)
    try:
        every = all_details(api, number, date, deadline, biz_id)
        found = [each for each in every if _without_part(each.out_id) == question.out_id]
    except (PlatformRefused, ConnectionFailed, AnswerLost):
        if not any(detail.is_final for detail in _of_day(stored, date)):
            raise
        found = []
    found, others = _merged(found, stored)
    found += _of_day(others, date)
    start = (question.current_page - 1) * question.page_size
    return Page(len(found), tuple(found[start : start + question.page_size]))


def shown(detail: SendDetail, question: Question) -> dict[str, str]:
    """Return `detail` for the caller; the text only when asked for, codes struck out."""
    answer = {
        **detail._asdict(),
        "meaning": detail.meaning,
        "out_id": _without_part(detail.out_id),
        "content": _CODE_LIKE.sub("****", detail.content),
    }
    if not question.include_content:
        del answer["content"]
    return answer


def _stored(api: SmsApi, question: Question, store: "Store | None") -> list[SendDetail]:
    from shared import receipts

    secret, out_id = api.settings.state_secret, question.out_id
    number_hash = api.log.numbers((question.phone_number,))["number_hash"]
    found = _from_store(api, store, lambda kept: receipts.of_out_id(kept, secret, out_id)[0])
    return [
        SendDetail(
            phone_number=question.phone_number,
            status=receipt.status,
            err_code=receipt.err_code,
            out_id=receipt.out_id,
            send_date=receipt.send_date,
            receive_date=receipt.receive_date,
        )
        for receipt in found
        if receipt.number_hash == number_hash and question.biz_id in ("", receipt.message_id)
    ]


def _from_store(
    api: SmsApi, store: "Store | None", ask_store: "Callable[[Store], Sequence[Receipt]]"
) -> "Sequence[Receipt]":
    """Return what `ask_store` finds; nothing without a store or when it fails."""
    if store is None:
        return []
    try:
        return ask_store(store)
    except StoreUnavailable as error:
        api.log.failed("store", error)
        return []


def _merged(
    found: Sequence[SendDetail], stored: Sequence[SendDetail]
) -> tuple[list[SendDetail], list[SendDetail]]:
    left = list(stored)
    merged = []
    for detail in found:
        same = next((each for each in left if _is_same(each, detail)), None)
        if same:
            left.remove(same)
        if same and same.is_final and not detail.is_final:
            detail = detail._replace(
                status=same.status, err_code=same.err_code, receive_date=same.receive_date
            )
        merged.append(detail)
    return merged, left


def _of_day(details: Sequence[SendDetail], send_date: str) -> list[SendDetail]:
    days = ("", send_date)
    return [detail for detail in details if detail.send_date[:10].replace("-", "") in days]


def _is_same(stored: SendDetail, found: SendDetail) -> bool:
    if stored.out_id != found.out_id:
        return False
    told, seen = parse_platform_time(stored.send_date), parse_platform_time(found.send_date)
    return told is None or seen is None or abs(told - seen) < _APART


def _without_part(out_id: str) -> str:
    """Return the out_id in an id on the wire."""
    return out_id.partition("~")[0]


def _read_send_date(value: object, now: float) -> str:
    if isinstance(value, str) and is_date(value):
        oldest = platform_date(now - _DAYS_KEPT * 86400)
        if oldest <= value <= platform_date(now):
            return value
    raise InvalidRequest(
        f'must be a date of the last {_DAYS_KEPT} days in UTC+8, such as "20260131"',
        field="send_date",
    )


class IdQuestion(NamedTuple):
    """What ``GET /delivery-status`` asks for; one of the ids is empty."""

    out_id: str
    message_id: str
    first_part: int


def read_id_question(query: Mapping[str, str]) -> IdQuestion:
    """Read the query of ``GET /delivery-status``; raises InvalidRequest."""
    out_id, message_id = query.get("out_id", ""), query.get("message_id", "")
    first_part = query.get("first_part", "0")
    if not out_id and not message_id:
        raise InvalidRequest(
            f"or message_id must be given, or else {_ASK_BY_NUMBER}", field="out_id"
        )
    if out_id and message_id:
        raise InvalidRequest("must not stand beside out_id: give one", field="message_id")
    if not re.fullmatch(r"[0-9]{1,6}", first_part, re.ASCII):
        raise InvalidRequest(f"must be a whole number from 0 to {MAX_PART}", field="first_part")
    if out_id:
        read_out_id(out_id, "out_id")
    elif not safe_message_id(message_id):
        raise InvalidRequest("is not the id of a message", field="message_id")
    return IdQuestion(out_id, message_id, int(first_part))


def find_by_id(
    api: SmsApi, question: IdQuestion, deadline: float, store: "Store | None"
) -> tuple[list[dict[str, object]], int]:
    """Return the messages with an id for the caller, and the part to go on from or 0.

    Raises InvalidRequest where only the number leads to an answer, and what the platform raises.
    """
    if question.message_id:
        return _of_message(api, question.message_id, deadline, store), 0
    if store is None:
        raise InvalidRequest(
            f"needs stored receipts (SMS_STATE_URL), of which there are none; {_ASK_BY_NUMBER}",
            field="out_id",
        )
    from shared import receipts

    secret = api.settings.state_secret
    found, next_part = receipts.of_out_id(store, secret, question.out_id, question.first_part)
    if not found and not question.first_part and not next_part:
        raise InvalidRequest(
            f"has no stored receipt yet; {_ASK_BY_NUMBER}, or ask by message_id, the biz_id of a "
            "message of SendMessageToGlobe",
            field="out_id",
        )
    return [_shown_receipt(receipt) for receipt in found], next_part


def _of_message(
    api: SmsApi, message_id: str, deadline: float, store: "Store | None"
) -> list[dict[str, object]]:
    from shared import receipts

    secret = api.settings.state_secret
    stored = _from_store(api, store, lambda kept: receipts.of_message(kept, secret, message_id))
    answer = [_shown_receipt(receipt) for receipt in stored]
    if stored and all(receipt.is_final for receipt in stored):
        return answer
    try:
        status = query_message(api, message_id, deadline)
    except SmsError:
        if not stored:
            raise
        return answer
    if status is None or (stored and status.status == "waiting"):
        return answer
    told = receipts.Receipt(
        **receipts.shown_number(api, status.phone_number),
        out_id=stored[0].out_id if stored else "",
        message_id=message_id,
        status=status.status,
        err_code=status.err_code,
        send_date=status.send_date,
        receive_date=status.receive_date,
        sms_size=stored[0].sms_size if stored else 0,
    )
    return [_shown_receipt(told)]


def _shown_receipt(receipt: "Receipt") -> dict[str, object]:
    return {
        **receipt._asdict(),
        "out_id": _without_part(receipt.out_id),
        "meaning": meaning_of(receipt.err_code),
    }


def read_page(
    api: SmsApi,
    phone_number: str,
    send_date: str,
    deadline: float,
    *,
    page_size: int = MAX_PAGE_SIZE,
    current_page: int = 1,
    biz_id: str = "",
) -> Page:
    """Ask for one page of the messages to `phone_number` on `send_date` (UTC+8, ``yyyyMMdd``).

    `current_page` counts from 1. Raises PlatformRefused, ConnectionFailed or AnswerLost.
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
    api: SmsApi, phone_number: str, send_date: str, deadline: float, biz_id: str = ""
) -> Iterator[SendDetail]:
    """Yield the messages of every page; raises as read_page does."""
    for number in itertools.count(1):
        page = read_page(api, phone_number, send_date, deadline, current_page=number, biz_id=biz_id)
        yield from page.details
        if not page.details or number * MAX_PAGE_SIZE >= page.total:
            return


def query_message(api: SmsApi, message_id: str, deadline: float) -> SendDetail | None:
    """Ask what became of a message of SendMessageToGlobe; None when the platform does not show it.

    Raises as `read_page` does.
    """
    try:
        answer = api.query("QueryMessage", {"MessageId": message_id}, deadline=deadline)
    except PlatformRefused as error:
        if error.code in _NOT_VISIBLE:
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
    from shared.error_codes import find

    if status == "2":
        return "failed"
    known = find(err_code) if err_code != "OK" else None
    return known.delivery_status if known else "waiting"


def meaning_of(err_code: str) -> str:
    """Return what a receipt code says; nothing where there is none."""
    from shared.error_codes import find

    known = find(err_code)
    if known is None:
        return "not documented" if err_code else ""
    return known.meaning


def _read(entry: Mapping[str, Any]) -> SendDetail:
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
