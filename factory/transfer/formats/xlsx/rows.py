"""Rows of a sheet → record batches; what does not fit goes to the bad rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.formats import Xlsx
from factory.definitions.formats.xlsx import Area, column_letters
from factory.definitions.warehouses import Holds
from factory.transfer.bad_rows import BadRows
from factory.transfer.formats.csv.faults import ONE_BY_ONE, REPEATED
from factory.transfer.formats.csv.unfit import SHOWN, Column, value
from factory.transfer.formats.xlsx.cells import DATE, ISO, STAMP, Said, Texts, texts
from factory.transfer.formats.xlsx.file import File
from factory.transfer.formats.xlsx.head import Head
from factory.transfer.formats.xlsx.sheet import Block
from factory.transfer.holds import unheld
from factory.transfer.values import agreement
from factory.transfer.values.convert import Converted, convert
from factory.transfer.values.spelling import Spelling, to_iso


@dataclass(frozen=True)
class Table:
    """How the blocks of a sheet become batches."""

    given: Xlsx
    area: Area
    how: Spelling
    columns: tuple[Column, ...]  # `index` is that of the header's names
    holds: Holds

    @property
    def schema(self) -> pa.Schema:
        """The batches' names and types."""
        return pa.schema([_field(column) for column in self.columns])


def _field(column: Column) -> pa.Field:
    field = pa.field(column.name, column.type)
    as_is = pa.types.is_date(column.type) or pa.types.is_integer(column.type)
    return agreement.as_written(field) if column.inferred and as_is else field


