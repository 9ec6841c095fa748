"""Questions about a message's fate, and what the platform's answers become."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from shared.errors import AnswerLost, InvalidRequest, PlatformRefused
from shared.platform.queries import Page
from shared.platform.sms_api import SmsApi
from shared.receipts.delivery_status import Question, ask, read_question, shown
from shared.receipts.keeping import keep
from shared.settings import read_templates_of_codes
from shared.state.store import Store
from shared.trigger.invocation import Invocation
from tests.unit import sms_platform
from tests.unit.conftest import ApiTo
from tests.unit.manual_clock import AFTERNOON
from tests.unit.scripted_server import hang_up
from tests.unit.sent_parts import leave_part
from tests.unit.sms_platform import Platform, details, pages_of, refused
from tests.unit.trigger_events import SPACE

DAY = 86400
ASKED: dict[str, Any] = {"phone_number": "13800138000", "send_date": "20270115"}


def detail(**fields: Any) -> dict[str, Any]:
    """Return an entry of QuerySendDetails, of the caller's order-1 where `fields` do not say."""
    return sms_platform.detail(**{"OutId": "tester~order-1", **fields})


def asking(api: SmsApi, space: str = SPACE) -> Invocation:
    """Return an invocation of a caller of `space`, with the state that `api` is set up for."""
    return Invocation(api, 9.0, space)


def question(**fields: Any) -> Question:
    return read_question({**ASKED, **fields}, AFTERNOON)


def test_a_question_has_defaults() -> None:
    assert question() == Question("13800138000", "20270115", "", "", 50, 1, False)


def test_a_question_takes_everything() -> None:
    everything = {
        "phone_number": "+852 5123 4567",
        "biz_id": "9006^0",
        "out_id": "order-1",
        "page_size": 10,
        "current_page": 2,
        "include_content": True,
    }
    expected = Question("85251234567", "20270115", "9006^0", "order-1", 10, 2, True)
    assert question(**everything) == expected


