"""Lines → record batches; what does not fit goes to the bad rows."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from factory.definitions import identifiers
from factory.definitions.formats.types import JSON
from factory.definitions.warehouses import Holds
from factory.stores.model import Store
from factory.transfer import hints
from factory.transfer.bad_rows import BadRows
from factory.transfer.formats.jsonl import converters
from factory.transfer.formats.jsonl.converters import FAILURES, Kind, Unfit
from factory.transfer.formats.jsonl.decode import Doubtful, Fast, Field, tokens
from factory.transfer.formats.jsonl.lines import Block, Blocks, Row
from factory.transfer.holds import nul_hint
from factory.transfer.values import options, spelling


@dataclass(frozen=True)
class Column:
    """A column, and the key that its values stand under."""

    name: str
    key: str | None  # None: declared, and not yet seen
    kind: Kind
    known: bool = False  # nobody declared it, and the table that the rows are for tells its type


@dataclass(frozen=True)
class _Row:
    number: int  # in its block
    tokens: dict[str, bytes]


class Rows:
    """Reads files of one table."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        skipped: Sequence[str],
        any_key: bool,
        final: Callable[[str], str],
        blocks: Blocks,
        holds: Holds,
    ) -> None:
        self.schema = pa.schema([(column.name, column.kind.type) for column in columns])
        self._skipped = [Field(key, converters.Skipped()) for key in skipped]
        self._any_key = any_key
        self._final = final
        self._blocks = blocks
        self._holds = holds
        self._set(columns)

    def _set(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._bound = [column for column in columns if column.key is not None]
        fields = [Field(column.key or "", column.kind) for column in self._bound]
        self._keys = {field.key for field in (*fields, *self._skipped)}
        self._fast = Fast([*fields, *self._skipped], any_key=self._any_key, nul=self._holds.nul)

    def batches(self, fs: Store, source: str, bad: BadRows) -> Iterator[pa.RecordBatch]:
        """All rows of one file that fit."""
        for block in self._blocks(fs, source, bad):
            texts = block.texts()
            if not texts:
                continue
            try:
                batch = self._quickly(block, texts)
            except (Doubtful, *FAILURES):
                batch = self._carefully(source, block.rows(), bad)
            if batch.num_rows:
                yield batch

    def _quickly(self, block: Block, texts: Sequence[bytes]) -> pa.RecordBatch:
        values = self._fast.columns(block.data, texts)
        found = {
            column.name: column.kind.array(own)
            for column, own in zip(self._bound, values, strict=False)  # then the skipped
        }
        arrays = [
            found[c.name] if c.name in found else pa.nulls(len(texts), c.kind.type)
            for c in self._columns
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _carefully(self, source: str, given: Sequence[Row], bad: BadRows) -> pa.RecordBatch:
        problems: dict[int, Unfit] = {}
        rows = []
        for number, one in enumerate(given):
            try:
                row = tokens(one.text)
                self._bind(row)
                rows.append(_Row(number, row))
            except Unfit as error:
                problems[number] = error
        arrays = [self._array(column, rows, problems) for column in self._columns]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
        if problems:
            for number, one in enumerate(given):
                if number in problems:
                    reason, hint = problems[number].args
                    text = one.text.decode(errors="replace").strip()
                    bad.add(source, one.line, one.place + reason, text, hint)
            batch = batch.filter(pa.array([row.number not in problems for row in rows], pa.bool_()))
        return batch

    def _bind(self, row: dict[str, bytes]) -> None:
        """Find the columns of new keys. Raises `Unfit` for a key that has none."""
        for key in row:
            if key in self._keys:
                continue
            name = self._final(key)
            place = [n for n, c in enumerate(self._columns) if c.key is None and c.name == name]
            if place:
                changed = list(self._columns)
                changed[place[0]] = dataclasses.replace(changed[place[0]], key=key)
                self._set(changed)
            elif not self._any_key:
                raise self._unknown(key, name)

    def _unknown(self, key: str, name: str) -> Unfit:
        near = difflib.get_close_matches(key, self._keys, n=1)
        meant = f"Did you mean {near[0]!r}? " if near else ""
        declare = hints.columns(name, "…")
        if identifiers.is_too_long(name, self._holds):
            declare = f"{hints.columns('…', '…')} with {hints.rename(key)}"
        return Unfit(
            f"the key {key!r} is not in the first rows",
            f"{meant}Declare it ({declare}), or `select` the columns to take",
        )

    def _array(self, column: Column, rows: Sequence[_Row], problems: dict[int, Unfit]) -> pa.Array:
        values: list[object] = []
        for row in rows:
            token = row.tokens.get(column.key, b"null") if column.key is not None else b"null"
            try:
                values.append(column.kind.one(token))
            except Unfit as error:
                problems.setdefault(row.number, _explained(column, error, token))
                values.append(None)
        try:
            return column.kind.array(values)
        except FAILURES:
            return self._one_by_one(column, rows, values, problems)

    def _one_by_one(
        self,
        column: Column,
        rows: Sequence[_Row],
        values: list[object],
        problems: dict[int, Unfit],
    ) -> pa.Array:
        for place, row in enumerate(rows):
            try:
                column.kind.array([values[place]])
            except FAILURES:
                token = row.tokens[column.key or ""]
                problems.setdefault(row.number, _explained(column, column.kind.wrong(token), token))
                values[place] = None
        return column.kind.array(values)


def _explained(column: Column, error: Unfit, token: bytes) -> Unfit:
    reason, hint = error.reason, error.hint
    if isinstance(error, converters.Nul):
        hint = nul_hint(column.name, JSON, "binary")
    elif hint is None and converters.is_spelled(column.kind.type):
        how = getattr(column.kind, "how", spelling.PLAIN)
        text = msgspec.json.decode(token, type=str) if token[:1] == b'"' else token.decode()
        if found := options.why(text, column.kind.type, how, column.name):
            reason, hint = f"{converters.shown(token)} {found[0]}", found[1]
    if column.known and (hint is None or (error.hint and pa.types.is_integer(column.kind.type))):
        reason += ", which the table has"
        hint = hints.of_table(column.name, "numeric" if hint else "text")
    declare = f"Declare the column ({hints.columns(column.name, 'text')})"
    return Unfit(f"column {column.name!r}: {reason}", hint or declare)
