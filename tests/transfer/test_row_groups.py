"""A Parquet file in a store is read once, whatever its row groups are."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.stores import ranged
from factory.transfer import row_groups

NAMES = ["a", "b", "c", "d"]
SIZES = {
    "large, and a rest": [100_000, 7_000] * 3,
    "of other sizes than batches": [90_000, 120_000, 110_000],
    "small": [2_000] * 150,
}


def written(sizes: list[int]) -> bytes:
    random = np.random.default_rng(1)
    out = io.BytesIO()
    with pq.ParquetWriter(out, pa.schema([(name, pa.float64()) for name in NAMES])) as writer:
        for size in sizes:
            writer.write_table(pa.table({name: random.random(size) for name in NAMES}))
    return out.getvalue()


@pytest.mark.parametrize("sizes", SIZES)
def test_each_byte_comes_once_and_each_row(sizes: str) -> None:
    data, asked = written(SIZES[sizes]), []

    def fetch(start: int, end: int) -> bytes:
        asked.append(end - start)
        return data[start:end]

    whole = pq.read_table(io.BytesIO(data))
    with (
        ranged.opened(fetch, len(data), data[: ranged.FIRST]) as file,
        pq.ParquetFile(file, pre_buffer=False) as parquet,
    ):
        came = list(row_groups.batches(parquet, 64 * 1024, NAMES))
    assert pa.Table.from_batches(came).equals(whole)
    assert max(batch.num_rows for batch in came) <= 64 * 1024
    assert sum(asked) < 1.3 * len(data)


def test_small_groups_share_a_batch() -> None:
    data = written([10] * 300)
    with pq.ParquetFile(io.BytesIO(data)) as parquet:
        assert [batch.num_rows for batch in row_groups.batches(parquet, 1000, NAMES)] == [1000] * 3


def test_groups_without_rows_give_no_batch() -> None:
    with pq.ParquetFile(io.BytesIO(written([0, 0, 0]))) as parquet:
        assert not list(row_groups.batches(parquet, 1000, NAMES))


def test_groups_with_dictionaries_of_other_values() -> None:
    """One of int8 has no room for those of both."""
    kind = pa.dictionary(pa.int8(), pa.string())
    parts = [pa.array([f"{part} {n}" for n in range(100)]) for part in range(2)]
    tables = [pa.table({"a": part.dictionary_encode().cast(kind)}) for part in parts]
    out = io.BytesIO()
    with pq.ParquetWriter(out, tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)
    with pq.ParquetFile(out) as parquet:
        came = pa.Table.from_batches(row_groups.batches(parquet, 1000, ["a"]))
    assert came.column("a").to_pylist() == [text for part in parts for text in part.to_pylist()]
