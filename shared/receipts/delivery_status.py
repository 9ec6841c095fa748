"""What became of the messages to one number: what the platform shows, and stored receipts.

Where the two differ, the one that is final is right. Where both are final, the platform's answer
stays, and what contradicts it is shown beside it.
"""

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from shared import phone_numbers
from shared.clock import parse_platform_time, platform_date
from shared.errors import AnswerLost, ConnectionFailed, InvalidRequest, PlatformRefused
from shared.fields import read_flag, read_object, read_out_id, read_text, read_whole_number
from shared.ids import WireId, read_wire_id
from shared.platform.queries import (
    MAX_PAGE_SIZE,
    Page,
    SendDetail,
    all_details,
    meaning_of,
    read_page,
)
from shared.settings import read_templates_of_codes
from shared.trigger.invocation import Invocation

_APART = 15 * 60  # seconds; a second message with the same out_id is never sent earlier
_DAYS_KEPT = 30
# A run of four or more letters and digits with a digit in it, whatever stands beside it: it may be
# a code, a key or a number. Only its first place is tried, or the time would grow with the square
# of its length.
_CODE_LIKE = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{4,}")


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
_ASK_BY_ID = "use GET /delivery-status?message_id=..., or ?out_id=..."


def read_question(body: object, now: float) -> Question:
    """Read the body of ``POST /delivery-status`` at `now`, in epoch seconds."""
    if isinstance(body, dict) and "message_id" in body:
        raise InvalidRequest(f"cannot be asked for with POST; {_ASK_BY_ID}", field="message_id")
    request = read_object(body, "", _QUESTION_FIELDS)
    if "phone_number" not in request:
        raise InvalidRequest(
            f"is missing; to ask without the number, {_ASK_BY_ID}", field="phone_number"
        )
    size = request.get("page_size", MAX_PAGE_SIZE)
    biz_id = read_text(request.get("biz_id", ""), "biz_id")
    return Question(
        phone_number=phone_numbers.queried(request.get("phone_number"), "phone_number"),
        send_date=read_send_date(request.get("send_date"), now),
        biz_id=biz_id,
        out_id=read_out_id(request["out_id"], "out_id") if "out_id" in request else "",
        page_size=read_whole_number(size, "page_size", lowest=1, highest=MAX_PAGE_SIZE),
        current_page=read_whole_number(
            request.get("current_page", 1), "current_page", lowest=1, highest=10**6
        ),
        include_content=read_flag(request, "include_content"),
    )


def ask(question: Question, invocation: Invocation) -> Page:
    """Ask the platform for a page of the messages to a number on a day.

    With an out_id or a biz_id these are the caller's own alone. The platform cannot search for an
    out_id, so all its pages are read then, and what stored receipts say is added. Raises
    PlatformRefused, ConnectionFailed or AnswerLost, but not where a stored receipt is final.
    """
    api, deadline = invocation.api, invocation.deadline
    number, date, biz_id = question.phone_number, question.send_date, question.biz_id
    if not question.out_id and not biz_id:
        return read_page(
            api,
            number,
            date,
            deadline=deadline,
            current_page=question.current_page,
            page_size=question.page_size,
        )
    stored = _stored(question, invocation) if question.out_id else []
    try:
        every = all_details(api, number, date, deadline=deadline, biz_id=biz_id)
        found = [detail for detail in every if _is_asked_for(detail, question, invocation.space)]
    except (PlatformRefused, ConnectionFailed, AnswerLost):
        if not any(detail.is_final for detail in _of_day(stored, date)):
            raise
        found = []
    found, others = _merged(found, stored)
    found += _of_day(others, date)
    start = (question.current_page - 1) * question.page_size
    return Page(len(found), tuple(found[start : start + question.page_size]))


def shown_rows(page: Page, question: Question, space: str) -> list[dict[str, object]]:
    """Return a page for a caller of `space`, row by row, without the texts of our codes."""
    templates = read_templates_of_codes(os.environ)
    return [shown(detail, question, space, templates_of_codes=templates) for detail in page.details]


