"""Parquet. Types are the file's own."""

from collections.abc import Iterator, Mapping, Sequence

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from factory.transfer import names
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadRow
from factory.transfer.formats import Reader

OPTIONS = names.OPTIONS
ROWS = 64 * 1024


def open(
    fs: fsspec.AbstractFileSystem,
    sources: Sequence[str],
    options: Mapping[str, object],
    bad: BadRows,
) -> Reader:
    """See `Format.open`."""
    first = _schema(fs, sources[0], options)
    for source in sources[1:]:
        own = _schema(fs, source, options)
        if not own.equals(first):
            raise BadRow(f"{source} has other columns than {sources[0]}: {_difference(first, own)}")
    return Reader(first, lambda source: _batches(fs, source, first))


def _batches(
    fs: fsspec.AbstractFileSystem, source: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    with fs.open(source, "rb") as file, _opened(file, source) as parquet:
        try:
            for batch in parquet.iter_batches(batch_size=ROWS):
                yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        except (pa.ArrowException, OSError) as error:
            raise BadRow(f"{source} is damaged: {error}") from error


def _schema(fs: fsspec.AbstractFileSystem, source: str, options: Mapping[str, object]) -> pa.Schema:
    with fs.open(source, "rb") as file, _opened(file, source) as parquet:
        schema = parquet.schema_arrow.remove_metadata()
    renamed = names.final(schema.names, options, source)
    return pa.schema([f.with_name(n) for f, n in zip(schema, renamed, strict=True)])


def _opened(file: object, source: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise BadRow(f"{source} is not a Parquet file: {error}") from error


def _difference(one: pa.Schema, other: pa.Schema) -> str:
    only = [f"{f.name} {f.type}" for f in one if f not in list(other)]
    more = [f"{f.name} {f.type}" for f in other if f not in list(one)]
    parts = [f"without {', '.join(only)}" * bool(only), f"with {', '.join(more)}" * bool(more)]
    return " and ".join(p for p in parts if p) or "their order differs"
