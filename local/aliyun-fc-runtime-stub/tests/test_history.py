"""What is remembered of the past has a bound."""

from __future__ import annotations

from aliyun_fc_runtime_stub.history import History

MB = 1024 * 1024


def test_the_last_ten_thousand_are_kept() -> None:
    history = History[int](lambda _: 1)
    for number in range(10_005):
        history.append(number)
    assert list(history) == list(range(5, 10_005))


def test_at_most_64_mb_are_kept_but_always_the_last() -> None:
    history = History[int](lambda size: size)
    for size in (30 * MB, 20 * MB, 14 * MB, 1):
        history.append(size)
    assert list(history) == [20 * MB, 14 * MB, 1]
    history.append(100 * MB)
    assert list(history) == [100 * MB]
    history.append(2)
    assert list(history) == [2]
