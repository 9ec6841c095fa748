"""How often a stub looks for changes."""

from __future__ import annotations

import pytest

from aliyun_fc_runtime_stub.package.watch import Watch


@pytest.mark.parametrize(("look_seconds", "rest_seconds"), [(0.0001, 0.01), (0.1, 2.0)])
def test_a_look_is_rare_where_it_takes_long(look_seconds: float, rest_seconds: float) -> None:
    """A script that saves and then calls is never too quick for a small folder."""
    times = [100.0]
    state = {1}

    def look() -> frozenset[tuple[object, ...]]:
        times[0] += look_seconds
        return frozenset({(one,) for one in state})

    watch = Watch(look, lambda: times[0])
    due = [watch.due]
    assert not watch.changed()
    for share in (0.9, 0.2):
        times[0] += rest_seconds * share
        due.append(watch.due)
    assert due == [True, False, True]
    state.add(2)
    assert watch.changed()
