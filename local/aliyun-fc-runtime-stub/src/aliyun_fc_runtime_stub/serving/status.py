"""What a running stub is doing: for `GET /stub/status`, which `fc-stub status` reads."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from typing import Any

from .service import Service


def make_status(service: Service) -> dict[str, Any]:
    """Return instances, asynchronous queue and timers of each function.

    `state` is the folder of what is deployed: whoever may read it finds the key pair there.
    """
    state = service.state_folder
    times = service.timers.next_times() if service.timers else {}
    return {
        "process": os.getpid(),
        "seconds": round(time.monotonic() - service.started),
        "state": None if state is None else str(state),
        "timers_run": service.timers is not None,
        "not_run": {**service.application.not_run, **service.not_run},
        "functions": [
            {
                "name": name,
                "runtime": function.runtime,
                "instances": [asdict(state) for state in service.instance_states(name)],
                "queue": asdict(service.queue.state(name)),
                "timers": [
                    {
                        "name": timer.name,
                        "cron_expression": timer.expression,
                        "enabled": timer.enabled,
                        "next": _time(times.get((name, timer.name))),
                    }
                    for timer in function.timers
                ],
            }
            for name, function in service.functions.items()
        ],
    }


def _time(moment: Any) -> str | None:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None
