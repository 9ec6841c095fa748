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
import io
import json
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aliyun_fc_runtime_stub import events
from tools import demo_hooks
from tools.demo_log import DemoError, FunctionLog
from tools.install_runtimes import install_runtimes
from tools.languages import own
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


def main() -> int:
    """Run the demo; return 0 when the SMS was delivered."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--once", action="store_true", help="stop after the SMS was delivered")
    once = parser.parse_args().once
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without Chinese is no error
        sys.stdout.reconfigure(errors="backslashreplace")
    end_by_signals()
    try:
        with LocalCloud("demo") as cloud:
            _run(cloud, once)
    except (DemoError, NotStarted) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        _say(own("\nstopped", "\n已停止"))
    return 0


def _run(cloud: LocalCloud, once: bool) -> None:
    install_runtimes(ROOT / "s.yaml")
    emulator = cloud.start_emulator()
    key, receipt_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    hook = HookSecrets.new()
    Path(cloud.folder, "scenes.json").write_text(json.dumps(demo_hooks.scenes()), encoding="utf-8")
    settings = {
        **cloud.settings(emulator["url"]),
        "SMS_ACCESS_KEY_ID": emulator["access_key_id"],
        "SMS_ACCESS_KEY_SECRET": EMULATOR_SECRET,
        "SMS_SIGN_NAME": "fc-sms",
        "SMS_COUNTRIES": "HK",
        "SMS_CODE_TEMPLATE": own("SMS_100006", "SMS_100001"),
        "SMS_API_KEYS": f"demo:{_digest(key)},hook-alertmanager:{_digest(hook.key)}",
        "SMS_HOOKS": "supabase,alertmanager",
        "SMS_HOOK_SUPABASE_SECRET": hook.secret,
        "SMS_LOCAL_SCENES": f"{cloud.folder}/scenes.json",
        "SMS_RECEIPT_TOKEN": receipt_token,
    }
    overrides = [f"--env={name}={value}" for name, value in settings.items()]
    log = FunctionLog()
    stub = cloud.start(
        (STUB_PORT, 7),
        "fc-stub",
        *("start", "-t", str(ROOT / "s.yaml"), *overrides, "--json", "--offline"),
        output=Output(read_json_line, log.read),
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
        log=log,
    )
    circle.send_and_follow()
    circle.send_abroad()
    circle.send_on_event()
    circle.verify_a_code()
    circle.take_hooks()
    circle.show_receipts()
    if not once:
        _show_addresses(circle)
        _say(own("\nRunning until Ctrl-C.", "\n一直运行到按下 Ctrl-C。"))
        log.follow()
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


class Answer(NamedTuple):
    """An answer of this machine: its JSON, and the invocation that gave it, "" if none did."""

    status: int
    content: Any
    request_id: str


class Circle(NamedTuple):
    """The demo's steps, from sending to the receipt and back."""

    emulator: str
    api: str
    urls: dict[str, str]
    event_function: str
    key: str
    hook: HookSecrets
    log: FunctionLog

    def send_and_follow(self) -> None:
        """Send one SMS, and ask until its receipt has come."""
        _say(own("\n1. Send one SMS: POST /sms", "\n1. 发送一条短信：POST /sms"))
        sent = self._call(
            "send_sms",
            "/sms",
            {
                "phone_numbers": PHONE_NUMBER,
                "template_code": "SMS_100002",
                "template_param": {"name": "Li", "order": "A-17"},
            },
        )
        _say(
            own(
                "\n2. Ask what became of it: GET /delivery-status",
                "\n2. 查询这条短信的结果：GET /delivery-status",
            )
        )
        url = f"{self.urls['query_delivery_status']}/delivery-status?out_id={sent['out_id']}"
        deadline = time.monotonic() + DELIVERY_SECONDS
        while time.monotonic() < deadline:
            answer = _http("GET", url, key=self.key)
            rows = answer.content
            if answer.status == 200 and rows and rows[0]["status"] == "delivered":
                self.log.show_receipts(1)
                self._show(f"GET {url}", "", answer)
                _say(
                    own(
                        "\nDelivered, by the receipt that the platform pushed.",
                        "\n已送达：这是平台推送的回执说的。",
                    )
                )
                return
            time.sleep(0.5)
        seconds = DELIVERY_SECONDS
        raise DemoError(own(f"not delivered within {seconds} seconds", f"{seconds} 秒内没有送达"))

    def send_abroad(self) -> None:
        """Send one SMS to Hong Kong."""
        _say(
            own(
                "\n3. Send one abroad: POST /international-sms",
                "\n3. 发送一条国际短信：POST /international-sms",
            )
        )
        self._call(
            "send_international_sms",
            "/international-sms",
            {"phone_numbers": "+852 5123 4567", "message": "Your parcel has arrived."},
        )

    def send_on_event(self) -> None:
        """Deliver a message of a queue's topic to send_on_event, as the queue would."""
        _say(
            own(
                "\n4. Let an event send: a message of an MNS topic",
                "\n4. 由事件触发发送：MNS 主题的一条消息",
            )
        )
        request = {
            "phone_numbers": "13800138002",
            "template_code": "SMS_100002",
            "template_param": {"name": "Wang", "order": "B-2"},
        }
        event = events.mns_topic(json.dumps(request))
        url = f"{self.api}/2023-03-30/functions/{self.event_function}/invocations"
        answer = _http("POST", url, event)
        self._show(f"POST {url}", json.dumps(request), answer)
        if not answer.content.get("accepted"):
            raise DemoError(own("the event sent nothing", "事件没有发出短信"))

    def verify_a_code(self) -> None:
        """Create a one-time code, read it off the phone, and check it."""
        _say(
            own(
                "\n5. Create and check a one-time code: POST /codes, POST /codes/check",
                "\n5. 发送并校验一个验证码：POST /codes、POST /codes/check",
            )
        )
        number = "13800138003"
        created = self._call("verify_code", "/codes", {"phone_number": number, "purpose": "login"})
        code = self._inbox(number)[0]["template_param"]["code"]
        typed = {
            "verification_id": created["verification_id"],
            "phone_number": number,
            "purpose": "login",
            "code": code,
        }
        checked = self._call("verify_code", "/codes/check", typed)
        if checked.get("verified") is not True:
            raise DemoError(own("the code was not accepted", "验证码没有通过校验"))

    def take_hooks(self) -> None:
        """Let two products call their hooks: a code, signed, and an alarm."""
        url = f"{self.urls['receive_hook']}/hooks"
        _say(
            own(
                "\n6. Let Supabase send a code: a signed hook, POST /hooks/supabase",
                "\n6. Supabase 发送验证码：带签名的 hook，POST /hooks/supabase",
            )
        )
        body, headers = demo_hooks.supabase_request(self.hook.secret)
        answer = _http("POST", f"{url}/supabase", body, headers=headers)
        self._show(f"POST {url}/supabase", body.decode(), answer)
        self._show_arrived(demo_hooks.SUPABASE_NUMBER)
        _say(
            own(
                "\n7. Let Alertmanager send an alarm: POST /hooks/alertmanager",
                "\n7. Alertmanager 发送告警：POST /hooks/alertmanager",
            )
        )
        alarm = json.dumps(demo_hooks.alertmanager_body())
        answer = _http("POST", f"{url}/alertmanager", alarm.encode(), key=self.hook.key)
        self._show(f"POST {url}/alertmanager", alarm, answer)
        self._show_arrived(demo_hooks.TOLD_NUMBER)

    def show_receipts(self) -> None:
        """Show the receipts of all that was sent after the first one."""
        _say(
            own(
                "\n8. Take the receipts of these: the platform calls POST /receipts/{token}",
                "\n8. 接收以上短信的回执：平台调用 POST /receipts/{token}",
            )
        )
        sent = _http("GET", f"{self.emulator}/api/messages?limit=0").content["total"]
        self.log.show_receipts(sent, after=1)

    def _call(self, function: str, path: str, body: dict[str, object]) -> Any:
        """POST `body` to a function; print request, log and answer."""
        url = f"{self.urls[function]}{path}"
        answer = _http("POST", url, body, key=self.key)
        self._show(f"POST {url}", json.dumps(body, ensure_ascii=False), answer)
        return answer.content

    def _show(self, call: str, body: str, answer: Answer) -> None:
        """Print a call, what its function logged, and its answer; raises DemoError if not 200."""
        _say(f"   > {call}")
        if body:
            _say(f"   > {body}")
        self.log.show(answer.request_id)
        _say(f"   < {answer.status} {json.dumps(answer.content, ensure_ascii=False)}")
        if answer.status != 200:
            url = call.partition(" ")[2]
            raise DemoError(own(f"{url} answered {answer.status}", f"{url} 返回了 {answer.status}"))

    def _inbox(self, number: str) -> Any:
        url = f"{self.emulator}/api/messages?phone_number={number}"
        return _http("GET", url).content["messages"]

    def _show_arrived(self, number: str) -> None:
        messages = self._inbox(number)
        if not messages:
            raise DemoError(own("a hook sent nothing", "hook 没有发出短信"))
        _say(f"   {own('In the inbox: ', '收件箱里：')}{messages[0]['text']}")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _http(
    method: str,
    url: str,
    body: object = None,
    *,
    key: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Exchange JSON with a server of this machine; an error status is an answer, too."""
    headers = {"Content-Type": "application/json", **(headers or {})}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return _answer(response)
    except urllib.error.HTTPError as error:
        return _answer(error)
    except OSError as error:
        problem = own("does not answer", "没有响应")
        raise DemoError(f"{url} {problem} ({error})") from None


def _answer(response: Any) -> Answer:
    request_id = response.headers.get("X-Fc-Request-Id", "")
    return Answer(response.status, json.loads(response.read()), request_id)


def _show_addresses(circle: Circle) -> None:
    inbox = own("the inbox: what arrived", "收件箱：收到的短信")
    _say(own("\nOpen in a browser", "\n用浏览器打开"))
    _say(f"   {circle.emulator}/inbox   {inbox}")
    with_key = own("Call with the API key of this run,", "调用时带上这次运行的 API 密钥")
    _say(f"\n{with_key} {circle.key}")
    for function, methods, path in CALLED_WITH_THE_KEY:
        _say(f"   {methods:10} {circle.urls[function]}{path}")
    _say(
        own(
            "\nCalled by others: the emulator pushes receipts, products call their hooks",
            "\n由别人调用：模拟器推送回执，产品调用自己的 hook",
        )
    )
    for function, path in CALLED_BY_OTHERS:
        _say(f"   {'POST':10} {circle.urls[function]}{path}")
    _say(own("\nAsk what runs here, and what arrived", "\n查看这里运行着什么、收到了什么"))
    _say(f"   .venv/bin/fc-stub status --api {circle.api}")
    _say(f"   .venv/bin/sms-emulator messages --url {circle.emulator}")
    _say(own("\nSend another, and ask what became of it:", "\n再发一条，并查询它的结果："))
    _say(
        f"""\
   curl -w '\\n' {circle.urls["send_sms"]}/sms \\
     -H 'Authorization: Bearer {circle.key}' -H 'Content-Type: application/json' \\
     -d '{{"phone_numbers": "13800138001", "template_code": "{own("SMS_100006", "SMS_100001")}",
          "template_param": {{"code": "123456"}}, "out_id": "mine-1"}}'
   curl -w '\\n' '{circle.urls["query_delivery_status"]}/delivery-status?out_id=mine-1' \\
     -H 'Authorization: Bearer {circle.key}'"""
    )


def _say(text: str) -> None:
    """Print text and its end at once: the log comes from another thread."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
