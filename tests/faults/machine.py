"""Random schedules of sends, faults, crashes, repeats and time, and what must hold in all of them.

With a store: at most one SMS an intent, always. Without one, where the platform checks nonces for
the account: the same for the 15 minutes that it remembers them. Always: what is reported accepted
was accepted, and an attempt that is reported rejected sent nothing.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from aliyun_sms_emulator import SmsEmulator
from aliyun_sms_emulator.clock import china_text
from shared.codes.code_requests import CodeRequest
from shared.codes.own_codes import OwnCodes
from shared.errors import OutIdConflict, SmsError, StoreUnavailable
from shared.ids import WireId
from shared.platform.actions import ACTIONS
from shared.receipts import keeping
from shared.sending import international
from shared.sending.code_messages import read_recipient
from shared.sending.intents import Defaults, Intent, Part, PartOutcome
from shared.sending.mainland import read_intent as read_mainland_intent
from shared.sending.part_records import PartRecord, read_part
from shared.sending.protocol import send
from shared.sending.stop import start_sending, stop_sending
from shared.settings import read_code_settings
from shared.state.store import Store
from shared.trigger import bulk_sends
from tests.faults.world import MIDWAY, SIGN_NAME, TIMEOUT, Accident, Call, Crash, Invocation, World

Accepted = Counter[tuple[str, str]]
QUARTER = 15 * 60
_LATEST = 60  # seconds until a message is accepted or visible, at most
_MOST_AHEAD = 400  # seconds that a caller's clock goes before another's
_LONGEST = 5 * 86400  # less than the records live
_AFTERNOON, _BEFORE_MIDNIGHT = 1_800_000_000, 1_800_000_000 + 8 * 3600 - 20
_STATE = {
    "SMS_STATE_URL": "sqlite:///state",
    "SMS_ALLOW_LOCAL_STATE": "1",
    "SMS_STATE_SECRET": "the-secret-of-the-state",
}
_CODES = read_code_settings({"SMS_CODE_TEMPLATE": "SMS_100001", "SMS_SIGN_NAME": SIGN_NAME})


def _both(kind: str, **fields: object) -> list[dict[str, object]]:
    return [{"kind": kind, "when": when, **fields} for when in ("before", "after")]


_RESET = _both("reset")
_ANSWER_FAULTS = [
    *_RESET,
    *_both("reset", bytes="half"),
    *_both("truncate"),
    *(
        fault
        for content in ("html", "binary", "empty", "list", "types", "broken-json", "not-http")
        for fault in _both("garbage", content=content)
    ),
    *(fault for status in (500, 502, 503, 504) for fault in _both("http", status=status)),
    *_both("http", status=502, body="html"),
    *_both("error", code="isp.SYSTEM_ERROR"),
    *_both("error", code="isp.GATEWAY_ERROR"),
    {"kind": "stall", "when": "before"},
    {"kind": "stall", "when": "after"},
]
_REFUSALS: list[dict[str, object]] = [
    {"kind": "throttle"},
    {"kind": "throttle", "code": "Throttling.Api"},
    {"kind": "error", "code": "isv.AMOUNT_NOT_ENOUGH"},
    {"kind": "error", "code": "isv.BUSINESS_LIMIT_CONTROL"},
    {"kind": "error", "code": "isv.SOMETHING_NEW"},
]
_NO_MONEY = _REFUSALS[2]
_LATE = [{**fault, "accept_delay_seconds": wait} for fault in _RESET[1:] for wait in (2, _LATEST)]
_NONE = {"kind": "none"}
FAULTS = st.sampled_from([_NONE, *_ANSWER_FAULTS, *_RESET * 4, *_REFUSALS, *_LATE])
QUERY_FAULTS = st.sampled_from([_NONE, *_ANSWER_FAULTS, {"kind": "throttle"}])
_STEPS = st.sampled_from((1, 1, 2, 2, 3, 4))
_AROUND_A_STEP = st.builds(
    Accident,
    kind=st.sampled_from(("exchange", "store", "store")),
    step=_STEPS,
    what=st.sampled_from(("crash", "crash", "receipt", "outage")),
    when=st.sampled_from(("before", "after")),
).filter(lambda accident: (accident.kind, accident.what) != ("exchange", "outage"))
_DURING_AN_EXCHANGE = st.builds(
    Accident,
    kind=st.just("exchange"),
    step=_STEPS,
    what=st.just("crash"),
    when=st.sampled_from(MIDWAY),
)
ACCIDENTS = st.one_of(_AROUND_A_STEP, _AROUND_A_STEP, _AROUND_A_STEP, _DURING_AN_EXCHANGE)


class Circumstances(NamedTuple):
    """What a schedule has to live with from beginning to end."""

    start: int
    nonce_scope: str
    visibility: object
    signature: str
    replays: str


def _with_a_proper_setting(given: Circumstances) -> Circumstances:
    """SMS_NONCE_REPLAY is for accounts where the platform is known to check nonces everywhere."""
    is_checked = given.nonce_scope in ("account", "access-key")
    return given if is_checked else given._replace(replays="off")


CIRCUMSTANCES = st.builds(
    Circumstances,
    start=st.sampled_from((_AFTERNOON, _BEFORE_MIDNIGHT)),
    nonce_scope=st.sampled_from(("account", "access-key", "node", "off")),
    visibility=st.sampled_from((0, 3, _LATEST, "never")),
    signature=st.sampled_from(("ACS3-HMAC-SHA256", "HMAC-SHA1")),
    replays=st.sampled_from(("off", "off", "on")),
).map(_with_a_proper_setting)


class Script(NamedTuple):
    """How one call goes: the faults of its requests, its accidents, and how its clock is off."""

    sends: list[dict[str, object]]
    queries: list[dict[str, object]]
    accidents: tuple[Accident, ...]
    resends: bool
    clock_ahead: int


SCRIPTS = st.builds(
    Script,
    sends=st.lists(FAULTS, max_size=3),
    queries=st.lists(QUERY_FAULTS, max_size=2),
    accidents=st.lists(ACCIDENTS, max_size=2).map(tuple),
    resends=st.booleans(),
    clock_ahead=st.sampled_from((0, 0, 0, 50, -50, _MOST_AHEAD)),
)


KINDS = st.sampled_from(
    ("one", "one", "one", "many", "globe", "globe", "template", "parts", "code", "bulk")
)
WAITS = st.sampled_from((1, 5, TIMEOUT + 6, 61, 300, QUARTER + 1, 86400))


SPACES = ("shop", "web")
Rows = tuple[int, ...]
"""Which of the rows of a first call are in a later one, by their places, in this order."""
ENDS = st.lists(st.sampled_from((_NONE, _NO_MONEY)), min_size=3, max_size=3)
"""How the first call for the rows ends, row by row."""
CORRECTIONS = st.lists(
    st.sampled_from([(0, 1), (0, 2), (1, 2), (2, 1), (0,), (1,), (2,), (0, 1, 2), (2, 0)]),
    min_size=2,
    max_size=2,
)


class Case(NamedTuple):
    """An intent in play: `work` does it, with resend_unknown if asked."""

    intent: Intent
    work: Callable[[Invocation, bool], Sequence[PartOutcome]]
    can_resend: bool = True
    is_corrected: bool = False

    @property
    def parts(self) -> tuple[Part, ...]:
        """What it sends."""
        return self.intent.parts

    @property
    def whole_id(self) -> str:
        """The id that its parts have in common on the wire."""
        return WireId(self.intent.space, self.intent.out_id).text()

    def messages(self, part: Part) -> list[tuple[str, str]]:
        """Return a part's messages, as World.accepted counts them."""
        return [(self.whole_id, number) for number in part.phone_numbers]

    def all_messages(self) -> set[tuple[str, str]]:
        """Return the messages of all its parts."""
        return {message for part in self.parts for message in self.messages(part)}


