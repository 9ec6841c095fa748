"""The least a program with requests and redis can do: one key, and one POST."""

from __future__ import annotations

import os

import redis

from benchmarks.clients import bare_requests

_CLIENT = redis.Redis.from_url(os.environ["SMS_STATE_URL"])


def send(number: str) -> None:
    """Note the number, then post it."""
    _CLIENT.set(f"bare:{number}", "sent", ex=60)
    bare_requests.send(number)
