"""What `Server` says of TLS, as an `ssl.SSLContext`."""

from __future__ import annotations

import ssl

from factory.nifi.errors import NiFiError
from factory.nifi.server import ClientCertificate, Server


def context(server: Server) -> ssl.SSLContext:
    """Authorities are the ones given and no others; the system's only for `verify=True`."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if server.verify is False:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif server.verify is True:
        made.load_default_certs()
    else:
        _load_authorities(made, str(server.verify))
    if server.certificate:
        _load_certificate(made, server.certificate)
    return made


def _load_authorities(made: ssl.SSLContext, path: str) -> None:
    try:
        made.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise NiFiError(
            f"the bundle of certificates {path!r} can't be read: {error.strerror or error}",
            "`verify` takes the path of a PEM file that this machine has",
        ) from None


def _load_certificate(made: ssl.SSLContext, given: ClientCertificate) -> None:
    try:
        made.load_cert_chain(given.cert, given.key, given.key_password or "")
    except (OSError, ssl.SSLError) as error:
        raise NiFiError(
            f"the client certificate {given.cert!r} can't be used: {error.strerror or error}",
            "Expected PEM files of a certificate and its key, and the key's password if it has one",
        ) from None
