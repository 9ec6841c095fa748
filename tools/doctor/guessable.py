"""Secrets that somebody could guess."""

from __future__ import annotations

from collections.abc import Mapping

from tools.doctor.findings import ERROR, Finding, Findings

FEWEST_CHARACTERS = 8  # different ones; 16 random hexadecimal digits have about ten
WORDS = ("secret", "password", "changeme", "example", "qwerty", "123456", "abcdef", "0000")
MAKE_ONE = "make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
NAMES = ("SMS_STATE_SECRET", "SMS_RECEIPT_TOKEN", "SMS_ACCESS_KEY_SECRET")


def examine(environ: Mapping[str, str]) -> Findings:
    """Yield the secrets of ours that are easy to guess, or that serve twice."""
    for name in NAMES[:2]:
        if environ.get(name) and is_guessable(environ[name]):
            yield Finding("secrets", ERROR, f"{name} is easy to guess", MAKE_ONE)
    seen: dict[str, str] = {}
    for name in NAMES:
        value = environ.get(name, "")
        if value and value in seen:
            yield Finding(
                "secrets",
                ERROR,
                f"{name} is the same as {seen[value]}: who learns one has the other",
                MAKE_ONE,
            )
        seen.setdefault(value, name)


def is_guessable(secret: str) -> bool:
    """Whether it has few different characters, or a word in it that people choose."""
    text = secret.lower()
    return len(set(text)) < FEWEST_CHARACTERS or any(word in text for word in WORDS)
