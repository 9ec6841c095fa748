"""What the runtime stub bears: 200 invocations at once, and 100 callers for a minute."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException

from benchmarks.report import Row

AT_ONCE = 200
CALLERS, SECONDS = 100, 60.0


def measure(url: str) -> list[Row]:
    """Call the function at an address; its stub allows as many instances as there are calls."""
    address = url.split("/")[2]
    return [_at_once_row(address), _callers_row(address)]


def _at_once_row(address: str) -> Row:
    together = threading.Barrier(AT_ONCE)

    def call(_number: int) -> bool:
        together.wait()
        connection = HTTPConnection(address)
        try:
            return _is_answered(connection)
        finally:
            connection.close()

    begin = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answered = sum(pool.map(call, range(AT_ONCE)))
    seconds = time.perf_counter() - begin
    return Row(
        f"runtime stub: {AT_ONCE} invocations at once, not answered",
        AT_ONCE - answered,
        "",
        limit=0,
        detail=f"{seconds:.1f} s with the start of their instances",
    )


def _callers_row(address: str) -> Row:
    end = time.monotonic() + SECONDS

    def call(_number: int) -> tuple[int, list[float]]:
        failed, times = 0, []
        connection = HTTPConnection(address)
        while time.monotonic() < end:
            begin = time.perf_counter()
            failed += not _is_answered(connection)
            times.append(time.perf_counter() - begin)
        connection.close()
        return failed, times

    with ThreadPoolExecutor(CALLERS) as pool:
        results = list(pool.map(call, range(CALLERS)))
    times = sorted(one for _, of_caller in results for one in of_caller)
    return Row(
        f"runtime stub: errors of {CALLERS} callers in {SECONDS:.0f} s",
        sum(failed for failed, _ in results),
        "",
        limit=0,
        detail=f"{len(times) / SECONDS:,.0f} invocations a second, median "
        f"{times[len(times) // 2] * 1000:.0f} ms, 99 of 100 within "
        f"{times[len(times) * 99 // 100] * 1000:.0f} ms",
    )


def _is_answered(connection: HTTPConnection) -> bool:
    """Call once; say whether the answer is the function's."""
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.read() == b"{}" and answer.status == 200
    except (OSError, HTTPException):
        connection.close()
        return False
