"""What became of messages, as QuerySendDetails tells it (document 419277).

Absence proves nothing: how long a message takes to become visible is not documented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from shared import phone_numbers
from shared.clock import is_date, platform_date
from shared.errors import AnswerLost, InvalidRequest
from shared.fields import read_object, read_out_id, read_text, read_whole_number
from shared.sms_api import SmsApi

MAX_PAGE_SIZE = 50
_QUESTION_FIELDS = frozenset(
    (
        "biz_id",
        "current_page",
        "include_content",
        "out_id",
        "page_size",
        "phone_number",
        "send_date",
    )
)
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
    def meaning(self) -> str:
        """What the receipt code says; empty while there is none."""
        from shared.error_codes import find

        known = find(self.err_code)
        if known is None:
            return "not documented" if self.err_code else ""
        return known.meaning


class Question(NamedTuple):
    """What ``POST /delivery-status`` asks for."""

    phone_number: str
    send_date: str
    biz_id: str
    out_id: str
    page_size: int
    current_page: int
    include_content: bool


class Page(NamedTuple):
    """One page of an answer, and the number of messages on all pages."""

    total: int
    details: tuple[SendDetail, ...]


def read_question(body: object, now: float) -> Question:
    """Read the body of ``POST /delivery-status``; `now` is in epoch seconds.

    Raises InvalidRequest naming the field that breaks a rule.
    """
    request = read_object(body, "", _QUESTION_FIELDS)
    include_content = request.get("include_content", False)
    if not isinstance(include_content, bool):
        raise InvalidRequest("must be true or false", field="include_content")
    size = request.get("page_size", MAX_PAGE_SIZE)
    biz_id = read_text(request.get("biz_id", ""), "biz_id")
    return Question(
        phone_number=phone_numbers.queried(request.get("phone_number"), "phone_number"),
        send_date=_read_send_date(request.get("send_date"), now),
        biz_id=biz_id,
        out_id=read_out_id(request["out_id"], "out_id") if "out_id" in request else "",
        page_size=read_whole_number(size, "page_size", 1, MAX_PAGE_SIZE),
        current_page=read_whole_number(request.get("current_page", 1), "current_page", 1, 10**6),
        include_content=include_content,
    )


def ask(api: SmsApi, question: Question, deadline: float) -> Page:
    """Ask the platform; with an out_id all its pages are searched, since it cannot search for one.

    Raises PlatformRefused, ConnectionFailed or AnswerLost.
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
    found = tuple(
        detail
        for detail in all_details(api, number, date, deadline, biz_id)
        if _without_part(detail.out_id) == question.out_id
    )
    start = (question.current_page - 1) * question.page_size
    return Page(len(found), found[start : start + question.page_size])


def shown(detail: SendDetail, question: Question) -> dict[str, str]:
    """Return `detail` as the caller gets it; the text only when asked for, codes struck out."""
    answer = {
        "phone_number": detail.phone_number,
        "status": detail.status,
        "err_code": detail.err_code,
        "meaning": detail.meaning,
        "send_date": detail.send_date,
        "receive_date": detail.receive_date,
        "out_id": _without_part(detail.out_id),
        "template_code": detail.template_code,
    }
    if question.include_content:
        answer["content"] = _CODE_LIKE.sub("****", detail.content)
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
    current_page = 1
    while True:
        page = read_page(
            api, phone_number, send_date, deadline, current_page=current_page, biz_id=biz_id
        )
        yield from page.details
        if not page.details or current_page * MAX_PAGE_SIZE >= page.total:
            return
        current_page += 1


def _read(entry: Mapping[str, Any]) -> SendDetail:
    return SendDetail(
        phone_number=str(entry.get("PhoneNum", "")),
        status=_STATUSES.get(str(entry.get("SendStatus")), "waiting"),
        err_code=str(entry.get("ErrCode") or ""),
        template_code=str(entry.get("TemplateCode") or ""),
        out_id=str(entry.get("OutId") or ""),
        content=str(entry.get("Content") or ""),
        send_date=str(entry.get("SendDate") or ""),
        receive_date=str(entry.get("ReceiveDate") or ""),
    )


def _without_part(out_id: str) -> str:
    return out_id.partition("~")[0]


def _read_send_date(value: object, now: float) -> str:
    """Return a date as the platform wants it, after a look whether it keeps that day."""
    if isinstance(value, str) and is_date(value):
        oldest = platform_date(now - _DAYS_KEPT * 86400)
        if oldest <= value <= platform_date(now):
            return value
    raise InvalidRequest(
        f'must be a date of the last {_DAYS_KEPT} days in UTC+8, such as "20260131"',
        field="send_date",
    )
