"""Where a user keeps things, by the XDG Base Directory Specification."""

from __future__ import annotations

import os
from pathlib import Path


def user_folder(variable: str, default: str) -> Path:
    """Return the folder that an environment variable names, else one below the home folder.

    Raises OSError if the user has none: HOME is unset in some containers.
    """
    if named := os.environ.get(variable):
        return Path(named)
    try:
        return Path.home() / default
    except RuntimeError:
        raise OSError(f"there is no home folder: set HOME or {variable}") from None
