"""The least a program with requests can do: one POST, neither signed nor checked."""

from __future__ import annotations

import os

import requests

_URL = os.environ["SMS_ENDPOINT"]


def send(number: str) -> None:
    """Post one form; raise unless the answer says OK."""
    answer = requests.post(_URL, data={"PhoneNumbers": number}, timeout=5)
    if answer.json()["Code"] != "OK":
        raise RuntimeError(answer.text)
