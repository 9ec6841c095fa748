"""``python -m tools.doctor``: print what is found.

Exit code 1 if something has to be fixed, 2 if the doctor itself lacks something.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

from tools.doctor.findings import ERROR, NOT_CHECKED, Finding
from tools.make_options import MakeOptions

ROOT = Path(__file__).resolve().parent.parent.parent
NEEDED = ("aliyun_fc_runtime_stub", "redis", "requests")


def main() -> int:
    """Print the findings; return 1 if one of them is an error."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(
            f"doctor: this Python lacks {', '.join(missing)}. `make setup` installs what the "
            "doctor needs into .venv, and `make doctor` runs it there.",
            file=sys.stderr,
        )
        return 2
    from tools.doctor.examination import examine  # imports what was missing otherwise

    parser = MakeOptions(
        "doctor",
        "Check a configuration before `s deploy`, without sending anything.",
        examples=["make doctor", "make doctor ARGS=--json"],
    )
    parser.add_argument("-t", "--template", type=Path, default=ROOT / "s.yaml", help="the s.yaml")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args()
    findings = examine(options.template, os.environ)
    ready = not any(finding.level == ERROR for finding in findings)
    if options.json:
        listed = [finding._asdict() for finding in findings]
        print(json.dumps({"ready": ready, "findings": listed}, ensure_ascii=False, indent=2))
    else:
        _print(findings)
    return int(not ready)


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        print(f"{finding.level:11}  {finding.check}: {finding.what}")
        if finding.remedy:
            print(f"{'':11}  -> {finding.remedy}")
    errors = sum(finding.level == ERROR for finding in findings)
    unseen = sum(finding.level == NOT_CHECKED for finding in findings)
    verdict = f"{errors} to fix before `s deploy`" if errors else "Ready for `s deploy`"
    print(f"\n{verdict}{f', {unseen} not checked' if unseen else ''}.")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    sys.exit(main())
