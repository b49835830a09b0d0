"""A table in MySQL or MariaDB."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from factory.definitions.tables import TableName
from factory.definitions.warehouses import MYSQL, Capabilities
from factory.ends.handover import BATCHES, FILES
from factory.ends.target import Takes
from factory.ends.targets.table import DatabaseTable
from factory.fields import ConnId, connects


class Mysql(DatabaseTable, frozen=True, kw_only=True, tag="mysql", tag_field="type"):
    """A MySQL or MariaDB table of the engine InnoDB; it is created when it is missing.

    Rows stream in by LOAD DATA LOCAL where the server takes that (`local_infile`), else by INSERTs.
    """

    can: ClassVar[Capabilities] = MYSQL
    takes: ClassVar[Takes] = Takes(
        handovers=(FILES, BATCHES),
        modes=MYSQL.modes,
        types=True,
        ledger=("conn_id", "table"),
        holds=MYSQL,
    )
    loader: ClassVar[str] = "load_mysql.LoadMysql"

    conn_id: Annotated[
        ConnId, connects("mysql"), Meta(description="Airflow MySQL connection.", examples=["shop"])
    ]
    table: Annotated[
        TableName,
        Meta(
            description="The table, of the connection's database or with its own. Jinja templates "
            "are filled in.",
            examples=["orders", "shop.orders"],
        ),
    ]
