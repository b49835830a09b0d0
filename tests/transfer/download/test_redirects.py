"""Redirects and certificates: credentials reach the server that they are for, and no other."""

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from factory.stores.disk import Disk
from factory.transfer.download import Downloaded, download
from factory.transfer.errors import Missing, TransferError

from ...stores.folders import Folder
from ..web import Answer, File, Web, serving
from .getting import BODY, get

SECRETS = {"Authorization", "X-Api-Key", "Cookie"}


def moved(to: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": to, "Set-Cookie": "session=secret"})


def get_with_credentials(web: Web, path: Folder) -> Downloaded:
    with requests.Session() as session:
        session.auth = ("me", "secret")
        session.headers["X-Api-Key"] = "secret"
        url, store = web.url("trips.csv"), path.store
        return download(session, url, store, str(path), attempts=1, timeout=(2, 2))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_followed(status: int, web: Web, folder: Folder) -> None:
    web.answers = [moved("/a/b.csv", status), moved("c%20d.csv?x=1"), File(BODY)]
    assert get_with_credentials(web, folder / "trips.csv").bytes == len(BODY)
    assert web.paths == ["/trips.csv", "/a/b.csv", "/a/c%20d.csv?x=1"]
    assert all({"Authorization", "X-Api-Key"} <= asked.keys() for asked in web.asked)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_server_gets_no_credentials(
    host: str, web: Web, other_web: Web, folder: Folder
) -> None:
    web.answers = [moved(other_web.url("x", host))]
    other_web.answers = [moved("/y"), moved(web.url("z"))]
    web.answers += [File(BODY)]
    get_with_credentials(web, folder / "trips.csv")
    assert SECRETS & web.asked[0].keys() == {"Authorization", "X-Api-Key"}
    assert not SECRETS & other_web.asked[0].keys()
    assert not {"Authorization", "X-Api-Key"} & (other_web.asked[1].keys() | web.asked[1].keys())


def test_the_rest_of_a_file_comes_from_where_it_is_now(
    web: Web, other_web: Web, tmp_path: Path
) -> None:
    web.answers = [moved(other_web.url("a?signature=1")), moved(other_web.url("b?signature=2"))]
    other_web.answers = [File(BODY, cut=2_000_000), File(BODY)]
    get(web, tmp_path / "trips.csv")
    assert other_web.asked[1]["Range"] == "bytes=2000000-"
    assert (tmp_path / "trips.csv").read_bytes() == BODY


def test_a_circle(web: Web, folder: Folder) -> None:
    web.answers = [moved("/trips.csv")]
    with pytest.raises(TransferError, match=r"/trips\.csv redirects more than 30 times"):
        get(web, folder / "trips.csv")
    assert len(web.asked) == 31


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://["])
def test_to_nowhere(to: str, web: Web, folder: Folder) -> None:
    web.answers = [moved(to)]
    with pytest.raises(TransferError):
        get(web, folder / "trips.csv")
    assert list(folder.iterdir()) == []
    assert len(web.asked) == 1


def test_to_what_is_missing(web: Web, folder: Folder) -> None:
    web.answers = [moved("/elsewhere"), Answer(status=404)]
    with pytest.raises(Missing, match=r"/trips\.csv does not exist"):
        get(web, folder / "trips.csv")


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Web]:
    """A server with a certificate that nobody signed."""
    certificate, key = certified(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(context) as web:
        web.answers = [File(BODY)]
        yield web


def certified(folder: Path) -> tuple[Path, Path]:
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    own = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(own, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


def test_a_certificate_that_is_not_trusted(secure: Web, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="certificate is not trusted: self-signed") as raised:
        get(secure, tmp_path / "trips.csv")
    assert "secret" not in str(raised.value)
    assert raised.value.__context__ is None  # it would show the whole address
    assert secure.asked == []


def get_trusting(web: Web, path: Path, verify: str | bool, host: str = "127.0.0.1") -> None:
    with requests.Session() as session:
        session.verify = verify
        url = web.url("trips.csv?secret", host)
        download(session, url, Disk(), str(path), attempts=1)


def test_a_certificate_for_another_host(secure: Web, tmp_path: Path) -> None:
    certificate = str(tmp_path / "tls" / "certificate.pem")
    with pytest.raises(TransferError, match="Hostname mismatch"):
        get_trusting(secure, tmp_path / "trips.csv", certificate, "localhost")


@pytest.mark.parametrize("verify", ["certificate.pem", False])
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_certificate_that_the_session_accepts(
    verify: str | bool, secure: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    given = str(tmp_path / "tls" / verify) if isinstance(verify, str) else verify
    get_trusting(secure, tmp_path / "trips.csv", given)
    assert (tmp_path / "trips.csv").read_bytes() == BODY


def test_an_authority_that_is_not_there(secure: Web, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="invalid path: /no/such/file") as raised:
        get_trusting(secure, tmp_path / "trips.csv", "/no/such/file")
    assert "secret" not in str(raised.value)


def test_no_tls_where_tls_is_asked_for(web: Web, folder: Folder) -> None:
    web.scheme = "https"
    with pytest.raises(TransferError, match=r"failed 3 times, last: .*SSL"):
        get(web, folder / "trips.csv")
