"""The version of this package; `make metadata` writes it here."""

from __future__ import annotations

__version__ = "0.1.0"