class FaultMachine(RuleBasedStateMachine):
    """One schedule; a subclass says with which emulator and which store."""

    emulator: SmsEmulator
    counted: Counter[str]
    cases = Bundle("cases")

    def new_store(self) -> Store | None:
        """Return an empty store, or None to send without one."""
        raise NotImplementedError

    @initialize(target=cases, given=CIRCUMSTANCES, kind=KINDS, script=SCRIPTS)
    def begin(self, given: Circumstances, kind: str, script: Script) -> Case:
        """Make the first call; hypothesis leaves rules out, and no schedule should be without."""
        self.store = self.new_store()
        self.given = given
        self.known: list[Case] = []
        self.records: dict[str, PartRecord] = {}
        self.doubtful: dict[str, int] = {}  # by id on the wire, the attempt that was in doubt
        # messages of which not all calls reported that they were rejected
        self.in_play: set[tuple[str, str]] = set()
        # by whole id, the requests that the platform may take later than the call that made them
        self.late = Counter[str]()
        self.passed = 0.0
        self.world = World(
            self.emulator,
            self.store,
            now=given.start,
            settings={
                "nonce_scope": given.nonce_scope,
                "visibility_delay_seconds": given.visibility,
            },
            environ={
                "SMS_SIGNATURE_METHOD": given.signature,
                "SMS_NONCE_REPLAY": given.replays,
                **(_STATE if self.store else {}),
            },
        )
        self.counted["schedules"] += 1
        case = self._new_case(kind)
        self._call_once(case, script)
        return case

    @rule(target=cases, kind=KINDS)
    def wish(self, kind: str) -> Case:
        return self._new_case(kind)

    @rule(case=cases, script=SCRIPTS)
    def call(self, case: Case, script: Script) -> None:
        self._call_once(case, script)

    @rule(case=cases, script=SCRIPTS, seconds=WAITS)
    def wait_and_call(self, case: Case, script: Script, seconds: int) -> None:
        self._pass_time(seconds)
        self._call_once(case, script)

    @rule(case=cases, script=SCRIPTS)
    def resend_later(self, case: Case, script: Script) -> None:
        self._pass_time(QUARTER + 1)
        self._call_once(case, script._replace(resends=True))

    @rule(case=cases, script=SCRIPTS)
    def call_while_the_owner_has_stopped_sending(self, case: Case, script: Script) -> None:
        if self.store is None:
            return
        stop_sending(self.store, self.world.now)
        before = self._sends()
        self._call_once(case, script)
        assert self._sends() == before, "sent while the owner has stopped sending"
        assert start_sending(self.store)

    def _call_once(self, case: Case, script: Script) -> None:
        before, leased = self.world.accepted(), dict(self._records([case]))
        self._set_faults(case, [script])
        result = self.world.invoke(self._call(case, script))
        self._check_report(case, result, before)
        after = self.world.accepted()
        most = 1 + self._taken_late(case, [script])
        for part in case.parts:
            for key in case.messages(part):
                assert after[key] - before[key] <= most, f"one invocation sent {after[key]}"
        now = self.world.now + script.clock_ahead
        for wire_id, record in self._records([case]):
            was = leased.get(wire_id, record)
            if was.state == "sending" and was.lease_until > now:
                assert record == was or record.state == "accepted", "lease taken over"

    @rule(case=cases, scripts=st.lists(SCRIPTS, min_size=2, max_size=3))
    def calls_at_once(self, case: Case, scripts: list[Script]) -> None:
        self._call_at_once([case] * len(scripts), scripts)

    @rule(target=cases, scripts=st.lists(SCRIPTS, min_size=2, max_size=3))
    def calls_at_once_after_a_refusal(self, scripts: list[Script]) -> Case:
        case = self._new_case("one")
        self._call_once(case, Script([_NO_MONEY], [], (), False, 0))
        self._call_at_once([case] * len(scripts), scripts)
        return case

    @rule(target=cases, late=st.sampled_from(_LATE), script=SCRIPTS)
    def resend_asked_for_at_once(self, late: dict[str, object], script: Script) -> Case:
        """What was accepted may show later than it is asked for again."""
        case = self._new_case("one")
        self._call_once(case, Script([late], [], (), False, 0))
        self._pass_time(1)
        self._call_once(case, script._replace(resends=True))
        return case

    @rule(target=cases)
    def refusal_after_a_doubt(self) -> Case:
        """The first attempt may have been accepted, whatever becomes of the second."""
        case = self._new_case("one")
        self._call_once(case, Script([_RESET[0]], [], (), False, 0))
        self.records_move_forward()
        self._pass_time(QUARTER + 1)
        self._call_once(case, Script([_NO_MONEY], [], (), True, 0))
        return case

    @rule(target=cases, ends=ENDS, corrections=CORRECTIONS, scripts=st.tuples(SCRIPTS, SCRIPTS))
    def corrections_at_once(
        self, ends: list[dict[str, object]], corrections: list[Rows], scripts: tuple[Script, Script]
    ) -> MultipleResults[Case]:
        """Of three parts some are refused; two callers correct them at once, each in its way."""
        if self.store is None:  # which alone knows other content under the same out_id
            return multiple()
        whole = self._new_case("rows")
        self._call_once(whole, Script(ends, [], (), False, 0))
        corrected = [_corrected(whole, rows) for rows in corrections]
        self.known += corrected
        self._call_at_once(corrected, scripts)
        return multiple(whole, *corrected)

    def _call_at_once(self, cases: Sequence[Case], scripts: Sequence[Script]) -> None:
        """Call for several cases at once, which are about one intent."""
        before = self.world.accepted()
        self._set_faults(cases[0], scripts)
        pairs = list(zip(cases, scripts, strict=True))
        results = self.world.invoke_at_once([self._call(case, script) for case, script in pairs])
        for case, result in zip(cases, results, strict=True):
            self._check_report(case, result, None)
        sent = self.world.accepted() - before
        most = len(scripts) + self._taken_late(cases[0], scripts)
        assert all(count <= most for count in sent.values()), f"calls sent {sent}"

    def _taken_late(self, case: Case, scripts: Sequence[Script]) -> int:
        """Return how many requests of earlier calls may have been taken during these calls."""
        faults = [fault for script in scripts for fault in script.sends]
        before = self.late[case.whole_id]
        self.late[case.whole_id] += sum("accept_delay_seconds" in fault for fault in faults)
        return before

    @rule(seconds=WAITS)
    def wait(self, seconds: int) -> None:
        self._pass_time(seconds)

    @rule(case=cases, times=st.sampled_from((1, 2)))
    def receipt(self, case: Case, times: int) -> None:
        if self.store:
            self._push_receipts(case, times)

    @invariant()
    def nobody_gets_two(self) -> None:
        if not self._promises_one():
            return
        twice = {key: count for key, count in self.world.accepted().items() if count > 1}
        assert not twice, f"sent more than once: {twice}"

    @invariant()
    def records_move_forward(self) -> None:
        for wire_id, record in self._records(self.known):
            before = self.records.get(wire_id, record)
            assert not _is_before(record, before), f"{wire_id}: {record} after {before}"
            self.records[wire_id] = record
            doubted = self.doubtful.get(wire_id, record.attempt)
            is_refusal = record.state == "rejected" and record.attempt > doubted
            assert not is_refusal, f"{wire_id}: rejected, though attempt {doubted} was in doubt"
            if record.state == "unknown":
                self.doubtful.setdefault(wire_id, record.attempt)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.emulator.clear_faults()
        self.emulator.settings(visibility_delay_seconds=0)
        self.world.pass_time(_LATEST + 1)
        self._check_refusals()
        if self.store:
            for case in self.known:
                self._bring_to_an_end(case)
            self.nobody_gets_two()
        elif not self._promises_one():
            accepted = self.world.accepted()
            scope = self.given.nonce_scope
            for case in self.known:
                for part in case.parts:
                    sent = accepted[case.messages(part)[0]]
                    self.counted[f"scope {scope}: requests sent"] += sent > 0
                    self.counted[f"scope {scope}: sent again"] += max(sent - 1, 0)
        self._check_log()

    def _new_case(self, kind: str) -> Case:
        kind = "bulk" if kind == "code" and not self.store else kind
        place = len(self.known)  # each out_id is used by two callers
        case = _case(f"intent-{place // 2:02}", kind, space=SPACES[place % 2])
        self.known.append(case)
        return case

    def _records(self, cases: Sequence[Case]) -> Iterator[tuple[str, PartRecord]]:
        """Yield the record of each part that has one, with its id on the wire."""
        if self.store is None:
            return
        secret = _STATE["SMS_STATE_SECRET"]
        for intent in (case.intent for case in cases):
            for part in intent.parts:
                record = read_part(self.store, intent.wire_id(part), state_secret=secret)
                if record.stored is not None:
                    yield intent.wire_id(part).text(), record

    def _sends(self) -> int:
        """Return how many requests to send the platform got."""
        return sum(asked.action.startswith("Send") for asked in self.emulator.requests())

    def _promises_one(self) -> bool:
        return self.store is not None or self.given.nonce_scope == "account"

    def _pass_time(self, seconds: float) -> None:
        """Let time pass, but no longer than what is promised reaches."""
        horizon = _LONGEST if self.store else QUARTER - TIMEOUT
        if self.world.now + seconds < self.given.start + horizon:
            self.world.pass_time(seconds)

    def _call(self, case: Case, script: Script) -> Call:
        # who asks to send again what the platform never shows gets what was asked for
        resends = script.resends and self.store is not None and self.given.visibility != "never"

        def work(invocation: Invocation) -> Sequence[PartOutcome]:
            return case.work(invocation, resends)

        def receipt() -> None:
            if self.store:
                self._push_receipts(case, 1)
                for wire_id, record in self._records([case]):
                    before = self.records.get(wire_id)
                    if before is None or _is_before(before, record):
                        self.records[wire_id] = record

        return Call(work, script.accidents, script.clock_ahead, receipt)

    def _set_faults(self, case: Case, scripts: Sequence[Script]) -> None:
        numbers = [number for part in case.parts for number in part.phone_numbers][:3]
        rules = [
            ({"action": "Send*", "out_id": f"{case.whole_id}*"}, [s.sends for s in scripts]),
            ({"action": "Query*", "phone_number": numbers}, [s.queries for s in scripts]),
        ]
        self.emulator.set_faults(
            *(
                {"match": match, "schedule": [fault for faults in lists for fault in faults]}
                for match, lists in rules
                if any(lists)
            )
        )

    def _check_report(
        self, case: Case, result: Any, before: Counter[tuple[str, str]] | None
    ) -> None:
        self.counted["invocations"] += 1
        if isinstance(result, Crash):
            self.counted["crashes"] += 1
            self.in_play.update(case.all_messages())
            return
        accepted = self.world.accepted()
        if not result:  # such as a code whose time is over, or content that is in conflict
            assert not case.can_resend
            assert before in (None, accepted), "nothing is reported, but sent"
        assert len(result) in (0, len(case.parts))
        for outcome in result:
            keys = case.messages(outcome.part)
            self.counted[outcome.outcome] += 1
            if outcome.outcome != "rejected":
                self.in_play.update(keys)
            if outcome.outcome == "accepted":
                assert all(accepted[key] for key in keys), "accepted, but not sent"
            elif outcome.outcome == "rejected":
                sent = [key for key in keys if before is not None and accepted[key] > before[key]]
                assert not sent, f"rejected ({outcome.code}), but sent"
            else:
                assert outcome.outcome == "unknown"
                assert outcome.code

    def _check_refusals(self) -> None:
        """What every call reported rejected was not sent, not even late or by calls at once."""
        known = {message for case in self.known for message in case.all_messages()}
        sent = (known - self.in_play) & self.world.accepted().keys()
        assert not sent, f"rejected by all, but sent: {sent}"

    def _push_receipts(self, case: Case, times: int) -> int:
        """Push what lies about a case, which changes nothing, and then its true receipts."""
        reports = [
            {
                "phone_number": message.phone_number,
                "out_id": message.out_id,
                "biz_id": message.biz_id,
                "success": True,
                "err_code": "DELIVERED",
                "send_time": message.accepted_at[:19].replace("T", " "),  # both are in UTC+8
                "sms_size": "1",
            }
            for message in self.emulator.messages(out_id_prefix=case.whole_id)
        ]

        lies = list(self._lies(case))

        def push(invocation: Invocation) -> int:
            assert invocation.store
            keep = functools.partial(
                keeping.keep,
                api=invocation.api,
                store=invocation.store,
                deadline=invocation.deadline,
            )
            settled = keep(lies).settled
            for _ in range(times):
                keep(reports)
            return settled

        assert self.world.invoke(Call(push)) == 0, "a receipt that lies settled something"
        return len(reports)

    def _lies(self, case: Case) -> Iterator[dict[str, object]]:
        """Yield receipts for each part of a case that have a wrong number, or an early time."""
        early, now = china_text(self.given.start - 7200), china_text(self.world.now)
        for part in case.parts:
            number = part.phone_numbers[0]
            wire_id = case.intent.wire_id(part)
            for phone_number, send_time in ((f"{number}0", now), (number, early), (number, "")):
                yield {
                    "phone_number": phone_number,
                    "out_id": wire_id,
                    "biz_id": "of-a-lie",
                    "success": False,
                    "err_code": "MOBILE_NOT_ON_SERVICE",
                    "send_time": send_time,
                    "sms_size": "8",
                }

    def _bring_to_an_end(self, case: Case) -> None:
        """When all works again, two calls tell what was accepted; the rest is sent exactly once."""
        for _ in range(3 if case.is_corrected else 2):
            outcomes = self._quiet_call(case)
            self.world.pass_time(max([1, *(outcome.retry_after for outcome in outcomes)]))
        for outcome in outcomes:
            was_sent = self._is_sent(case, outcome)
            if ACTIONS[outcome.part.action].is_found_by_our_id and was_sent:
                self.counted["sent, and found within two calls"] += outcome.outcome == "accepted"
                self.counted["sent"] += 1
                assert outcome.outcome == "accepted", f"sent, but {outcome.code}"
        if all(outcome.outcome == "accepted" for outcome in outcomes) or not outcomes:
            return
        assert {outcome.outcome for outcome in outcomes} <= {"accepted", "unknown"}, outcomes
        if self._push_receipts(case, 1):
            outcomes = self._quiet_call(case)
        assert all(o.outcome == "accepted" for o in outcomes if self._is_sent(case, o))
        if not case.can_resend:
            return
        self.world.pass_time(QUARTER + 1 + _MOST_AHEAD)
        for outcome in self._quiet_call(case, resends=True):
            if ACTIONS[outcome.part.action].is_found_by_our_id:
                self.counted["not sent, and sent after all"] += 1
                assert outcome.outcome == "accepted", f"still {outcome.code}"
                assert self._is_sent(case, outcome)

    def _quiet_call(self, case: Case, *, resends: bool = False) -> Sequence[PartOutcome]:
        before = self.world.accepted()
        result = self.world.invoke(Call(lambda invocation: case.work(invocation, resends)))
        self._check_report(case, result, before)
        outcomes: Sequence[PartOutcome] = result
        return outcomes

    def _is_sent(self, case: Case, outcome: PartOutcome) -> bool:
        accepted = self.world.accepted()
        return all(accepted[message] for message in case.messages(outcome.part))

    def _check_log(self) -> None:
        log = self.world.log.getvalue()
        for case in self.known:
            for part in case.parts:
                assert not any(number in log for number in part.phone_numbers[:3])


