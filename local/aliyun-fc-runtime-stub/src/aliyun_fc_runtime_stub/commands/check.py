"""The command `fc-stub check`: what of an s.yaml will not work as it is written."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..template.s_yaml import load_application
from .findings import EVERYWHERE, Finding, find_all
from .options import SUCCESS, UNUSABLE, add_command, add_layers, add_template
from .tables import MOST_LISTED, listed

_DESCRIPTION = """Read an s.yaml and the code it names, and say what will not work as it is
written: everywhere, on Function Compute, with fc-stub, or deployed to fc-stub serve. Nothing is
run, installed or sent."""
_EXAMPLES = """examples:
  fc-stub check
  fc-stub check -t s.events.yaml --json | jq '.findings[] | select(.error)'

exit codes: 0 nothing fails as it is written, 2 something does, or s.yaml cannot be read
"""


def add_check_command(commands: Any) -> None:
    """Add the command to the command line's subparsers."""
    text = "say what of an s.yaml will not work, before any deploy"
    parser = add_command(commands, "check", text, examples=_EXAMPLES)
    parser.description = _DESCRIPTION
    add_template(parser)
    add_layers(parser)
    parser.add_argument("--json", action="store_true", help="write a JSON object instead of text")
    parser.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    layers = {arn: Path(folder) for arn, folder in options.layer}
    for arn, folder in layers.items():
        if not folder.is_dir():
            raise ConfigurationError(f"there is no folder {folder}", f"--layer {arn}")
    faults: list[ConfigurationError] = []
    application = load_application(options.template, faults=faults)
    findings = find_all(application, faults, layers)
    if options.json:
        rows = [_row(finding) for finding in findings]
        sys.stdout.write(json.dumps({"findings": rows}) + "\n")
    else:
        sys.stdout.write("".join(_lines(findings, len(application.functions))))
        sys.stdout.write(_summary(findings, len(application.functions)))
    sys.stdout.flush()
    return UNUSABLE if any(finding.is_error for finding in findings) else SUCCESS


def _row(finding: Finding) -> dict[str, object]:
    return {
        "error": finding.is_error,
        "where": finding.where,
        "function": finding.function,
        "place": finding.place,
        "text": finding.text,
    }


def _lines(findings: list[Finding], count: int) -> list[str]:
    """Return a line for each thing that is said, whatever the number of functions it is true of."""
    said: dict[tuple[bool, str, str], list[Finding]] = {}
    for one in findings:
        said.setdefault((one.is_error, one.where, one.text), []).append(one)
    lines = []
    for (is_error, where, text), those in said.items():
        kind = "error" if is_error else "note"
        scope = "" if where == EVERYWHERE else f" ({where})"
        names = list(dict.fromkeys(one.function for one in those if one.function))
        functions = f"all {count} functions" if len(names) == count > MOST_LISTED else listed(names)
        places = ", ".join(dict.fromkeys(one.place for one in those if one.place))
        parts = [f"{kind}{scope}", functions, places, text]
        lines.append(": ".join(part for part in parts if part) + "\n")
    return lines


def _summary(findings: list[Finding], functions: int) -> str:
    errors = any(finding.is_error for finding in findings)
    those = f"{functions} function{'' if functions == 1 else 's'}"
    return f"{those} read: {'some of this fails' if errors else 'nothing fails'} as it is written\n"
