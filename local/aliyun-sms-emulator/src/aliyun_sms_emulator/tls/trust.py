"""What makes the clients of one process trust the emulator: files, and variables that name them.

Most variables take the place of the system's authorities, so the file they name holds those, too:
the process still reaches everything else. The store of a system or of a browser is never touched.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aliyun_sms_emulator.errors import TlsError
from aliyun_sms_emulator.tls.folder import authority, write_file

# Where systems keep their authorities in one file, for a Python that looks elsewhere.
_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)
_STORE_PASSWORD = "changeit"  # noqa: S105 - Java's own default; the store has nothing secret


class Variable(NamedTuple):
    """An environment variable, and who reads it."""

    name: str
    value: str
    readers: str


class Trust(NamedTuple):
    """What a process is given: variables, and options that each Java virtual machine takes."""

    variables: list[Variable]
    java_options: list[str]


def write_trust(folder: Path, environment: Mapping[str, str] = os.environ) -> Trust:
    """Write the files beside the certificate in `folder`; what `environment` has stays in force.

    Raises TlsError when there is no certificate, or the files cannot be written.
    """
    folder = folder.absolute()
    ours, system = authority(folder), system_authorities()
    bundle, store, php = folder / "bundle.pem", folder / "truststore.p12", folder / "php"
    settings = f'openssl.cafile="{bundle}"\ncurl.cainfo="{bundle}"\n'
    try:
        write_file(folder / "authority.pem", ours)
        write_file(bundle, "".join(map(ssl.DER_cert_to_PEM_cert, system)).encode() + ours)
        write_file(store, _java_store([*system, ssl.PEM_cert_to_DER_cert(ours.decode())]))
        php.mkdir(mode=0o755, exist_ok=True)
        write_file(php / "sms-emulator.ini", settings.encode())
    except OSError as error:
        reason = error.strerror or error
        raise TlsError(f"{folder} cannot be written ({reason}); allow it for you") from error
    earlier = environment.get("PHP_INI_SCAN_DIR", "").split(os.pathsep)
    scanned = [*(each for each in earlier if each != str(php)), str(php)]
    variables = [
        Variable("SSL_CERT_FILE", str(bundle), "Python (ssl, httpx), Go, Ruby, .NET on Linux"),
        Variable("REQUESTS_CA_BUNDLE", str(bundle), "Python (requests)"),
        Variable("ALIBABA_CLOUD_CA_BUNDLE", str(bundle), "Python (aliyun-python-sdk-core)"),
        Variable("CURL_CA_BUNDLE", str(bundle), "curl"),
        Variable("NODE_EXTRA_CA_CERTS", str(folder / "authority.pem"), "Node.js, beside its own"),
        # What stands before the first separator is where PHP looks anyway.
        Variable("PHP_INI_SCAN_DIR", os.pathsep.join(scanned), "PHP, which keeps its settings"),
    ]
    quoted = f'"{store}"' if " " in str(store) else str(store)
    java_options = [
        f"-Djavax.net.ssl.trustStore={quoted}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        f"-Djavax.net.ssl.trustStorePassword={_STORE_PASSWORD}",
    ]
    return Trust(variables, java_options)


def system_authorities() -> list[bytes]:
    """The authorities that programs of this system trust, each as DER; none of an emulator."""
    context = ssl.create_default_context()
    if not context.get_ca_certs():
        for file in filter(os.path.exists, _SYSTEM_FILES):
            context.load_verify_locations(file)
    found = dict.fromkeys(context.get_ca_certs(binary_form=True))
    return [each for each in found if b"aliyun-sms-emulator authority" not in each]


def _java_store(certificates: list[bytes]) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    entries = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what old authorities do that was allowed then
        for number, der in enumerate(certificates):
            with contextlib.suppress(ValueError):  # what cannot be read, Java does not read either
                certificate = x509.load_der_x509_certificate(der)
                entries.append(pkcs12.PKCS12Certificate(certificate, str(number).encode()))
    encryption = BestAvailableEncryption(_STORE_PASSWORD.encode())
    return pkcs12.serialize_java_truststore(entries, encryption)
