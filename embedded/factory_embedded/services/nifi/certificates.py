"""An own authority, NiFi's certificate from it, and one for a client: for the loopback only."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAYS = 30
CLIENT_NAME = "pipeline-factory"


def write(conf: Path, password: str) -> None:
    """Write `keystore.p12`, `truststore.p12`, `ca.pem`, and `client.pem` with its key.

    The key of the authority is not kept: nobody can sign more in its name.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("embedded NiFi's authority", authority_key)
    server_key, client_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    server = _certificate("localhost", server_key, authority, authority_key)
    client = _certificate(CLIENT_NAME, client_key, authority, authority_key)
    encryption = BestAvailableEncryption(password.encode())
    _write(
        conf / "keystore.p12",
        pkcs12.serialize_key_and_certificates(b"nifi", server_key, server, [authority], encryption),
    )
    _write(
        conf / "truststore.p12",
        pkcs12.serialize_java_truststore(
            [pkcs12.PKCS12Certificate(authority, b"authority")], encryption
        ),
    )
    (conf / "ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    key = client_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(conf / "client.pem", client.public_bytes(Encoding.PEM) + key)


def _write(path: Path, content: bytes) -> None:
    """For its owner only."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(content)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate | None = None,
    authority_key: ec.EllipticCurvePrivateKey | None = None,
) -> x509.Certificate:
    """Signed by the authority, or an authority's own."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    signer = authority_key or key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.subject if authority else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(authority is None, None), critical=True)
        .add_extension(_usage(sign_certificates=authority is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
    )
    if authority:
        names = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")),
        ]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(
            x509.SubjectAlternativeName(names), critical=False
        ).add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )
