"""A certificate authority for the run, found where each client looks for authorities.

Next to it stand the authorities that every machine trusts, so that each client pays what it pays
in earnest: ours looks into a directory of hashed files (Debian's, which Function Compute's
images have), the others load a whole bundle (certifi's), which is what they do by themselves.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import certifi
import trustme

_SYSTEM_DIRECTORY = Path("/etc/ssl/certs")


class Certificates(NamedTuple):
    """`server`: chain and key in one file. `bundle` and `directory`: the authorities."""

    server: Path
    bundle: Path
    directory: Path


def make_certificates(folder: Path) -> Certificates:
    """Make an authority and a server certificate of 127.0.0.1 in `folder`."""
    made = Certificates(folder / "server.pem", folder / "bundle.pem", folder / "authorities")
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(made.server))
    own = authority.cert_pem.bytes()
    made.bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + own)
    made.directory.mkdir()
    for hashed in _SYSTEM_DIRECTORY.glob("????????.[0-9]"):
        (made.directory / hashed.name).symlink_to(hashed.resolve())
    (made.directory / f"{_subject_hash(own)}.0").write_bytes(own)
    return made


def _subject_hash(pem: bytes) -> str:
    """Return the name under which OpenSSL looks for an authority in a directory."""
    command = ["openssl", "x509", "-noout", "-subject_hash"]
    try:
        done = subprocess.run(command, input=pem, capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"openssl must be installed, 1.0 or newer ({error})") from None
    return done.stdout.decode().strip()
