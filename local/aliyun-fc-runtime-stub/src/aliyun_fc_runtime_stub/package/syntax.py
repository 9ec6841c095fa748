"""Syntax errors of code, as the Python that will run it sees them; nothing of it is run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_SCRIPT = """
import json, sys
found = []
for name in json.load(sys.stdin):
    try:
        with open(name, "rb") as file:
            compile(file.read(), name, "exec", dont_inherit=True)
    except SyntaxError as error:
        text = (error.text or "").strip()
        found.append([name, error.lineno or 0, text, error.msg])
    except Exception as error:
        found.append([name, 0, "", str(error)])
json.dump(found, sys.stdout)
"""


class SyntaxFault(NamedTuple):
    """A file that cannot be compiled: the line (0 if it is not known), its text, the reason."""

    file: Path
    line: int
    text: str
    reason: str


def syntax_faults(python: Path, files: Sequence[Path]) -> list[SyntaxFault]:
    """Compile files with an interpreter; return what is wrong in them."""
    done = subprocess.run(  # noqa: S603
        [python, "-I", "-W", "ignore", "-c", _SCRIPT],
        input=json.dumps([str(file) for file in files]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return []
    return [SyntaxFault(Path(name), *rest) for name, *rest in json.loads(done.stdout)]
