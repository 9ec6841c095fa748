"""Which language somebody reads, as the terminal says: English or Chinese."""

from __future__ import annotations

import os


def reads_chinese() -> bool:
    """Say whether the locale is a Chinese one, such as ``zh_CN.UTF-8`` (POSIX, section 8.2)."""
    named = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return next(filter(None, named), "").startswith("zh")


def own(english: str, chinese: str) -> str:
    """Return the text in the reader's language."""
    return chinese if reads_chinese() else english
