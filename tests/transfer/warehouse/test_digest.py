"""Values are told from others by bytes that are read once, whether before or with the rows."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.stores.disk import Disk
from factory.transfer.postgres.columns import columns, on_wire
from factory.transfer.warehouse import parquet
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import Column

ROWS = 3000
SHAPES = {
    "plain": {"use_dictionary": False, "compression": "none"},
    "dictionaries": {"use_dictionary": True, "compression": "lz4"},
    "small pages": {"data_page_size": 512, "compression": "zstd"},
}


class Noting(io.FileIO):
    """A file that notes how many bytes are read."""

    noted: list[int]

    def read(self, size: int | None = -1) -> bytes:
        read = super().read(size) or b""
        self.noted.append(len(read))
        return read


@dataclass(frozen=True)
class Noted(Disk):
    """A disk of such files."""

    reads: list[int] = field(default_factory=list)

    def open(self, path: str, *, version: str | None = None) -> BinaryIO:
        file = Noting(path)
        file.noted = self.reads
        return file


def table(first: int = 0) -> pa.Table:
    numbers = range(first, first + ROWS)
    mark = {b"factory.lineage": b"true"}
    fields = [
        pa.field("number", pa.int64()),
        pa.field("text", pa.string()),
        pa.field("list", pa.list_(pa.int32())),
        pa.field("_run_id", pa.string(), metadata=mark),
    ]
    return pa.table(
        {
            "number": numbers,
            "text": [f"text {number % 50}" for number in numbers],
            "list": [[number, 1] for number in numbers],
            "_run_id": ["run"] * ROWS,
        },
        schema=pa.schema(fields),
    )


def files(paths: Sequence[Path]) -> tuple[Files, list[Column]]:
    found = parquet.read(Noted(), [str(path) for path in paths])
    return found, columns(found.schema)


def drained(found: Files, of: Sequence[Column]) -> Files:
    summing = replace(found, sums={})
    assert sum(batch.num_rows for batch in summing.batches(of, on_wire)) == found.rows
    return summing


@pytest.mark.parametrize("shape", SHAPES)
def test_read_with_the_rows_it_is_the_same_and_nothing_is_read_twice(
    shape: str, tmp_path: Path
) -> None:
    paths = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    for number, path in enumerate(paths):
        pq.write_table(table(number), path, row_group_size=1000, **SHAPES[shape])
    found, of = files(paths)
    store = found.store
    assert isinstance(store, Noted)
    before = found.digest(of)
    summing = drained(found, of)
    read = len(store.reads)
    assert summing.digest(of) == before
    assert len(store.reads[read:]) == len(paths), "the end of each file, and no more"


def test_rows_that_changed_meanwhile_have_another(tmp_path: Path) -> None:
    path = tmp_path / "one.parquet"
    pq.write_table(table(), path)
    found, of = files([path])
    before = drained(found, of).digest(of)
    pq.write_table(table(1), path)
    assert drained(found, of).digest(of) != before
    assert found.digest(of) != before
