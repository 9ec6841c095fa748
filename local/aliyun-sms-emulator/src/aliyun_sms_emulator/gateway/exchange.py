"""One call to the platform API while it is under way, and the processing of it."""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
import time
import uuid
from dataclasses import dataclass, field

from aliyun_sms_emulator.faults.fault import BEFORE
from aliyun_sms_emulator.faults.kinds import KINDS
from aliyun_sms_emulator.faults.plan import Encounter
from aliyun_sms_emulator.gateway.authentication import authenticate
from aliyun_sms_emulator.operations import OPERATIONS
from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.lookup import check_required, find_operation
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.tables.refusals import Refusal
from aliyun_sms_emulator.tables.request_log import NewRequest
from aliyun_sms_emulator.wire.answers import (
    SMS,
    Answer,
    Dialect,
    business_refusal,
    gateway_refusal,
    success,
)
from aliyun_sms_emulator.wire.errors import BusinessError, GatewayError, NotEmulated
from aliyun_sms_emulator.wire.leniency import Leniency
from aliyun_sms_emulator.wire.request import WireRequest

_LOGGED_CHARACTERS = 20_000
_SECRETS = frozenset({"Signature", "SecurityToken"})
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Exchange:
    """One call: what came, what it meets, and how far it got.

    `account` is known when the caller is, `admitted` when the gateway has let the call pass.
    """

    request: WireRequest
    encounter: Encounter
    leniency: Leniency
    refused: GatewayError | None = None
    started: float = field(default_factory=time.perf_counter)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    account: str = ""
    admitted: bool = False

    @property
    def dialect(self) -> Dialect:
        """How answers of the operation name their result."""
        operation = OPERATIONS.get(self.request.version, {}).get(self.request.action)
        return SMS if operation is None else operation.dialect


class Processor:
    """Does what calls ask for, each in one transaction."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def process(self, exchange: Exchange, now: float) -> Answer:
        """Check, do and log a call at `now`, the emulator's time; returns its answer."""
        platform, request = self._platform, exchange.request
        try:
            with platform.store.transaction():
                answer, verdict = self._run(exchange, now)
                self._record(exchange, verdict, answer.http_status, answer.code, now)
        except Exception as error:
            known = isinstance(error, sqlite3.OperationalError)  # a full disk: a line is enough
            _log.error(
                "request %s (%s) failed: %s",
                exchange.request_id,
                request.action,
                error,
                exc_info=not known,
            )
            fault = GatewayError("InternalError", "The emulator failed; see its log.", 500)
            answer, verdict = gateway_refusal(exchange.request_id, "", fault), "failed"
            with contextlib.suppress(sqlite3.Error), platform.store.transaction():
                self._record(exchange, verdict, answer.http_status, answer.code, now)
        platform.changes.announce()
        return answer

    def admit(self, exchange: Exchange) -> bool:
        """Let a call pass the gateway, for the rest to be done later; False if it is refused."""
        try:
            with self._platform.store.transaction():
                self._pass_gateway(exchange)
        except (GatewayError, sqlite3.Error):
            return False
        return True

    def ignore(self, exchange: Exchange, http_status: int) -> None:
        """Log a call that a fault kept from being processed; status 0 is no whole answer."""
        with contextlib.suppress(sqlite3.Error), self._platform.store.transaction():
            self._record(exchange, "faulted", http_status, "", self._platform.clock.now())
        self._platform.changes.announce()

    def invent(self, exchange: Exchange) -> Answer:
        """An answer that looks like a success, of a call that was not processed."""
        invented = {"BizId": f"{10**17 + secrets.randbelow(9 * 10**17)}^0"}
        return success(exchange.request.action, exchange.request_id, invented, exchange.dialect)

    def refuse(self, exchange: Exchange, code: str, message: str, status: int) -> Answer:
        """The answer of a refusal: the service's with status 200, else the gateway's."""
        if status == 200:
            error = BusinessError(code, message)
            return business_refusal(
                exchange.request.action, exchange.request_id, error, exchange.dialect
            )
        host = exchange.request.headers.get("host", "")
        return gateway_refusal(exchange.request_id, host, GatewayError(code, message, status))

    def _run(self, exchange: Exchange, now: float) -> tuple[Answer, str]:
        request, fault = exchange.request, exchange.encounter.fault
        planned = fault.when == BEFORE and KINDS[fault.kind].refuses
        try:
            if planned and fault.status != 200:
                raise GatewayError(fault.code, fault.message, fault.status)
            operation = self._pass_gateway(exchange)
            if planned:
                raise BusinessError(fault.code, fault.message)
            call = Call(
                platform=self._platform,
                account=exchange.account,
                operation=operation.name,
                version=operation.version,
                request_id=exchange.request_id,
                parameters=request.parameters,
                now=now,
                leniency=exchange.leniency,
                visibility_delay=exchange.encounter.visibility_delay,
            )
            fields = operation.run(call)
        except NotEmulated as error:
            return self.refuse(exchange, error.code, error.message, error.http_status), "failed"
        except GatewayError as error:
            return self.refuse(exchange, error.code, error.message, error.http_status), "refused"
        except BusinessError as error:
            return self.refuse(exchange, error.code, error.message, 200), "rejected"
        answer = success(request.action, exchange.request_id, fields, operation.dialect)
        return answer, "accepted"

    def _pass_gateway(self, exchange: Exchange) -> Operation:
        if exchange.refused is not None:
            raise exchange.refused
        request = exchange.request
        operation = find_operation(request)
        if not exchange.admitted:
            exchange.account = authenticate(
                self._platform, request, exchange.encounter, exchange.leniency
            ).account
            check_required(operation, request)
            exchange.admitted = True
        return operation

    def _record(
        self, exchange: Exchange, verdict: str, http_status: int, code: str, now: float
    ) -> None:
        request = exchange.request
        parameters = {
            name: "***" if name in _SECRETS else value[:_LOGGED_CHARACTERS]
            for name, value in request.parameters.items()
        }
        row_id = self._platform.store.request_log.add(
            NewRequest(
                at=now,
                request_id=exchange.request_id,
                method=request.method,
                action=request.action,
                verdict=verdict,
                http_status=http_status,
                code=code,
                duration_ms=round((time.perf_counter() - exchange.started) * 1000, 3),
                signature_method=request.signature_method,
                account=exchange.account,
                parameters=parameters,
                fault=exchange.encounter.fault.label,
                notes=exchange.leniency.notes,
            )
        )
        if verdict == "refused" and exchange.refused is None:
            now = self._platform.request_time() + exchange.encounter.clock_skew
            self._platform.store.refusals.add(row_id, Refusal(request, code, now))
