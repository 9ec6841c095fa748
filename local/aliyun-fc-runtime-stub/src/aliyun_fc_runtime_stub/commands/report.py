"""What `fc-stub start` writes: text for people, or one JSON object per line."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..function_compute import FunctionCompute
from ..instances.invocation import Invocation
from ..serving.destinations import destination_function
from ..serving.records import record
from ..serving.service import Notice
from ..template.model import Function
from ..web.ports import DEFAULT_API
from .output import Output
from .tables import Paint, listed, table
from .without_effect import WithoutEffectReport, without_effect_text

_NAME = "fc-stub"
_COLOURS = {"error": "red", "hint": "yellow", "instance": "yellow", "not_run": "yellow"}
_HEAD = ("FUNCTION", "RUNTIME", "TRIGGER", "URL, OR WHEN AND HOW")


def own_command() -> str:
    """Return what starts this program again in the same terminal, as a shell reads it.

    That is `fc-stub` where the PATH has it, else the path that it was called by.
    """
    called = sys.argv[0]
    is_by_path = Path(called).stem == _NAME and shutil.which(_NAME) is None
    return shlex.quote(called) if is_by_path else _NAME


def announce(text: str) -> None:
    """Say on standard error what has to be waited for."""
    sys.stderr.write(f"fc-stub: {text}\n")
    sys.stderr.flush()


def print_warnings(cloud: FunctionCompute) -> None:
    """Say on standard error what this machine lacks, and what in the code will not work."""
    for warning in cloud.warnings:
        sys.stderr.write(f"fc-stub: warning: {warning}\n")
    hints: dict[str, list[str]] = {}
    for hint in cloud.hints:
        hints.setdefault(hint.text, []).append(hint.function)
    for text, functions in hints.items():
        sys.stderr.write(f"fc-stub: hint: {listed(functions)}: {text}\n")
    sys.stderr.flush()


class Report:
    """What `fc-stub start` writes: text for people, or one JSON object per line."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._paint = Paint()
        self._output = Output()
        self._pair_shown = False
        self._without_effect = WithoutEffectReport()

    def close(self) -> None:
        """Write what is left."""
        self._output.close()

    def _line(self, **fields: object) -> None:
        self._output.write(json.dumps(fields, ensure_ascii=True) + "\n")

    def ready(self, cloud: FunctionCompute) -> None:
        """Say what runs where."""
        print_warnings(cloud)
        rows = [_row(cloud, function) for function in cloud.functions]
        not_run = dict(cloud.not_run)
        without_effect = self._without_effect.fresh(cloud.functions)
        if self._as_json:
            more: dict[str, Any] = (
                {"deploy": cloud.deploy_variables} if cloud.deploy_variables else {}
            )
            more |= self._signing(cloud)
            more["without_effect"] = without_effect
            more["hints"] = [{"function": one.function, "text": one.text} for one in cloud.hints]
            self._line(event="ready", api=cloud.api_url, functions=rows, not_run=not_run, **more)
            return
        text = table(
            [_HEAD, *(cells for row in rows for cells in _cells(row, _api_option(cloud)))],
            self._paint,
        )
        for name, reason in not_run.items():
            text += f"{name}: not run: {reason}\n"
        text += without_effect_text(without_effect)
        if cloud.deploy_variables:
            text += "To deploy to here, in the shell that runs s deploy:\n"
            text += _exports(cloud.deploy_variables)
        text += self._signing_text(cloud)
        self._output.write(f"{text}API at {cloud.api_url}; Ctrl-C ends\n")

    def invocation(self, invocation: Invocation) -> None:
        """Report one finished invocation with its log."""
        fields = record(invocation)
        if self._as_json:
            self._line(event="invocation", **fields)
            return
        good = invocation.error_type is None and fields["status"] < 400
        outcome = fields["error"] or ""
        repeat = f" (attempt {invocation.attempt})" if invocation.attempt > 1 else ""
        figures = (
            f"{invocation.duration_ms:.1f} ms, billed {invocation.billed_ms} ms, "
            f"{invocation.memory_mb:.0f} MB"
        )
        self._output.write(
            f"{time.strftime('%H:%M:%S', time.localtime(invocation.started))} "
            f"{self._paint(invocation.function, 'bold')} {invocation.trigger}{repeat} "
            f"{self._paint(str(fields['status']), 'green' if good else 'red')} {figures}"
            f"{'  ' if outcome else ''}{self._paint(_one_line(outcome), 'red')}\n"
            f"{self._indented(invocation.log)}"
        )

    def notice(self, cloud: FunctionCompute, notice: Notice) -> None:
        """Report what has happened between invocations."""
        is_new = notice.kind in {"reloaded", "deployed"}
        functions = [one for one in cloud.functions if is_new and one.name == notice.function]
        without_effect = self._without_effect.fresh(functions)
        if self._as_json:
            self._line(
                event=notice.kind,
                function=notice.function,
                message=notice.text,
                log=notice.log,
                **({"without_effect": without_effect} if without_effect else {}),
                **self._signing(cloud),
            )
            return
        colour = _COLOURS.get(notice.kind, "green")
        where = "".join(f"  {cloud.url(one.name)}" for one in functions if one.http_trigger)
        name = f"{notice.function} " if notice.function else ""
        self._output.write(
            f"{time.strftime('%H:%M:%S')} {self._paint(name, 'bold')}"
            f"{self._paint(notice.kind.replace('_', ' '), colour)}: {notice.text}{where}\n"
            f"{self._indented(notice.log)}{without_effect_text(without_effect)}"
            f"{self._signing_text(cloud)}"
        )

    def _signing(self, cloud: FunctionCompute) -> dict[str, Any]:
        """Return the pair that signs calls of triggers, once, and where one is signed at all.

        Whoever is told what to deploy with has the pair already.
        """
        if self._pair_shown or cloud.deploy_variables or not cloud.sign_variables:
            return {}
        self._pair_shown = True
        return {"sign": cloud.sign_variables}

    def _signing_text(self, cloud: FunctionCompute) -> str:
        signing = self._signing(cloud)
        if not signing:
            return ""
        text = "To sign calls of triggers with authType function, in the shell that calls:\n"
        return f"{text}{_exports(signing['sign'])}"

    def hooks(self, log: str) -> None:
        """Report what preStop hooks wrote."""
        if self._as_json:
            self._line(event="stopped", log=log)
        else:
            self._output.write(log)

    def _indented(self, log: str) -> str:
        return "".join(f"  {self._paint(line, 'dim')}\n" for line in log.splitlines())


