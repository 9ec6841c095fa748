"""The least a program with requests and oss2 can do: read one object, and one POST."""

from __future__ import annotations

import os

import oss2  # type: ignore[import-untyped]

from benchmarks.clients import bare_requests

_BUCKET = oss2.Bucket(oss2.AnonymousAuth(), os.environ["SMS_OSS_ENDPOINT"], "recipients")


def send(number: str) -> None:
    """Read the object, then post the number."""
    _BUCKET.get_object(os.environ["BENCHMARK_OBJECT"].partition(" ")[0]).read()
    bare_requests.send(number)
