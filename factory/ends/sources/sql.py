"""A table or a query of any database that Airflow has a connection for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from factory.definitions.formats import types
from factory.definitions.formats.types import TypeWord
from factory.diagnostics import did_you_mean, one_of
from factory.ends.sources.database import Database
from factory.fields import ConnId
from factory.problem import Problem


class Sql(Database, frozen=True, kw_only=True, tag="sql", tag_field="type"):
    """A table or a query of any database whose Airflow provider is one of `common.sql`.

    Each value arrives as it is, or is refused with the column, the row and what to declare.
    `postgres` is faster, and knows more of its types.
    """

    reader: ClassVar[str] = "read_sql.ReadSql"
    splitter: ClassVar[str] = "read_sql.SplitSql"
    of_columns: ClassVar[tuple[str, ...]] = ("columns", "types")

    conn_id: Annotated[
        ConnId, Meta(description="Airflow connection of the database.", examples=["shop"])
    ]
    types: Annotated[
        dict[str, TypeWord],
        Meta(
            description="Types of columns, by name, where the first rows do not tell the one that "
            "is wanted. A value that the type would change is refused.",
            examples=[{"total": "decimal(12, 2)", "paid": "boolean"}],
        ),
    ] = msgspec.field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """As of every database, and types that there are none of."""
        yield from super().problems()
        for problem in types.problems(self.types):
            yield msgspec.structs.replace(problem, path=("source", "types", *problem.path[1:]))
        unknown = [name for name in self.types if self.columns and name not in self.columns]
        for name in unknown:
            yield Problem(
                ("source", "types", name),
                "unknown-column",
                f"no column {name!r} is read",
                expected=one_of(self.columns),
                hint=did_you_mean(name, self.columns),
                at_key=True,
            )
