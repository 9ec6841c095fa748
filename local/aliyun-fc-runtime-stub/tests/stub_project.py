"""A project to test with: an s.yaml and its code, written to a temporary folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from aliyun_fc_runtime_stub import FunctionCompute, find_interpreter

RUNTIMES = [name for name in ("python3.12", "python3.10") if find_interpreter(name)]
# "python3" names a version (3.6) that no stub runs, so its functions run under the current one.
RUNTIMES.append("python3")


# A program of a custom runtime, as tests need it. It ignores FC_SERVER_PORT unless told otherwise.
PROGRAM = """
import http.server, json, os, sys, time

class Program(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, body, status=200, headers=()):
        body = body if isinstance(body, bytes) else str(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        {handle}
    do_POST = do_PUT = do_HEAD = do_GET
    def log_message(self, *_): pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 100

Server({listen}, Program).serve_forever()
"""


def until(reached: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return what is reached as soon as it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := reached():
            return found
        time.sleep(0.02)
    pytest.fail("not reached")


def process_is_gone(number: int, seconds: float = 30.0) -> bool:
    """Say whether a process ends within some seconds; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)


class Project:
    """An s.yaml with code folders, written below a temporary folder."""

    def __init__(self, folder: Path, start: Callable[..., FunctionCompute]) -> None:
        self.folder = folder
        self.path = folder / "s.yaml"
        self.document: dict[str, Any] = {"edition": "3.0.0", "name": "test", "resources": {}}
        self._start = start

    def files(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / "code" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")

    def function(self, name: str, text: str = "", **props: Any) -> dict[str, Any]:
        """Add a function whose code is code/<name>.py (dashes become underscores)."""
        module = name.replace("-", "_")
        if text:
            self.files({f"{module}.py": text})
        else:
            (self.folder / "code").mkdir(exist_ok=True)
        full: dict[str, Any] = {
            "region": "cn-hangzhou",
            "functionName": name,
            "runtime": "python3.12",
            "handler": f"{module}.handler",
            "code": "./code",
            "timeout": 10,
            "memorySize": 256,
            **props,
        }
        self.document["resources"][name] = {"component": "fc3", "props": full}
        return full

    def http(self, name: str, text: str = "", **props: Any) -> None:
        methods = props.pop("methods", ["GET", "POST", "PUT", "HEAD"])
        auth_type = props.pop("auth_type", "anonymous")
        trigger = {
            "triggerName": "web",
            "triggerType": "http",
            "triggerConfig": {"methods": methods, "authType": auth_type},
        }
        self.function(name, text, triggers=[trigger], **props)

    def write(self) -> Path:
        self.path.write_text(yaml.safe_dump(self.document, sort_keys=False), encoding="utf-8")
        return self.path

    def start(self, **options: Any) -> FunctionCompute:
        options.setdefault("variables", {})
        return self._start(self.write(), **options)

    def program(
        self, name: str, handle: str, listen: str = '("0.0.0.0", 9000)', **props: Any
    ) -> None:
        """Add a function of a custom runtime with an HTTP trigger: a program in Python.

        `handle` are the statements that answer a request; see PROGRAM for what they can use.
        """
        answer = dedent(handle).strip().replace("\n", "\n" + " " * 8)
        self.files({f"{name}.py": PROGRAM.format(handle=answer, listen=listen)})
        config = {"command": ["python3", f"{name}.py"], **props.pop("config", {})}
        self.http(name, runtime="custom.debian12", customRuntimeConfig=config, **props)
        if "handler" not in props:
            del self.document["resources"][name]["props"]["handler"]
