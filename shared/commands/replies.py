"""`replies`: what people wrote back on a day, and which send each of them answers.

A reply names no send. It answers the last message that its number got before it, as the platform
shows it (QuerySendDetails) on that day or the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.clock import parse_platform_time, platform_date
from shared.errors import SmsError
from shared.ids import read_wire_id
from shared.platform.queries import SendDetail, all_details
from shared.receipts.delivery_status import read_send_date
from shared.receipts.keeping import required_store
from shared.receipts.replies import KeptReply, replies_of_day
from shared.trigger.invocation import Invocation

MOST_ASKED = 200  # replies whose send is looked for; the others are listed without
_DAY = 86400
_TOLERANCE = 60  # seconds; the times of sends and of replies are of two clocks


def of_day(arguments: Mapping[str, Any], invocation: Invocation) -> dict[str, object]:
    """Return the replies of ``day`` (UTC+8), the first first, each with the send that it answers.

    ``answers`` is null where none is found, and ``problem`` says why the platform was not asked.
    """
    day = read_send_date(arguments.get("day"), invocation.api.clock.now(), "day")
    store = required_store(invocation)
    replies = sorted(replies_of_day(store, day), key=lambda reply: reply.record.send_date)
    seen: dict[str, list[SendDetail]] = {}
    return {
        "day": day,
        "replies": [
            _told(reply, day, invocation, seen=seen if place < MOST_ASKED else None)
            for place, reply in enumerate(replies)
        ],
    }


def _told(
    reply: KeptReply, day: str, invocation: Invocation, *, seen: dict[str, list[SendDetail]] | None
) -> dict[str, object]:
    record = reply.record
    answers, problem = None, ""
    number = record.number(reply.key, invocation.api.settings.state_secret)
    if seen is None:
        problem = "too-many-replies"
    elif number:
        try:
            if number not in seen:
                seen[number] = _messages(number, day, invocation)
            answers = _last_before(record.send_date, seen[number])
        except SmsError as error:
            problem = error.code
    return {
        "send_date": record.send_date,
        "phone_number": record.phone_number,
        "number_hash": record.number_hash,
        "content": record.content,
        "dest_code": record.dest_code,
        "sign_name": record.sign_name,
        "answers": answers,
        "problem": problem,
    }


def _messages(number: str, day: str, invocation: Invocation) -> list[SendDetail]:
    """Return what the platform shows of a number on a day and the one before."""
    noon = parse_platform_time(f"{day[:4]}-{day[4:6]}-{day[6:]} 12:00:00") or 0.0
    return [
        detail
        for date in (platform_date(noon - _DAY), day)
        for detail in all_details(invocation.api, number, date, deadline=invocation.deadline)
    ]


def _last_before(reply_date: str, details: list[SendDetail]) -> dict[str, str] | None:
    """Return the last message before a reply, as far as the platform shows any."""
    replied_at = parse_platform_time(reply_date)
    if replied_at is None:
        return None
    before = [
        (sent_at, detail)
        for detail in details
        if (sent_at := parse_platform_time(detail.send_date)) is not None
        and sent_at <= replied_at + _TOLERANCE
    ]
    if not before:
        return None
    _, last = max(before, key=lambda each: each[0])
    wire_id = read_wire_id(last.out_id)
    return {
        "caller": wire_id.space if wire_id else "",
        "out_id": wire_id.out_id if wire_id else "",
        "send_date": last.send_date,
        "template": last.template_code,
    }
