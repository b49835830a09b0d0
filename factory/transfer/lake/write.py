"""Batches → data files, of about one size, in the folders that their values name.

Memory is bounded: by rows that wait for their file, and by the number of files that are open.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import pyarrow as pa

from factory.definitions.output import Output, suffix
from factory.stores.model import Place, Writer
from factory.transfer.errors import BadRow
from factory.transfer.lake import formats, partitions
from factory.transfer.lake.formats import Sheet
from factory.transfer.lake.manifest import DataFile
from factory.transfer.lake.note import Note
from factory.transfer.progress import Progress

MOST_OPEN = 8  # on an object store, each holds some parts of 16 MB
MOST_WAITING = 64 << 20
PIECE = 32 << 20
MOST_FILES = 10_000


@dataclass(frozen=True)
class Shape:
    """How files are cut and named."""

    format: Output
    partition_by: tuple[str, ...] = ()
    file_size: int = 256_000_000
    prefix: str = "part"


def write(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    lake: Place,
    token: str,
    shape: Shape,
    progress: Progress,
) -> list[DataFile]:
    """Write all rows; without any, and without partitions, one file that tells the columns.

    When it raises, the files that are whole stay.
    """
    files = _Files(schema, lake, token, shape)
    with files:
        for batch in batches:
            for folder, rows in partitions.split(batch, shape.partition_by):
                files.add(folder, rows)
            progress.add(rows=batch.num_rows)
        files.finish()
    return files.done


@dataclass
class _Open:
    """A file that takes rows still."""

    path: str
    out: Writer
    sheet: Sheet
    rows: int = 0

    def abandon(self) -> None:
        """Leave nothing."""
        with suppress(Exception):  # else Arrow ends it later, into what is closed by then
            self.sheet.close()
        self.out.abort()


@dataclass
class _Waiting:
    """Rows of one folder that wait for their file."""

    rows: list[pa.Table]
    bytes: int = 0
    count: int = 0


class _Files:
    """The data files of an attempt, some of them open."""

    def __init__(self, schema: pa.Schema, lake: Place, token: str, shape: Shape) -> None:
        kept = [field for field in schema if field.name not in shape.partition_by]
        self.done: list[DataFile] = []
        self._schema = pa.schema(kept)
        self._token, self._shape = token, shape
        self._open: dict[str, _Open] = {}  # by folder, the one that was used last at the end
        self._waiting: dict[str, _Waiting] = {}
        self._note = Note(lake, token, lambda: (file.path for file in self._open.values()))
        self._piece = min(PIECE, shape.file_size // 4)
        self._most_rows = getattr(shape.format, "row_group", 128 * 1024)
        self._count = 0

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as all_of_them:
            for file in self._open.values():
                all_of_them.callback(file.abandon)

    def add(self, folder: str, rows: pa.Table) -> None:
        """Rows for a folder; they wait until they are worth a write."""
        waiting = self._waiting.setdefault(folder, _Waiting([]))
        for piece in self._pieces(rows):
            waiting.rows.append(piece)
            waiting.bytes += piece.nbytes
            waiting.count += piece.num_rows
            if waiting.bytes >= self._piece or waiting.count >= self._most_rows:
                self._flush(folder)
                waiting = self._waiting.setdefault(folder, _Waiting([]))
        while sum(one.bytes for one in self._waiting.values()) > MOST_WAITING:
            self._flush(max(self._waiting, key=lambda name: self._waiting[name].bytes))

    def finish(self) -> None:
        """What waits is written, what is open becomes whole."""
        for folder in list(self._waiting):
            self._flush(folder)
        for folder in list(self._open):
            self._close(folder)
        if not self.done and not self._shape.partition_by:
            self._begin("")
            self._close("")

    def _pieces(self, rows: pa.Table) -> Iterable[pa.Table]:
        """So small that a file ends near its size."""
        size = rows.nbytes / (rows.num_rows or 1)
        most = max(1, min(self._most_rows, int(self._piece / (size or 1))))
        return (rows.slice(start, most) for start in range(0, rows.num_rows, most))

    def _flush(self, folder: str) -> None:
        waiting = self._waiting.pop(folder)
        if not waiting.count:
            return
        file = self._open.pop(folder, None) or self._begin(folder)
        self._open[folder] = file
        file.sheet.write(pa.concat_tables(waiting.rows))
        file.rows += waiting.count
        if file.out.size >= self._shape.file_size:
            self._close(folder)

    def _begin(self, folder: str) -> _Open:
        if len(self._open) >= MOST_OPEN:
            self._close(next(iter(self._open)))
        if self._count >= MOST_FILES:
            raise BadRow(
                f"the load makes more than {MOST_FILES:,} files",
                "Take columns of fewer values for `partition_by`, sort the rows by them, or let "
                "`file_size` be larger",
            )
        shape = self._shape
        name = f"{shape.prefix}-{self._token}-{self._count:05}{suffix(shape.format)}"
        self._count += 1
        path = f"{folder}/{name}" if folder else name
        out = self._note.writer(path)
        try:
            sheet = formats.open(out, self._schema, shape.format)
        except BaseException:
            out.abort()
            raise
        self._open[folder] = _Open(path, out, sheet)
        return self._open[folder]

    def _close(self, folder: str) -> None:
        file = self._open[folder]
        file.sheet.close()
        file.out.commit()
        del self._open[folder]
        self.done.append(DataFile(file.path, file.rows, file.out.size))


__all__ = ["MOST_FILES", "MOST_OPEN", "Shape", "write"]