def wrong(field: str, *values: Any) -> list[tuple[Any, str]]:
    """Return a question for each of `values` that is wrong in `field`."""
    return [({**ASKED, field: value}, field) for value in values]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({**ASKED, "PhoneNumber": "x"}, "PhoneNumber"),
        ({"message_id": "9006"}, "message_id"),
        ({**ASKED, "message_id": "9006"}, "message_id"),
        ({"out_id": "order-1"}, "phone_number"),
        ({"send_date": "20270115"}, "phone_number"),
        ({**ASKED, "phone_number": 13800138000}, "phone_number"),
        ({**ASKED, "phone_number": "12345"}, "phone_number"),
        ({"phone_number": "13800138000"}, "send_date"),
        *wrong("send_date", 20270115, "2027-01-15", "20270116", "20261215", "", None),
        *wrong("send_date", "٢٠٢٧٠١١٥", "20269999", "20270100", "2027115", " 2027115", "2027 115"),
        ({**ASKED, "biz_id": 7}, "biz_id"),
        ({**ASKED, "out_id": ""}, "out_id"),
        ({**ASKED, "out_id": "a~1"}, "out_id"),
        *wrong("page_size", 0, 51, "50", True, 1.0),
        *wrong("current_page", 0, -1, "1", 10**9),
        *wrong("include_content", 1, "true", None),
    ],
    ids=lambda value: repr(value)[-50:],
)
def test_a_broken_rule_names_its_field(body: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_question(body, AFTERNOON)
    assert (caught.value.status, caught.value.field) == (422, field)


@pytest.mark.parametrize("body", [{"message_id": "9006"}, {"out_id": "order-1"}])
def test_who_posts_an_id_alone_is_told_how_to_ask_by_id(body: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match=r"use GET /delivery-status\?message_id="):
        read_question(body, AFTERNOON)


@pytest.mark.parametrize(
    ("now", "dates"),
    [
        (AFTERNOON, ("20261216", "20270115")),
        (AFTERNOON + 8 * 3600 - 1, ("20261216", "20270115")),
        (AFTERNOON + 8 * 3600, ("20261217", "20270116")),
    ],
)
def test_a_date_is_one_of_the_last_thirty_days_by_the_platforms_calendar(
    now: float, dates: tuple[str, str]
) -> None:
    for date in dates:
        assert read_question({**ASKED, "send_date": date}, now).send_date == date
    for early_or_late in (str(int(dates[0]) - 1), str(int(dates[1]) + 1)):
        with pytest.raises(InvalidRequest):
            read_question({**ASKED, "send_date": early_or_late}, now)


def test_a_page_is_asked_for_and_read(platform: Platform, endpoint: str, api_to: ApiTo) -> None:
    platform.on("QuerySendDetails", details(detail(), total=7))
    page = ask(question(page_size=10, current_page=2), asking(api_to(endpoint)))
    assert platform.asked("QuerySendDetails") == [
        {
            "PhoneNumber": "13800138000",
            "SendDate": "20270115",
            "PageSize": "10",
            "CurrentPage": "2",
        }
    ]
    assert page.total == 7
    assert shown(page.details[0], question(), SPACE) == {
        "phone_number": "13800138000",
        "status": "delivered",
        "err_code": "DELIVERED",
        "meaning": "reached the handset",
        "send_date": "2027-01-15 16:00:00",
        "receive_date": "2027-01-15 16:00:04",
        "out_id": "order-1",
        "template_code": "SMS_1",
    }


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (1, "waiting"),
        (2, "failed"),
        (3, "delivered"),
        ("3", "delivered"),
        (9, "waiting"),
        (None, "waiting"),
    ],
)
def test_a_send_status_is_waiting_failed_or_delivered(
    platform: Platform, endpoint: str, api_to: ApiTo, status: object, said: str
) -> None:
    platform.on("QuerySendDetails", details(detail(SendStatus=status)))
    assert ask(question(), asking(api_to(endpoint))).details[0].status == said


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("", ""),
        (None, ""),
        ("NEW_CODE", "not documented"),
        ("NO_ROUTE", "no channel carries this text"),
    ],
)
def test_a_receipt_code_is_explained(
    platform: Platform, endpoint: str, api_to: ApiTo, code: object, meaning: str
) -> None:
    platform.on("QuerySendDetails", details(detail(ErrCode=code)))
    found = ask(question(), asking(api_to(endpoint))).details[0]
    assert shown(found, question(), SPACE)["meaning"] == meaning


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("【签名】Your code is 123456.", "【签名】Your code is ****."),
        ("验证码12CDE,5分钟内有效", "验证码****,5分钟内有效"),
        ("1234", "****"),
        ("12345678", "****"),
        ("123", "123"),
        ("123456789", "****"),
        ("13800138000", "****"),
        ("key A1B2C3D4E5F6G7H8", "key ****"),
        ("code_1234_", "code_****_"),
        ("é1234é", "é****é"),
        ("验证码：１２３４", "验证码：１２３４"),
        ("https://a.example/x1y2", "https://a.example/****"),
        ("on 2027-01-15 at 16:00", "on ****-01-15 at 16:00"),
        ("Your code", "Your code"),
        ("a1b2-c3d4", "****-****"),
        ("验证码:482913。", "验证码:****。"),
    ],
)
def test_content_is_shown_on_demand_and_without_codes(
    platform: Platform, endpoint: str, api_to: ApiTo, content: str, expected: str
) -> None:
    platform.on("QuerySendDetails", details(detail(Content=content)))
    found = ask(question(), asking(api_to(endpoint))).details[0]
    assert shown(found, question(include_content=True), SPACE)["content"] == expected
    assert "content" not in shown(found, question(), SPACE)


@pytest.mark.parametrize("template", ["SMS_1", "SMS_2", "SMS_3", "SMS_4"])
def test_the_text_of_a_template_of_codes_is_not_shown(
    platform: Platform, endpoint: str, api_to: ApiTo, template: str
) -> None:
    environ = {
        "SMS_CODE_TEMPLATES": "SMS_9,SMS_1",
        "SMS_CODE_TEMPLATE": "SMS_2",
        "SMS_CODE_INTERNATIONAL_TEMPLATE": "SMS_3",
    }
    platform.on("QuerySendDetails", details(detail(Content="abcd", TemplateCode=template)))
    found = ask(question(), asking(api_to(endpoint))).details[0]
    templates = read_templates_of_codes(environ)
    answer = shown(found, question(include_content=True), SPACE, templates_of_codes=templates)
    assert answer.get("content") == ("abcd" if template == "SMS_4" else None)