def _exports(variables: Mapping[str, str]) -> str:
    return "".join(f"  export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _row(cloud: FunctionCompute, function: Function) -> dict[str, Any]:
    http = function.http_trigger
    times = cloud.timer_times()
    timers = []
    for timer in function.timers:
        moment = times.get((function.name, timer.name))
        timers.append(
            {
                "name": timer.name,
                "cron_expression": timer.expression,
                "enabled": timer.enabled,
                "next": f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None,
            }
        )
    api = _api_option(cloud)
    return {
        "name": function.name,
        "resource": function.resource,
        "runtime": function.runtime,
        "handler": function.handler,
        "url": cloud.url(function.name) if http else None,
        "methods": sorted(http.methods) if http else [],
        "auth_type": http.auth_type if http else None,
        "timers": timers,
        "triggers": [
            {
                "name": one.name,
                "type": one.kind,
                "send_event": f"{own_command()} {one.send_event} {function.name}{api}",
            }
            for one in function.event_triggers
        ],
        "destinations": [
            {
                "outcome": outcome,
                "destination": arn,
                "runs": destination_function(arn, cloud.functions) is not None,
            }
            for outcome, arn in (("success", function.on_success), ("failure", function.on_failure))
            if arn
        ],
    }


def _api_option(cloud: FunctionCompute) -> str:
    """Return what a printed command needs to reach this stub."""
    return "" if cloud.api_url == DEFAULT_API else f" --api {cloud.api_url}"


def _cells(row: dict[str, Any], api: str) -> list[tuple[str, str, str, str]]:
    """Return the lines of one function: a trigger each, its name in the first."""
    found: list[tuple[str, str]] = []
    if row["url"]:
        who = "" if row["auth_type"] == "anonymous" else f" ({row['auth_type']})"
        found.append((f"http {','.join(row['methods'])}{who}", row["url"]))
    for timer in row["timers"]:
        state = f"next {timer['next']}" if timer["next"] else "not run; start with --timers"
        if not timer["enabled"]:
            state = "not enabled"
        found.append((f"timer {timer['name']}", f"{timer['cron_expression']}: {state}"))
    found += [(f"{one['type']} {one['name']}", one["send_event"]) for one in row["triggers"]]
    for one in row["destinations"]:
        place = "a function here" if one["runs"] else "kept at /stub/destinations"
        found.append((f"on {one['outcome']}", f"{one['destination']} ({place})"))
    found = found or [("none", f"{own_command()} send-event plain {row['name']}{api}")]
    first, *others = found
    return [(row["name"], row["runtime"], *first), *(("", "", *other) for other in others)]
