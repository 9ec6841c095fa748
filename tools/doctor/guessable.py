"""Secrets that somebody could guess."""

from __future__ import annotations

from collections.abc import Mapping

from tools.doctor.findings import ERROR, Finding, Findings

FEWEST_CHARACTERS = 8  # different ones; 16 random hexadecimal digits have about ten
WORDS = ("secret", "password", "changeme", "example", "qwerty", "123456", "abcdef", "0000")
MAKE_ONE = "make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
OURS = ("SMS_STATE_SECRET", "SMS_RECEIPT_TOKEN")
NAMES = (*OURS, "SMS_ACCESS_KEY_SECRET")


def examine(environ: Mapping[str, str]) -> Findings:
    """Yield the secrets of ours that are easy to guess, or that serve twice."""
    seen: dict[str, str] = {}
    for name in NAMES:
        for secret in _secrets(environ, name):
            if name in OURS and is_guessable(secret):
                yield Finding("secrets", ERROR, f"{name} is easy to guess", MAKE_ONE)
            if secret in seen:
                yield Finding(
                    "secrets",
                    ERROR,
                    f"{name} is the same as {seen[secret]}: who learns one has the other",
                    MAKE_ONE,
                )
            seen.setdefault(secret, name)


def _secrets(environ: Mapping[str, str], name: str) -> list[str]:
    """Return the secrets in a variable: SMS_RECEIPT_TOKEN may hold two, with a comma between."""
    value = environ.get(name, "")
    texts = value.split(",") if name == "SMS_RECEIPT_TOKEN" else [value]
    return [text.strip() for text in texts if text.strip()]


def is_guessable(secret: str) -> bool:
    """Whether it has few different characters, or a word in it that people choose."""
    text = secret.lower()
    return len(set(text)) < FEWEST_CHARACTERS or any(word in text for word in WORDS)
