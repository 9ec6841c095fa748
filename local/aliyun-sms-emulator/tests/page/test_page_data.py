"""What the page reads: conversations, filters, files, the stream of changes."""

from __future__ import annotations

import asyncio
import csv
import http.client
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from aliyun_sms_emulator import EmulatorClient, SmsEmulator
from aliyun_sms_emulator.clock import CHINA
from aliyun_sms_emulator.platform import Changes
from signing_client import Client, raw


@pytest.fixture
def five(client: Client) -> SmsEmulator:
    """Five messages to three numbers, at three times of one day."""
    emulator = client.emulator
    assert isinstance(emulator, SmsEmulator)
    emulator.settings(limits=False, delivery_delay_seconds=60)
    emulator.clock.set(datetime(2026, 1, 31, 12, tzinfo=CHINA))
    client.send("13800138001")
    client.notify("13800138002", OutId="=1+1")
    emulator.clock.advance(3600)
    client.send("13900139000")
    client.notify("13800138001")
    emulator.clock.advance(3600)
    client.send_abroad("85251234567", Message="=cmd|' /C calc'!A0")
    return emulator


def conversations(emulator: SmsEmulator, query: str = "") -> list[tuple[str, int, str]]:
    answer = emulator.call("GET", f"/api/conversations?{query}")
    assert answer["total"] >= len(answer["conversations"])
    return [(c["phone_number"], c["messages"], c["status"]) for c in answer["conversations"]]


def test_conversations_stand_in_the_order_of_their_newest_message(five: SmsEmulator) -> None:
    assert conversations(five) == [
        ("85251234567", 1, "accepted"),
        ("13800138001", 2, "delivered"),
        ("13900139000", 1, "failed"),
        ("13800138002", 1, "delivered"),
    ]
    newest = five.call("GET", "/api/conversations?phone_number=13800138001")["conversations"][0]
    assert newest["text"] == "【fc-sms】Ann，订单7已发货。"
    assert newest["at"] == "2026-01-31T13:00:00.000+08:00"


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("limit=2", ["85251234567", "13800138001"]),
        ("limit=2&offset=2", ["13900139000", "13800138002"]),
        ("number_part=0138", ["13800138001", "13800138002"]),
        ("number_part=%25", []),
        ("text=%E8%AE%A2%E5%8D%95", ["13800138001", "13800138002"]),
        ("text=%27", ["85251234567"]),
        ("template_code=SMS_100001", ["13900139000", "13800138001"]),
        ("status=failed", ["13900139000"]),
        ("since=2026-01-31T13:00", ["85251234567", "13800138001", "13900139000"]),
        ("until=2026-01-31T05:00:00Z", ["13800138002", "13800138001"]),
        ("since=2026-01-31T12:30&until=2026-01-31T13:30:00%2B08:00&text=7", ["13800138001"]),
    ],
)
def test_conversations_are_found_by_filters(
    five: SmsEmulator, query: str, numbers: list[str]
) -> None:
    assert [number for number, _, _ in conversations(five, query)] == numbers
    if "limit" not in query:
        found = five.call("GET", f"/api/messages?{query}")["messages"]
        assert sorted({m["phone_number"] for m in found}) == sorted(numbers)


@pytest.mark.parametrize("query", ["since=yesterday", "until=", "number=1", "status=x", "limit=-1"])
def test_a_bad_filter_is_refused(emulator: SmsEmulator, query: str) -> None:
    with pytest.raises(ValueError, match=r"must be|unknown parameter"):
        emulator.call("GET", f"/api/conversations?{query}")


def test_replies_of_one_number_are_found(emulator: SmsEmulator) -> None:
    for number in ("13800138001", "13800138002", "13800138001"):
        emulator.reply(number, number[-1])
    answer = emulator.call("GET", "/api/replies?phone_number=%2B8613800138001")
    assert ([r["content"] for r in answer["replies"]], answer["total"]) == (["1", "1"], 2)
    with pytest.raises(ValueError, match="phone_number: is no phone number"):
        emulator.call("GET", "/api/replies?phone_number=x")


def test_export_csv_holds_no_formula(five: SmsEmulator) -> None:
    reply = raw(five, "GET", "/api/export.csv")
    assert reply.headers["content-disposition"] == 'attachment; filename="sms-messages.csv"'
    text = reply.body.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["phone_number"] for row in rows] == [m.phone_number for m in five.messages()]
    assert rows[0]["text"] == "【fc-sms】您的验证码为1234。"
    assert rows[1]["out_id"] == "'=1+1"
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r\n＝"))]


