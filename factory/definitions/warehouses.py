"""What a warehouse can: plain data, which lint and the movement of data share."""

from __future__ import annotations

import msgspec

from factory import literals


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a warehouse can. What it cannot, lint refuses with the reason."""

    name: str  # for messages
    dialect: str  # sqlglot's word for its SQL
    modes: tuple[str, ...]  # of `definitions.writes`
    longest_name: int  # bytes of a table's or a column's name
    most_columns: int  # of one table
    default_schema: str  # of a table that is named alone
    swaps: bool = False  # may staged rows become the target by a new name?


POSTGRES = Capabilities(
    name="PostgreSQL",
    dialect="postgres",
    modes=("append", "replace", "merge", "partition"),
    longest_name=literals.LONGEST_NAME,
    most_columns=1600,
    default_schema="public",
    swaps=True,
)
