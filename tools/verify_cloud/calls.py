"""Requests to the platform, each over a connection of its own, so that any node may get it."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import requests

from shared import transport
from shared.clock import Clock
from shared.logs import Log
from shared.platform.sms_api import Result, Signed, SmsApi
from shared.settings import Credentials, Settings
from tools.verify_cloud.findings import ClockSkew

CALL_SECONDS = 10
CLOCK = Clock()


class Caller(NamedTuple):
    """Who calls, and with which settings, the signature method among them."""

    settings: Settings
    credentials: Credentials

    def signing_with(self, method: str) -> Caller:
        """Return a caller that is the same but for its signature method."""
        return self._replace(settings=self.settings._replace(signature_method=method))

    def sign(
        self, action: str, parameters: Mapping[str, str], nonce: str = "", seconds_ago: int = 0
    ) -> Signed:
        """Sign a request with a timestamp of `seconds_ago`; its nonce is random if not given."""
        with self.connection(Clock(now=lambda: time.time() - seconds_ago)) as api:
            return api.sign(action, parameters, nonce)

    def exchange(self, signed: Signed) -> Result:
        """Send a signed request over a new connection."""
        with self.connection() as api:
            return api.exchange(signed, deadline=api.clock.monotonic() + CALL_SECONDS)

    def call(self, action: str, parameters: Mapping[str, str]) -> Result:
        """Sign a request and send it."""
        return self.exchange(self.sign(action, parameters))

    @contextmanager
    def connection(self, clock: Clock = CLOCK) -> Iterator[SmsApi]:
        """Open what one exchange needs; nothing is logged, the findings say it all."""
        log = Log("", "verify-cloud", b"", clock, io.StringIO())
        with transport.new_session() as session:
            yield SmsApi(self.settings, lambda: self.credentials, session, clock, log)


def clock_skew(endpoint: str) -> ClockSkew | None:
    """Compare this machine's clock with the Date header of `endpoint`; None if there is none."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = transport.SESSION.verify
        asked = time.time()
        try:
            answer = session.get(endpoint, timeout=CALL_SECONDS, allow_redirects=False)
            date = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (requests.RequestException, KeyError, ValueError):
            return None
    answered = time.time()
    return ClockSkew(  # the header has whole seconds, cut off
        ahead_seconds=round((asked + answered) / 2 - date - 0.5, 2),
        plus_minus=round((answered - asked + 1) / 2, 2),
    )
