"""Memory stays bounded, whatever the file: each is read in a process of its own."""

from pathlib import Path

import pytest

from ..memory import grown

READ = """
import sys
from factory.definitions.formats import Csv
from factory.stores.disk import Disk
from factory.transfer.errors import TransferError
from factory.transfer.to_parquet import to_parquet

fs, source = Disk(), sys.argv[1]

def convert(path):
    return to_parquet(fs, [path], fs, source + ".parquet", format=Csv())

with open(source + ".small", "w") as out:  # so that libraries are loaded before
    out.write("a,b\\n1,2\\n")
convert(source + ".small")

def work():
    try:
        print(convert(source).rows, "rows")
    except TransferError as error:
        print(error)
"""

# A hole costs no disk: its bytes are read as zeros.
HOLE = 1 << 30


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b'a,b\n1,2\n3,"x\ny', ':3: a quote (") that opens here is not closed within 32 MiB'),
        (b"a,b\n1,2\n3,x", ":3: the row that begins here is longer than 32 MiB"),
        (b'a,"b', ':1: a quote (") that opens here is not closed within 32 MiB'),
    ],
)
def test_a_row_without_an_end(start: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    with path.open("wb") as out:
        out.write(start)
        out.truncate(HOLE)
    said, mebibytes = grown(READ, path)
    assert message in said
    assert mebibytes < 200


def test_a_long_file(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    rows = b"".join(b"%d,some text,2024-01-01 00:00:00,%d.25\n" % (n, n) for n in range(20_000))
    with path.open("wb") as out:
        out.write(b"id,text,at,amount\n")
        for _ in range(100):
            out.write(rows)
    assert path.stat().st_size > 70 << 20
    said, mebibytes = grown(READ, path)
    assert said == "2000000 rows"
    assert mebibytes < 150
