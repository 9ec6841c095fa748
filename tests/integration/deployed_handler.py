"""Runs one handler of an unpacked package, as a program of its own: event in, answer out.

Call it isolated (`python -I`) in the package's folder, with the handler as s.yaml writes it.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path.cwd()))
module, _, function = sys.argv[1].rpartition(".")
handler = getattr(importlib.import_module(module.replace("/", ".")), function)
context = SimpleNamespace(request_id="request", function=SimpleNamespace(timeout=30))
answer = handler(sys.stdin.buffer.read(), context)
loaded = {name: sys.modules[name].__file__ for name in ("functions", "shared")}
print(json.dumps({"answer": answer, "loaded": loaded}))
