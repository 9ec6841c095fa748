"""How environment variables are printed, for the shells and tools that read them."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable, Iterable, Mapping

from aliyun_sms_emulator.tls.trust import Variable


def _sh(variable: Variable) -> str:
    return f"export {variable.name}={shlex.quote(variable.value)}"


def _powershell(variable: Variable) -> str:
    quoted = variable.value.replace("'", "''")
    return f"$env:{variable.name} = '{quoted}'"


def _env_file(variable: Variable) -> str:
    return f"{variable.name}={variable.value}"


FORMATS: Mapping[str, Callable[[Variable], str]] = {
    "sh": _sh,
    "powershell": _powershell,
    "env-file": _env_file,  # of `docker run --env-file` and compose
}


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add the option `--format`."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="powershell" if os.name == "nt" else "sh",
        help="who reads the variables (default %(default)s)",
    )


def lines(variables: Iterable[Variable], form: str) -> list[str]:
    """Write variables, each with its readers in front."""
    written, readers = [], ""
    for variable in variables:
        if variable.readers != readers:
            readers = variable.readers
            written.append(f"# {readers}")
        written.append(FORMATS[form](variable))
    return written