def test_an_out_id_is_searched_for_on_every_page(
    platform: Platform, endpoint: str, api_to: ApiTo
) -> None:
    ours = [detail(OutId=f"tester~order-1{part}") for part in ("", "~1", "~0")]
    others = [detail(OutId=f"tester~order-1{number}") for number in range(120)]
    entries = [*others[:60], *ours[:2], *others[60:], ours[2]]
    platform.decide("QuerySendDetails", pages_of(entries))
    page = ask(question(out_id="order-1", page_size=2), asking(api_to(endpoint)))
    assert (page.total, [found.out_id for found in page.details]) == (
        3,
        ["tester~order-1", "tester~order-1~1"],
    )
    assert [asked["CurrentPage"] for asked in platform.asked("QuerySendDetails")] == ["1", "2", "3"]
    second = ask(question(out_id="order-1", page_size=2, current_page=2), asking(api_to(endpoint)))
    assert [shown(found, question(), SPACE)["out_id"] for found in second.details] == ["order-1"]


def test_a_biz_id_is_asked_for_and_of_what_comes_the_callers_own_is_read(
    platform: Platform, endpoint: str, api_to: ApiTo
) -> None:
    entries = [detail(OutId=f"{space}~order-{n}") for n in range(3) for space in (SPACE, "other")]
    platform.decide("QuerySendDetails", pages_of([*entries, detail(OutId="order-1")]))
    page = ask(question(biz_id="B-1", page_size=2, current_page=2), asking(api_to(endpoint)))
    assert platform.asked("QuerySendDetails") == [
        {
            "PhoneNumber": "13800138000",
            "SendDate": "20270115",
            "PageSize": "50",
            "CurrentPage": "1",
            "BizId": "B-1",
        }
    ]
    assert (page.total, [found.out_id for found in page.details]) == (3, ["tester~order-2"])


# whose a message is

OF_OTHERS = (
    "other~order-1",
    "other~order-1~0",
    "teste~order-1",
    "tester2~order-1",
    "Tester~order-1",
    ".trigger~order-1",
    ".event~order-1",
    "order-1",
    "tester",
    "tester~",
    "tester~order-1~0~1",
    "~order-1",
    "",
)


@pytest.mark.parametrize("out_id", OF_OTHERS)
def test_of_a_message_of_another_space_neither_text_nor_out_id_is_shown(
    platform: Platform, endpoint: str, api_to: ApiTo, out_id: str
) -> None:
    platform.on("QuerySendDetails", details(detail(OutId=out_id, Content="Dear Li, your order")))
    asked = question(include_content=True)
    (found,) = ask(asked, asking(api_to(endpoint))).details
    assert shown(found, asked, SPACE) == {
        "phone_number": "13800138000",
        "status": "delivered",
        "err_code": "DELIVERED",
        "meaning": "reached the handset",
        "send_date": "2027-01-15 16:00:00",
        "receive_date": "2027-01-15 16:00:04",
        "out_id": "",
        "template_code": "SMS_1",
        "content": "",
    }


@pytest.mark.parametrize("space", [SPACE, ".trigger", ".event", ".file"])
def test_each_space_is_shown_its_own(
    platform: Platform, endpoint: str, api_to: ApiTo, space: str
) -> None:
    platform.on("QuerySendDetails", details(detail(OutId=f"{space}~order-1~3", Content="Hello")))
    asked = question(out_id="order-1", include_content=True)
    (found,) = ask(asked, asking(api_to(endpoint), space)).details
    assert shown(found, asked, space)["out_id"] == "order-1"
    assert shown(found, asked, space)["content"] == "Hello"


@pytest.mark.parametrize("out_id", OF_OTHERS)
@pytest.mark.parametrize("fields", [{"out_id": "order-1"}, {"biz_id": "B-1"}])
def test_a_message_of_another_space_is_not_found_by_its_id(
    platform: Platform, endpoint: str, api_to: ApiTo, out_id: str, fields: dict[str, str]
) -> None:
    platform.on("QuerySendDetails", details(detail(OutId=out_id)))
    assert ask(question(**fields), asking(api_to(endpoint))) == Page(0, ())


