"""A person's SQL on MySQL or MariaDB, where Airflow's provider of it is not installed."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.sql.hooks.sql import DbApiHook

from factory.in_airflow.connections import mysql_address
from factory.transfer.mysql.session import Connection, connect


class Mysql(DbApiHook):
    """A session of the driver that loads use, with the server's own settings."""

    conn_name_attr = "mysql_conn_id"
    conn_type = "mysql"
    hook_name = "MySQL"
    supports_autocommit = True

    def __init__(self, conn_id: str, **kwargs: Any) -> None:
        super().__init__(mysql_conn_id=conn_id, **kwargs)

    @property
    def dialect_name(self) -> str:
        """Without SQLAlchemy, of which it would be asked."""
        return "mysql"

    @property
    def reserved_words(self) -> set[str]:
        """None is told, for every name is quoted."""
        return set()

    @property
    def escape_word_format(self) -> str:
        """How names are quoted."""
        return "`{}`"

    def get_conn(self) -> Connection:
        """A session, in which no setting of it is ours."""
        return connect(mysql_address(self.get_conn_id()), 0)

    def set_autocommit(self, conn: Any, autocommit: bool) -> None:
        """A method of the driver's, which others have as an attribute."""
        conn.autocommit(autocommit)

    def get_autocommit(self, conn: Any) -> bool:
        """What the session has."""
        return bool(conn.get_autocommit())
