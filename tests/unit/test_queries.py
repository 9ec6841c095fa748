"""What the platform is asked about messages, by number and by id, and what its answers become."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import pytest

from shared.errors import AnswerLost, ConnectionFailed, PlatformRefused
from shared.platform.queries import SendDetail, all_details, query_message, read_page
from tests.unit.conftest import ApiTo, Served
from tests.unit.manual_clock import ManualClock
from tests.unit.scripted_server import Scene, answer, hang_up
from tests.unit.sms_platform import REQUEST_ID, Platform, detail, details, pages_of

# pages of QuerySendDetails


@pytest.mark.parametrize("total", [0, 49, 50, 51, 100])
def test_every_page_is_read_once(
    platform: Platform, endpoint: str, api_to: ApiTo, total: int
) -> None:
    entries = [detail(OutId=str(number)) for number in range(total)]
    platform.decide("QuerySendDetails", pages_of(entries))
    found = list(all_details(api_to(endpoint), "13800138000", "20270115", deadline=9.0))
    assert [each.out_id for each in found] == [str(number) for number in range(total)]
    assert len(platform.calls) == max(-(-total // 50), 1)


def test_a_platform_that_never_ends_its_pages_is_left_when_an_empty_one_comes(
    platform: Platform, endpoint: str, api_to: ApiTo
) -> None:
    platform.on("QuerySendDetails", details(detail(), total=10**9), details(total=10**9), hang_up())
    assert len(list(all_details(api_to(endpoint), "13800138000", "20270115", deadline=9.0))) == 1
    assert len(platform.calls) == 2


def test_paging_ends_at_the_deadline(
    platform: Platform, endpoint: str, api_to: ApiTo, clock: ManualClock
) -> None:
    def slowly(_parameters: Any) -> Any:
        clock.advance(1.0)
        return details(detail(), total=10**9)

    platform.decide("QuerySendDetails", slowly)
    with pytest.raises(ConnectionFailed):
        list(all_details(api_to(endpoint), "13800138000", "20270115", deadline=2.5))
    assert len(platform.calls) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"Code": "OK"},
        {"Code": "OK", "TotalCount": "0", "SmsSendDetailDTOs": None},
        {"Code": "OK", "TotalCount": 0, "SmsSendDetailDTOs": {}},
        {"Code": "OK", "TotalCount": None, "SmsSendDetailDTOs": {"SmsSendDetailDTO": None}},
    ],
)
def test_an_empty_answer_is_an_empty_page(
    platform: Platform, endpoint: str, api_to: ApiTo, body: dict[str, Any]
) -> None:
    platform.on("QuerySendDetails", answer(body))
    assert read_page(api_to(endpoint), "13800138000", "20270115", deadline=9.0) == (0, ())


@pytest.mark.parametrize(
    "body",
    [
        {"Code": "OK", "TotalCount": "many"},
        {"Code": "OK", "TotalCount": [1]},
        {"Code": "OK", "TotalCount": 1e400},
        {"Code": "OK", "SmsSendDetailDTOs": []},
        {"Code": "OK", "SmsSendDetailDTOs": [1]},
        {"Code": "OK", "SmsSendDetailDTOs": "x"},
        {"Code": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": 5}},
        {"Code": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": ["x"]}},
        {"Code": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": [None]}},
    ],
)
def test_an_answer_of_another_shape_is_an_empty_page_or_lost(
    platform: Platform, endpoint: str, api_to: ApiTo, body: dict[str, Any]
) -> None:
    platform.on("QuerySendDetails", answer(body))
    with contextlib.suppress(AnswerLost):
        assert read_page(api_to(endpoint), "13800138000", "20270115", deadline=9.0) == (0, ())


# QueryMessage

MESSAGE_ID = "1008030300300300"
QUERIED: dict[str, Any] = {
    "ResponseCode": "OK",
    "ResponseDescription": "OK",
    "RequestId": REQUEST_ID,
    "MessageId": MESSAGE_ID,
    "To": "85251234567",
    "Message": "Hello 123456",
    "Status": "1",
    "ErrorCode": "DELIVERED",
    "ErrorDescription": "success",
    "SendDate": "Mon, 24 Dec 2018 16:58:22 +0800",
    "ReceiveDate": "Mon, 24 Dec 2018 09:58:25 +0100",
    "NumberDetail": {"Country": "China", "Region": "HongKong", "Carrier": "CMI"},
}


def status_of(platform: Platform, endpoint: str, api_to: ApiTo, **fields: Any) -> SendDetail | None:
    platform.on("QueryMessage", answer({**QUERIED, **fields}))
    api = api_to("http://127.0.0.1:1", SMS_INTERNATIONAL_ENDPOINT=endpoint)
    return query_message(api, MESSAGE_ID, deadline=30)


def test_a_message_is_asked_for_by_its_id(platform: Platform, endpoint: str, api_to: ApiTo) -> None:
    assert status_of(platform, endpoint, api_to) == SendDetail(
        phone_number="85251234567",
        status="delivered",
        err_code="DELIVERED",
        template_code="",
        out_id="",
        content="",
        send_date="2018-12-24 16:58:22",
        receive_date="2018-12-24 16:58:25",
    )
    assert platform.asked("QueryMessage") == [{"MessageId": MESSAGE_ID}]


@pytest.mark.parametrize(
    ("code", "statuses"),
    [
        ("DELIVERED", {"1": "delivered", "3": "delivered", "2": "failed"}),
        ("success", {"1": "delivered", "3": "delivered", None: "delivered"}),
        ("EXPIRED", {"1": "failed", "2": "failed", "3": "failed"}),
        ("MOBILE_IN_BLACK", {"2": "failed", "0": "failed"}),
        ("REQUEST_SUCCESS", {"1": "waiting", "3": "waiting"}),
        ("", {"1": "waiting", "2": "failed", "3": "waiting", 2: "failed"}),
        (None, {"1": "waiting", "2": "failed", "3": "waiting", None: "waiting"}),
        ("OK", {"1": "waiting", "3": "waiting"}),
        ("NEW_CODE", {"1": "waiting", "2": "failed", "3": "waiting"}),
    ],
)
def test_a_status_is_judged_by_its_code_first(
    platform: Platform,
    endpoint: str,
    api_to: ApiTo,
    code: object,
    statuses: Mapping[object, str],
) -> None:
    for given_status, expected in statuses.items():
        found = status_of(platform, endpoint, api_to, ErrorCode=code, Status=given_status)
        assert found
        assert (found.status, found.err_code) == (expected, code or "")


@pytest.mark.parametrize("code", ["DATA_NOT_EXIST", "isv.DATA_NOT_EXIST"])
def test_a_message_that_is_not_visible_has_no_status(
    platform: Platform, endpoint: str, api_to: ApiTo, code: str
) -> None:
    assert status_of(platform, endpoint, api_to, ResponseCode=code) is None


@pytest.mark.parametrize("text", ["", None, "Mon, 24 Dec 2018", 7, [], "x"])
def test_a_time_that_cannot_be_read_is_empty(
    platform: Platform, endpoint: str, api_to: ApiTo, text: object
) -> None:
    found = status_of(platform, endpoint, api_to, SendDate=text, ReceiveDate=text)
    assert found
    assert (found.send_date, found.receive_date) == ("", "")


@pytest.mark.parametrize(
    ("scene", "error"),
    [
        (answer({"ResponseCode": "RAM_PERMISSION_DENY"}), PlatformRefused),
        (hang_up(), AnswerLost),
        (answer({}), AnswerLost),
    ],
)
def test_a_failed_query_is_an_error(
    serve: Served, api_to: ApiTo, scene: Scene, error: type[Exception]
) -> None:
    api = api_to("http://127.0.0.1:1", SMS_INTERNATIONAL_ENDPOINT=serve(lambda _: scene).url)
    with pytest.raises(error):
        query_message(api, MESSAGE_ID, deadline=30)


def test_no_number_and_no_text_of_a_message_is_logged(
    platform: Platform, endpoint: str, api_to: ApiTo, log_stream: Any
) -> None:
    status_of(platform, endpoint, api_to)
    lines = log_stream.getvalue()
    assert lines.count("\n") == 1
    for secret in ("51234567", "123456", "Hello", MESSAGE_ID):
        assert secret not in lines
