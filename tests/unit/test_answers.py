"""From the outcome of an intent to the HTTP answer."""

from __future__ import annotations

from typing import Any

import pytest

from shared.limit_rules import RULES
from shared.sending.intents import Part, PartOutcome
from shared.trigger.answers import send_response
from shared.trigger.http_trigger import Response


def part(number: int = 0) -> Part:
    first = number * 100
    return Part(
        number=number,
        first=first,
        last=first + 99,
        action="SendSms",
        phone_numbers=("13800138000",),
        template_code="SMS_1",
        parameters={},
    )


def accepted(number: int = 0) -> PartOutcome:
    return PartOutcome(part(number), "accepted", "OK", f"B-{number}", f"R-{number}")


def found(number: int = 0) -> PartOutcome:
    return PartOutcome(part(number), "accepted", "OK", reconciled=True)


def rejected(code: str, number: int = 0, retry_after: int = 0) -> PartOutcome:
    return PartOutcome(part(number), "rejected", code, "", f"R-{number}", retry_after)


def unknown(code: str = "answer-lost", number: int = 0, retry_after: int = 0) -> PartOutcome:
    return PartOutcome(part(number), "unknown", code, retry_after=retry_after)


def replayed(number: int = 0) -> PartOutcome:
    return accepted(number)._replace(replayed=True)


def by_receipt_only() -> PartOutcome:
    return unknown()._replace(part=part()._replace(action="SendMessageToGlobe"))


def body_of(response: Response) -> dict[str, Any]:
    assert isinstance(response.body, dict)
    return response.body


def test_one_accepted_part() -> None:
    assert send_response("order-1", [accepted()]) == Response(
        200,
        {
            "out_id": "order-1",
            "outcome": "accepted",
            "biz_id": "B-0",
            "platform_request_id": "R-0",
        },
    )


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_limit_is_429_with_its_rule_and_the_time_to_wait(rule: str) -> None:
    refusal = rejected(rule, retry_after=42)._replace(request_id="")
    response = send_response("order-1", [refusal], has_store=True)
    assert response.status == 429
    assert response.headers == {"Retry-After": "42"}
    body = body_of(response)
    assert (body["code"], body["retryable"], body["outcome"]) == (rule, True, "rejected")
    assert body["detail"] == (
        f"The limit {rule} is reached, so this was not sent. Repeat it as it is in 42 s."
    )


def test_a_request_larger_than_a_limit_is_to_be_split() -> None:
    response = send_response("order-1", [rejected("mainland-per-day")], has_store=True)
    body = body_of(response)
    assert (response.status, response.headers, body["retryable"]) == (429, {}, False)
    assert body["detail"] == "This alone is more than the limit mainland-per-day: split it."


def test_a_limit_that_some_parts_met_is_listed_with_them() -> None:
    refusal = rejected("mainland-per-day", 1, 42)
    response = send_response("order-1", [accepted(), refusal], has_store=True)
    assert response.status == 207
    assert body_of(response)["parts"][1]["code"] == "mainland-per-day"
    both = send_response("order-1", [rejected("mainland-per-day", 0, 42), refusal], has_store=True)
    assert (both.status, both.headers["Retry-After"]) == (429, "42")
    assert len(body_of(both)["parts"]) == 2


def test_one_part_found_by_a_query_has_no_biz_id() -> None:
    assert send_response("order-1", [found()]) == Response(
        200, {"out_id": "order-1", "outcome": "accepted", "reconciled": True}
    )


def test_a_repeat_of_what_was_accepted_is_marked() -> None:
    assert send_response("order-1", [replayed()], has_store=True) == Response(
        200,
        {
            "out_id": "order-1",
            "outcome": "accepted",
            "biz_id": "B-0",
            "platform_request_id": "R-0",
            "replayed": True,
        },
    )


@pytest.mark.parametrize(
    ("outcome", "status", "retryable", "retry_after", "says"),
    [
        (rejected("isv.AMOUNT_NOT_ENOUGH"), 502, False, None, "Top up"),
        (rejected("isv.MOBILE_NUMBER_ILLEGAL"), 422, False, None, "phone number"),
        (rejected("isv.BLACK_KEY_CONTROL_LIMIT"), 422, False, None, "opt"),
        (rejected("SignatureDoesNotMatch"), 502, False, None, "secret"),
        (rejected("InvalidTimeStamp.Format"), 502, False, None, ""),
        (rejected("isv.BRAND_NEW"), 502, False, None, "not documented"),
        (rejected("isv.BUSINESS_LIMIT_CONTROL", 0, 37), 429, False, "37", "new out_id"),
        (rejected("Throttling.User", 0, 1), 429, False, "1", "new out_id"),
        (rejected("Throttling.Api", 0, 1), 503, False, "1", "new out_id"),
        (rejected("connection-failed"), 503, True, "1", "nothing was sent"),
        (rejected("out-of-time"), 503, True, "1", "before this was sent"),
        (unknown(), 504, False, None, "POST /delivery-status"),
        (unknown("isp.SYSTEM_ERROR"), 504, False, None, "POST /delivery-status"),
        (unknown("SignatureNonceUsed"), 504, False, None, "POST /delivery-status"),
        (unknown("OK"), 504, False, None, "POST /delivery-status"),
    ],
    ids=lambda value: value.code if isinstance(value, PartOutcome) else None,
)
def test_one_part_that_was_not_accepted_becomes_a_problem(
    outcome: PartOutcome, status: int, retryable: bool, retry_after: str | None, says: str
) -> None:
    response = send_response("order-1", [outcome])
    body = body_of(response)
    assert response.status == body["status"] == status
    assert response.headers.get("Retry-After") == retry_after
    assert (body["code"], body["retryable"], body["out_id"], body["outcome"]) == (
        outcome.code,
        retryable,
        "order-1",
        outcome.outcome,
    )
    assert body.get("platform_request_id", "") == outcome.request_id
    assert body["type"].endswith(outcome.code)
    assert body["title"]
    assert says in body["detail"]
    assert body["detail"].endswith(".")


