"""An authority, and what it signs: a server on 127.0.0.1 and a client."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Files:
    """PEM files; `server` and `client` hold certificate and key."""

    authority: str
    server: str
    client: str


def write(folder: Path) -> Files:
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _sign("authority", key, "authority", key, x509.BasicConstraints(True, None))
    (folder / "authority.pem").write_bytes(_pem(authority))
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    for name, extra in (("server", names), ("client", None)):
        own = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(name, own, "authority", key, extra)
        (folder / f"{name}.pem").write_bytes(_pem(certificate) + _key(own))
    return Files(*(str(folder / f"{name}.pem") for name in ("authority", "server", "client")))


def _sign(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    extra: x509.ExtensionType | None,
) -> x509.Certificate:
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    if extra is not None:
        builder = builder.add_extension(extra, critical=isinstance(extra, x509.BasicConstraints))
    return builder.sign(issuer_key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
