"""The bytes of all variables of a function, of which Function Compute takes 4 KB."""

from __future__ import annotations

from tools.doctor.deployment import Deployment
from tools.doctor.findings import OK, WARN, Finding, Findings

# "Environment variables" of the Function Compute documentation: all of them together. It does not
# say whether their names count. With more in the values alone s.yaml is not read at all.
MOST_BYTES = 4096


def examine(deployment: Deployment) -> Findings:
    """Yield how much of the room is taken by the variables, which all functions share."""
    values = sum(map(_bytes, deployment.environ.values()))
    whole = values + sum(map(_bytes, deployment.environ))
    if whole > MOST_BYTES:
        yield Finding(
            "variables",
            WARN,
            f"all variables have {whole} bytes with their names, {values} without; Function "
            f"Compute takes {MOST_BYTES}, and does not say which it counts",
            "take out what you do not need, such as entries of SMS_API_KEYS that nobody uses",
        )
    else:
        yield Finding("variables", OK, f"all variables have {whole} of {MOST_BYTES} bytes")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
