"""The child's side of a measured process: send once, say so, then send as often as asked.

What it says goes to standard error, one line each, after the word ``report``: standard output
belongs to the function's log. Costly imports wait until the first SMS is accepted.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count

Send = Callable[[str], None]
Prepare = Callable[[int], None]

_numbers = count(13800000000)


def serve(send: Send, prepare: Prepare = lambda _: None) -> None:
    """Send one SMS with `send`, which takes a number and raises unless the SMS is accepted.

    Then read lines ``<threads> <sends of each>`` from standard input until its end. `prepare` is
    called before, with the number of sends that follow, and is not measured.
    """
    prepare(1)
    send(str(next(_numbers)))
    _report(time.process_time(), _resident_bytes())
    for line in sys.stdin:
        threads, each = (int(word) for word in line.split())
        prepare(threads * each)
        _report(*_measured(send, threads, each))


def serve_runs(run: Callable[..., Sequence[int]]) -> None:
    """Read lines of words from standard input and `run` with them; report what it counts, too."""
    _report(time.process_time(), _resident_bytes())
    for line in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        counts = run(*line.split())
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        _report(cpu, wall, _peak_bytes(), *counts)


def _report(*figures: float) -> None:
    sys.stderr.write("report " + " ".join(str(figure) for figure in figures) + "\n")
    sys.stderr.flush()


def _resident_bytes() -> int:
    with open("/proc/self/statm") as statm:  # noqa: PTH123 (pathlib costs import time)
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _peak_bytes() -> int:
    """Return the most that was resident; getrusage would count the parent's memory as well."""
    with open("/proc/self/status") as status:  # noqa: PTH123
        (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _measured(send: Send, threads: int, each: int) -> tuple[float, float]:
    """Return the seconds of processor time and of wall time that the sends took."""
    work = _of_threads(threads) if threads > 1 else _in_turn
    cpu, wall = time.process_time(), time.perf_counter()
    work(send, each)
    return time.process_time() - cpu, time.perf_counter() - wall


def _in_turn(send: Send, each: int) -> None:
    for _ in range(each):
        send(str(next(_numbers)))


_crews: dict[int, Callable[[Send, int], None]] = {}


def _of_threads(threads: int) -> Callable[[Send, int], None]:
    """Return work for `threads` threads, which live on so that connections are kept."""
    if threads not in _crews:
        import threading
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(threads)
        all_there = threading.Barrier(threads)

        def one(send: Send, each: int) -> None:
            all_there.wait()
            _in_turn(send, each)

        def work(send: Send, each: int) -> None:
            for done in [pool.submit(one, send, each) for _ in range(threads)]:
                done.result()

        _crews[threads] = work
    return _crews[threads]
