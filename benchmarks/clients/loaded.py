"""What a program loads for its first send, and which of its modules run a function for that."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import threading
from types import FrameType
from typing import Any


def tell(lane: str) -> None:
    """Have `lane` send once; write the modules it loaded and those that ran, as JSON."""
    before = set(sys.modules)
    send = importlib.import_module(f"benchmarks.clients.{lane}").send
    ran: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # no module, no class
            ran.add(frame.f_globals["__name__"])

    threading.setprofile(note)
    sys.setprofile(note)
    send("13800138000")
    sys.setprofile(None)
    loaded = sorted(set(sys.modules) - before)
    sys.stderr.write(json.dumps({"loaded": loaded, "ran": sorted(ran)}) + "\n")
