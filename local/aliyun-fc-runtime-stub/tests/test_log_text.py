from __future__ import annotations

from aliyun_fc_runtime_stub.instances.log_text import LINE_LIMIT, TOTAL_LIMIT, LogText


def test_text_is_taken_once() -> None:
    log = LogText()
    log.add(b"a\xff")
    log.add(b"\nb")
    assert log.take() == "a\ufffd\nb\n"
    assert log.take() == ""


def test_a_long_line_is_cut_and_endless_output_dropped() -> None:
    """ "Limits": 32 KB for one log entry; beyond 8 MB the stub drops and says so."""
    log = LogText()
    log.add(b"x" * (LINE_LIMIT + 5))
    assert log.take() == "x" * LINE_LIMIT + "\n"
    log.add((b"x" * 1023 + b"\n") * (TOTAL_LIMIT // 1024))
    log.add(b"\n" * 7)
    assert log.take().endswith("x\n[fc-stub: 7 more bytes of output dropped]\n")
