"""A stage that has no room."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from factory.transfer.download import file_name

from ..web import Answer, File, Web
from .getting import BODY

LIMITED = """
import resource, signal
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
"""
PROCESS = """
import json, sys, requests
from factory.stores.disk import Disk
from pathlib import Path
from factory.transfer.download import download
from factory.transfer.errors import TransferError
url, folder = sys.argv[1:]
try:
    with requests.Session() as session:
        download(session, url, Disk(), f"{folder}/stage/trips.csv", attempts=1)
except TransferError as error:
    print(json.dumps([str(error), [path.name for path in Path(folder, "stage").iterdir()]]))
"""
MOUNT = 'mount -t tmpfs -o size=1000k tmpfs "$1" && shift && exec "$@"'


@cache
def small_disk() -> list[str]:
    """The command that gives a process a disk of 1 MB at a folder, which goes with the process.

    Empty where that is not allowed.
    """
    for unshare in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        command = [*unshare, "sh", "-c", MOUNT, "sh"]
        if subprocess.run([*command, "/mnt", "true"], capture_output=True).returncode == 0:
            return command
    return []


def small(way: str, folder: Path, url: str) -> list[str]:
    """A process that downloads to a place without room: a small disk, or else a limit on files."""
    script = [sys.executable, "-c"]
    if way == "disk" and small_disk():
        return [*small_disk(), str(folder), *script, PROCESS, url, str(folder)]
    return [*script, LIMITED + PROCESS, url, str(folder)]


@pytest.mark.parametrize("way", ["disk", "limit"])
@pytest.mark.parametrize(
    ("answer", "needed"),
    [(File(BODY), f" of {len(BODY)} bytes"), (Answer(BODY, no_length=True), " bytes")],
)
def test_a_full_stage(
    way: str, answer: File | Answer, needed: str, web: Web, tmp_path: Path
) -> None:
    web.answers = [answer]
    command = small(way, tmp_path, web.url("trips.csv?secret"))
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    message, left = json.loads(ran.stdout)
    full = "is full" if command[0] == "unshare" else "takes no file of this size"
    assert message.startswith(f"the stage {full}: {tmp_path / 'stage'} took ")
    assert f"{needed} of trips.csv" in message
    assert "secret" not in ran.stderr + message
    assert left == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/a/trips.csv.gz", "trips.csv.gz"),
        ("https://host/trips.csv.gz?token=secret#part", "trips.csv.gz"),
        ("https://host/a%20b%C3%A9.csv.zst", "a_b_.csv.zst"),
        ("https://host/a%2Fb.csv", "a_b.csv"),
        ("https://host/%2e%2e", "file"),
        ("https://host/..%2f..%2fetc%2fpasswd", "_.._etc_passwd"),
        ("https://host/.hidden.csv", "hidden.csv"),
        ("https://host/[x]*?.csv", "_x__"),
        ("https://host/", "file"),
        ("https://host", "file"),
        (f"https://host/{'x' * 300}.csv.gz", "x" * 113 + ".csv.gz"),
    ],
)
def test_the_name_of_a_file(url: str, name: str) -> None:
    assert file_name(url) == name
