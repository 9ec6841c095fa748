"""``make demo``: the local cloud, SMS through it, and what became of them.

Starts the SMS emulator and the Function Compute stub on 127.0.0.1, sends one SMS through the HTTP
trigger of send_sms, waits for its receipt, sends one abroad and one by an event, creates and checks
a one-time code, lets two other products call their hooks, and keeps running until Ctrl-C (with
``--once`` it stops then). Nothing leaves this machine and no file of the project is written.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from aliyun_fc_runtime_stub import events
from tools import demo_hooks
from tools.install_runtimes import install_runtimes
from tools.local_cloud import (
    EMULATOR_SECRET,
    STUB_PORT,
    LocalCloud,
    NotStarted,
    Output,
    end_by_signals,
    read_json_line,
)

ROOT = Path(__file__).resolve().parent.parent
DELIVERY_SECONDS = 30
PHONE_NUMBER = "13800138000"
CALLED_WITH_THE_KEY = (
    ("send_sms", "POST", "/sms"),
    ("send_international_sms", "POST", "/international-sms"),
    ("query_delivery_status", "GET, POST", "/delivery-status"),
    ("verify_code", "POST", "/codes"),
    ("verify_code", "POST", "/codes/check"),
)
CALLED_BY_OTHERS = (
    ("receive_receipts", "/receipts/{token}"),
    ("receive_hook", "/hooks/{product}"),
)


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


def main() -> int:
    """Run the demo; return 0 when the SMS was delivered."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--once", action="store_true", help="stop after the SMS was delivered")
    once = parser.parse_args().once
    end_by_signals()
    try:
        with LocalCloud("demo") as cloud:
            _run(cloud, once)
    except (DemoError, NotStarted) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        _say("\nstopped")
    return 0


def _run(cloud: LocalCloud, once: bool) -> None:
    install_runtimes(ROOT / "s.yaml")
    emulator = cloud.start_emulator()
    key, receipt_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    hook = HookSecrets.new()
    Path(cloud.folder, "scenes.json").write_text(json.dumps(demo_hooks.SCENES), encoding="utf-8")
    settings = {
        **cloud.settings(emulator["url"]),
        "SMS_ACCESS_KEY_ID": emulator["access_key_id"],
        "SMS_ACCESS_KEY_SECRET": EMULATOR_SECRET,
        "SMS_SIGN_NAME": "fc-sms",
        "SMS_COUNTRIES": "HK",
        "SMS_CODE_TEMPLATE": "SMS_100001",
        "SMS_API_KEYS": f"demo:{_digest(key)},hook-alertmanager:{_digest(hook.key)}",
        "SMS_HOOKS": "supabase,alertmanager",
        "SMS_HOOK_SUPABASE_SECRET": hook.secret,
        "SMS_LOCAL_SCENES": f"{cloud.folder}/scenes.json",
        "SMS_RECEIPT_TOKEN": receipt_token,
    }
    overrides = [f"--env={name}={value}" for name, value in settings.items()]
    stub = cloud.start(
        (STUB_PORT, 7),
        "fc-stub",
        *("start", "-t", str(ROOT / "s.yaml"), *overrides, "--json", "--offline"),
        output=Output(read_json_line, _show_log),
    )
    functions = {function["resource"]: function for function in stub["functions"]}
    urls = {name: one["url"].rstrip("/") for name, one in functions.items() if one["url"]}
    receipt_url = f"{urls['receive_receipts']}/receipts/{receipt_token}"
    _http("PUT", f"{emulator['url']}/api/settings", {"receipt_url": receipt_url})
    circle = Circle(
        emulator=emulator["url"],
        api=stub["api"],
        urls=urls,
        event_function=functions["send_on_event"]["name"],
        key=key,
        hook=hook,
    )
    circle.send_and_follow()
    circle.send_abroad()
    circle.send_on_event()
    circle.verify_a_code()
    circle.take_hooks()
    if not once:
        _show_addresses(circle)
        _say("\nRunning until Ctrl-C.")
        threading.Event().wait()


class HookSecrets(NamedTuple):
    """How two products show who they are: a secret of Standard Webhooks, and an API key."""

    secret: str
    key: str

    @classmethod
    def new(cls) -> HookSecrets:
        """Return secrets of this run."""
        secret = base64.b64encode(secrets.token_bytes(24)).decode()
        return cls(f"v1,whsec_{secret}", secrets.token_urlsafe(24))


