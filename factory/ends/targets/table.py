"""A table of a warehouse: what such a target is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from factory import literals
from factory.definitions import identifiers
from factory.definitions.tables import (
    LOCK_TIMEOUT,
    ON_SCHEMA_CHANGE,
    STATEMENT_TIMEOUT,
    OnSchemaChange,
    TableName,
)
from factory.definitions.warehouses import Capabilities
from factory.diagnostics import Path
from factory.ends.target import Takes
from factory.ends.tasks import OPERATORS
from factory.fields import ConnId, Duration, Strict, seconds
from factory.problem import Problem
from factory.spec import assets

ColumnName = Annotated[str, Meta(min_length=1)]
_DURATIONS = ("lock_timeout", "statement_timeout", "expires_after")


class WarehouseTable(Strict, frozen=True, kw_only=True, omit_defaults=True):
    """A table of a warehouse; it is created when it is missing.

    A target of a warehouse is a Struct of this class: it says what the warehouse `can`, what it
    `takes` and which operator loads, and `conn_id` anew.
    """

    can: ClassVar[Capabilities]
    takes: ClassVar[Takes]
    loader: ClassVar[str]
    """The operator that loads, as `module.Class` among those of `ingest`."""

    conn_id: ConnId
    table: str

    @property
    def label(self) -> str:
        """The table's name."""
        return self.table

    def load(self) -> tuple[str, dict[str, Any]]:
        """The operator that publishes."""
        arguments: dict[str, Any] = msgspec.to_builtins(self)  # what differs from the defaults
        del arguments["type"]
        for name in _DURATIONS:
            if name in arguments:
                arguments[name] = seconds(arguments[name])
        return f"{OPERATORS}.{self.loader}", arguments

    def writes(self) -> tuple[str, ...]:
        """`table://<conn_id>/<schema>/<table>`."""
        if any(identifiers.table(self.table, (), self.can)):  # what is refused, names nothing
            return ()
        found = assets.of_table(self.conn_id, self.table)
        return () if found is None else (found,)

    def problems(self, key: Sequence[str]) -> Iterator[Problem]:
        """A name that no table of the warehouse has, or that loads keep for themselves."""
        yield from identifiers.table(self.table, ("target", "table"), self.can)
        if self.table.rpartition(".")[2].lower().startswith("_factory_"):
            yield Problem(
                ("target", "table"),
                "table-name",
                "the loads themselves keep tables of such names",
                expected="a name that does not begin with `_factory_`",
            )


def timeouts(target: msgspec.Struct, *names: str) -> Iterator[Problem]:
    """Fields that are longer than a warehouse takes."""
    for name in names:
        yield from literals.timeout(seconds(getattr(target, name)), ("target", name))


def distinct(names: Sequence[str], place: Path) -> Iterator[Problem]:
    """Columns that a table cannot have, or named twice."""
    yield from literals.columns(names, place)
    yield from literals.twice(names, place)


class DatabaseTable(WarehouseTable, frozen=True, kw_only=True):
    """A table with keys and indexes; it is created when it is missing."""

    table: Annotated[
        TableName, Meta(description="The table, with its schema. Jinja templates are filled in.")
    ]
    primary_key: Annotated[
        list[ColumnName],
        Meta(
            description="Columns of the primary key of a table that is created.",
            examples=[["order_id"]],
        ),
    ] = msgspec.field(default_factory=list)
    indexes: Annotated[
        list[Annotated[list[ColumnName], Meta(min_length=1)]],
        Meta(
            description="Columns of each index of a table that is created.",
            examples=[[["pickup_at"], ["vendor_id", "pickup_at"]]],
        ),
    ] = msgspec.field(default_factory=list)
    on_schema_change: OnSchemaChange = ON_SCHEMA_CHANGE
    lock_timeout: Annotated[
        Duration, Meta(description="How long to wait for other loads and queries of the table.")
    ] = LOCK_TIMEOUT
    statement_timeout: Annotated[
        Duration, Meta(description="The longest time for one statement; the copy is one.")
    ] = STATEMENT_TIMEOUT

    def columns(self) -> Iterator[tuple[Path, str]]:
        """The columns of the load that this names, with their places."""
        lists: dict[Path, list[str]] = {("target", "primary_key"): self.primary_key}
        lists |= {("target", "indexes", place): each for place, each in enumerate(self.indexes)}
        for path, names in lists.items():
            yield from (((*path, index), name) for index, name in enumerate(names))

    def problems(self, key: Sequence[str]) -> Iterator[Problem]:
        """Names that a table cannot have, or named twice; a primary key narrower than `key`."""
        yield from super().problems(key)
        yield from timeouts(self, "lock_timeout", "statement_timeout")
        yield from distinct(self.primary_key, ("target", "primary_key"))
        for place, columns in enumerate(self.indexes):
            yield from distinct(columns, ("target", "indexes", place))
        if self.primary_key and set(self.primary_key) < set(key):
            yield Problem(
                ("target", "primary_key"),
                "key-columns",
                "rows that the merge key tells apart may be one for the primary key",
                expected=f"a primary key of {', '.join(key)}",
                hint="merge by the primary key, or give both the same columns",
            )
