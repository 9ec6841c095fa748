"""Those who send in a schedule: fc-sms, and the official SDK in a function of somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

from alibabacloud_dysmsapi20170525.client import Client as Dysmsapi
from alibabacloud_dysmsapi20170525.models import SendSmsRequest
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.policy.retry import RetryCondition, RetryOptions
from darabonba.runtime import RuntimeOptions

from aliyun_sms_emulator import SmsEmulator
from shared.sending import mainland
from shared.sending.intents import Defaults, PartOutcome
from shared.sending.protocol import send
from shared.state.store import Store
from shared.trigger.bulk_sends import wants_repeat
from tests.faults.world import SIGN_NAME, Accident, Call, Crash, Invocation, World

READ_TIMEOUT = 0.3  # real seconds, the same for all
NUMBER, TEMPLATE_CODE = "13800138000", "SMS_100001"
SUCCESS, FAILED, UNKNOWN = "success", "failed", "unknown"
_AFTERNOON = 1_800_000_000
_STATE = {
    "SMS_STATE_URL": "sqlite:///state",
    "SMS_ALLOW_LOCAL_STATE": "1",
    "SMS_STATE_SECRET": "the-secret-of-the-state",
}


class End(NamedTuple):
    """How an invocation ended: what is known then, and whether Function Compute repeats it."""

    told: str
    is_repeated: bool


class Caller(Protocol):
    """One client in a world of its own; it sends one intent."""

    world: World
    can_resend: bool

    def invoke(self, accidents: Sequence[Accident], *, resends: bool = False) -> End:
        """Run one invocation for the intent."""


MakeCaller = Callable[[SmsEmulator, Store | None, str, object], Caller]


class FcSms:
    """fc-sms: unknown is told as such, and is safe to repeat."""

    def __init__(
        self,
        emulator: SmsEmulator,
        store: Store | None,
        out_id: str,
        visibility: object,
        nonce_scope: str = "off",
    ) -> None:
        self.world = World(
            emulator,
            store,
            now=_AFTERNOON,
            settings={"nonce_scope": nonce_scope, "visibility_delay_seconds": visibility},
            environ={"SMS_READ_TIMEOUT": str(READ_TIMEOUT), **(_STATE if store else {})},
        )
        self.can_resend = store is not None
        body = {
            "phone_numbers": NUMBER,
            "template_code": TEMPLATE_CODE,
            "template_param": {"code": "481516"},
            "out_id": out_id,
        }
        self._intent = mainland.read_intent(body, "", Defaults("shop", SIGN_NAME))

    def invoke(self, accidents: Sequence[Accident], *, resends: bool = False) -> End:
        """Send; the end of an invocation that crashed is unknown."""
        intent = self._intent._replace(resend_unknown=resends)

        def work(invocation: Invocation) -> Sequence[PartOutcome]:
            return send(intent, invocation.api, invocation.deadline, invocation.store)

        result = self.world.invoke(Call(work, tuple(accidents)))
        if isinstance(result, Crash):
            return End(UNKNOWN, is_repeated=True)
        (outcome,) = result
        told = {"accepted": SUCCESS, "rejected": FAILED}.get(outcome.outcome, UNKNOWN)
        return End(told, wants_repeat(outcome))


class Sdk:
    """The official SDK; its retries are those of a network error, as its documentation has them.

    Version 4.6.0 takes them from `Config.retry_options` and reads `RuntimeOptions(autoretry=True,
    max_attempts=3)`, which the documentation shows ("Retry mechanism"), no more.
    """

    can_resend = False

    def __init__(
        self,
        emulator: SmsEmulator,
        _store: Store | None,
        out_id: str,
        visibility: object,
        *,
        retries: bool,
    ) -> None:
        self.world = World(
            emulator,
            None,
            now=_AFTERNOON,
            settings={"nonce_scope": "off", "visibility_delay_seconds": visibility},
            environ={},
        )
        emulator.settings(timestamp_clock="real")  # that of the SDK cannot be moved
        on_network_errors = RetryCondition(
            max_attempts=3, exception=["RetryError"], backoff={"policy": "Fixed", "period": 1}
        )
        self._config: dict[str, Any] = {
            "endpoint": emulator.endpoint,
            "protocol": "http",
            "retry_options": RetryOptions(retry_condition=[on_network_errors]) if retries else None,
        }
        self._keys = emulator.access_key_id, emulator.access_key_secret
        self._request = SendSmsRequest(
            phone_numbers=NUMBER,
            sign_name=SIGN_NAME,
            template_code=TEMPLATE_CODE,
            template_param='{"code":"481516"}',
            out_id=out_id,
        )

    def invoke(self, accidents: Sequence[Accident], *, resends: bool = False) -> End:
        """Send; whatever is raised is a failure, and so is an invocation that crashed."""
        exchanges = _Exchanges(accidents, *self._keys)
        milliseconds = round(READ_TIMEOUT * 1000)
        options = RuntimeOptions(
            autoretry=True,
            max_attempts=3,
            read_timeout=milliseconds,
            connect_timeout=milliseconds,
        )
        try:
            client = Dysmsapi(Config(credential=exchanges, **self._config))
            code = str(client.send_sms_with_options(self._request, options).body.code)
            exchanges.ended()
        except (Crash, Exception):
            return End(FAILED, is_repeated=True)
        return End(SUCCESS if code == "OK" else FAILED, not code.startswith(("OK", "isv.")))


class _Exchanges:
    """Counts exchanges of the SDK, which asks for its credentials before each, and crashes it."""

    def __init__(self, accidents: Sequence[Accident], key_id: str, key_secret: str) -> None:
        self._due = [(one.step, one.when) for one in accidents if one.kind == "exchange"]
        self._step = 0
        self._credential = SimpleNamespace(
            type="access_key",
            access_key_id=key_id,
            access_key_secret=key_secret,
            security_token=None,
            provider_name=None,
        )

    def get_credential(self) -> SimpleNamespace:
        """Begin an exchange."""
        self.ended()
        self._step += 1
        if (self._step, "before") in self._due:
            raise Crash
        return self._credential

    def ended(self) -> None:
        """End the exchange before, if there is one."""
        if (self._step, "after") in self._due:
            raise Crash
