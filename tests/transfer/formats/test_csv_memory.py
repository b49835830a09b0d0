"""Memory stays bounded, whatever the file: each is read in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

READ = """
import resource, sys
import fsspec
from factory.transfer.errors import TransferError
from factory.transfer.to_parquet import to_parquet

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

fs = fsspec.filesystem("file")
source, size = sys.argv[1:]
small = source + ".small"
with open(small, "w") as out:  # so that libraries are loaded before
    out.write("a,b\\n1,2\\n")
to_parquet(fs, [small], fs, source + ".parquet", format={"type": "csv"})
before = peak()
try:
    done = to_parquet(fs, [source], fs, source + ".parquet", format={"type": "csv"})
    print(done.rows, "rows")
except TransferError as error:
    print(error)
grown = peak() - before
assert grown < int(size), f"{grown} MiB"
"""

# A hole costs no disk: its bytes are read as zeros.
HOLE = 1 << 30


def result(path: Path, mebibytes: int) -> str:
    command = [sys.executable, "-c", READ, str(path), str(mebibytes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
    assert message in result(path, 200)


def test_a_long_file(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    rows = b"".join(b"%d,some text,2024-01-01 00:00:00,%d.25\n" % (n, n) for n in range(20_000))
    with path.open("wb") as out:
        out.write(b"id,text,at,amount\n")
        for _ in range(100):
            out.write(rows)
    assert path.stat().st_size > 70 << 20
    assert result(path, 150) == "2000000 rows\n"
