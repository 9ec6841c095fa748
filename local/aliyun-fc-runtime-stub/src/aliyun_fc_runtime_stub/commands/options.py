"""Options that several commands share, and the stub that they describe."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..function_compute import FunctionCompute
from .option_types import layer_folder, pair, seconds
from .report import announce

SUCCESS, FUNCTION_ERROR, UNUSABLE, NOT_RUNNING = 0, 1, 2, 3
"""Exit codes; `fc-stub --help` says what each means."""


def add_command(commands: Any, name: str, text: str, *, examples: str) -> argparse.ArgumentParser:
    """Add a command to the command line's subparsers."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog=examples,
    )
    return parser


def add_template(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the s.yaml."""
    parser.add_argument(
        "-t",
        "--template",
        default="s.yaml",
        metavar="FILE",
        help="the s.yaml, or a file that extends it (default s.yaml)",
    )


def add_layers(parser: argparse.ArgumentParser) -> None:
    """Add the option that gives folders for layers."""
    parser.add_argument(
        "--layer",
        action="append",
        default=[],
        type=layer_folder,
        metavar="ARN=FOLDER",
        help="folder that stands for a layer, as unpacked below /opt",
    )


def add_running(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that run functions."""
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        type=pair,
        metavar="[NAME:]K=V",
        help="set an environment variable of all functions, or of the function NAME",
    )
    add_layers(parser)
    parser.add_argument(
        "--offline", action="store_true", help="install nothing; say what is lacking instead"
    )
    parser.add_argument(
        "--retry-delay",
        type=seconds,
        default=1.0,
        metavar="SECONDS",
        help="first wait before an asynchronous invocation is repeated (default 1)",
    )
    parser.add_argument(
        "--start-seconds",
        type=seconds,
        default=120.0,
        metavar="SECONDS",
        help="how long the program of a custom runtime may take to open its port (default 120)",
    )


def make_stub(options: argparse.Namespace, **more: Any) -> FunctionCompute:
    """Return the stub that these options describe; it is not started."""
    return FunctionCompute(
        options.template,
        dict(options.env),
        layers={arn: Path(folder) for arn, folder in options.layer},
        retry_delay=options.retry_delay,
        offline=options.offline,
        announce=announce,
        start_seconds=options.start_seconds,
        **more,
    )
