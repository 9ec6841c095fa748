"""What of a custom runtime's start command will not work as it is written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..instances.platform_paths import PlatformPaths
from ..template.model import CustomRuntime

_SCRIPTS = (".py", ".js", ".mjs", ".cjs", ".jar", ".php", ".rb", ".sh")


def start_command_problems(
    custom: CustomRuntime, code: Path, layers: Sequence[Path]
) -> Iterator[str]:
    """Yield what is wrong with the command, with the code in this folder."""
    paths = PlatformPaths(code, layers)
    program, *arguments = custom.command
    if "/" in program:
        place = Path(code, paths.moved(program))
        if not place.is_relative_to(code):
            return  # of the platform, or of a layer
        if not place.is_file():
            yield f"the start command {program} is not in the code"
        elif not os.access(place, os.X_OK):
            yield f"the start command {program} may not be executed: chmod +x"
        return
    for argument in arguments:
        place = Path(code, paths.moved(argument))
        if argument.endswith(_SCRIPTS) and place.is_relative_to(code):
            if not place.is_file():
                yield f"the start command names {argument}, which is not in the code"
            return
