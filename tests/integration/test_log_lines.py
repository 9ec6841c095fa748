"""Reading the log: lines as they are, and as Simple Log Service exports them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tools import log_lines

LINE = {
    "time": "2026-01-31T08:44:10Z",
    "request_id": "1-a",
    "function": "send_sms",
    "action": "SendSms",
    "outcome": "accepted",
    "out_id_hash": "0f1e2d3c4b5a6978",
    "biz_id": "900619746936498440^0",
}
TEXT = json.dumps(LINE)


@pytest.mark.parametrize(
    "written",
    [
        TEXT,
        f"  {TEXT}",
        f"2026-01-31 16:44:10 fc-sms-send-sms {TEXT}",
        json.dumps({"functionName": "fc-sms-send-sms", "message": f"{TEXT}\n"}),
        json.dumps({"__time__": 1, "content": TEXT}),
        f"[{json.dumps({'message': TEXT})}",
    ],
)
def test_a_line_is_found_however_it_is_wrapped(tmp_path: Path, written: str) -> None:
    (tmp_path / "log").write_text(f"FC Invoke Start RequestId: 1-a\n{written}\n")
    assert log_lines.read_lines(str(tmp_path / "log")) == [LINE]


@pytest.mark.parametrize(
    "written",
    ["", "{", "{}", "[1]", "{" * 10_000, '{"action": 1}', '{"message": 1}', '{"message": "{"}'],
)
def test_what_is_no_line_of_ours_is_left_out(tmp_path: Path, written: str) -> None:
    (tmp_path / "log").write_bytes(written.encode() + b"\n\xff\n" + TEXT.encode())
    assert log_lines.read_lines(str(tmp_path / "log")) == [LINE]


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(TEXT))
    assert log_lines.read_lines("-") == [LINE]


def test_lines_are_about_a_send_by_hash_or_id_and_what_its_invocation_said_of_all() -> None:
    other = {**LINE, "out_id_hash": "another", "biz_id": "", "request_id": "1-b"}
    of_all = {**LINE, "action": "store", "outcome": "failed", "time": "2026-01-31T08:44:09Z"}
    del of_all["out_id_hash"], of_all["biz_id"]
    elsewhere = {**of_all, "request_id": "1-b"}
    every = [LINE, other, of_all, elsewhere]
    assert log_lines.about(every, "x", ["0f1e2d3c4b5a6978"]) == [of_all, LINE]
    assert log_lines.about(every, "900619746936498440^0", []) == [of_all, LINE]
    assert log_lines.about(every, "order-17", []) == []
