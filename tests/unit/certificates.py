"""Certificates for TLS on real sockets, made with the `openssl` command."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

_CA_EXTENSIONS = """[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """A certificate authority; `folder` holds its certificate under the hashed name alone."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.folder = place / "trusted"
        self.folder.mkdir()
        config = self._write("ca.cnf", f"[req]\ndistinguished_name = dn\n[dn]\n{_CA_EXTENSIONS}")
        self._openssl(
            *("req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30"),
            *("-subj", "/CN=Test Authority", "-config", config, "-extensions", "ca"),
        )
        hashed = self._openssl("x509", "-hash", "-noout", "-in", "ca.pem").strip()
        (self.folder / f"{hashed}.0").symlink_to(place / "ca.pem")

    def server(self, name: str) -> ssl.SSLContext:
        """Return a server's context with a certificate for `name`, such as ``IP:127.0.0.1``."""
        stem = name.replace(":", "-")
        extensions = self._write(
            f"{stem}.cnf",
            f"subjectAltName = {name}\nauthorityKeyIdentifier = keyid\n"
            "basicConstraints = critical, CA:false\n",
        )
        self._openssl(
            *("req", *_KEY, "-keyout", f"{stem}.key", "-out", f"{stem}.csr"),
            *("-subj", "/CN=test", "-config", "ca.cnf"),
        )
        self._openssl(
            *("x509", "-req", "-in", f"{stem}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", f"{stem}.pem"),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._place / f"{stem}.pem", self._place / f"{stem}.key")
        return context

    def _write(self, name: str, text: str) -> str:
        (self._place / name).write_text(text)
        return name

    def _openssl(self, *arguments: str) -> str:
        return subprocess.run(
            ["openssl", *arguments], cwd=self._place, check=True, capture_output=True, text=True
        ).stdout
