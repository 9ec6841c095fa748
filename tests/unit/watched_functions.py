"""The functions set up with secrets, and watched: nothing that they let out may hold one."""

from __future__ import annotations

import hashlib
import importlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.receipts import mns_queue
from shared.sending.scenes import instance_scenes
from tests.unit.hostile_inputs import CODE_TEMPLATE, MISPLACED, Call, bodies
from tests.unit.secret_watch import Secrets, Told, check, invoke
from tests.unit.source_events import encoded, mns_topic, oss
from tests.unit.trigger_events import Context, http_event

# Products whose hooks an API key opens.
HOOKS_BY_KEY = (
    *("alertmanager", "authentik", "casdoor", "generic", "grafana", "logto"),
    *("novu", "uptime-kuma"),
)
TIMER = b'{"triggerTime": "2027-01-15T08:00:00Z", "triggerName": "queues", "payload": ""}'


class World:
    """The functions, which take `url` for the SMS service, and a state file or none in `folder`.

    They run in `environment`.
    """

    def __init__(self, environment: pytest.MonkeyPatch, url: str, folder: Path) -> None:
        self.environment = environment
        self.folder = folder
        self.state_url = f"sqlite://{folder}/state.db"
        self._url = url

    def prepare(self, secrets: Secrets, *, store: bool = True) -> None:
        """Forget all state, and set the functions up with the secrets of one example."""
        self.forget()
        mns_queue._TOKENS.clear()
        endpoints = ("SMS", "INTERNATIONAL", "PNVS", "BASE", "MNS")
        values = {
            **{f"SMS_{name}_ENDPOINT".replace("SMS_SMS", "SMS"): self._url for name in endpoints},
            "SMS_API_KEYS": ",".join(_key_entries(secrets)),
            "SMS_HOOKS": ",".join((*HOOKS_BY_KEY, "cloudmonitor")),
            "SMS_HOOK_CLOUDMONITOR_SECRET": secrets.receipt_token,
            "SMS_HOOK_GENERIC_FIELDS": "number=to,code=payload.code",
            "SMS_LOCAL_SCENES": str(self._scenes(secrets)),
            "SMS_ACCESS_KEY_ID": "",
            "SMS_ACCESS_KEY_SECRET": "",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.NVKey",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secrets.access_key_secret,
            "ALIBABA_CLOUD_SECURITY_TOKEN": secrets.security_token,
            "SMS_RECEIPT_TOKEN": secrets.receipt_token,
            "SMS_RECEIPT_QUEUES": "Alicom-Queue-1-SmsReport,Alicom-Queue-1-SmsUp",
            "SMS_STATE_SECRET": secrets.state_secret,
            "SMS_STATE_URL": self.state_url if store else "",
            "SMS_ALLOW_LOCAL_STATE": "1",
            "SMS_LOCAL_BUCKETS": str(self.folder),
            "SMS_SIGN_NAME": "fc-sms",
            "SMS_COUNTRIES": "HK",
            "SMS_CODE_TEMPLATES": CODE_TEMPLATE,
            "SMS_CODE_TEMPLATE": CODE_TEMPLATE,
            "SMS_CODE_MESSAGE": "Your code is {code}.",
            "SMS_CONNECT_TIMEOUT": "2",
            "SMS_READ_TIMEOUT": "2",
            "SMS_SETTLE_SECONDS": "0.1",
        }
        for name in MISPLACED:
            self.environment.delenv(name, raising=False)
        for name, value in values.items():
            self.environment.setenv(name, value)

    def _scenes(self, secrets: Secrets) -> Path:
        """Write the scenes of alarms, which tell the numbers of the example."""
        tell = [{"to": [f"+86{secrets.mainland}", f"+{secrets.abroad}"]}]
        scene = {
            "template_code": "SMS_100003",
            "variables": {"name": "title", "detail": "text", "missed": "left_out"},
            "message": "{title} {label:instance}",
            "resolved": True,
            "tell": tell,
        }
        path = self.folder / "scenes.json"
        path.write_text(json.dumps({"alarms": {"*": scene}}), encoding="utf-8")
        instance_scenes.cache_clear()
        return path

    def run(self, call: Call, context: Context | None = None) -> Told:
        """Let a function handle an event."""
        module = importlib.import_module(f"functions.{call.function}")
        return invoke(module.handler, call.event, context or Context())

    def forget(self) -> None:
        """Remove the shared state."""
        (self.folder / "state.db").unlink(missing_ok=True)

    def kept(self) -> bytes:
        """Return all that the shared state holds, but what could not be read and is kept raw."""
        file = self.folder / "state.db"
        content = file.read_bytes() if file.exists() else b""
        if b"unread:" not in content:
            return content
        rest = self.folder / "rest.db"
        rest.write_bytes(content)
        with closing(sqlite3.connect(rest, isolation_level=None)) as database:
            database.execute("DELETE FROM records WHERE key LIKE 'unread:%'")
            database.execute("VACUUM")  # else the text stays in the file
        return rest.read_bytes()

    def check(self, told: Told, secrets: Secrets, *may_return: str) -> None:
        """Fail if an invocation raised, or what it told or what is kept holds a secret."""
        check(told, secrets, *may_return)
        assert secrets.found_in(self.kept()) == []


