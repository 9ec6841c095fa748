"""``make try-emulator``: the emulator alone, on whatever system this is: one SMS in, one out.

It needs nothing but Python: it starts the installed sms-emulator at a free port, sends by its
command, and reads the message back by its command.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PHONE_NUMBER, CODE = "13800138000", "4711"
EMULATOR = [sys.executable, "-m", "aliyun_sms_emulator"]


def main() -> int:
    """Send and read one SMS; return 0 if it is the one that was sent."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        message = _circle(["--database", str(Path(folder, "sms.sqlite3"))])
    if message["template_param"] != {"code": CODE}:
        print("try-emulator: another message than the one that was sent", file=sys.stderr)
        return 1
    print(f"{sys.platform}: sent one SMS, and read it from the inbox")
    return 0


def _circle(options: list[str]) -> Any:
    """Start the emulator, send an SMS, and return it as the inbox has it."""
    with subprocess.Popen(
        [*EMULATOR, *options, "--port", "0", "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout  # noqa: S101 (for the type checker)
            url = json.loads(process.stdout.readline())["url"]
            print(_run("send", PHONE_NUMBER, "--param", f"code={CODE}", "--url", url), end="")
            return json.loads(_run("messages", "--json", "--url", url))
        finally:
            process.terminate()


def _run(*arguments: str) -> str:
    return subprocess.run(
        [*EMULATOR, *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
