"""The report: a JSON file and a short text, both fit to be shared."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from tools.verify_cloud import advice
from tools.verify_cloud.findings import Findings, SmsRequest, Visibility

FORMAT = 1


class Report:
    """Findings, and the file (``.json``) where they are kept as they grow."""

    def __init__(self, path: Path, findings: Findings) -> None:
        self.path = path
        self.findings = findings

    def save(self) -> None:
        """Write both files; each is whole at every moment."""
        content = {
            "report": "fc-sms verify-cloud",
            "format": FORMAT,
            **dataclasses.asdict(self.findings),
            "settings": {each.name: each.value for each in advice.settings(self.findings)},
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _write(self.path, json.dumps(content, indent=2))
        _write(self.path.with_suffix(".txt"), self.text())

    def measurements(self) -> str:
        """Return the findings in words."""
        return "\n".join(_lines(self.findings))

    def text(self) -> str:
        """Return the findings in words, and what to set."""
        settings = advice.settings(self.findings)
        use = (f"use {each.name}={each.value}  ({each.reason})" for each in settings)
        return "\n".join((self.measurements(), *use))


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(f"{text}\n", encoding="utf-8")
    unfinished.replace(path)


def _lines(findings: Findings) -> Iterator[str]:
    https = "https" if findings.over_https else "plain http to this machine: not the platform"
    yield f"fc-sms verify-cloud, {findings.measured_at}, {findings.endpoint} ({https})"
    if findings.stopped:
        yield f"stopped: {findings.stopped}"
    if skew := findings.clock_skew:
        yield f"this machine's clock is {skew.ahead_seconds:g} s ahead (+-{skew.plus_minus:g} s)"
    for check in findings.nonce_checks:
        yield (
            f"nonce reused, {check.method}, {check.action} that sends nothing: identical "
            f"{check.identical.verdict}, new timestamp {check.changed_timestamp.verdict}"
        )
    for aged in findings.aged_nonces:
        yield f"nonce reused after {aged.seconds} s: {aged.verdict}"
    yield f"nonces are compared per: {findings.nonce_scope.scope}"
    if inter := findings.inter_sms:
        yield f"SendInterSms answers: {inter.answers} ({inter.code})"
    yield from map(_sms_line, findings.sms_requests)
    if findings.visibility:
        yield from _visibility_lines(findings.visibility)


def _sms_line(sms: SmsRequest) -> str:
    return f"SMS, {sms.what}, {sms.method}: {sms.verdict} ({sms.code or 'no answer'})"


def _visibility_lines(seen: Visibility) -> Iterator[str]:
    if seen.seen_at is None:
        yield f"QuerySendDetails did not show it in {seen.absent_at:g} s"
        return
    yield f"QuerySendDetails showed it between {seen.absent_at:g} s and {seen.seen_at:g} s"
    yield (
        f"OutId {seen.out_id}; SendDate {seen.send_date_form}, "
        f"{seen.send_date_after_request} s after the request began"
    )
    if not seen.found_by_fc_sms:
        yield "fc-sms would not find this message: please report it with this file"
