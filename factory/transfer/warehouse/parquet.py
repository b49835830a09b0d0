"""The staged Parquet files of one load, as one stream of batches in the target's types."""

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from factory.stores.model import Store
from factory.transfer import row_groups
from factory.transfer.counts import Counts, Source
from factory.transfer.errors import BadRow, TransferError
from factory.transfer.files import size
from factory.transfer.values import agreement
from factory.transfer.values.sums import Sum
from factory.transfer.warehouse.parts import Column

ROWS = 64 * 1024
_BLOCK = 1 << 20
_SUMMED = "summed by column chunk"
_AS_TEXTS = "summed as texts"
"""Digests that were made in another way are not comparable, as are those of another writer."""
_LONGEST = 120  # bytes of a value that are shown

OnWire = Callable[[pa.RecordBatch, pa.Schema], pa.RecordBatch]
"""A batch as a schema's types, value by value; raises `BadRow` where the target refuses one."""

Sums = dict[tuple[str, int, int], bytes]
"""What the bytes of files sum up to, by path, first byte and number."""


@dataclass(frozen=True)
class Files:
    """Files whose columns agree."""

    store: Store
    paths: tuple[str, ...]
    schema: pa.Schema
    counts: Counts
    rows: int
    bytes: int
    nulls: frozenset[str] = frozenset()  # columns without a value in any of them
    sources: tuple[Source, ...] = ()  # that the rows are of, as far as that is known
    sums: Sums | None = None  # of what `batches` has read, where a digest will be asked for

    def batches(
        self, columns: Sequence[Column], on_wire: OnWire, number: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Rows of these columns; `number` adds a column that counts them from 0."""
        schema, count = wire(columns), 0
        for path in self.paths:
            with _opened(self.store, path, self.sums) as parquet:
                names = [column.name for column in columns]
                for batch in row_groups.batches(parquet, ROWS, names):
                    sent = self._sent(batch.select(names), schema, on_wire, count)
                    if number:
                        numbers = pa.array(range(count, count + sent.num_rows), pa.int64())
                        sent = sent.append_column(number, numbers)
                    count += sent.num_rows
                    yield sent

    def _sent(
        self, batch: pa.RecordBatch, schema: pa.Schema, on_wire: OnWire, before: int
    ) -> pa.RecordBatch:
        """`batch` on the wire; of what is refused, the first row is told."""
        try:
            return on_wire(batch, schema)
        except BadRow as error:
            if batch.num_rows == 1:
                where = self.place(before + 1)
                raise BadRow(f"{where}: {error.message}", error.hint) from None
            half = batch.num_rows // 2
            self._sent(batch.slice(0, half), schema, on_wire, before)
            self._sent(batch.slice(half), schema, on_wire, before + half)
            raise

    def place(self, row: int) -> str:
        """Where a row comes from, as far as that is known; the first is 1."""
        left = row
        for path in self.paths:
            with _opened(self.store, path) as parquet:
                if left <= parquet.metadata.num_rows:
                    return Counts.place(parquet, left) or f"row {row} of the load"
                left -= parquet.metadata.num_rows
        return f"row {row} of the load"

    def digest(self, columns: Sequence[Column]) -> str:
        """Tell these values from others by the bytes that they are written in: `<writer> <hash>`.

        Where rows came from is no value of theirs. What `sums` knows is not read once more. Where
        types were guessed, the values count as texts: another day's table may tell other types of
        the same rows, and with them all bytes are others.
        """
        names = [column.name for column in columns if not column.lineage]
        if agreement.has_guesses(self.schema):
            return self._as_texts(names)
        return self._as_written(frozenset(names))

    def _as_texts(self, names: list[str]) -> str:
        sums, writers = {name: Sum() for name in names}, {_AS_TEXTS}
        for path in self.paths:
            with _opened(self.store, path) as parquet:
                writers.add(parquet.metadata.created_by or "")
                for batch in row_groups.batches(parquet, ROWS, names):
                    for name, column in zip(names, batch.select(names).columns, strict=True):
                        sums[name].add(column)
        hashed = hashlib.blake2b(digest_size=16)
        for name, summed in sums.items():
            hashed.update(hashlib.blake2b(name.encode()).digest() + summed.digest())
        return f"{', '.join(sorted(writers))} {hashed.hexdigest()}"

    def _as_written(self, names: Collection[str]) -> str:
        hashed, writers = hashlib.blake2b(digest_size=16), {_SUMMED}
        for path in self.paths:
            with self.store.open(path) as file, pq.ParquetFile(file) as parquet:
                writers.add(parquet.metadata.created_by or "")
                for name, start, size in _chunks(parquet.metadata, names):
                    known = (self.sums or {}).get((path, start, size))
                    hashed.update(name.encode())
                    hashed.update(known or _sum(file, start, size))
        return f"{', '.join(sorted(writers))} {hashed.hexdigest()}"

    def value(self, columns: Sequence[Column], on_wire: OnWire, row: int, column: str) -> str:
        """The text in a row of all rows, counted from 0, as it may be shown."""
        for batch in self.batches(columns, on_wire):
            if row < batch.num_rows:
                return _shown(batch.column(column)[row])
            row -= batch.num_rows
        return "a value"


def others(old_rows: int, old: str | None, rows: int, digest: Callable[[], str] | None) -> bool:
    """Are these other rows than those of a load before, by their number and their `digest`s?

    Two versions of the writer may write the same rows in two ways, so their number alone tells.
    """
    if old_rows != rows or old is None or digest is None:
        return old_rows != rows
    writer, _, values = digest().rpartition(" ")
    old_writer, _, old_values = old.rpartition(" ")
    return writer == old_writer and values != old_values


def _chunks(metadata: pq.FileMetaData, names: Collection[str]) -> Iterator[tuple[str, int, int]]:
    """Name and type, start and bytes of what the columns' values are written in."""
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(number)
            path = chunk.path_in_schema
            if path in names or path.rpartition(".list.")[0] in names:
                kind = metadata.schema.column(number).logical_type
                start = chunk.data_page_offset
                if chunk.has_dictionary_page:
                    start = min(start, chunk.dictionary_page_offset)
                name = f"{chunk.path_in_schema} {chunk.physical_type} {kind}"
                yield name, start, chunk.total_compressed_size


def _sum(file: BinaryIO, start: int, size: int) -> bytes:
    hashed = hashlib.blake2b(digest_size=16)
    file.seek(start)
    for at in range(0, size, _BLOCK):
        hashed.update(file.read(min(_BLOCK, size - at)))
    return hashed.digest()


def _shown(text: pa.Scalar) -> str:
    """As a literal, cut to a sane length; what is no UTF-8 is escaped, too."""
    raw = text.cast(pa.large_binary()).as_py() or b""
    said = repr(raw[:_LONGEST].decode(errors="backslashreplace"))
    return said + ("…" if len(raw) > _LONGEST else "")


def wire(columns: Sequence[Column], number: str | None = None) -> pa.Schema:
    """The schema of the batches."""
    fields = [(column.name, column.wire) for column in columns]
    return pa.schema([*fields, (number, pa.int64())] if number else fields)


@dataclass(frozen=True)
class _Part:
    path: str
    schema: pa.Schema
    counts: Counts
    rows: int
    nulls: frozenset[str]  # columns that hold nothing else
    sources: list[Source]


def read(store: Store, paths: Sequence[str]) -> Files:
    """Look into the files. Raises `BadRow` when their columns differ."""
    if not paths:
        raise TransferError("there is no file to load")
    parts = [_part(store, path) for path in paths]
    schema = parts[0].schema if len(parts) == 1 else _agreed(parts)
    counts = Counts(
        sum(part.counts.read for part in parts),
        sum(part.counts.quarantined for part in parts),
        all(part.counts.noted for part in parts),
    )
    total = sum(size(store, path) for path in paths)
    rows, nulls = sum(part.rows for part in parts), [part.nulls for part in parts]
    sources = tuple(source for part in parts for source in part.sources)
    return Files(
        *(store, tuple(paths), schema, counts, rows, total),
        nulls=frozenset.intersection(*nulls),
        sources=sources,
    )


def _part(store: Store, path: str) -> _Part:
    with _opened(store, path) as parquet:
        counts, rows = Counts.of(parquet), parquet.metadata.num_rows
        if counts.read - counts.quarantined != rows:
            raise TransferError(
                f"{path} holds {rows} rows, but {counts.read} were read and "
                f"{counts.quarantined} of them set aside"
            )
        nulls = agreement.empty_columns(parquet)
        return _Part(path, parquet.schema_arrow, counts, rows, nulls, Counts.sources(parquet))


def _agreed(parts: Sequence[_Part]) -> pa.Schema:
    """One schema for all; a file's column of nulls has the others' type."""
    for part in parts[1:]:
        _refuse_other_names(parts[0], part)
    return agreement.agreed(
        {part.path: part.schema for part in parts}, {part.path: part.nulls for part in parts}
    )


def _refuse_other_names(first: _Part, part: _Part) -> None:
    for one, other in ((first, part), (part, first)):
        for name in one.schema.names:
            if name not in other.schema.names:
                raise BadRow(
                    f"the column {name!r} of {one.path} is not in {other.path}",
                    "Take the columns that all files have with `select`",
                )


@contextmanager
def _opened(store: Store, path: str, sums: Sums | None = None) -> Iterator[pq.ParquetFile]:
    with store.open(path) as file:
        given = file if sums is None else _Summed(file, path, sums)
        try:
            # pre-buffered, the bytes of the whole file would stay in memory
            parquet = pq.ParquetFile(given, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise BadRow(f"{path} is not a Parquet file: {error}") from error
        with parquet:
            yield parquet


class _Summed:
    """A file, as far as pyarrow asks, that sums what is read: a column chunk is one read."""

    def __init__(self, file: BinaryIO, path: str, sums: Sums) -> None:
        self._file = file
        self._path = path
        self._sums = sums

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        """Whoever opened the file closes it."""

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        start = self._file.tell()
        read = self._file.read(size)
        self._sums[self._path, start, len(read)] = hashlib.blake2b(read, digest_size=16).digest()
        return read