def _is_before(one: PartRecord, other: PartRecord) -> bool:
    """Whether `other` is a step forward from `one`; this must not be what is tested."""
    if one.state == "accepted" or other.state == "accepted":
        return one.state != "accepted"
    order = ("sending", "unknown", "rejected")
    return (one.attempt, order.index(one.state)) < (other.attempt, order.index(other.state))


def _case(out_id: str, kind: str, *, space: str) -> Case:
    """Return a case; all are about the same numbers, so that nothing but its id tells one's SMS."""
    mainland = [f"13800{place:06}" for place in range(150)]
    abroad = [f"852500{place:05}" for place in range(4)]
    template = {"template_code": "SMS_100002", "template_param": {"name": "Li", "order": "A1"}}
    bodies: dict[str, dict[str, object]] = {
        "one": {"phone_numbers": mainland[0], **template},
        "bulk": {"phone_numbers": mainland[0], **template},
        "many": {"phone_numbers": mainland[:4], **template},
        "parts": {
            "template_code": "SMS_100002",
            "messages": [
                {"phone_number": each, "template_param": template["template_param"]}
                for each in mainland[:101]
            ],
        },
        "globe": {"phone_numbers": abroad[:2], "message": "Your parcel is on its way"},
        "rows": {"phone_numbers": abroad[:3], "message": "Your parcel is on its way"},
        "template": {
            "phone_numbers": abroad[:2],
            "template_code": "SMS_100003",
            "template_param": {"code": "123456"},
        },
    }
    if kind == "code":
        return _code_case(out_id, mainland[0], space=space)
    body = {**bodies[kind], "out_id": out_id}
    is_abroad = kind in ("globe", "template", "rows")
    read = international.read_intent if is_abroad else read_mainland_intent
    intent = read(body, "", Defaults(space, SIGN_NAME))
    if kind == "rows":
        return _rows_case(intent)

    def work(invocation: Invocation, resends: bool) -> Sequence[PartOutcome]:
        wanted = intent._replace(resend_unknown=resends)
        if kind == "bulk":
            return _in_bulk(wanted, invocation)
        return send(wanted, invocation.api, invocation.deadline, invocation.store)

    return Case(intent, work)


