"""Asks for codes and checks them as the function does, beside a platform and a state file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from shared.codes import code_requests, verification
from shared.codes.own_codes import OwnCodes, Verification
from shared.settings import Credentials, read_code_settings
from shared.state.records import read_record
from shared.trigger.http_trigger import Response
from shared.trigger.invocation import Invocation
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import ManualClock
from tests.unit.scripted_server import Scene
from tests.unit.sms_platform import Platform
from tests.unit.trigger_events import SPACE

NUMBER, OTHER = "13800138000", "13800138001"
SECRET = "a-secret-of-the-tests"
Parameters = Mapping[str, str]


class Desk:
    """Asks for codes and checks them, as the function does, for a caller of `space`.

    `environ` are settings of the test.
    """

    def __init__(
        self, platform: Platform, endpoint: str, api_to: ApiTo, clock: ManualClock, state: Path
    ) -> None:
        self.platform = platform
        self.clock = clock
        self.state = state
        self.space = SPACE
        self.environ = {
            "SMS_STATE_URL": f"sqlite://{state}",
            "SMS_ALLOW_LOCAL_STATE": "1",
            "SMS_STATE_SECRET": SECRET,
            "SMS_SIGN_NAME": "签名",
            "SMS_CODE_TEMPLATE": "SMS_7",
            "SMS_READ_TIMEOUT": "5",
            "SMS_INTERNATIONAL_ENDPOINT": endpoint,
            "SMS_COUNTRIES": "HK,US",
        }
        self.credentials: Callable[[], Credentials] = lambda: CREDENTIALS
        self._endpoint = endpoint
        self._api_to = api_to

    def invocation(self) -> Invocation:
        api = self._api_to(self._endpoint, self.credentials, **self.environ)
        return Invocation(api, self.clock.passed + 20, self.space)

    def create(self, number: str = NUMBER, purpose: str = "login", **fields: Any) -> Response:
        body = {"phone_number": number, "purpose": purpose, **fields}
        request = code_requests.read_request(body, "")._replace(space=self.space)
        codes = read_code_settings(self.environ)
        created = verification.create(request, self.invocation(), codes)
        return verification.created_response(created, request.out_id, has_store=True)

    def created(self, *arguments: str, **fields: Any) -> str:
        """Create and return the verification_id; fails unless the code was sent."""
        response = self.create(*arguments, **fields)
        assert response.status == 200, response
        return str(body_of(response)["verification_id"])

    def check(self, verification_id: str, code: str, number: str = NUMBER, **fields: Any) -> bool:
        body = {
            "verification_id": verification_id,
            "phone_number": number,
            "purpose": "login",
            "code": code,
            **fields,
        }
        typed = code_requests.read_check(body)._replace(space=self.space)
        return verification.check(typed, self.invocation(), read_code_settings(self.environ))

    @property
    def code(self) -> str:
        """The code in the newest SMS."""
        return str(json.loads(self.platform.sends[-1]["TemplateParam"])["code"])

    @property
    def wrong_code(self) -> str:
        return "000000" if self.code != "000000" else "111111"

    def stored(self) -> list[str]:
        """Everything in the state file, row by row."""
        with sqlite3.connect(self.state) as database:
            tables = ("records", "counts", "moments")
            rows = [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
        database.close()
        return [str(row) for table in rows for row in table]


def body_of(response: Response) -> dict[str, Any]:
    assert isinstance(response.body, dict)
    return response.body


def own_codes(desk: Desk) -> OwnCodes:
    invocation = desk.invocation()
    store = invocation.store
    assert store
    return OwnCodes(invocation.api, store, read_code_settings(desk.environ), invocation.deadline)


def verification_id_of(desk: Desk, out_id: str) -> str:
    request = code_request(out_id=out_id)._replace(space=desk.space)
    return own_codes(desk).verification_id(request)


def code_request(**fields: Any) -> code_requests.CodeRequest:
    body = {"phone_number": NUMBER, "purpose": "login", **fields}
    return code_requests.read_request(body, "")._replace(space=SPACE)


def refusal(desk: Desk) -> tuple[str, float]:
    """Ask for a code; return the rule that refused it, and when to come back."""
    response = desk.create()
    assert response.status == 429
    return body_of(response)["code"], float(response.headers["Retry-After"])


def while_sending(desk: Desk, step: Callable[[], object], scene: Scene) -> None:
    """Let `step` happen while the platform has the SMS in hand; it answers `scene` then."""

    def decide(_parameters: Parameters) -> Scene:
        step()
        desk.invocation().api.session.close()  # the connections of this thread
        return scene

    desk.platform.decide("SendSms", decide)


def verification_key(desk: Desk, out_id: str) -> str:
    """Return the key of the record of the verification that belongs to an out_id."""
    return f"verification:{verification_id_of(desk, out_id)}"


def verification_of(desk: Desk, out_id: str) -> Verification:
    """Return the record of the verification that belongs to an out_id, which has to be there."""
    record = read_record(own_codes(desk).store.get(verification_key(desk, out_id)), Verification())
    assert record.stored is not None
    return record
