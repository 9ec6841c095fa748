"""What became of messages: stored receipts, QuerySendDetails (document 419277), QueryMessage.

Absence proves nothing: how long a message takes to become visible is not documented. Where a stored
receipt and the platform's answer differ, the one that is final is right.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import phone_numbers
from shared.clock import is_date, parse_platform_time, platform_date
from shared.errors import (
    AnswerLost,
    ConnectionFailed,
    InvalidRequest,
    PlatformRefused,
    StoreUnavailable,
)
from shared.fields import read_flag, read_object, read_out_id, read_text, read_whole_number
from shared.sms_api import SmsApi

if TYPE_CHECKING:
    from shared.receipts import Receipt
    from shared.store import Store

MAX_PAGE_SIZE = 50
_APART = 15 * 60  # seconds; a second message with the same out_id is never sent earlier
_DAYS_KEPT = 30
_STATUSES = {"1": "waiting", "2": "failed", "3": "delivered"}
_CODE_LIKE = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{4,8}(?![A-Za-z0-9])", re.ASCII
)


class SendDetail(NamedTuple):
    """One message to one number; times are ``yyyy-MM-dd HH:mm:ss`` in UTC+8, or empty."""

    phone_number: str
    status: str
    err_code: str
    template_code: str
    out_id: str
    content: str
    send_date: str
    receive_date: str

    @property
    def is_final(self) -> bool:
        """Whether it says more than that the message is on its way."""
        return self.status != "waiting"

    @property
    def meaning(self) -> str:
        """What the receipt code says; empty while there is none."""
        return meaning_of(self.err_code)


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


class Page(NamedTuple):
    """One page of an answer, and the number of messages on all pages."""

    total: int
    details: tuple[SendDetail, ...]


def read_question(body: object, now: float) -> Question:
    """Read the body of ``POST /delivery-status``; `now` is in epoch seconds.

    Raises InvalidRequest naming the field that breaks a rule.
    """
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


def ask(api: SmsApi, question: Question, deadline: float, store: Store | None = None) -> Page:
    """Ask the platform; with an out_id all its pages are searched, since it cannot search for one,
    and what stored receipts say is added.

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
        found = [each for each in every if without_part(each.out_id) == question.out_id]
    except (PlatformRefused, ConnectionFailed, AnswerLost):
        if not any(detail.is_final for detail in _of_day(stored, date)):
            raise
        found = []
    found, others = _merged(found, stored)
    found += _of_day(others, date)
    start = (question.current_page - 1) * question.page_size
    return Page(len(found), tuple(found[start : start + question.page_size]))


def shown(detail: SendDetail, question: Question) -> dict[str, str]:
    """Return `detail` as the caller gets it; the text only when asked for, codes struck out."""
    answer = {
        **detail._asdict(),
        "meaning": detail.meaning,
        "out_id": without_part(detail.out_id),
        "content": _CODE_LIKE.sub("****", detail.content),
    }
    if not question.include_content:
        del answer["content"]
    return answer


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


def meaning_of(err_code: str) -> str:
    """Return what a receipt code says; nothing where there is none."""
    from shared.error_codes import find

    known = find(err_code)
    if known is None:
        return "not documented" if err_code else ""
    return known.meaning


def _stored(api: SmsApi, question: Question, store: Store | None) -> list[SendDetail]:
    from shared import receipts

    secret, out_id = api.settings.state_secret, question.out_id
    number_hash = api.log.numbers((question.phone_number,))["number_hash"]
    found = look_up(api, store, lambda kept: receipts.of_out_id(kept, secret, out_id)[0])
    return [
        SendDetail(
            phone_number=question.phone_number,
            status=receipt.status,
            err_code=receipt.err_code,
            template_code="",
            out_id=receipt.out_id,
            content="",
            send_date=receipt.send_date,
            receive_date=receipt.receive_date,
        )
        for receipt in found
        if receipt.number_hash == number_hash and question.biz_id in ("", receipt.message_id)
    ]


def look_up(
    api: SmsApi, store: Store | None, ask_store: Callable[[Store], Sequence[Receipt]]
) -> Sequence[Receipt]:
    """Return what `ask_store` finds; nothing without a store or when it fails."""
    if store is None:
        return []
    try:
        return ask_store(store)
    except StoreUnavailable as error:
        api.log.event("error", "store", "failed", code=error.code, detail=error.detail)
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


def without_part(out_id: str) -> str:
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