class Circle(NamedTuple):
    """The demo's steps, from sending to the receipt and back."""

    emulator: str
    api: str
    urls: dict[str, str]
    event_function: str
    key: str
    hook: HookSecrets

    def send_and_follow(self) -> None:
        """Send one SMS, and ask until its receipt has come."""
        _say("\n1. Send one SMS: POST /sms")
        sent = self._call(
            "send_sms",
            "/sms",
            {
                "phone_numbers": PHONE_NUMBER,
                "template_code": "SMS_100002",
                "template_param": {"name": "Li", "order": "A-17"},
            },
        )
        _say("\n2. Ask what became of it: GET /delivery-status")
        url = f"{self.urls['query_delivery_status']}/delivery-status?out_id={sent['out_id']}"
        deadline = time.monotonic() + DELIVERY_SECONDS
        while time.monotonic() < deadline:
            status, answer = _http("GET", url, key=self.key)
            if status == 200 and answer and answer[0]["status"] == "delivered":
                _say(f"   > GET {url}\n   < 200 {json.dumps(answer, ensure_ascii=False)}")
                _say("\nDelivered, by the receipt that the platform pushed.")
                return
            time.sleep(0.5)
        raise DemoError(f"not delivered within {DELIVERY_SECONDS} seconds")

    def send_abroad(self) -> None:
        """Send one SMS to Hong Kong."""
        _say("\n3. Send one abroad: POST /international-sms")
        self._call(
            "send_international_sms",
            "/international-sms",
            {"phone_numbers": "+852 5123 4567", "message": "Your parcel has arrived."},
        )

    def send_on_event(self) -> None:
        """Deliver a message of a queue's topic to send_on_event, as the queue would."""
        _say("\n4. Let an event send: a message of an MNS topic")
        request = {
            "phone_numbers": "13800138002",
            "template_code": "SMS_100002",
            "template_param": {"name": "Wang", "order": "B-2"},
        }
        event = events.mns_topic(json.dumps(request))
        url = f"{self.api}/2023-03-30/functions/{self.event_function}/invocations"
        status, answer = _http("POST", url, event)
        _say(f"   > {json.dumps(request)}\n   < {json.dumps(answer, ensure_ascii=False)}")
        if status != 200 or not answer.get("accepted"):
            raise DemoError("the event sent nothing")

    def verify_a_code(self) -> None:
        """Create a one-time code, read it off the phone, and check it."""
        _say("\n5. Create and check a one-time code: POST /codes, POST /codes/check")
        number = "13800138003"
        created = self._call("verify_code", "/codes", {"phone_number": number, "purpose": "login"})
        _, inbox = _http("GET", f"{self.emulator}/api/messages?phone_number={number}")
        code = inbox["messages"][0]["template_param"]["code"]
        typed = {
            "verification_id": created["verification_id"],
            "phone_number": number,
            "purpose": "login",
            "code": code,
        }
        checked = self._call("verify_code", "/codes/check", typed)
        if checked.get("verified") is not True:
            raise DemoError("the code was not accepted")

    def take_hooks(self) -> None:
        """Let two products call their hooks: a code, signed, and an alarm."""
        url = f"{self.urls['receive_hook']}/hooks"
        _say("\n6. Let Supabase send a code: a signed hook, POST /hooks/supabase")
        body, headers = demo_hooks.supabase_request(self.hook.secret)
        _shown(f"{url}/supabase", body, _http("POST", f"{url}/supabase", body, headers=headers))
        _say("\n7. Let Alertmanager send an alarm: POST /hooks/alertmanager")
        alarm = json.dumps(demo_hooks.alertmanager_body()).encode()
        answer = _http("POST", f"{url}/alertmanager", alarm, key=self.hook.key)
        _shown(f"{url}/alertmanager", alarm, answer)
        for number in (demo_hooks.SUPABASE_NUMBER, demo_hooks.TOLD_NUMBER):
            _, inbox = _http("GET", f"{self.emulator}/api/messages?phone_number={number}")
            if not inbox["messages"]:
                raise DemoError("a hook sent nothing")
            _say(f"   In the inbox: {inbox['messages'][0]['text']}")

    def _call(self, function: str, path: str, body: dict[str, object]) -> Any:
        """POST `body` to a function; print request and answer."""
        url = f"{self.urls[function]}{path}"
        _say(f"   > POST {url}\n   > {json.dumps(body, ensure_ascii=False)}")
        status, answer = _http("POST", url, body, key=self.key)
        _say(f"   < {status} {json.dumps(answer, ensure_ascii=False)}")
        if status != 200:
            raise DemoError(f"{url} answered {status}")
        return answer


def _shown(url: str, body: bytes, answer: tuple[int, Any]) -> None:
    """Print a request and its answer; raises DemoError unless that is 200."""
    status, content = answer
    _say(f"   > POST {url}\n   > {body.decode()}\n   < {status} {json.dumps(content)}")
    if status != 200:
        raise DemoError(f"{url} answered {status}")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _http(
    method: str,
    url: str,
    body: object = None,
    *,
    key: str = "",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """Exchange JSON with a server of this machine; an error status is an answer, too."""
    headers = {"Content-Type": "application/json", **(headers or {})}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError as error:
        raise DemoError(f"{url} does not answer ({error})") from None


def _show_addresses(circle: Circle) -> None:
    _say("\nOpen in a browser")
    _say(f"   {circle.emulator}/inbox   the inbox: what arrived")
    _say(f"\nCall with the API key of this run, {circle.key}")
    for function, methods, path in CALLED_WITH_THE_KEY:
        _say(f"   {methods:10} {circle.urls[function]}{path}")
    _say("\nCalled by others: the emulator pushes receipts, products call their hooks")
    for function, path in CALLED_BY_OTHERS:
        _say(f"   {'POST':10} {circle.urls[function]}{path}")
    _say("\nAsk what runs here, and what arrived")
    _say(f"   .venv/bin/fc-stub status --api {circle.api}")
    _say(f"   .venv/bin/sms-emulator messages --url {circle.emulator}")
    _say(
        f"""
Send another, and ask what became of it:
   curl -w '\\n' {circle.urls["send_sms"]}/sms \\
     -H 'Authorization: Bearer {circle.key}' -H 'Content-Type: application/json' \\
     -d '{{"phone_numbers": "13800138001", "template_code": "SMS_100001",
          "template_param": {{"code": "123456"}}, "out_id": "mine-1"}}'
   curl -w '\\n' '{circle.urls["query_delivery_status"]}/delivery-status?out_id=mine-1' \\
     -H 'Authorization: Bearer {circle.key}'"""
    )


def _show_log(output: IO[str]) -> None:
    """Print what the functions log, as fc-stub reports it, until fc-stub ends."""
    for line in output:
        for entry in json.loads(line).get("log", "").splitlines():
            if not entry.startswith("FC Invoke"):  # the platform's own lines
                _say(f"   log {entry}")


def _say(text: str) -> None:
    """Print text and its end at once: the log comes from another thread."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
