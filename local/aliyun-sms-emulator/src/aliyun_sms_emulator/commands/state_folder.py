"""Where the emulator of a user keeps what it remembers, unless another place is named."""

from __future__ import annotations

import os
from pathlib import Path


def default_database() -> Path:
    """The database."""
    return _state_folder() / "emulator.sqlite3"


def default_tls_folder() -> Path:
    """The folder of the certificate for https."""
    return _state_folder() / "tls"


def _state_folder() -> Path:
    """Below $XDG_STATE_HOME, %LOCALAPPDATA% on Windows, or ~/.local/state."""
    named = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_STATE_HOME", "")
    home = Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state"
    return home / "aliyun-sms-emulator"