@pytest.mark.parametrize(
    ("outcome", "status", "retryable", "retry_after", "says"),
    [
        (rejected("isv.AMOUNT_NOT_ENOUGH"), 502, False, None, "Top up"),
        (rejected("isv.BUSINESS_LIMIT_CONTROL", 0, 37), 429, True, "37", "frequency limit"),
        (rejected("Throttling.Api", 0, 1), 503, True, "1", ""),
        (rejected("connection-failed"), 503, True, "1", "Repeat it as it is."),
        (rejected("out-of-time"), 503, True, "1", "Repeat it as it is."),
        (rejected("store-unavailable", 0, 1), 503, True, "1", "this call sent nothing"),
        (rejected("sending-stopped", 0, 60), 503, True, "60", "The owner has stopped sending"),
        (rejected("out-id-conflict"), 409, False, None, "take a new one"),
        (unknown("in-progress", 0, 25), 409, True, "25", "at work on this out_id"),
        (unknown(), 504, True, None, '"resend_unknown": true'),
        (unknown("interrupted"), 504, True, None, "never sends twice"),
        (by_receipt_only(), 504, True, None, "Only its receipt, which carries this out_id, tells"),
    ],
    ids=lambda value: value.code if isinstance(value, PartOutcome) else None,
)
def test_with_a_store_a_repeat_is_safe(
    outcome: PartOutcome, status: int, retryable: bool, retry_after: str | None, says: str
) -> None:
    response = send_response("order-1", [outcome], has_store=True)
    body = body_of(response)
    assert (response.status, body["status"], body["retryable"]) == (status, status, retryable)
    assert response.headers.get("Retry-After") == retry_after
    assert says in body["detail"]
    assert "send again with a new out_id" not in body["detail"]


def test_what_only_a_receipt_settles_is_not_said_to_be_sent_again() -> None:
    for has_store in (False, True):
        body = body_of(send_response("order-1", [by_receipt_only()], has_store=has_store))
        assert "Only its receipt, which carries this out_id, tells" in body["detail"]
        assert "resend_unknown" not in body["detail"]


def test_with_a_store_the_whole_may_be_repeated_as_it_is() -> None:
    outcomes = [replayed(0), rejected("store-unavailable", 1), unknown(number=2)]
    body = body_of(send_response("order-1", outcomes, has_store=True))
    assert [listed.get("replayed") for listed in body["parts"]] == [True, None, None]
    assert "Repeat it as it is." in body["parts"][1]["detail"]
    assert "new out_id" not in str(body)


def test_several_accepted_parts() -> None:
    response = send_response("order-1", [accepted(0), found(1)])
    assert response.status == 200
    assert response.body == {
        "out_id": "order-1",
        "outcome": "accepted",
        "parts": [
            {
                "part": 0,
                "first": 0,
                "last": 99,
                "outcome": "accepted",
                "biz_id": "B-0",
                "platform_request_id": "R-0",
            },
            {"part": 1, "first": 100, "last": 199, "outcome": "accepted", "reconciled": True},
        ],
    }


def test_parts_that_differ_are_listed() -> None:
    outcomes = [
        accepted(0),
        rejected("isv.AMOUNT_NOT_ENOUGH", 1),
        unknown(number=2),
        rejected("out-of-time", 3),
    ]
    response = send_response("order-1", outcomes)
    body = body_of(response)
    assert (response.status, body["outcome"]) == (207, "mixed")
    assert [
        (listed["part"], listed["first"], listed["last"], listed["outcome"], listed.get("code"))
        for listed in body["parts"]
    ] == [
        (0, 0, 99, "accepted", None),
        (1, 100, 199, "rejected", "isv.AMOUNT_NOT_ENOUGH"),
        (2, 200, 299, "unknown", "answer-lost"),
        (3, 300, 399, "rejected", "out-of-time"),
    ]
    details = [listed.get("detail", "") for listed in body["parts"]]
    assert "Top up" in details[1]
    assert "POST /delivery-status" in details[2]
    assert "new out_id" in details[3]  # the whole must not be repeated as it is
    assert "Repeat it as it is" not in str(details)


@pytest.mark.parametrize(
    ("outcomes", "status", "retryable"),
    [
        ([rejected("isv.AMOUNT_NOT_ENOUGH", n) for n in range(2)], 502, False),
        ([rejected("connection-failed", n) for n in range(2)], 503, True),
        ([unknown(number=n) for n in range(2)], 504, False),
    ],
    ids=["refused", "not sent", "unknown"],
)
def test_parts_that_failed_alike_become_one_problem(
    outcomes: list[PartOutcome], status: int, retryable: bool
) -> None:
    response = send_response("order-1", outcomes)
    body = body_of(response)
    assert (response.status, body["retryable"]) == (status, retryable)
    assert [listed["part"] for listed in body["parts"]] == [0, 1]


def test_no_answer_repeats_a_phone_number() -> None:
    for outcome in (accepted(), found(), rejected("isv.MOBILE_NUMBER_ILLEGAL"), unknown()):
        assert "13800138000" not in str(send_response("order-1", [outcome]))
