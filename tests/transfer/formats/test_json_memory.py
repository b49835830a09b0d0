"""Memory stays bounded, whatever the document: each is read in a process of its own."""

import json
from pathlib import Path

import pytest

from ..memory import grown

READ = """
import sys
from factory.definitions.formats import Json
from factory.stores.disk import Disk
from factory.transfer.errors import TransferError
from factory.transfer.to_parquet import to_parquet

fs, source = Disk(), sys.argv[1]
given = Json(records=sys.argv[2] or None)

def convert(path, given):
    return to_parquet(fs, [path], fs, source + ".parquet", format=given)

with open(source + ".small", "w") as out:  # so that libraries are loaded before
    out.write('[{"a": 1}, {"a": 2}]')
convert(source + ".small", Json())

def work():
    try:
        print(convert(source, given).rows, "rows")
    except TransferError as error:
        print(error)
"""

# A hole costs no disk: its bytes are read as zeros.
HOLE = 1 << 30


@pytest.mark.parametrize(
    ("start", "records", "message"),
    [
        (b'[{"a": 1},\n{"a": "x', "", ":2: row 2 of the array is longer than 32 MiB"),
        (b'{"a": "x', "rows", ":1: a text is longer than 32 MiB"),
        (b'{"a": "x', ".", ":1: the document is longer than 32 MiB"),
    ],
)
def test_what_has_no_end(start: bytes, records: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    with path.open("wb") as out:
        out.write(start)
        out.truncate(HOLE)
    said, mebibytes = grown(READ, path, records)
    assert message in said
    assert mebibytes < 200


@pytest.mark.parametrize("indent", [None, 2])
def test_a_long_array(indent: int | None, tmp_path: Path) -> None:
    rows = [{"id": n, "o": {"x": [n, '"]}']}, "at": "2024-01-01 00:00:00"} for n in range(10_000)]
    text = json.dumps(rows, indent=indent)[1:-1].encode()
    path = tmp_path / "f.json"
    with path.open("wb") as out:
        out.write(b'{"beside": [' + text)
        out.write((b"," + text) * 20)
        out.write(b'], "rows": [' + text)
        for _ in range(80):
            out.write(b"," + text)
        out.write(b"]}")
    assert path.stat().st_size > 60 << 20
    said, mebibytes = grown(READ, path, "rows")
    assert said == "810000 rows"
    assert mebibytes < 150
