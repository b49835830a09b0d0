"""Which rows of a table are read: what the readers of all databases say alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from factory.definitions import statements
from factory.definitions.reads import Bound, Rows, Window
from factory.transfer.errors import TransferError


class Column(NamedTuple):
    """One by which rows are chosen.

    `name` is as SQL has it, `type` as people do; `kind` is the one that `Window.bounds` asks for.
    """

    name: str
    type: str = ""
    kind: str = ""


Look = Callable[[str], Column]


def conditions(
    rows: Rows,
    dialect: str,
    look: Look,
    literal: Callable[[Bound, str], str],
    of_part: Look | None = None,
) -> Iterator[str]:
    """What must hold of the rows that are read, as SQL.

    :param look: asks for a column. Raises `Missing`.
    :param literal: how a value of a column of this type is written.
    :param of_part: the same as `look`, where less is enough for a column that splits the rows.
    """
    if rows.where:
        yield f"({statements.condition(rows.where, dialect)}\n)"  # its last line may be a comment
    if rows.window is not None:
        column = look(rows.window.column)
        bounds = bounds_of(rows.window, rows.label, column.type, column.kind)
        yield from _between(column, literal, *bounds)
    if rows.part is not None:
        column = (of_part or look)(rows.part.column)
        beyond = f" OR {column.name} IS NULL" if rows.part.low is None else ""
        found = _between(column, literal, rows.part.low, rows.part.high)
        yield from (f"({one}{beyond})" for one in found)


def _between(
    column: Column, literal: Callable[[Bound, str], str], low: Bound | None, high: Bound | None
) -> Iterator[str]:
    for sign, bound in ((">=", low), ("<", high)):
        if bound is not None:
            yield f"{column.name} {sign} {literal(bound, column.type)}"


def where(given: Sequence[str]) -> str:
    """The clause, or nothing."""
    return f" WHERE {' AND '.join(given)}" if given else ""


def bounds_of(window: Window, label: str, kind: str, word: str) -> tuple[Bound, Bound]:
    """The window as values of a column. Raises `TransferError` when that is no time."""
    found = window.bounds(word)
    if found is None:
        raise TransferError(
            f"{window.column!r} of {label} is {kind}, and no date or timestamp",
            "Read the rows of an interval by a column that says when they changed",
        )
    return found


def unsplittable(rows: Rows, column: str, kind: str) -> TransferError:
    """Build the error for a column whose values cannot be shared out."""
    return TransferError(
        f"{rows.label} can't be split by {column!r}, which is {kind}",
        "Take a column of whole numbers or dates",
    )
