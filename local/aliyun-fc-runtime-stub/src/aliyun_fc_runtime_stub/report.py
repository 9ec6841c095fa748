"""What `fc-stub start` writes: text for people, or one JSON object per line."""

from __future__ import annotations

import json
import sys
from typing import Any

from .destinations import destination_function
from .function_compute import FunctionCompute
from .invocation import Invocation
from .model import Function


def print_warnings(cloud: FunctionCompute) -> None:
    """Say on standard error what this machine lacks."""
    for warning in cloud.warnings:
        sys.stderr.write(f"fc-stub: warning: {warning}\n")


class Report:
    """What `fc-stub start` writes: text for people, or one JSON object per line."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def _line(self, **fields: object) -> None:
        sys.stdout.write(json.dumps(fields, ensure_ascii=True) + "\n")
        sys.stdout.flush()

    def ready(self, cloud: FunctionCompute) -> None:
        """Say what runs where."""
        print_warnings(cloud)
        rows = [_row(cloud, function) for function in cloud.functions]
        not_run = dict(cloud.application.not_run)
        if self._as_json:
            self._line(event="ready", api=cloud.api_url, functions=rows, not_run=not_run)
            return
        width = max([len(str(row["name"])) for row in rows] or [0])
        for row in rows:
            where = (
                f"{row['url']}  {','.join(row['methods'])}" if row["url"] else "(no http trigger)"
            )
            sys.stdout.write(f"{row['name']!s:{width}}  {row['runtime']}  {where}\n")
            for line in _details(row):
                sys.stdout.write(f"{'':{width}}  {line}\n")
        for resource, reason in not_run.items():
            sys.stdout.write(f"{resource}: not run: {reason}\n")
        sys.stdout.write(f"API at {cloud.api_url}; Ctrl-C ends\n")
        sys.stdout.flush()

    def invocation(self, invocation: Invocation) -> None:
        """Report one finished invocation with its log."""
        if self._as_json:
            self._line(
                event="invocation",
                function=invocation.function,
                request_id=invocation.request_id,
                trigger=invocation.trigger,
                attempt=invocation.attempt,
                error_type=invocation.error_type,
                duration_ms=invocation.duration_ms,
                billed_ms=invocation.billed_ms,
                memory_mb=invocation.memory_mb,
                log=invocation.log,
            )
            return
        log = "".join(f"  {line}\n" for line in invocation.log.splitlines())
        sys.stdout.write(
            f"{invocation.function} {invocation.trigger} {invocation.request_id} "
            f"{invocation.error_type or 'ok'} {invocation.duration_ms:.1f} ms "
            f"{invocation.memory_mb:.0f} MB\n{log}"
        )
        sys.stdout.flush()

    def hooks(self, log: str) -> None:
        """Report what preStop hooks wrote."""
        if self._as_json:
            self._line(event="stopped", log=log)
        else:
            sys.stdout.write(log)
        sys.stdout.flush()


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
    names = {one.name for one in cloud.functions}
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
            {"name": one.name, "type": one.kind, "send_event": one.send_event}
            for one in function.event_triggers
        ],
        "destinations": [
            {"outcome": outcome, "destination": arn, "runs": destination_function(arn) in names}
            for outcome, arn in (("success", function.on_success), ("failure", function.on_failure))
            if arn
        ],
    }


def _details(row: dict[str, Any]) -> list[str]:
    lines = []
    for timer in row["timers"]:
        state = f"next {timer['next']}" if timer["next"] else "not run; start with --timers"
        if not timer["enabled"]:
            state = "not enabled"
        lines.append(f"timer {timer['name']} ({timer['cron_expression']}): {state}")
    lines += [f"{one['type']} {one['name']}: {one['send_event']}" for one in row["triggers"]]
    for one in row["destinations"]:
        place = "a function here" if one["runs"] else "kept at /stub/destinations"
        lines.append(f"on {one['outcome']}: {one['destination']} ({place})")
    return lines