def hook_key(secrets: Secrets, product: str) -> str:
    """Return the API key of a hook: one that holds the example's."""
    return f"{secrets.api_key}-{product}"


def _key_entries(secrets: Secrets) -> list[str]:
    keys = {"tests": secrets.api_key}
    keys.update({f"hook-{name}": hook_key(secrets, name) for name in HOOKS_BY_KEY})
    return [f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in keys.items()]


def hook_calls(secrets: Secrets) -> list[Call]:
    """Return a proper request of each product whose hook an API key or a token opens."""
    codes = {
        "logto": {"to": secrets.abroad, "type": "SignIn", "payload": {"code": secrets.code}},
        "casdoor": {"phoneNumber": f"+86{secrets.mainland}", "code": secrets.code},
        "authentik": {"To": f"+86{secrets.mainland}", "Body": secrets.code},
        "novu": {"to": f"+86{secrets.mainland}", "content": secrets.code, "id": "m-1"},
        "generic": {"to": f"+{secrets.abroad}", "payload": {"code": secrets.code}},
    }
    alert = {
        "labels": {"alertname": secrets.code, "instance": secrets.client_ip},
        "annotations": {"summary": f"{secrets.mainland} {secrets.password}"},
        "fingerprint": secrets.code,
    }
    alarms = {
        "alertmanager": {"receiver": "ops", "groupKey": secrets.code, "alerts": [alert]},
        "grafana": {"alerts": [alert, {**alert, "status": "resolved"}]},
        "uptime-kuma": {"heartbeat": {"status": 0}, "monitor": None, "msg": secrets.password},
    }
    told = [
        _hook_call(body, path=f"/hooks/{name}", key=hook_key(secrets, name))
        for name, body in {**codes, **alarms}.items()
    ]
    form = f"alertName={secrets.code}&alertState=ALERT&instanceName={secrets.mainland}"
    path = f"/hooks/cloudmonitor/{secrets.receipt_token}"
    return [*told, _hook_call(form, path=path, key=None)]


def _hook_call(body: object, *, path: str, key: str | None) -> Call:
    return Call("receive_hook", http_event(body, path=path, key=key))


def every_call(secrets: Secrets) -> list[Call]:
    """Return a proper call for each way into a function."""
    proper = [
        Call(name.split()[0], http_event(body, path=name.split()[1], key=secrets.api_key))
        for name, body in bodies(secrets).items()
    ]
    request = bodies(secrets)["send_sms /sms"]
    asked = http_event(
        method="GET",
        path="/delivery-status",
        key=secrets.api_key,
        query={"message_id": "900619746936498440^0"},
    )
    return [
        *proper,
        *hook_calls(secrets),
        Call("query_delivery_status", asked),
        Call("send_on_event", encoded(mns_topic(request))),
        Call("send_on_event", encoded(oss("sms-files/all.csv", b"phone_number\n"))),
        Call("receive_receipts", TIMER),
    ]


def told_to_the_caller(call: Call) -> tuple[str, ...]:
    """Return the names of the secrets that the caller gets back: the number he asked about."""
    return ("mainland",) if call.function == "query_delivery_status" else ()
