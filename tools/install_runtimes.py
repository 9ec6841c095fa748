"""Installs what Function Compute's runtimes carry, before the local cloud needs it.

It is done once, and takes as long as the network takes: no time limit covers it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from aliyun_fc_runtime_stub import ConfigurationError, runtime_environment
from aliyun_fc_runtime_stub.template.s_yaml import load_application
from tools.languages import own

SAID_EVERY = 5  # seconds


def install_runtimes(template: Path) -> None:
    """Make the environment of each runtime that an s.yaml names; say every 5 s that it goes on.

    fc-stub does without what cannot be had, and says what is wrong with s.yaml.
    """
    variables = {name: v for name, v in os.environ.items() if not name.startswith("SMS_")}
    with contextlib.suppress(ConfigurationError):
        functions = load_application(template, variables).functions
        install({function.runtime for function in functions})


def install(runtimes: Collection[str]) -> None:
    """Make the environments of these runtimes; say every 5 s that it goes on, and what failed."""
    for runtime in sorted(runtimes):
        english = f"Installing what {runtime} carries on Function Compute, this once: "
        with _said(own(english, f"正在安装函数计算的 {runtime} 自带的包，只需一次：")):
            found = runtime_environment(runtime)
        if found.lacking:
            failed = f"What {runtime} carries could not be installed: "
            print(f"{own(failed, f'无法安装 {runtime} 自带的包：')}{found.lacking}", flush=True)


@contextlib.contextmanager
def _said(text: str) -> Iterator[None]:
    """Say what takes long, once it does: `text`, and for how many seconds it has gone on."""
    done = threading.Event()
    began = time.monotonic()

    def say() -> None:
        while not done.wait(SAID_EVERY):
            seconds = f"{time.monotonic() - began:.0f}"
            so_far = own(f"{seconds} s so far ...", f"已用 {seconds} 秒……")
            sys.stdout.write(f"{text}{so_far}\n")
            sys.stdout.flush()

    threading.Thread(target=say, daemon=True).start()
    try:
        yield
    finally:
        done.set()
