"""Texts that a column would cut: asked of the staged rows, in the checks' one pass."""

from collections.abc import Sequence
from functools import partial

from psycopg import sql

from factory.definitions.checks.parts import LONGEST, SAMPLES, many, shown
from factory.transfer.errors import BadRow, TransferError
from factory.transfer.postgres.columns import longest
from factory.transfer.postgres.modes import Staged
from factory.transfer.postgres.rows import guard_of
from factory.transfer.postgres.table import Connection, Existing, Table
from factory.transfer.warehouse.parts import Column
from factory.transfer.warehouse.rows import Guard

Bounds = tuple[tuple[str, int], ...]


def bounds(existing: Existing | None, columns: Sequence[Column]) -> Bounds:
    """The texts of a load whose length the target bounds, and the most characters of each."""
    if existing is None:
        return ()
    kinds = [(column, existing.columns.get(column.name, "")) for column in columns]
    found = [(column.name, longest(column.type, kind)) for column, kind in kinds]
    return tuple((name, most) for name, most in found if most is not None)


def guard(target: Table, staged: Staged) -> Guard[Connection] | None:
    """No text is longer than its column takes."""
    if not staged.bounds:
        return None
    doubts = [
        sql.SQL("coalesce(max({}) > {}, false)").format(_length(name), sql.Literal(most))
        for name, most in staged.bounds
    ]
    return guard_of(sql.SQL(" OR ").join(doubts), partial(_refuse, target, staged))


def _length(name: str) -> sql.Composed:
    return sql.SQL("char_length({})").format(sql.Identifier(name))


def _refuse(target: Table, staged: Staged, connection: Connection) -> None:
    for name, most in staged.bounds:
        found = connection.execute(
            sql.SQL(
                "SELECT left({name}::text, {longest}), count(*) OVER () FROM {staged}"
                " WHERE {length} > {most} ORDER BY 1 LIMIT {samples}"
            ).format(
                name=sql.Identifier(name),
                longest=sql.Literal(LONGEST + 1),
                staged=staged.table.identifier,
                length=_length(name),
                most=sql.Literal(most),
                samples=sql.Literal(SAMPLES),
            )
        ).fetchall()
        if found:
            texts = ", ".join(f"'{shown(text)}'" for text, _ in found)
            raise BadRow(
                f"{name!r} of {many(found[0][1])} is longer than the {most} characters that the "
                f"column of {target} takes, for example {texts}",
                "PostgreSQL would cut spaces at the end in silence: shorten the texts, or widen "
                "the column",
            )


def refuse_another(target: Table, existing: Existing, staged: Staged) -> None:
    """Raise `TransferError` when the target's texts are others than the rows were asked about."""
    if (bounds(existing, staged.given), existing.loose) != (staged.bounds, staged.loose):
        raise TransferError(
            f"the columns of {target} were altered while its rows were loaded", "Repeat the load"
        )
