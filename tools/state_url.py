"""SMS_STATE_URL of the functions, as a tool on this machine reads it."""

from __future__ import annotations

from pathlib import Path

CODE = "/code/"  # where Function Compute lays what is uploaded


def with_files_of(folder: Path, url: str) -> str:
    """Return `url` with the certificates that it names in CODE looked for in `folder`.

    >>> with_files_of(Path("/home/li/fc-sms"), "rediss://r-x:6379?ssl_ca_certs=/code/shared/ca.pem")
    'rediss://r-x:6379?ssl_ca_certs=/home/li/fc-sms/shared/ca.pem'
    """
    return url.replace(f"ssl_ca_certs={CODE}", f"ssl_ca_certs={folder.absolute()}/")