def test_a_refused_query_raises(platform: Platform, endpoint: str, api_to: ApiTo) -> None:
    platform.on("QuerySendDetails", refused("isp.RAM_PERMISSION_DENY"))
    with pytest.raises(PlatformRefused) as caught:
        ask(question(), asking(api_to(endpoint)))
    assert caught.value.status == 502


# stored receipts

NUMBER = "13800138000"
REPORT: dict[str, Any] = {
    "phone_number": NUMBER,
    "send_time": "2027-01-15 16:00:01",
    "report_time": "2027-01-15 16:00:09",
    "success": True,
    "err_code": "DELIVERED",
    "sms_size": "1",
    "biz_id": "9006^0",
    "out_id": "tester~order-1",
}
FAILED = {**REPORT, "success": False, "err_code": "NO_ROUTE"}
WAITING = detail(SendStatus=1, ErrCode="", ReceiveDate="")


class StatefulApi(Protocol):
    """Makes an SmsApi whose state is in the file at `path`."""

    def __call__(self, path: Path) -> SmsApi: ...


@pytest.fixture
def stateful(api_to: ApiTo, endpoint: str) -> StatefulApi:
    def make(path: Path) -> SmsApi:
        return api_to(
            endpoint,
            SMS_INTERNATIONAL_ENDPOINT=endpoint,
            SMS_STATE_URL=f"sqlite://{path}",
            SMS_ALLOW_LOCAL_STATE="1",
            SMS_STATE_SECRET="state-secret-0123456789",
        )

    return make


@pytest.fixture
def api(stateful: StatefulApi, tmp_path: Path) -> SmsApi:
    return stateful(tmp_path / "state.sqlite3")


@pytest.fixture
def store(api: SmsApi) -> Store:
    store = asking(api).store
    assert store
    return store


def asked_with_out_id(api: SmsApi, **fields: Any) -> list[dict[str, object]]:
    asked = question(out_id="order-1", **fields)
    page = ask(asked, asking(api))
    assert page.total == len(page.details)
    return [shown(found, asked, SPACE) for found in page.details]


@pytest.mark.parametrize(
    ("reports", "status", "receive_date"),
    [
        ([], "waiting", ""),
        ([REPORT], "delivered", "2027-01-15 16:00:09"),
        ([{**REPORT, "success": False}], "failed", "2027-01-15 16:00:09"),
        ([{**REPORT, "send_time": None}], "delivered", "2027-01-15 16:00:09"),
        ([{**REPORT, "out_id": "tester~order-11"}], "waiting", ""),
        ([{**REPORT, "phone_number": "13800138001"}], "waiting", ""),
    ],
)
def test_a_final_receipt_wins_over_a_platform_that_waits(
    platform: Platform,
    api: SmsApi,
    store: Store,
    reports: list[object],
    status: str,
    receive_date: str,
) -> None:
    platform.on("QuerySendDetails", details(WAITING))
    keep(reports, api, store, deadline=9.0)
    (found,) = asked_with_out_id(api)
    assert (found["status"], found["receive_date"]) == (status, receive_date)
    assert (found["send_date"], found["template_code"]) == ("2027-01-15 16:00:00", "SMS_1")


