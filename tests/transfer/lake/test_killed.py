"""A load into files that is killed, and repeated."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from factory.stores.disk import Disk
from factory.stores.model import Place
from tests.stores.folders import Folder

from .conftest import on_disk, rows

# Each stops where it is to be killed, and says that it is there.
MOMENTS = {
    "in_the_middle_of_data": """
from factory.stores import disk
write = disk._Writer.write
def stopped(self, data):
    done = write(self, data)
    if "lake/part" in self._path and self.size > 100:
        stop()
    return done
disk._Writer.write = stopped
""",
    "between_two_files": """
from factory.transfer.lake import write
close = write._Files._close
def stopped(self, folder):
    close(self, folder)
    stop()
write._Files._close = stopped
""",
    "between_data_and_manifest": """
from factory.transfer.lake import manifest
manifest.write = lambda *_: stop()
""",
    "behind_the_manifest": """
from factory.transfer.lake import manifest
manifest.end = lambda *_: stop()
""",
    "among_the_files_that_go": """
from factory.transfer.lake import manifest
delete = manifest._delete
def stopped(lake, path):
    delete(lake, path)
    stop()
manifest._delete = stopped
""",
}
LOAD = """
import sys
def stop():
    print("there", flush=True)
    sys.stdin.read()
{moment}
from factory.definitions.output import ParquetFiles
from factory.stores.disk import Disk
from factory.stores.model import Place
from factory.transfer.lake.load import load
from factory.transfer.lake.write import Shape
load(
    Disk(), [sys.argv[1]], Place(Disk(), sys.argv[2]), load_id="shop/orders.load/run 2",
    mode=sys.argv[3], shape=Shape(ParquetFiles(), file_size=1),
)
"""
PUBLISHED = ("behind_the_manifest", "among_the_files_that_go")


def kill(moment: str, *arguments: str) -> None:
    code = LOAD.format(moment=MOMENTS[moment])
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_and_repeated(tmp_path: Path, moment: str, mode: str) -> None:
    lake = on_disk(tmp_path)
    lake.load(rows(1, 2), file_size=1)
    lake.load(rows(7), run="run 2", file_size=1)  # an earlier attempt, which was cleared
    staged = tmp_path / "staged.parquet"
    Folder(Place(Disk(), str(staged))).write_table(rows(*range(10, 15)))
    kill(moment, str(staged), lake.place.path, mode)
    counted = [row.rows for row in lake.manifests()]
    assert (
        counted
        == {
            (False, "append"): [2, 1],
            (False, "replace"): [2, 1],
            (True, "append"): [2, 5],
            (True, "replace"): [5],
        }[moment in PUBLISHED, mode]
    )
    for found in lake.manifests():  # whole, for who asks it
        assert {file.path for file in found.files} <= {*lake.files()}
    lake.load(rows(*range(10, 15)), run="run 2", mode=mode, file_size=1)
    assert lake.ids() == ([1, 2] if mode == "append" else []) + [*range(10, 15)]
    assert len(lake.hidden()) == (3 if mode == "append" else 2)
    temporary = [path for path in tmp_path.rglob(".*") if path.is_file()]
    assert temporary == []
