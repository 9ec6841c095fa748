"""``make verify-cloud``: measure on the real platform what its documentation leaves open.

Opt-in: it uses your credentials and sends at most three SMS to a number of yours, each after you
typed yes. It writes a report without numbers, keys or codes.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from shared.clock import platform_date, utc_timestamp
from shared.errors import ConfigurationError, SmsError
from shared.platform.sms_api import ACCEPTED, NOTHING_WRITTEN, REJECTED, query_error
from shared.settings import SIGNATURE_METHODS, Credentials, read_credentials, read_settings
from tools.make_options import MakeOptions
from tools.verify_cloud import advice, inter_sms, nonces
from tools.verify_cloud.calls import Caller, clock_skew
from tools.verify_cloud.findings import CHANGED, IDENTICAL, REFUSED, AgedNonce, Findings
from tools.verify_cloud.questions import Message, Stopped, new_out_id, read_message
from tools.verify_cloud.report import Report
from tools.verify_cloud.sms import MOST_SMS, Sender

SKEW_SECONDS, MOST_SECONDS = 60, 3600
SECOND_KEY = ("SMS_VERIFY_SECOND_ACCESS_KEY_ID", "SMS_VERIFY_SECOND_ACCESS_KEY_SECRET")
PLATFORM_DOMAIN = ".aliyuncs.com"


def main() -> int:
    """Measure, print and keep the report; return 0 when everything was measured."""
    options = _options()
    report = None
    try:
        caller, second = _callers(os.environ)
        print(
            f"This measures the platform with your credentials. At most {MOST_SMS} SMS are sent,\n"
            "each after you typed yes; docs/verify-cloud.md says what for. Ctrl-C ends it.\n"
        )
        message = read_message(os.environ, caller.settings.sign_name)
        report = Report(options.report, _new_findings(caller))
        _measure(caller, second, message, report, options)
    except (Stopped, SmsError) as error:
        return _end(report, str(error), 1)
    except OSError as error:
        print(f"verify-cloud: {error}; choose another place: ARGS='--report FILE'", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return _end(report, "Ctrl-C", 130)
    return _end(report, "", 0)


def _options() -> argparse.Namespace:
    parser = MakeOptions(
        "verify-cloud",
        "Measure on the real platform, with your credentials and at most three SMS.",
        examples=["make verify-cloud", "make verify-cloud ARGS='--follow 930'"],
    )
    stamp = time.strftime("%Y%m%d-%H%M%S")
    parser.add_argument(
        "--report",
        type=Path,
        default=Path("build") / f"verify-cloud-{stamp}.json",
        help="where to keep the report; a .txt comes beside it",
    )
    parser.add_argument(
        "--follow",
        type=_seconds,
        default=60,
        metavar="SECONDS",
        help="how long to see whether a nonce is remembered (60; 930 for all there is to see)",
    )
    parser.add_argument(
        "--visible-within",
        type=_seconds,
        default=120,
        metavar="SECONDS",
        help="how long to wait for the message in QuerySendDetails (120)",
    )
    options: argparse.Namespace = parser.parse_args()
    return options


def _seconds(text: str) -> float:
    is_number = re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text)
    if not is_number or float(text) > MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0 to {MOST_SECONDS}")
    return float(text)


def _callers(environ: Mapping[str, str]) -> tuple[Caller, Caller | None]:
    caller = Caller(read_settings(environ), _credentials(environ))
    key_id, secret = (environ.get(name, "").strip() for name in SECOND_KEY)
    if bool(key_id) != bool(secret):
        raise ConfigurationError(f"{' and '.join(SECOND_KEY)}: one is empty; set both or none")
    if not key_id:
        return caller, None
    if key_id == caller.credentials.access_key_id:
        raise ConfigurationError(f"{SECOND_KEY[0]} is the first key: give another of the account")
    return caller, caller._replace(credentials=Credentials(key_id, secret))


def _credentials(environ: Mapping[str, str]) -> Credentials:
    """Return the key pair in `environ`; here is no function that could have a role."""
    names = ("SMS_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_ID")
    if not any(environ.get(name) for name in (*names, "SMS_ACCESS_KEY_SECRET")):
        raise ConfigurationError(
            "no key pair: set SMS_ACCESS_KEY_ID and SMS_ACCESS_KEY_SECRET in this shell; "
            "docs/verify-cloud.md says what it must be allowed to do"
        )
    return read_credentials(environ)


def _new_findings(caller: Caller) -> Findings:
    url = urlsplit(caller.settings.endpoint)
    host = url.hostname or ""
    return Findings(
        measured_at=utc_timestamp(time.time()),
        endpoint=host if host.endswith(PLATFORM_DOMAIN) else "another endpoint",
        over_https=url.scheme == "https",
        temporary_credentials=bool(caller.credentials.security_token),
    )


def _measure(
    caller: Caller,
    second: Caller | None,
    message: Message,
    report: Report,
    options: argparse.Namespace,
) -> None:
    question = {
        "PhoneNumber": message.phone_number,
        "SendDate": platform_date(time.time()),
        "PageSize": "1",
        "CurrentPage": "1",
    }
    _check_access(caller, question, report)
    _measure_without_sms(caller, second, question, report)
    method = advice.signature_method(report.findings).value
    caller = caller.signing_with(method)
    follow = options.follow if report.findings.refuses_nonces(method) else 0
    aging = nonces.Aging(caller, question, follow)
    _measure_with_sms(Sender(caller, message, report, new_out_id()), report, options.visible_within)

    def note(aged: AgedNonce) -> None:
        report.findings.aged_nonces.append(aged)
        report.save()

    if follow:
        print(f"\nSeeing for {follow:g} s whether nonces are remembered; Ctrl-C keeps the report.")
    aging.finish(note)


def _check_access(caller: Caller, question: Mapping[str, str], report: Report) -> None:
    """Find out with one query whether anything can be measured at all."""
    report.findings.clock_skew = skew = clock_skew(caller.settings.endpoint)
    report.save()
    if skew and abs(skew.ahead_seconds) > SKEW_SECONDS:
        print(f"This machine's clock is {skew.ahead_seconds:g} s ahead of the platform's: set it.")
    result = caller.call(nonces.QUERY, question)
    if result.verdict != ACCEPTED:
        raise Stopped(f"{nonces.QUERY} failed, {result.code}: {query_error(result).detail}")


def _measure_without_sms(
    caller: Caller, second: Caller | None, question: Mapping[str, str], report: Report
) -> None:
    print("\nMeasuring what needs no SMS ...")
    findings = report.findings
    for method in SIGNATURE_METHODS:
        signing = caller.signing_with(method)
        for action, parameters in (
            (nonces.QUERY, question),
            (nonces.SEND, nonces.SENDS_NOTHING),
        ):
            findings.nonce_checks.append(nonces.check(signing, action, parameters))
            report.save()
    method = advice.signature_method(findings).value
    if second and findings.refuses_nonces(method):
        callers = (caller.signing_with(method), second.signing_with(method))
        findings.nonce_scope = nonces.scope(*callers, question)
    findings.inter_sms = inter_sms.ask(caller)
    report.save()
    print(report.measurements())


def _measure_with_sms(sender: Sender, report: Report, visible_within: float) -> None:
    findings = report.findings
    sent = sender.send()
    if sent.result.verdict in (REJECTED, NOTHING_WRITTEN):
        why = query_error(sent.result).detail
        raise Stopped(f"no SMS was sent, {sent.result.code}: {why}")
    print("Looking for it in QuerySendDetails ...")
    findings.visibility = sender.watch(sent, visible_within)
    report.save()
    is_accepted = sent.result.verdict == ACCEPTED or findings.visibility.seen_at is not None
    method = findings.sms_requests[0].method
    if not is_accepted or not findings.refuses_nonces(method):
        print("No repeat is tried: it could be sent, and would show nothing new.")
        return
    if sender.repeat(IDENTICAL) == REFUSED:
        sender.repeat(CHANGED)


def _end(report: Report | None, stopped: str, status: int) -> int:
    if stopped:
        print(f"\nverify-cloud: stopped: {stopped}", file=sys.stderr)
    if report is None:
        print("Nothing was measured.", file=sys.stderr)
        return status
    report.findings.stopped = stopped
    report.save()
    requested = len(report.findings.sms_requests)
    print(f"\n{report.text()}\n")
    print(f"SMS requested: {requested} of at most {MOST_SMS}.")
    print(f"Report: {report.path} and {report.path.with_suffix('.txt')}")
    return status


if __name__ == "__main__":
    sys.exit(main())
