"""Runs of many schedules, each run reproduced by its seed."""

from __future__ import annotations

import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from typing import NamedTuple

import hypothesis
import redis
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from aliyun_sms_emulator import SmsEmulator
from shared.state.redis_store import RedisStore
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Store
from tests.faults.machine import FaultMachine
from tests.integration.redis_server import RedisServer

STORES = ("redis", "sqlite", "none")
_STEPS = 8


class Run(NamedTuple):
    """A number of schedules with one kind of store."""

    store: str
    seed: int
    schedules: int

    def __str__(self) -> str:
        """Return it as the command line takes it."""
        return f"--store {self.store} --seed {self.seed} --schedules {self.schedules}"


def do(run: Run, phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink)) -> Counter[str]:
    """Do a run and return what was counted; raises at the first schedule that breaks a rule."""
    counted: Counter[str] = Counter()
    with SmsEmulator() as sms, new_stores(run.store) as new_store:

        class Machine(FaultMachine):
            emulator = sms

            def new_store(self) -> Store | None:
                return new_store()

        Machine.counted = counted
        run_state_machine_as_test(
            hypothesis.seed(run.seed)(Machine),
            settings=hypothesis.settings(
                max_examples=run.schedules,
                stateful_step_count=_STEPS,
                deadline=None,
                database=None,
                phases=phases,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    return counted


def tried(run: Run) -> tuple[Run, Counter[str], str]:
    """Do a run; return it with what was counted, and with the error that ended it, if one did."""
    try:
        return run, do(run), ""
    except Exception:
        return run, Counter(), traceback.format_exc()


@contextmanager
def worker_pool(workers: int, tasks_each: int | None = None) -> Iterator[Pool]:
    """Yield processes that end by themselves when all is done; at an error they are told to."""
    with get_context("spawn").Pool(workers, _stop_tidily, maxtasksperchild=tasks_each) as pool:
        yield pool
        pool.close()
        pool.join()


def _stop_tidily() -> None:
    """Let a worker that is told to stop end its servers first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


@contextmanager
def new_stores(kind: str) -> Iterator[Callable[[], Store | None]]:
    """Yield what makes an empty store."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if kind == "none":
            yield lambda: None
        elif kind == "sqlite":

            def new_file() -> Store:
                file = folder / "state.db"
                file.unlink(missing_ok=True)
                return SqliteStore(str(file))

            yield new_file
        else:
            with RedisServer(folder) as server, redis.Redis.from_url(server.url) as client:
                store = RedisStore(server.url)

                def empty() -> Store:
                    client.flushall()
                    return store

                yield empty
