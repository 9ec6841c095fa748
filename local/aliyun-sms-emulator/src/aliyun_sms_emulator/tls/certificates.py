"""An authority and one certificate of it, made together for the names the emulator is called by.

The authority may vouch for these names alone (RFC 5280, name constraints), and its key is never
written: nobody can make another certificate with it. So neither outlives the other, and both end
after 90 days.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aliyun_sms_emulator.rules.hosts import EMULATED_HOSTS, QUEUE_DOMAINS

LIFETIME = timedelta(days=90)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LOOPBACK_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_CLOCK_DIFFERENCE = timedelta(hours=1)  # of a client in a container, say


def certified_names(names: Iterable[str]) -> list[str]:
    """List what the certificate is for: the platform's names, loopback and `names` beside them."""
    queues = [f"*.{domain}" for domain in QUEUE_DOMAINS]
    return list(dict.fromkeys((*EMULATED_HOSTS, *queues, *_LOOPBACK, *names)))


def make_certificates(names: Iterable[str]) -> bytes:
    """Make both; returns PEM: the certificate's key, the certificate, its authority."""
    names, now = certified_names(names), datetime.now(timezone.utc)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    # A name of its own for each, as clients look authorities up by name.
    authority_name = _name(f"aliyun-sms-emulator authority {secrets.token_hex(4)}")
    public = authority_key.public_key()
    authority = (
        _builder(authority_name, authority_name, now)
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(of_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(_constraints(names), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _builder(_name("aliyun-sms-emulator"), authority_name, now)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(of_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    own_key = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return own_key + certificate.public_bytes(pem) + authority.public_bytes(pem)


def still_good(pem: bytes, names: Iterable[str], left: timedelta) -> bool:
    """Say whether what `make_certificates` returned is for all `names` and lasts that long."""
    try:
        certificate, authority = x509.load_pem_x509_certificates(pem)
        serialization.load_pem_private_key(pem, password=None)
        certificate.verify_directly_issued_by(authority)
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, TypeError, x509.ExtensionNotFound):
        return False
    except Exception as error:  # cryptography.exceptions.InvalidSignature, once loaded
        if type(error).__name__ != "InvalidSignature":
            raise
        return False
    wanted = set(_general_names(certified_names(names)))
    ends = certificate.not_valid_after_utc
    return wanted <= set(extension.value) and ends - datetime.now(timezone.utc) > left


def authority_of(pem: bytes) -> bytes:
    """The authority's certificate alone, as PEM."""
    authority = x509.load_pem_x509_certificates(pem)[-1]
    return authority.public_bytes(serialization.Encoding.PEM)


def _builder(subject: x509.Name, issuer: x509.Name, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_DIFFERENCE)
        .not_valid_after(now - _CLOCK_DIFFERENCE + LIFETIME)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, of_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not of_authority,
        key_cert_sign=of_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _constraints(names: list[str]) -> x509.NameConstraints:
    """The names themselves and all below them; of addresses, loopback and those named."""
    permitted: list[x509.GeneralName] = [x509.IPAddress(each) for each in _LOOPBACK_NETWORKS]
    for name in names:
        if (address := _address(name)) is None:
            permitted.append(x509.DNSName(name.removeprefix("*.")))
        elif not address.is_loopback:
            permitted.append(x509.IPAddress(ipaddress.ip_network(address)))
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)


def _general_names(names: list[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        address = _address(name)
        found.append(x509.DNSName(name) if address is None else x509.IPAddress(address))
    return found


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