class Rows:
    """The rows of a block."""

    def __init__(self, file: File, head: Head, table: Table, block: Block) -> None:
        self._file, self._head, self._table, self._block = file, head, table, block

    def batch(self, source: str, bad: BadRows) -> pa.RecordBatch:
        """Those that fit; the others go to `bad`."""
        columns = self._table.columns
        read = [
            self._texts(self._head.columns[column.index], column.type, column.how(self._table.how))
            for column in columns
        ]
        values, problems = [], dict[int, Said]()
        for column, one in zip(columns, read, strict=True):
            words = _fitting(one, column.type)
            how = replace(column.how(self._table.how), formats=())
            done = convert(words, column.type, how, inferred=column.inferred)
            values.append(done.values)
            self._explain(column, one, done, problems)
        self._refuse_nameless(problems)
        self._refuse_headers(read, problems)
        left = self._left(read, problems)
        for at in sorted(problems):
            reason, hint = problems[at]
            bad.add(source, self._block.rows[at], reason, self._shown(at), hint)
        found = pa.RecordBatch.from_arrays(values, schema=self._table.schema)
        return found if left is None else found.filter(left)

    def _explain(
        self, column: Column, one: Texts, done: Converted, problems: dict[int, Said]
    ) -> None:
        """What is wrong with cells of a column, where no other of their row is."""
        for at, (reason, hint) in one.faults.items():
            problems.setdefault(at, self._at(column, at, f"{column.name!r} {reason}", hint))
        for mask in (done.bad, unheld(done.values, self._table.holds)):
            for at in pc.indices_nonzero(mask).to_pylist() if mask is not None else ():
                text = one.values[at].as_py()
                reason, hint = value(text, column, self._table.how, self._table.holds)
                problems.setdefault(at, self._at(column, at, reason, hint))

    def _texts(
        self, column: int, type: pa.DataType | None = None, how: Spelling | None = None
    ) -> Texts:
        cells = self._block.columns.get(column)
        if cells is None:
            return Texts(pa.nulls(len(self._block.rows), pa.string()), frozenset(), {})
        formats, truncate = (how.formats, how.truncate) if how else ((), False)
        temporal = type is not None and pa.types.is_temporal(type)
        spell = (
            (lambda found: pc.coalesce(to_iso(found, formats, truncate=truncate), found))
            if temporal and formats
            else None
        )
        return texts(cells, len(self._block.rows), self._file.book, spell)

    def _at(self, column: Column, at: int, reason: str, hint: str | None) -> Said:
        letters = column_letters(self._head.columns[column.index])
        return f"{self._file.sheet.cell(letters, self._block.rows[at])}: {reason}", hint

    def _refuse_nameless(self, problems: dict[int, Said]) -> None:
        """Values in columns without a name, which would be lost."""
        if self._table.given.select:
            return
        for column in self._block.columns.keys() - set(self._head.columns):
            one = self._texts(column)
            for at in {*pc.indices_nonzero(pc.is_valid(one.values)).to_pylist(), *one.faults}:
                shown = repr(one.values[at].as_py() or "an error")[:SHOWN]
                letters = column_letters(column)
                cell = self._file.sheet.cell(letters, self._block.rows[at])
                reason = f"{cell}: {shown} stands in a column without a name"
                problems.setdefault(at, (reason, self._naming(self._block.rows[at])))

    def _naming(self, row: int) -> str:
        """What to do about a value in a column without a name; a lone one is a title's."""
        given = self._table.given
        if given.header and len(self._head.columns) == 1 and not given.range:
            return (
                f"If the header is in this row, set `skip_rows: {row - 1}`; else name the column, "
                "or read only some (`range`, `select`)"
            )
        return (
            "Name it in the header, leave out what stands above that (`skip_rows`), or "
            "read only some columns (`range`, `select`)"
        )

    def _refuse_headers(self, read: Sequence[Texts], problems: dict[int, Said]) -> None:
        """Rows that are the header once more. One word alone may be a value."""
        columns, names = self._head.columns, self._head.names
        if not self._head.row or len(names) < 2 or not read:
            return
        suspects = pc.equal(read[-1].values, names[self._table.columns[-1].index])
        if not pc.any(suspects).as_py():
            return
        for column, name in zip(columns, names, strict=True):
            suspects = pc.and_(suspects, pc.equal(self._texts(column).values, name))
        for at in pc.indices_nonzero(suspects).to_pylist():
            problems[at] = (REPEATED, ONE_BY_ONE)

    def _left(
        self, read: Sequence[Texts], problems: Mapping[int, object]
    ) -> pa.BooleanArray | None:
        """Which rows are taken: not bad ones, nor those without any value; None: all."""
        count = len(self._block.rows)
        empty = [True] * count
        for one in read:
            if not one.values.null_count:
                empty = [False] * count
                break
        else:
            every = [*read, *(self._texts(c) for c in set(self._head.columns) - self._used())]
            valid = pa.repeat(False, count)
            for one in every:
                valid = pc.or_(valid, pc.is_valid(one.values))
            empty = pc.invert(valid).to_pylist()
        if not problems and not any(empty):
            return None
        return pa.array([at not in problems and not empty[at] for at in range(count)], pa.bool_())

    def _used(self) -> set[int]:
        return {self._head.columns[column.index] for column in self._table.columns}

    @cached_property
    def _all(self) -> dict[int, Texts]:
        """Every column, with a name or not."""
        return {column: self._texts(column) for column in sorted(self._block.columns)}

    def _shown(self, at: int) -> str:
        """A row for the quarantine: its cells as texts."""
        found = []
        for column, one in self._all.items():
            cells = self._block.columns[column]
            shown = cells.written(at) if at in one.faults else one.values[at].as_py()
            if shown is not None:
                found.append(f"{column_letters(column)}={shown}")
        return "; ".join(found)


def _fitting(one: Texts, type: pa.DataType) -> pa.StringArray:
    """Dates at midnight in a column of moments, and moments at midnight in one of dates."""
    found = one.values
    if pa.types.is_timestamp(type) and one.kinds & {DATE, ISO}:
        is_date = pc.equal(pc.binary_length(found), len("2024-01-01"))
        return pc.if_else(is_date, pc.binary_join_element_wise(found, "00:00:00", " "), found)
    if pa.types.is_date(type) and one.kinds & {STAMP, ISO}:
        return pc.replace_substring_regex(found, r" 00:00:00$", "")
    return found
