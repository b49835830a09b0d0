"""Who connects, and how: TLS, accounts, what the server has set."""

import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from factory.transfer.errors import BadOption, TransferError
from factory.transfer.mysql.session import Address, address, ask, connect, opened, told
from factory_embedded.services import mariadb
from tests.nifi import certificates


@dataclass
class Login:
    """What Airflow's connection says."""

    conn_id: str = "shop"
    conn_type: str = "mysql"
    host: str | None = "h"
    login: str | None = None
    password: str | None = None
    schema: str | None = None
    port: int | None = None
    extra_dejson: dict[str, Any] = field(default_factory=dict)


def test_the_fields_of_a_connection() -> None:
    assert address(Login(host=None)) == Address("localhost")
    given = Login(login="me", password="geheim", schema="shop", port=3307)
    given.extra_dejson = {"unix_socket": "/s", "charset": "latin1", "cursor": "sscursor"}
    found = address(given)
    assert found == Address("h", 3307, "me", "geheim", "shop", "/s")
    assert "geheim" not in repr(found)


@pytest.mark.parametrize(
    ("extra", "tls"),
    [
        ({}, "PREFERRED"),
        ({"ssl": {"ca": "/ca"}}, "VERIFY_CA"),
        ({"ssl": json.dumps({"cert": "/c", "key": "/k"})}, "REQUIRED"),
        ({"ssl": {"ca": "/ca"}, "ssl_mode": "verify_identity"}, "VERIFY_IDENTITY"),
        ({"ssl_mode": "DISABLED"}, "DISABLED"),
    ],
)
def test_how_much_of_tls_is_wanted(extra: dict[str, Any], tls: str) -> None:
    assert address(Login(extra_dejson=extra)).tls == tls


@dataclass(frozen=True)
class Secure:
    """A server with TLS alone, and the files of who signed its certificate."""

    server: mariadb.Server
    files: certificates.Files
    others: certificates.Files

    def at(self, tls: str, **files: str) -> Address:
        return Address("127.0.0.1", self.server.port, "root", tls=tls, files=files)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder = tmp_path_factory.mktemp("tls")
    own, others = folder / "own", folder / "others"
    for each in (own, others):
        each.mkdir()
        certificates.write(each)
    files, wrong = (
        certificates.Files(*(f"{each}/{name}.pem" for name in ("authority", "server", "client")))
        for each in (own, others)
    )
    readable = Path("/tmp") / f"factory-tls-{os.getpid()}"  # the server works as another user
    shutil.copytree(own, readable)
    for path in (readable, *readable.iterdir()):
        path.chmod(path.stat().st_mode | stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0))
    options = (f"--ssl-{word}={readable}/server.pem" for word in ("cert", "key"))
    authority = f"--ssl-ca={readable}/authority.pem"
    try:
        with mariadb.running(folder / "data", options=(*options, authority)) as server:
            yield Secure(server, files, wrong)
    finally:
        shutil.rmtree(readable)


def cipher(where: Address) -> str:
    with connect(where, 10) as connection:
        ((_, found),) = ask(connection, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        return str(found)


def test_tls_is_taken_where_the_server_has_it(secure: Secure) -> None:
    assert cipher(secure.at("PREFERRED"))
    assert not cipher(secure.at("DISABLED"))
    assert cipher(secure.at("REQUIRED"))


def test_the_server_s_certificate_is_looked_at(secure: Secure) -> None:
    for tls in ("VERIFY_CA", "VERIFY_IDENTITY"):
        assert cipher(secure.at(tls, ca=secure.files.authority))
        with pytest.raises(TransferError, match="certificate verify failed"), told("t", 1):
            cipher(secure.at(tls, ca=secure.others.authority))
    wrong_name = replace(secure.at("VERIFY_IDENTITY", ca=secure.files.authority), host="127.0.0.2")
    with pytest.raises(TransferError, match=r"(?i)(verify failed|refused)"), told("t", 1):
        cipher(wrong_name)


def test_a_certificate_of_the_user(secure: Secure) -> None:
    with secure.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER signed@'127.0.0.1' REQUIRE X509")
    mine = {"ca": secure.files.authority, "cert": secure.files.client, "key": secure.files.client}
    where = replace(secure.at("VERIFY_CA", **mine), user="signed")
    assert cipher(where)
    with pytest.raises(TransferError, match="Access denied"), told("t", 1):
        cipher(replace(where, files={"ca": secure.files.authority}))


def test_a_server_without_tls_is_refused_where_it_is_wanted(real_mariadb: mariadb.Server) -> None:
    where = Address("127.0.0.1", real_mariadb.port, "root", tls="REQUIRED")
    with pytest.raises(TransferError, match=r"(?i)(no TLS|SSL is required)"), told("t", 1):
        cipher(where)
    with pytest.raises(BadOption, match="a certificate of the connection can't be read"):
        cipher(replace(where, files={"ca": "/nowhere.pem"}))


def test_a_password(real_mariadb: mariadb.Server) -> None:
    with real_mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER secret@'127.0.0.1' IDENTIFIED BY 'ge heim%ü'")
        where = Address("127.0.0.1", real_mariadb.port, "secret", "falsch-hunter2")
        try:
            with pytest.raises(TransferError) as refused, told("t", 1):
                connect(where, 1)
            assert "hunter2" not in str(refused.value)
        finally:
            cursor.execute("DROP USER secret@'127.0.0.1'")


def test_what_the_server_has_set_changes_no_value(real_mariadb: mariadb.Server) -> None:
    set_there = {
        "sql_mode": "'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,ONLY_FULL_GROUP_BY'",
        "time_zone": "'+05:00'",
        "sql_select_limit": "1",
        "net_write_timeout": "2",
    }
    where = Address("127.0.0.1", real_mariadb.port, "root", database="factory")
    with real_mariadb.connect() as connection, connection.cursor() as cursor:
        before = {}
        for name, value in set_there.items():
            cursor.execute(f"SELECT @@GLOBAL.{name}")
            before[name] = (cursor.fetchone() or [""])[0]
            cursor.execute(f"SET GLOBAL {name} = {value}")
        try:
            with opened(where, 7) as session:
                names = (*set_there, "max_statement_time")
                (found,) = ask(session, f"SELECT {', '.join(f'@@{name}' for name in names)}")
        finally:
            for name, value in before.items():
                cursor.execute(f"SET GLOBAL {name} = %s", (value,))
    assert found == ("ONLY_FULL_GROUP_BY", "+00:00", 2**64 - 1, 67, 7.0)


def test_a_value_in_an_error_is_not_shown(real_mariadb: mariadb.Server) -> None:
    said = "Truncated incorrect DOUBLE value: ''geheim''"
    signal = f"SIGNAL SQLSTATE '22007' SET MYSQL_ERRNO = 1292, MESSAGE_TEXT = '{said}'"
    where = Address("127.0.0.1", real_mariadb.port, "root", database="factory")
    with real_mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE FUNCTION complain() RETURNS INT BEGIN {signal}; RETURN 1; END")
        try:
            with pytest.raises(TransferError) as refused, told("t", 1), opened(where, 7) as session:
                ask(session, "SELECT complain()")
        finally:
            cursor.execute("DROP FUNCTION complain")
    assert "Truncated incorrect DOUBLE value: …" in str(refused.value)
    assert "geheim" not in str(refused.value)
