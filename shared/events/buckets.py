"""Buckets."""

import hashlib
import importlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import IO, Any, Protocol

from shared.clock import Clock
from shared.errors import BucketUnavailable, ConfigurationError, InvalidRequest
from shared.settings import Credentials, FileSettings

PIECE_BYTES = 1024 * 1024
_TIMEOUT = 10.0
_WAITS = (0.2, 1.0)


class Bucket(Protocol):
    """What sending to a file needs of a bucket."""

    def read(self, key: str, etag: str) -> Iterator[bytes]:
        """Return the content in pieces.

        Both raise InvalidRequest when there is none of that key and eTag, ConfigurationError when
        access is refused, BucketUnavailable when OSS cannot be used now.
        """

    def write(self, key: str, content: IO[bytes]) -> None:
        """Write an object, over one that is there. Raises as `read` does."""


def open_bucket(
    name: str, region: str, settings: FileSettings, credentials: Credentials, clock: Clock
) -> Bucket:
    """Return the bucket `name` in `region`, such as ``cn-hangzhou``; raises ConfigurationError."""
    if settings.local_buckets:
        return LocalBucket(os.path.join(settings.local_buckets, name))
    if not region and not settings.oss_endpoint:
        raise ConfigurationError("SMS_OSS_ENDPOINT is empty, and the event names no region")
    endpoint = settings.oss_endpoint or f"https://oss-{region}-internal.aliyuncs.com"
    return OssBucket(name, region, endpoint, credentials, clock)


class OssBucket:
    """A bucket in OSS."""

    def __init__(
        self, name: str, region: str, endpoint: str, credentials: Credentials, clock: Clock
    ) -> None:
        try:
            self._oss2: Any = importlib.import_module("oss2")
        except ImportError:
            raise ConfigurationError(
                "files need the package oss2, which the runtimes python3.10 and python3.12 have"
            ) from None
        logging.getLogger("oss2").setLevel(logging.CRITICAL)  # it logs keys and whole requests
        pair = (credentials.access_key_id, credentials.access_key_secret)
        options: dict[str, Any] = {"connect_timeout": _TIMEOUT}
        version = self._oss2.AUTH_VERSION_1
        if region and hasattr(self._oss2, "AUTH_VERSION_4"):
            version = self._oss2.AUTH_VERSION_4
            options["region"] = region
        auth = (
            self._oss2.StsAuth(*pair, credentials.security_token, auth_version=version)
            if credentials.security_token
            else self._oss2.make_auth(*pair, auth_version=version)
        )
        self._bucket = self._oss2.Bucket(auth, endpoint, name, **options)
        self._clock = clock

    def read(self, key: str, etag: str) -> Iterator[bytes]:
        """See Bucket."""
        condition = {"If-Match": f'"{etag}"'}
        size = self._run(lambda: self._bucket.head_object(key, headers=condition).content_length)

        def piece(start: int) -> bytes:
            last = min(start + PIECE_BYTES, size) - 1
            answer = self._bucket.get_object(key, byte_range=(start, last), headers=condition)
            content: bytes = answer.read()
            if len(content) != last - start + 1:
                raise BucketUnavailable("OSS answered with another range")
            return content

        return (self._run(partial(piece, start)) for start in range(0, size, PIECE_BYTES))

    def write(self, key: str, content: IO[bytes]) -> None:
        """See Bucket."""

        def put() -> None:
            content.seek(0)
            self._bucket.put_object(key, content)

        self._run(put)

    def _run(self, step: Callable[[], Any]) -> Any:
        for wait in _WAITS:
            with suppress(BucketUnavailable):
                return self._try(step)
            self._clock.sleep(wait)
        return self._try(step)

    def _try(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except self._oss2.exceptions.OssError as error:
            raise _problem(error.status) from None
        except OSError as error:  # what reading an answer raises
            raise BucketUnavailable(f"OSS cannot be reached ({type(error).__name__})") from None


def _problem(status: int) -> InvalidRequest | ConfigurationError | BucketUnavailable:
    if status == 404:
        return InvalidRequest("is not there any more", field="key", code="object-not-found")
    if status == 412:
        return InvalidRequest(
            "was written anew since; its new content has an event of its own",
            field="key",
            code="object-changed",
        )
    if status in (400, 401, 403):
        return ConfigurationError(
            f"OSS refuses access ({status}): the function's role needs oss:GetObject on "
            "SMS_FILE_PREFIX and oss:PutObject on SMS_FILE_RESULTS_PREFIX"
        )
    return BucketUnavailable(f"OSS cannot be used now ({status})")  # oss2's own are negative


class LocalBucket:
    """A directory that plays a bucket; an eTag is the MD5 of the content."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def read(self, key: str, etag: str) -> Iterator[bytes]:
        """See Bucket."""
        path = self._path(key)
        digest = hashlib.md5(usedforsecurity=False)
        try:
            for piece in _pieces_of(path):
                digest.update(piece)
        except OSError:
            raise _problem(404) from None
        if digest.hexdigest() != etag.lower():
            raise _problem(412)
        return _pieces_of(path)

    def write(self, key: str, content: IO[bytes]) -> None:
        """See Bucket."""
        path = self._path(key)
        content.seek(0)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(f"{path}.new", "wb") as file:
                shutil.copyfileobj(content, file)
            os.replace(f"{path}.new", path)
        except OSError as error:
            raise BucketUnavailable(f"the file cannot be written ({error.strerror})") from None

    def _path(self, key: str) -> str:
        if ".." in key.split("/"):
            raise _problem(404)
        return os.path.join(self._directory, key)


def _pieces_of(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