def test_a_final_answer_of_the_platform_stays(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    platform.on("QuerySendDetails", details(detail()))
    keep([FAILED], api, store, deadline=9.0)
    (found,) = asked_with_out_id(api)
    assert found["status"] == "delivered"
    assert found["contradicted_by"] == {
        "status": "failed",
        "err_code": "NO_ROUTE",
        "receive_date": "2027-01-15 16:00:09",
    }


@pytest.mark.parametrize("send_status", [1, 3])
def test_what_contradicts_the_first_receipt_is_shown(
    platform: Platform, api: SmsApi, store: Store, send_status: int
) -> None:
    platform.on("QuerySendDetails", details({**detail(), "SendStatus": send_status}))
    for report in (REPORT, {**FAILED, "report_time": "2027-01-15 17:00:00"}):
        keep([report], api, store, deadline=9.0)
    (found,) = asked_with_out_id(api)
    assert found["status"] == "delivered"
    assert found["contradicted_by"] == {
        "status": "failed",
        "err_code": "NO_ROUTE",
        "receive_date": "2027-01-15 17:00:00",
    }


@pytest.mark.parametrize(
    ("report", "expected"), [(REPORT, None), ({**REPORT, "err_code": "MK:0001"}, True)]
)
def test_a_receipt_that_contradicts_itself_is_marked(
    platform: Platform, api: SmsApi, store: Store, report: dict[str, Any], expected: object
) -> None:
    platform.on("QuerySendDetails", details(WAITING))
    keep([report], api, store, deadline=9.0)
    (found,) = asked_with_out_id(api)
    assert (found["status"], found["err_code"]) == ("delivered", report["err_code"])
    assert found.get("contradictory") is expected
    assert "contradicted_by" not in found


def test_a_receipt_that_lies_is_not_listed(platform: Platform, api: SmsApi, store: Store) -> None:
    leave_part(store, api.settings.state_secret, "tester~order-1", "13800138001")
    platform.on("QuerySendDetails", details(WAITING))
    keep([REPORT], api, store, deadline=9.0)
    assert [found["status"] for found in asked_with_out_id(api)] == ["waiting"]


def test_a_receipt_that_the_platform_does_not_show_yet_is_listed(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    platform.on("QuerySendDetails", details(detail(OutId="tester~order-1~0", SendStatus=1)))
    for part in (0, 1):
        leave_part(store, api.settings.state_secret, f"tester~order-1~{part}", NUMBER)
    second = {
        **REPORT,
        "out_id": "tester~order-1~1",
        "biz_id": "second^0",
        "success": False,
        "err_code": "NO_ROUTE",
    }
    keep([{**REPORT, "out_id": "tester~order-1~0"}, second], api, store, deadline=9.0)
    found = asked_with_out_id(api)
    assert [each["status"] for each in found] == ["delivered", "failed"]
    assert found[1] == {
        "phone_number": NUMBER,
        "status": "failed",
        "err_code": "NO_ROUTE",
        "meaning": "no channel carries this text",
        "send_date": "2027-01-15 16:00:01",
        "receive_date": "2027-01-15 16:00:09",
        "out_id": "order-1",
        "template_code": "",
    }


def test_a_receipt_belongs_to_the_attempt_it_was_sent_with(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    later = "2027-01-15 16:20:00"
    platform.on("QuerySendDetails", details({**WAITING, "SendDate": later}, WAITING))
    keep([REPORT], api, store, deadline=9.0)
    assert [found["status"] for found in asked_with_out_id(api)] == ["waiting", "delivered"]
    keep([{**REPORT, "send_time": later, "biz_id": "second^0"}], api, store, deadline=9.0)
    assert [found["status"] for found in asked_with_out_id(api)] == ["delivered"] * 2


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 1),
        ({"biz_id": "9006^0"}, 1),
        ({"biz_id": "other^0"}, 0),
        ({"send_date": "20270114"}, 0),
        ({"phone_number": "+86 138 0013 8000"}, 1),
        ({"phone_number": "13800138001"}, 0),
        ({"current_page": 2}, 0),
    ],
)
def test_only_receipts_that_fit_the_question_are_listed(
    platform: Platform, api: SmsApi, store: Store, fields: dict[str, Any], count: int
) -> None:
    keep([REPORT], api, store, deadline=9.0)
    page = ask(question(out_id="order-1", **fields), asking(api))
    assert len(page.details) == count


@pytest.mark.parametrize("scene", [hang_up(), refused("isp.RAM_PERMISSION_DENY")])
def test_a_final_receipt_answers_when_the_platform_does_not(
    platform: Platform, api: SmsApi, store: Store, scene: Any
) -> None:
    platform.on("QuerySendDetails", scene)
    for useless in (
        {**REPORT, "out_id": "tester~other"},
        {**REPORT, "send_time": "2027-01-14 16:00:00"},
    ):
        keep([useless], api, store, deadline=9.0)
        with pytest.raises((AnswerLost, PlatformRefused)):
            asked_with_out_id(api)
    keep([{**REPORT, "biz_id": "second^0"}], api, store, deadline=9.0)
    assert [found["status"] for found in asked_with_out_id(api)] == ["delivered"]


def test_the_platform_answers_when_the_store_does_not(
    platform: Platform, stateful: StatefulApi, tmp_path: Path
) -> None:
    platform.on("QuerySendDetails", details(WAITING))
    broken = stateful(tmp_path / "missing" / "state.sqlite3")
    assert [found["status"] for found in asked_with_out_id(broken)] == ["waiting"]
