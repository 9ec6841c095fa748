"""What became of messages, by number or by id: stored receipts, and what the platform shows.

Where the two differ, the one that is final is right. By id no number is asked for or told: its last
two digits and its keyed hash stand for it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared import phone_numbers
from shared.clock import parse_platform_time, platform_date
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
from shared.send_details import (
    MAX_PAGE_SIZE,
    Page,
    SendDetail,
    all_details,
    meaning_of,
    query_message,
    read_page,
)
from shared.sms_api import SmsApi

if TYPE_CHECKING:
    from shared.receipts import Receipt
    from shared.store import Store

_ASK_BY_NUMBER = "POST phone_number and send_date to this path (numbers stay out of the URL)"
_APART = 15 * 60  # seconds; a second message with the same out_id is never sent earlier
_DAYS_KEPT = 30
_CODE_LIKE = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{4,8}(?![A-Za-z0-9])", re.ASCII
)


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
        page, size = question.current_page, question.page_size
        return read_page(api, number, date, deadline, biz_id, current_page=page, page_size=size)
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
        "meaning": meaning_of(detail.err_code),
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
    dates = [platform_date(now - back * 86400) for back in range(_DAYS_KEPT + 1)]
    if isinstance(value, str) and value in dates:
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
        raise InvalidRequest("must be a whole number of up to 6 digits", field="first_part")
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
        found, next_part = _of_message(api, question.message_id, deadline, store), 0
    elif store:
        found, next_part = _of_out_id(api, question, deadline, store)
    else:
        raise InvalidRequest(
            f"needs stored receipts (SMS_STATE_URL), of which there are none; {_ASK_BY_NUMBER}",
            field="out_id",
        )
    return [_shown_receipt(receipt) for receipt in found], next_part


def _of_out_id(
    api: SmsApi, question: IdQuestion, deadline: float, store: "Store"
) -> "tuple[list[Receipt], int]":
    from shared import messages, receipts, sending

    secret, out_id, first = api.settings.state_secret, question.out_id, question.first_part
    found, next_part = receipts.of_out_id(store, secret, out_id, first)
    message_ids = {} if first else sending.message_ids(store, out_id, secret)
    if not (found or first or next_part or message_ids):
        raise InvalidRequest(f"has no stored receipt yet; {_ASK_BY_NUMBER}", field="out_id")
    for part, message_id in message_ids.items():
        known = [each for each in found if messages.split_wire_id(each.out_id)[1] == part]
        if message_id and not any(each.is_final for each in known):
            told = _of_message(api, message_id, deadline, store, out_id)
            found = [each for each in found if not told or each not in known] + told
    return found, next_part


def _of_message(
    api: SmsApi, message_id: str, deadline: float, store: "Store | None", out_id: str = ""
) -> "list[Receipt]":
    from shared import receipts

    secret = api.settings.state_secret
    stored = [*_from_store(api, store, lambda kept: receipts.of_message(kept, secret, message_id))]
    if stored and all(receipt.is_final for receipt in stored):
        return stored
    try:
        status = query_message(api, message_id, deadline)
    except SmsError:
        if not stored:
            raise
        return stored
    if status is None or (stored and status.status == "waiting"):
        return stored
    told = receipts.Receipt(
        **receipts.shown_number(api, status.phone_number),
        out_id=stored[0].out_id if stored else out_id,
        message_id=message_id,
        status=status.status,
        err_code=status.err_code,
        send_date=status.send_date,
        receive_date=status.receive_date,
        sms_size=stored[0].sms_size if stored else 0,
    )
    return [told]


def _shown_receipt(receipt: "Receipt") -> dict[str, object]:
    return {
        **receipt._asdict(),
        "out_id": _without_part(receipt.out_id),
        "meaning": meaning_of(receipt.err_code),
    }
