"""The folder in which an emulator keeps its certificate, and what clients need to trust it.

`server.pem` is for its owner alone: the key, the certificate and its authority. The other files
have no secrets, and are written anew whenever they are asked for.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from aliyun_sms_emulator.errors import TlsError

_SERVER = "server.pem"
_ENDS_SOON = timedelta(days=7)
_NOT_INSTALLED = (
    "https needs the library cryptography; install it with pip install 'aliyun-sms-emulator[tls]'"
)


def server_context(folder: Path, names: Iterable[str]) -> ssl.SSLContext:
    """What https is served with; the certificate of `folder`, made anew where it does not do.

    `names` are host names and addresses beside the platform's and loopback's. Raises TlsError.
    """
    try:
        from aliyun_sms_emulator.tls.certificates import make_certificates, still_good
    except ImportError as error:
        raise TlsError(_NOT_INSTALLED) from error
    file, names = folder / _SERVER, list(names)
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not file.exists() or not still_good(file.read_bytes(), names, _ENDS_SOON):
            write_file(file, make_certificates(names), mode=0o600)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
    except OSError as error:
        reason = error.strerror or error
        raise TlsError(
            f"the certificate in {folder} cannot be used ({reason}); allow it for you, or name"
            " another folder with --tls-folder"
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    return context


def authority(folder: Path) -> bytes:
    """The authority of the certificate in `folder`, as PEM; raises TlsError."""
    try:
        from aliyun_sms_emulator.tls.certificates import authority_of
    except ImportError as error:
        raise TlsError(_NOT_INSTALLED) from error
    try:
        return authority_of((folder / _SERVER).read_bytes())
    except (OSError, ValueError, IndexError) as error:
        raise TlsError(
            f"there is no certificate in {folder}; start sms-emulator --tls first, with the same"
            " --tls-folder"
        ) from error


def write_file(file: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Put a whole file in the place of another one, so that readers see the one or the other."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as writing:
        writing.write(content)
    new.replace(file)