def _rows_case(intent: Intent) -> Case:
    def work(invocation: Invocation, resends: bool) -> Sequence[PartOutcome]:
        wanted = intent._replace(resend_unknown=resends)
        try:
            return send(wanted, invocation.api, invocation.deadline, invocation.store)
        except OutIdConflict:  # another content was sent
            return []

    return Case(intent, work, can_resend=False, is_corrected=True)


def _corrected(case: Case, rows: Rows) -> Case:
    """Return the case with these of its rows, in this order."""
    parts = [
        case.parts[row]._replace(number=place, first=place, last=place)
        for place, row in enumerate(rows)
    ]
    return _rows_case(case.intent._replace(parts=tuple(parts)))


def _in_bulk(intent: Intent, invocation: Invocation) -> Sequence[PartOutcome]:
    told: list[PartOutcome] = []

    def keep(_job: bulk_sends.Job, outcomes: bulk_sends.Outcomes | SmsError) -> None:
        assert not isinstance(outcomes, SmsError), outcomes
        told.extend(outcomes)

    job = bulk_sends.Job(0, intent)
    bulk_sends.send_all(
        [job],
        invocation.api,
        deadline=invocation.deadline,
        store=invocation.store,
        threads=2,
        on_outcome=keep,
    )
    return told


def _code_case(out_id: str, number: str, *, space: str) -> Case:
    request = CodeRequest(read_recipient(number), "login", out_id, space=space)
    body = {
        "phone_numbers": number,
        "template_code": "SMS_100001",
        "template_param": {"code": "0000"},
        "out_id": out_id,
    }
    intent = read_mainland_intent(body, "", Defaults(space, SIGN_NAME))

    def work(invocation: Invocation, _resends: bool) -> Sequence[PartOutcome]:
        assert invocation.store
        codes = OwnCodes(invocation.api, invocation.store, _CODES, invocation.deadline)
        try:
            outcome = codes.create(request).outcome
        except StoreUnavailable:
            return []
        return [outcome] if outcome else []

    return Case(intent, work, can_resend=False)
