"""Source files of any format → one Parquet file on the stage."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from factory.account import say
from factory.amounts import counted, size, spent
from factory.definitions.formats import Format, final_types, infers
from factory.stores.model import File, Store, Writer, is_changed
from factory.transfer import folders, formats, names
from factory.transfer.bad_rows import BadRows
from factory.transfer.counts import Counts, Source, each
from factory.transfer.errors import BadRow, Missing, TransferError
from factory.transfer.formats import Reader
from factory.transfer.lineage import NAMES as LINEAGE
from factory.transfer.lineage import NONE, Lineage, added, within
from factory.transfer.progress import Progress
from factory.transfer.target import ANY, Target
from factory.transfer.values import agreement
from factory.transfer.values.types import said
from factory.transfer.watched import AGAIN, Watched
from factory.transfer.zips import members

ROW_GROUP = 128 * 1024
COMPRESSION = "lz4"  # of all, the least time to write and read again, and nearly the least bytes
DICTIONARY = 128 << 10  # bytes of it: of a column with more values it would save none
MOST_BYTES = 32 << 20  # of a row group, in memory


@dataclass(frozen=True)
class Converted:
    """A Parquet file and what is in it."""

    path: str
    rows: int
    bytes: int
    columns: dict[str, str]  # name → Arrow type, as text
    read: int  # rows in the sources
    quarantined: int  # of them set aside


def to_parquet(
    store: Store,
    sources: Sequence[str],
    target_store: Store,
    target: str,
    *,
    format: Format,
    quarantine: str | None = None,
    max_bad_rows: int = 1000,
    lineage: Lineage = NONE,
    into: Target = ANY,
    seen: Mapping[str, File] | None = None,
    partitions: folders.Wanted = False,
) -> Converted:
    """Stream `sources` of one `format` into `target`: see `staged`.

    What was `seen` of a source, by its path, is what is read: `Missing` and `BadRow` when it is
    gone, or another by now.

    `into` is where the rows go in the end: what it can't hold is refused, or set aside, here, and
    what nobody declared is read as the columns that it has.

    `partitions` are the columns to read from the names of the folders that the sources are in.
    """
    if not sources:
        raise Missing("there is no source file")
    watched = Watched(store, sources, seen)
    store, paths = watched.store, {source: source for source in sources}
    if member := getattr(format, "member", None):
        store, inside = members(store, sources, member)
        sources, lineage = list(inside), within(lineage, inside)
        paths = {path: archive for path, (archive, _) in inside.items()}

    known = {name: column for name, column in into.known.items() if name not in LINEAGE}
    into = replace(into, known=known)

    def read(bad: BadRows) -> Reader:
        reader = formats.open(store, sources, format, bad, into)
        declared = names.meant(final_types(format), format, reader.schema.names)
        schema = said(reader.schema, declared)
        if infers(format):
            schema = agreement.guessed(schema, declared)
        watched.begin()
        reader = folders.added(replace(reader, schema=schema), paths, partitions, into)
        folders.tell_of_unread([*paths.values()], reader.schema.names)
        return reader

    return staged(
        *(read, sources, target_store, target),
        quarantine=quarantine,
        max_bad_rows=max_bad_rows,
        lineage=lineage,
        progress=Progress("converting", size=watched.size, position=watched.position),
        check=watched.require_unchanged,
    )


def staged(
    read: Callable[[BadRows], Reader],
    sources: Sequence[str],
    target_store: Store,
    target: str,
    *,
    quarantine: str | None = None,
    max_bad_rows: int = 1000,
    lineage: Lineage = NONE,
    progress: Progress | None = None,
    done: str = "",
    check: Callable[[], None] = lambda: None,
) -> Converted:
    """Stream what is `read` of the `sources` into `target`; `done` says so, for people.

    `check` is asked before the file appears.

    Memory is bounded by a block of the source and a row group of the target. Bad rows go to
    `quarantine`, a path in `target_store`, or are an error when it is None. The columns of
    `lineage` are added. Raises `TransferError`; no file is left behind then.
    """
    started = time.monotonic()
    progress = progress or Progress("converting")
    with (
        progress,
        _told(target),
        target_store.writer(target) as out,
        _bad_rows(target_store, quarantine, max_bad_rows) as bad,
    ):
        reader = added(read(bad), lineage)
        schema = reader.schema
        rows = 0
        left: list[tuple[str, int]] = []
        batches = itertools.chain.from_iterable(_counted(reader, sources, left))
        with _writer(out, schema) as writer:
            for part in _joined(batches):
                writer.write_table(part, row_group_size=_even(part.num_rows))
                rows += part.num_rows
                progress.add(rows=part.num_rows)
            counts = Counts(rows + bad.count, bad.count)
            found = [Source(source, rows, bad.by_source[source]) for source, rows in left]
            writer.add_key_value_metadata(counts.metadata() | Counts.by_source(found))
        check()
    for line in each(found):
        say("%s", line)
    say(
        "%s: %s, %s of Parquet in %s",
        done or f"converted {counted(len(sources), 'file')}",
        _rows(counts, quarantine),
        size(out.size),
        spent(time.monotonic() - started),
    )
    return Converted(target, rows, out.size, _columns(schema), counts.read, counts.quarantined)


def _writer(out: Writer, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        *(out, schema), compression=COMPRESSION, dictionary_pagesize_limit=DICTIONARY
    )


def _rows(counts: Counts, quarantine: str | None) -> str:
    aside = f", {counts.quarantined:,} set aside in {quarantine}" if counts.quarantined else ""
    return f"{counted(counts.read, 'row')} read{aside}"


def _counted(
    reader: Reader, sources: Sequence[str], left: list[tuple[str, int]]
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The batches of each source; how many rows they had is told at its end."""

    def batches(source: str) -> Iterator[pa.RecordBatch]:
        rows = 0
        for batch in reader.batches(source):
            rows += batch.num_rows
            yield batch
        left.append((source, rows))

    return map(batches, sources)


def _joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """As much as makes a row group: each write makes one, however small."""
    kept: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        kept.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= ROW_GROUP or size >= MOST_BYTES:
            yield pa.Table.from_batches(kept)
            kept, rows, size = [], 0, 0
    if kept:
        yield pa.Table.from_batches(kept)


def _even(rows: int) -> int:
    """Rows of a group, so that none is small: each has a look of its own at every column."""
    return -(-rows // -(-rows // ROW_GROUP)) if rows else 1


@contextmanager
def _told(target: str) -> Iterator[None]:
    """A full disk, an unreadable file: what the system said, and of which file."""
    try:
        yield
    except OSError as error:
        path = error.filename or target
        if is_changed(error):
            raise BadRow(f"{path} changed while it was read", AGAIN) from error
        hint = getattr(error, "hint", None)
        raise TransferError(f"{path}: {error.strerror or error}", hint) from error


@contextmanager
def _bad_rows(store: Store, path: str | None, most: int) -> Iterator[BadRows]:
    """Where bad rows go. The file is whole, or is not there; it is not when there are none."""
    if path is None:
        yield BadRows.fail()
        return
    store.delete(path)  # an earlier attempt's
    with store.writer(path) as out:
        bad = BadRows.quarantine(out, most)
        yield bad
        if not bad.count:
            out.abort()


def _columns(schema: pa.Schema) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema}
