"""``make serve``: a Function Compute to deploy to, and the SMS emulator that its functions use.

Starts ``fc-stub serve`` and ``sms-emulator`` on 127.0.0.1, prints what the shell that deploys has
to export, and then what is deployed and invoked, until Ctrl-C. What was deployed is kept, and runs
again at the next ``make serve``. Nothing leaves this machine.
"""

from __future__ import annotations

import re
import sys
import threading
from typing import IO, Any

from tools.install_runtimes import install
from tools.languages import own
from tools.local_cloud import (
    EMULATOR_SECRET,
    STUB_PORT,
    LocalCloud,
    NotStarted,
    Output,
    end_by_signals,
)
from tools.make_options import MakeOptions

HTTP_TRIGGERS = 6
RUNTIMES = ("python3.10", "python3.12")  # that fc-stub serve prepares before it is ready
API_KEY = "trial-key"
EXPORT = re.compile(r" *export (\w+)=(\S+)")
READY = "Ctrl-C ends"
# The API key is that of the README's trial: no secret, and `make doctor` refuses it for a real one.
SETTINGS = {
    "SMS_ACCESS_KEY_SECRET": EMULATOR_SECRET,
    "SMS_SIGN_NAME": "fc-sms",
    "SMS_API_KEYS": "trial:b9ee288dd0b1b611588b3d7ae167d7964c306b8b2a81a675a774aa48f8c1822c",
}


def main() -> int:
    """Serve until Ctrl-C; return 1 if a program cannot run, or ends by itself."""
    parser = MakeOptions(
        "serve",
        "Run a Function Compute to deploy to, and the SMS emulator.",
        examples=["make serve", "make serve ARGS='--state FOLDER'"],
    )
    parser.add_argument("--state", help="the folder of what is deployed (default: fc-stub's own)")
    state = parser.parse_args().state
    end_by_signals()
    try:
        with LocalCloud("serve") as cloud:
            _serve(cloud, ["--state", state] if state else [])
    except NotStarted as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(own("\nstopped; what was deployed is kept", "\n已停止；部署过的内容仍然保留"))
    return 0


def _serve(cloud: LocalCloud, options: list[str]) -> None:
    ended = threading.Event()

    def rest(output: IO[str]) -> None:
        for line in output:
            print(line, end="", flush=True)
        ended.set()

    install(RUNTIMES)
    emulator = cloud.start_emulator()
    overrides = [f"--env={name}={value}" for name, value in cloud.settings(emulator["url"]).items()]
    lines = cloud.start(
        (STUB_PORT, 1 + HTTP_TRIGGERS),
        "fc-stub",
        *("serve", *options, *overrides),
        output=Output(_read_until_ready, rest),
    )
    _show(lines, emulator)
    ended.wait()
    raise NotStarted(
        own("fc-stub has ended; its message is above", "fc-stub 已结束，原因见上面的输出")
    )


def _read_until_ready(output: IO[str]) -> list[str] | None:
    """Return the lines that fc-stub writes when it is ready, None if it ends before."""
    lines = []
    for line in output:
        lines.append(line)
        if READY in line:
            return lines
    return None


def _show(lines: list[str], emulator: dict[str, Any]) -> None:
    """Print what runs already, and what the shell that deploys has to export."""
    exports = {match[1]: match[2] for line in lines if (match := EXPORT.match(line))}
    exports |= {"SMS_ACCESS_KEY_ID": emulator["access_key_id"], **SETTINGS}
    listed = lines[: next(number for number, line in enumerate(lines) if "To deploy" in line)]
    if len(listed) > 1:  # more than the table's head
        print("".join(listed))
    deploy = own(
        "To deploy to here, in another terminal, in the folder of s.yaml:",
        "要部署到这里，请在另一个终端里进入 s.yaml 所在的目录，运行：",
    )
    print(f"\n{deploy}\n")
    print("".join(f"export {name}={value}\n" for name, value in exports.items()))
    print(
        own(
            "Then `s deploy -y`, and `s info`, which prints the functions' URLs.",
            "然后运行 `s deploy -y`，再用 `s info` 查看各个函数的地址。",
        )
    )
    print(f"\n{own('API key of these settings: ', '这些设置用的 API 密钥：')}{API_KEY}")
    print(f"{own('Inbox, what was sent: ', '收件箱，看收到的短信：')}{emulator['url']}/inbox")
    print(own("\nRunning until Ctrl-C.", "\n一直运行到按下 Ctrl-C。"), flush=True)


if __name__ == "__main__":
    sys.exit(main())
