"""The layers of functions: folders that the user gives, copied for what writes into them."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigurationError
from ..instances.platform_paths import brings_a_language
from ..template.model import Function

_OFFICIAL = re.compile(r"acs:fc:[\w-]+:official:layers/.+")


class Layers:
    """Folders by layer ARN; each is copied once."""

    def __init__(self, given: Mapping[str, Path]) -> None:
        self._given = given
        self._copies: dict[str, Path] = {}
        self._turn = threading.Lock()

    def check(self) -> None:
        """Raise ConfigurationError if a folder is not there."""
        for arn, folder in self._given.items():
            if not Path(folder).is_dir():
                raise ConfigurationError(f"there is no folder {folder}", f"--layer {arn}")

    def left_out(self, function: Function) -> list[str]:
        """Return the layers of the platform's own that a custom runtime's function does without.

        They bring interpreters, whose place those of this machine take, or packages that the code
        often brings, too. Nobody can have them without an account.
        """
        layers = function.layers if function.custom else ()
        return [arn for arn in layers if arn not in self._given and _OFFICIAL.fullmatch(arn)]

    def missing(self, function: Function) -> str:
        """Say which layer of a function is not on this machine, and what to do; empty if none."""
        left_out = self.left_out(function)
        for arn in function.layers:
            if arn not in self._given and arn not in left_out:
                return (
                    f"the layer {arn} is not on this machine: unpack it into a folder and give "
                    f"--layer {arn}=FOLDER"
                )
        return ""

    def warnings(self, function: Function) -> list[str]:
        """Say what a function is run without."""
        return [
            f"{function.name} runs without the layer {arn}: what it brings must be in the code or "
            f"on this machine; or unpack it into a folder and give --layer {arn}=FOLDER"
            for arn in self.left_out(function)
            if not brings_a_language(arn)
        ]

    def copies(self, function: Function, root: Path | None) -> tuple[Path, ...]:
        """Return copies, below `root`: Python and functions write into what they use.

        Raises ConfigurationError if a layer is missing, OSError if there is no room.
        """
        if reason := self.missing(function):
            raise ConfigurationError(reason, function.resource, "layers")
        with self._turn:
            return tuple(self._copy(arn, root) for arn in function.layers if arn in self._given)

    def _copy(self, arn: str, root: Path | None) -> Path:
        if arn not in self._copies:
            copy = Path(tempfile.mkdtemp(prefix="layer-", dir=root))
            shutil.copytree(self._given[arn], copy, symlinks=True, dirs_exist_ok=True)
            self._copies[arn] = copy
        return self._copies[arn]