def shown(
    detail: SendDetail,
    question: Question,
    space: str,
    *,
    templates_of_codes: frozenset[str] = frozenset(),
) -> dict[str, object]:
    """Return `detail` for a caller of `space`.

    Its text is there only when it was asked for, codes struck out; that of a template of codes
    never is. Of a message of another space neither text nor out_id is shown.
    """
    wire_id = read_wire_id(detail.out_id)
    is_own = wire_id is not None and wire_id.space == space
    answer: dict[str, object] = {
        **detail._asdict(),
        "meaning": meaning_of(detail.err_code),
        "out_id": wire_id.out_id if wire_id and is_own else "",
        "content": _CODE_LIKE.sub("****", detail.content) if is_own else "",
    }
    if not question.include_content or detail.template_code in templates_of_codes:
        del answer["content"]
    for name in ("contradictory", "contradicted_by"):
        if not answer[name]:
            del answer[name]
    return answer


def _is_asked_for(detail: SendDetail, question: Question, space: str) -> bool:
    wire_id = read_wire_id(detail.out_id)
    if wire_id is None or wire_id.space != space:
        return False
    return question.out_id in ("", wire_id.out_id)


def _stored(question: Question, invocation: Invocation) -> list[SendDetail]:
    from shared.receipts.records import of_intent, stored_or_nothing  # without an out_id: none

    api, intent = invocation.api, WireId(invocation.space, question.out_id)
    secret = api.settings.state_secret
    number_hash = api.log.numbers((question.phone_number,))["number_hash"]
    found = stored_or_nothing(
        api, invocation.store, lambda known: of_intent(known, intent, state_secret=secret)[0]
    )
    return [
        SendDetail(
            phone_number=question.phone_number,
            status=receipt.status,
            err_code=receipt.err_code,
            out_id=receipt.out_id,
            send_date=receipt.send_date,
            receive_date=receipt.receive_date,
            contradictory=receipt.contradictory,
            contradicted_by=receipt.contradicted_by,
        )
        for receipt in found
        if receipt.number_hash == number_hash and question.biz_id in ("", receipt.message_id)
    ]


def _merged(
    found: Sequence[SendDetail], stored: Sequence[SendDetail]
) -> tuple[list[SendDetail], list[SendDetail]]:
    """Return what the platform shows, with what receipts know better, and the other receipts."""
    left = list(stored)
    merged = []
    for detail in found:
        same = next((receipt for receipt in left if _is_same(receipt, detail)), None)
        if same:
            left.remove(same)
        merged.append(_with_receipt(detail, same) if same and same.is_final else detail)
    return merged, left


def _with_receipt(detail: SendDetail, receipt: SendDetail) -> SendDetail:
    """Return what the platform shows of a message, with what its final receipt adds."""
    if not detail.is_final:
        return detail._replace(
            status=receipt.status,
            err_code=receipt.err_code,
            receive_date=receipt.receive_date,
            contradictory=receipt.contradictory,
            contradicted_by=receipt.contradicted_by,
        )
    if detail.status == receipt.status:
        return detail._replace(
            contradictory=receipt.contradictory and detail.err_code == receipt.err_code,
            contradicted_by=receipt.contradicted_by,
        )
    return detail._replace(
        contradicted_by={
            "status": receipt.status,
            "err_code": receipt.err_code,
            "receive_date": receipt.receive_date,
        }
    )


def _of_day(details: Sequence[SendDetail], send_date: str) -> list[SendDetail]:
    days = ("", send_date)  # a receipt may lack its date
    return [detail for detail in details if detail.send_date[:10].replace("-", "") in days]


def _is_same(stored: SendDetail, found: SendDetail) -> bool:
    if stored.out_id != found.out_id:
        return False
    in_receipt = parse_platform_time(stored.send_date)
    shown_as = parse_platform_time(found.send_date)
    return in_receipt is None or shown_as is None or abs(in_receipt - shown_as) < _APART


def read_send_date(value: object, now: float, field: str = "send_date") -> str:
    """Read a date of the last 30 days in UTC+8, such as ``20260131``; raises InvalidRequest."""
    dates = [platform_date(now - back * 86400) for back in range(_DAYS_KEPT + 1)]
    if isinstance(value, str) and value in dates:
        return value
    raise InvalidRequest(
        f'must be a date of the last {_DAYS_KEPT} days in UTC+8, such as "20260131"',
        field=field,
    )
