"""What a warehouse can: plain data, which lint and the movement of data share."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Holds(msgspec.Struct, frozen=True, kw_only=True):
    """What the columns of a target can hold: whatever is read, as far as it says nothing else.

    Readers refuse the rest, with file and line.
    """

    name: str = "the target"  # for messages
    longest_name: int | None = None  # of a column
    unit: Literal["bytes", "characters"] = "bytes"  # of that length
    nul: bool = True  # texts with a NUL
    first_day: int | None = None  # of dates and timestamps, in days from 1970-01-01


CONNECTIONS = ("postgres", "mysql", "mariadb", "google_cloud_platform", "snowflake")
"""The types of Airflow's connections that name a warehouse of ours."""
ANYTHING = Holds()


def plain(holds: Holds) -> dict[str, Any]:
    """What it says, as an operator is given it; a warehouse says more of itself than this."""
    said = {name: getattr(holds, name) for name in Holds.__struct_fields__}
    return {name: value for name, value in said.items() if value != getattr(ANYTHING, name)}


class Names(Holds, frozen=True, kw_only=True):
    """How its tables are named; `factory.definitions.identifiers` holds names to it."""

    forms: tuple[str, ...] = ("table", "schema.table")
    longest_table: int | None = None  # of each part of a table's name; else as of a column's
    never: str = ""  # characters that no part of it has
    never_schema: str = ""  # nor the part before the last
    never_column: str = ""  # nor the name of a column
    never_last: str = ""  # nor does the name of a column end with it
    reserved: tuple[str, ...] = ()  # what the name of no column begins with, in whatever case
    one: Literal["exact", "letters", "folded", "plain"] = "exact"
    """Which names of columns are one: as they are spelled; in whatever case, letter by letter (`ß`
    is no `ss`), or as Unicode folds it; or in whatever case where they need no quotes."""


ANY_DATABASE = Names(name="the database", never="%")  # which some drivers take for a parameter
ANY_WAREHOUSE = Names(
    name="the warehouse", forms=("table", "schema.table", "database.schema.table"), never="%"
)
"""Where a connection alone tells which it is: what one of them takes is taken."""


class Capabilities(Names, frozen=True, kw_only=True):
    """What a warehouse can. What it cannot, lint refuses with the reason."""

    name: str
    dialect: str  # sqlglot's word for its SQL
    modes: tuple[str, ...]  # of `definitions.writes`
    longest_name: int
    most_columns: int  # of one table
    default_schema: str  # of a table that is named alone
    swaps: bool = False  # may staged rows become the target by a new name?
    retypes: bool = False  # does a column that had no value take the type of its first one?
    bills_bytes: bool = False  # is a query paid for by what it reads?


POSTGRES = Capabilities(
    name="PostgreSQL",
    dialect="postgres",
    modes=("append", "replace", "merge", "partition"),
    longest_name=63,
    never="%",
    nul=False,
    first_day=-2_440_588,  # what lies before would come out as another, or as -infinity
    most_columns=1600,
    default_schema="public",
    swaps=True,
    retypes=True,
)

SNOWFLAKE = Capabilities(
    name="Snowflake",
    dialect="snowflake",
    modes=("append", "replace", "merge", "partition"),
    longest_name=255,
    unit="characters",
    forms=ANY_WAREHOUSE.forms,
    first_day=-719_162,  # of the year 1
    one="plain",
    most_columns=2000,
    default_schema="PUBLIC",
)

BIGQUERY = Capabilities(
    name="BigQuery",
    dialect="bigquery",
    modes=("append", "replace", "merge", "partition"),
    longest_name=300,
    unit="characters",
    forms=("dataset.table", "project.dataset.table"),
    longest_table=1024,
    never="%\\$!\"#&'()*+,/:;<=>?@[]^`{|}~",
    never_schema="- ",
    never_column='!"$()*,./;?@[\\]^`{}~',
    reserved=("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER"),
    first_day=-719_162,  # 0001-01-01
    one="folded",
    most_columns=10_000,
    default_schema="",
    bills_bytes=True,
)

MYSQL = Capabilities(
    name="MySQL",
    dialect="mysql",
    modes=("append", "replace", "merge", "partition"),
    longest_name=64,
    unit="characters",
    forms=("table", "database.table"),
    first_day=-719_162,  # of the year 1: there is none before
    never_last=" ",
    one="letters",
    most_columns=1017,
    default_schema="",  # the database of the connection
    swaps=True,
    retypes=True,
)
