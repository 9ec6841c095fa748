"""Questions to the platform: signed as the functions sign, over the same connection code."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import requests

from shared.clock import Clock
from shared.logs import Log
from shared.platform.sms_api import Result, SmsApi
from shared.settings import Credentials, Settings
from shared.transport import new_session

CALL_SECONDS = 10
GRANT = "grant the role, or the RAM user of the key pair, what docs/ram-policy.json grants"
_NOT_PERMISSIONS = ("Forbidden.RiskControl", "Forbidden.UserVerification")


class Questioner(NamedTuple):
    """Who asks, and with which settings; nothing is logged, for the findings say it all."""

    api: SmsApi

    def ask(self, action: str, parameters: Mapping[str, str]) -> Result:
        """Ask once."""
        return self.api.call(action, parameters, deadline=self.api.clock.monotonic() + CALL_SECONDS)


@contextmanager
def questioner(settings: Settings, credentials: Credentials) -> Iterator[Questioner]:
    """Open what the questions need."""
    with new_session() as session:
        silent = Log("", "doctor", b"", Clock(), io.StringIO())
        yield Questioner(SmsApi(settings, lambda: credentials, session, Clock(), silent))


def seconds_ahead(endpoint: str) -> float | None:
    """Return how far this machine's clock is ahead of the Date that `endpoint` answers with.

    None when it does not answer, or without a Date.
    """
    with requests.Session() as session:
        session.trust_env = False
        asked = time.time()
        try:
            answer = session.get(endpoint, timeout=CALL_SECONDS, allow_redirects=False)
            date = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (requests.RequestException, KeyError, ValueError):
            return None
    return (asked + time.time()) / 2 - date - 0.5  # the header has whole seconds, cut off


def is_forbidden(result: Result) -> bool:
    """Whether a RAM policy refused, by any of the names that this has."""
    code = result.code
    return code not in _NOT_PERMISSIONS and (
        code.startswith("Forbidden") or "RAM_" in code or code == "NoPermission"
    )
