"""A conversion that is killed, and repeated."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from factory.definitions.formats import Csv
from factory.stores.disk import Disk
from factory.transfer.to_parquet import to_parquet

CONVERT = """
import sys
from factory.definitions.formats import Csv
from factory.stores.disk import Disk
from factory.transfer.to_parquet import to_parquet
fs = Disk()
to_parquet(
    fs, [sys.argv[1]], fs, sys.argv[2], format=Csv(),
    quarantine=sys.argv[3],
)
"""


def test_a_killed_conversion_leaves_nothing_that_its_repetition_does_not_replace(
    fs: Disk, tmp_path: Path
) -> None:
    source, stage = tmp_path / "f.csv", tmp_path / "stage"
    rows = 2_000_000
    source.write_text("id,name\n1,a,b\n" + "".join(f"{n},name {n}\n" for n in range(rows)))
    target, bad = stage / "rows" / "0.parquet", stage / "quarantine" / "0.jsonl"
    command = [sys.executable, "-c", CONVERT, str(source), str(target), str(bad)]
    with subprocess.Popen(command) as process:
        while not any(part.stat().st_size for part in stage.glob("rows/.*.part")):
            assert process.poll() is None, "it was done before it could be killed"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert not target.exists()
    assert not bad.exists()
    done = to_parquet(fs, [str(source)], fs, str(target), format=Csv(), quarantine=str(bad))
    assert (done.read, done.rows, done.quarantined) == (rows + 1, rows, 1)
    assert pq.read_table(target)["id"].to_pylist() == list(range(rows))
    assert sorted(path.name for path in stage.rglob("*") if path.is_file()) == [
        "0.jsonl",
        "0.parquet",
    ]
