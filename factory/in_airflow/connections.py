"""Airflow connections as what drivers take."""

from __future__ import annotations

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.hiding import hide_connection

# libpq's words that a connection's extras may set; others belong to Airflow's hooks
_LIBPQ = (
    "sslmode",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "sslcrl",
    "options",
    "connect_timeout",
    "target_session_attrs",
    "gssencmode",
    "channel_binding",
)


def postgres_conninfo(conn_id: str, *, application: str) -> str:
    """A libpq connection string; it holds the password, so it is never logged or passed on."""
    from psycopg.conninfo import make_conninfo

    connection = Connection.get(conn_id)
    _require_host(connection)
    extras = connection.extra_dejson
    given = {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema,
        "application_name": application[:63],
        "connect_timeout": 10,
        **{word: extras[word] for word in _LIBPQ if word in extras},
    }
    return make_conninfo("", **{word: value for word, value in given.items() if value})


def _require_host(connection: Connection) -> None:
    """A login that was typed into the host would show wherever the host does."""
    host = connection.host or ""
    if "://" in host or "@" in host.lstrip("@"):  # one at the start is libpq's abstract socket
        hide_connection(connection)
        raise AirflowException(
            f"the host of the connection {connection.conn_id!r} is an address with more than a "
            "host in it: put user, password, port and database into their own fields"
        )
