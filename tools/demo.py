"""``make demo``: the local cloud, one SMS through it, and what became of it.

Starts the SMS emulator and the Function Compute stub on 127.0.0.1, sends one SMS through the HTTP
trigger of send_sms, asks for its delivery status until it is delivered, and keeps running until
Ctrl-C (with ``--once`` it stops then). Nothing leaves this machine and no file of the project is
written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
EMULATOR_PORT, STUB_PORT = 8100, 9000
READY_SECONDS = 180  # the first start may install the runtimes' packages
DELIVERY_SECONDS = 30
PHONE_NUMBER = "13800138000"


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


def main() -> int:
    """Run the demo; return 0 when the SMS was delivered."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--once", action="store_true", help="stop after the SMS was delivered")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with ExitStack() as stack:
            _run(stack, once)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped")
    return 0


def _run(stack: ExitStack, once: bool) -> None:
    print("Starting the SMS emulator and Function Compute on this machine ...", flush=True)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fc-sms-demo-"))
    emulator = _start(
        stack,
        "sms-emulator",
        *("--port", str(_port(EMULATOR_PORT, 1)), "--database", f"{folder}/sms.sqlite3"),
    )
    key = secrets.token_urlsafe(24)
    settings = {
        "SMS_ENDPOINT": emulator["url"],
        "SMS_ACCESS_KEY_ID": emulator["access_key_id"],
        "SMS_ACCESS_KEY_SECRET": "testsecret",
        "SMS_SIGN_NAME": "fc-sms",
        "SMS_API_KEYS": f"demo:{hashlib.sha256(key.encode()).hexdigest()}",
    }
    overrides = [f"--env={name}={value}" for name, value in settings.items()]
    port = _port(STUB_PORT, 3)
    stub = _start(
        stack, "fc-stub", "start", "-t", str(ROOT / "s.yaml"), "--port", str(port), *overrides
    )
    urls = {function["resource"]: function["url"].rstrip("/") for function in stub["functions"]}
    _send_and_follow(urls, key)
    _show_addresses(emulator["url"], stub["api"], urls, key)
    if not once:
        print("\nRunning until Ctrl-C.", flush=True)
        threading.Event().wait()


def _start(stack: ExitStack, command: str, *arguments: str) -> Any:
    """Start a server, wait for the line that says it is ready, and return that line's content.

    Settings that the developer's shell has for the cloud stay out of it.
    """
    environment = {name: v for name, v in os.environ.items() if not name.startswith("SMS_")}
    process = subprocess.Popen(
        [BIN / command, *arguments, "--json"], env=environment, stdout=subprocess.PIPE, text=True
    )
    stack.callback(_stop, process)
    assert process.stdout  # noqa: S101 (for the type checker)
    watchdog = threading.Timer(READY_SECONDS, process.kill)
    watchdog.daemon = True
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    if not line:
        raise DemoError(f"{command} did not start; its message is above")
    threading.Thread(target=process.stdout.read, daemon=True).start()
    return json.loads(line)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _port(first: int, count: int) -> int:
    """Return `first` if it and the ports after it are free, else 0: any that are free."""
    for port in range(first, first + count):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                print(f"Port {port} is busy; free ports are taken instead.", flush=True)
                return 0
    return first


def _send_and_follow(urls: dict[str, str], key: str) -> None:
    print("\n1. Send one SMS: POST /sms", flush=True)
    request: dict[str, object] = {
        "phone_numbers": PHONE_NUMBER,
        "template_code": "SMS_100002",
        "template_param": {"name": "Li", "order": "A-17"},
    }
    sent = _call(f"{urls['send_sms']}/sms", key, request)
    print("\n2. Ask what became of it: POST /delivery-status", flush=True)
    china = time.gmtime(time.time() + 8 * 3600)
    question: dict[str, object] = {
        "phone_number": PHONE_NUMBER,
        "send_date": time.strftime("%Y%m%d", china),
        "out_id": sent["out_id"],
        "include_content": True,
    }
    deadline = time.monotonic() + DELIVERY_SECONDS
    while time.monotonic() < deadline:
        statuses = _call(f"{urls['query_delivery_status']}/delivery-status", key, question)
        if statuses and statuses[0]["status"] == "delivered":
            print("\nDelivered.", flush=True)
            return
        time.sleep(1)
    raise DemoError(f"not delivered within {DELIVERY_SECONDS} seconds")


def _call(url: str, key: str, body: dict[str, object]) -> Any:
    """POST `body` as JSON; print request and answer."""
    print(f"   > POST {url}\n   > {json.dumps(body, ensure_ascii=False)}")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            status, text = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        raise DemoError(f"{url} answered {error.code}: {error.read().decode()}") from None
    print(f"   < {status} {text}", flush=True)
    return json.loads(text)


def _show_addresses(emulator: str, api: str, urls: dict[str, str], key: str) -> None:
    print("\nAddresses")
    for name, url in urls.items():
        print(f"   {name:24} {url}")
    print(f"   {'Function Compute API':24} {api}")
    print(f"   {'SMS emulator':24} {emulator}  (messages: {emulator}/api/messages)")
    print(f"   {'API key of this run':24} {key}")
    print(
        f"""
Send another:
   curl {urls["send_sms"]}/sms \\
     -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
     -d '{{"phone_numbers": "13800138001", "template_code": "SMS_100001",
          "template_param": {{"code": "123456"}}}}'""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
