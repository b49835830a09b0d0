"""Of a Parquet file, little is in memory at once, whoever reads it."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .memory import grown

READ = """
import sys
from factory.stores.disk import Disk

fs, path = Disk(), sys.argv[1]
"""
AS_SOURCE = """
from factory.definitions.formats import Parquet
from factory.transfer import formats
from factory.transfer.bad_rows import BadRows

reader = formats.open(fs, [path], Parquet(), BadRows.fail())

def work():
    print(sum(batch.num_rows for batch in reader.batches(path)), "rows")
"""
AS_STAGED = """
from factory.transfer.counts import Counts
from factory.transfer.postgres.columns import columns, on_wire
from factory.transfer.warehouse.parquet import read

files = read(fs, [path])
columns = columns(files.schema)

def work():
    print(sum(batch.num_rows for batch in files.batches(columns, on_wire)), "rows")
"""
GROUPS, ROWS = 50, 1 << 16


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 MiB that nothing makes smaller."""
    path = tmp_path_factory.mktemp("parquet") / "f.parquet"
    noise = random.Random(1).randbytes(8 * ROWS)
    values = pa.Array.from_buffers(pa.int64(), ROWS, [None, pa.py_buffer(noise)])
    group = pa.table({f"c{number}": values for number in range(8)})
    with pq.ParquetWriter(path, group.schema, compression="none", use_dictionary=False) as out:
        for _ in range(GROUPS):
            out.write_table(group)
    assert path.stat().st_size > 200 << 20
    return path


@pytest.mark.parametrize("reader", [AS_SOURCE, AS_STAGED], ids=["as_source", "as_staged"])
def test_a_long_file(reader: str, path: Path) -> None:
    said, mebibytes = grown(READ + reader, path)
    assert said == f"{GROUPS * ROWS} rows"
    assert mebibytes < 100