def test_export_json_is_what_matches(five: SmsEmulator) -> None:
    everything = json.loads(raw(five, "GET", "/api/export.json").body)
    assert everything == five.call("GET", "/api/messages")["messages"]
    some = json.loads(raw(five, "GET", "/api/export.json?status=failed").body)
    assert [message["phone_number"] for message in some] == ["13900139000"]
    assert json.loads(raw(five, "GET", "/api/export.json?text=nothing").body) == []
    assert raw(five, "GET", "/api/export.xml").status == 404
    assert raw(five, "GET", "/api/export.csv?order=newest").status == 400


def test_odd_texts_are_exported_whole(client: Client) -> None:
    text = 'a,"b"\r\nc😀\ud83d<script>'
    emulator = client.emulator
    client.notify(TemplateParam=json.dumps({"name": 'a"b,\nc', "order": "7"}))
    client.send_abroad(Message=text.encode("utf-8", "replace").decode())
    rows = list(
        csv.reader(io.StringIO(raw(emulator, "GET", "/api/export.csv").body.decode(), newline=""))
    )
    assert {len(row) for row in rows} == {14}
    assert 'a,"b"\r\nc😀?<script>' in rows[2][3]


def test_no_change_is_missed_between_a_look_and_the_wait() -> None:
    async def change_before_the_wait_begins() -> None:
        changes = Changes()
        waiting = asyncio.create_task(changes.wait(60, changes.count))
        changes.announce()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(change_before_the_wait_begins())


@contextmanager
def events(emulator: EmulatorClient) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(emulator.endpoint, timeout=10)
    try:
        connection.request("GET", "/api/events")
        response = connection.getresponse()
        assert response.getheader("content-type") == "text/event-stream; charset=utf-8"
        yield response
    finally:
        connection.close()


def next_change(response: http.client.HTTPResponse) -> int:
    while (line := response.readline()) != b"event: change\n":
        assert line in {b"\n", b"retry: 1000\n", b": still here\n"}
    return int(response.readline().removeprefix(b"data: "))


def test_stream_tells_of_every_kind_of_change(client: Client) -> None:
    emulator = client.emulator
    emulator.settings(delivery_delay_seconds=1000)
    changes: list[Any] = [
        client.send,
        lambda: raw(emulator, "GET", "/?Action=SendSms"),
        lambda: emulator.reply("13800138000", "TD"),
        lambda: emulator.set_fate("13800138000", "deliver"),
        lambda: emulator.call("PUT", "/api/settings", {}),
        lambda: emulator.clock.advance(1),
        lambda: emulator.call("DELETE", "/api/messages"),
        lambda: emulator.call("DELETE", "/api/requests"),
    ]
    with events(emulator) as response:
        seen = next_change(response)
        for change in changes:
            change()
            count = next_change(response)
            assert count > seen
            seen = count


def test_stream_tells_when_time_alone_changes_a_status(client: Client) -> None:
    emulator = client.emulator
    emulator.settings(delivery_delay_seconds=0.3)
    with events(emulator) as response:
        next_change(response)
        client.send()
        count = next_change(response)
        assert next_change(response) == count
        assert emulator.messages()[0].status == "delivered"


def test_readers_who_go_away_are_forgotten(client: Client) -> None:
    emulator = client.emulator
    for _ in range(20):
        with events(emulator) as response:
            next_change(response)
    client.send()
    assert emulator.messages()


def test_stream_ends_with_the_emulator() -> None:
    with SmsEmulator() as emulator:
        connection = http.client.HTTPConnection(emulator.endpoint, timeout=10)
        connection.request("GET", "/api/events")
        response = connection.getresponse()
        next_change(response)
        started = time.monotonic()
    assert response.read().strip() == b""
    connection.close()
    print(f"stopped after {time.monotonic() - started:.2f} s")


def test_stream_is_only_read(emulator: SmsEmulator) -> None:
    assert raw(emulator, "POST", "/api/events").status == 405


def test_ten_thousand_messages_are_listed_and_exported() -> None:
    """To as many numbers; prints how long the page's questions take."""
    with SmsEmulator() as emulator:
        emulator.settings(limits=False, delivery_delay_seconds=3600)  # on any machine
        client = Client(emulator)
        for first in range(0, 10_000, 1000):
            numbers = ",".join(f"139{first + n:08d}" for n in range(1000))
            assert client.notify(numbers).code == "OK"
        questions = (
            "/api/conversations?limit=50",
            "/api/conversations?limit=50&offset=9950",
            f"/api/conversations?text={quote('订单')}&status=accepted&number_part=77",
            "/api/messages?phone_number=13900009999&order=newest&limit=50",
        )
        for question in questions:
            started = time.perf_counter()
            answer = emulator.call("GET", question)
            print(f"{(time.perf_counter() - started) * 1000:.1f} ms {question}")
            assert answer["total"] > 0
        rows = raw(emulator, "GET", "/api/export.csv").body.decode().splitlines()
        assert len(rows) == 10_001
