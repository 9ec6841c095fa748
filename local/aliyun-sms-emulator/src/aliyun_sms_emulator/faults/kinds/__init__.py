"""The kinds of faults: one file and one row each."""

from __future__ import annotations

from collections.abc import Mapping

from aliyun_sms_emulator.faults.kind import Kind
from aliyun_sms_emulator.faults.kinds import (
    drip,
    error,
    garbage,
    http,
    none,
    reset,
    stall,
    throttle,
    truncate,
)

KINDS: Mapping[str, Kind] = {
    kind.usual.kind: kind
    for kind in (
        none.KIND,
        stall.KIND,
        reset.KIND,
        truncate.KIND,
        garbage.KIND,
        http.KIND,
        throttle.KIND,
        error.KIND,
        drip.KIND,
    )
}
"""By the names that rules use."""
