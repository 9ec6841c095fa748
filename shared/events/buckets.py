"""Where files of recipients lie and their results go: a bucket in OSS, or a directory in its place.

What goes in: the key of an object, such as ``sms-files/a.csv``, and its eTag, by which its content
is known. What comes out: the content in pieces, or one of three errors, which say what to do next:
InvalidRequest (give up), ConfigurationError (set something), BucketUnavailable (try again later).

Sources: "GetObject" and "HTTP Range requests" of the OSS documentation; new buckets take Signature
V4 only, which oss2 has since 2.18.4: python3.12, but not python3.10.
"""

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

# Each piece is a request of its own, as OSS keeps no connection open while a file is sent. A piece
# of 1 MiB holds tens of thousands of rows: reading costs next to nothing beside sending.
PIECE_BYTES = 1024 * 1024
_TIMEOUT = 10.0  # seconds, for connecting and for each read
_WAITS = (0.2, 1.0)  # seconds before the second and the third attempt


class Bucket(Protocol):
    """What sending to a file needs of a bucket."""

    def read(self, key: str, etag: str) -> Iterator[bytes]:
        """Return the content of an object in pieces, and no piece of another content.

        Both this and the iterator raise InvalidRequest when there is none of that key and eTag,
        ConfigurationError when access is refused, BucketUnavailable when OSS cannot be used now.
        """

    def write(self, key: str, content: IO[bytes]) -> None:
        """Write an object, over one that is there, from the start of `content`.

        Raises as `read` does.
        """


def open_bucket(
    name: str, *, region: str, settings: FileSettings, credentials: Credentials, clock: Clock
) -> Bucket:
    """Return the bucket `name` in `region`, such as ``cn-hangzhou``; raises ConfigurationError."""
    if settings.local_buckets:
        return LocalBucket(os.path.join(settings.local_buckets, name))
    if not region and not settings.oss_endpoint:
        raise ConfigurationError(
            "the event names no region, and SMS_OSS_ENDPOINT is not set: set it, such as "
            "https://oss-cn-hangzhou-internal.aliyuncs.com"
        )
    return OssBucket(
        name,
        region=region,
        endpoint=settings.oss_endpoint or f"https://oss-{region}-internal.aliyuncs.com",
        credentials=credentials,
        clock=clock,
    )


class OssBucket:
    """A bucket in OSS, through the package oss2."""

    def __init__(
        self, name: str, *, region: str, endpoint: str, credentials: Credentials, clock: Clock
    ) -> None:
        try:  # here, as it takes long to import and only files need it
            self._oss2: Any = importlib.import_module("oss2")
        except ImportError:
            raise ConfigurationError(
                "files need the package oss2, which the runtimes python3.10 and python3.12 have"
            ) from None
        logging.getLogger("oss2").setLevel(logging.CRITICAL)  # it logs keys and whole requests
        options: dict[str, Any] = {"connect_timeout": _TIMEOUT}
        version = self._oss2.AUTH_VERSION_1
        if region and hasattr(self._oss2, "AUTH_VERSION_4"):  # it signs the region, too
            version = self._oss2.AUTH_VERSION_4
            options["region"] = region
        auth = self._auth(credentials, version)
        self._bucket = self._oss2.Bucket(auth, endpoint, name, **options)
        self._clock = clock

    def _auth(self, credentials: Credentials, version: str) -> Any:
        key_id, secret = credentials.access_key_id, credentials.access_key_secret
        token = credentials.security_token
        if token:
            return self._oss2.StsAuth(key_id, secret, token, auth_version=version)
        return self._oss2.make_auth(key_id, secret, auth_version=version)

    def read(self, key: str, etag: str) -> Iterator[bytes]:
        """Ask for the size, and then for a piece whenever one is wanted; see Bucket.read.

        If-Match in each request makes all pieces those of one object.
        """
        condition = {"If-Match": f'"{etag}"'}
        size = self._with_retries(
            lambda: self._bucket.head_object(key, headers=condition).content_length
        )

        def read_piece(start: int) -> bytes:
            last = min(start + PIECE_BYTES, size) - 1
            answer = self._bucket.get_object(key, byte_range=(start, last), headers=condition)
            content: bytes = answer.read()
            if len(content) != last - start + 1:
                raise BucketUnavailable(
                    "OSS answered with another part of the file than was asked for"
                )
            return content

        starts = range(0, size, PIECE_BYTES)
        return (self._with_retries(partial(read_piece, start)) for start in starts)

    def write(self, key: str, content: IO[bytes]) -> None:
        """Put an object; see Bucket.write."""

        def put() -> None:
            content.seek(0)  # an attempt that failed may have read some of it
            self._bucket.put_object(key, content)

        self._with_retries(put)

    def _with_retries(self, step: Callable[[], Any]) -> Any:
        """Do `step` again while OSS cannot be used, three times in all."""
        for wait in _WAITS:
            with suppress(BucketUnavailable):
                return self._once(step)
            self._clock.sleep(wait)
        return self._once(step)

    def _once(self, step: Callable[[], Any]) -> Any:
        """Do `step`; what oss2 raises becomes one of our errors."""
        try:
            return step()
        except self._oss2.exceptions.OssError as error:
            raise _error_for(error.status) from None
        except OSError as error:  # what reading an answer raises
            raise BucketUnavailable(f"OSS cannot be reached ({type(error).__name__})") from None


def _error_for(status: int) -> InvalidRequest | ConfigurationError | BucketUnavailable:
    """Return what a status of OSS means; oss2's own, for no answer, are negative."""
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
    return BucketUnavailable(f"OSS cannot be used now ({status})")


class LocalBucket:
    """A directory in place of a bucket; an eTag is the MD5 of the content, in either case."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def read(self, key: str, etag: str) -> Iterator[bytes]:
        """Read the file `key` whole for its eTag, then piece by piece; see Bucket.read."""
        path = self._path(key)
        digest = hashlib.md5(usedforsecurity=False)
        try:
            for piece in _pieces_of(path):
                digest.update(piece)
        except OSError:
            raise _error_for(404) from None
        if digest.hexdigest() != etag.lower():
            raise _error_for(412)
        return _pieces_of(path)

    def write(self, key: str, content: IO[bytes]) -> None:
        """Write a file beside `key` and move it there, so that none is seen half written."""
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
        if ".." in key.split("/"):  # it would lead out of the directory
            raise _error_for(404)
        return os.path.join(self._directory, key)


def _pieces_of(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
