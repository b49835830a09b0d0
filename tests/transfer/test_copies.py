"""Copies and moves, within a store and between two."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from factory.stores.disk import Disk
from factory.stores.memory import Memory
from factory.stores.model import File, Place, Writer
from factory.transfer.copies import Copied, Pair, copy, pairs, remove, remove_copied
from factory.transfer.errors import BadRow, TransferError
from factory.transfer.files import Named, named_below
from factory_embedded.services import gcs, s3

from ..outside.installed import acme
from ..stores import buckets, sftp_server
from ..stores.buckets import serve
from ..stores.contract import put

__all__ = ["acme"]

WAYS = ["file file", "memory memory", "acme acme", "file memory", "acme file", "memory acme"]
WAYS += ["s3 s3", "s3 file", "acme s3", "sftp sftp", "sftp s3", "file sftp"]
WAYS += ["gs gs", "s3 gs", "gs file"]


def find(uri: str) -> Place:
    found: Place = (sftp_server if uri.startswith("sftp:") else buckets).find(uri)
    return found


@pytest.fixture(scope="module")
def bucket(real_s3: s3.Server) -> s3.Server:
    real_s3.create_bucket("copies")
    return real_s3


@pytest.fixture(scope="module")
def other_bucket(real_gcs: gcs.Server) -> gcs.Server:
    real_gcs.create_bucket("copies")
    return real_gcs


@pytest.fixture(params=WAYS)
def ends(
    request: pytest.FixtureRequest, tmp_path: Path, acme: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Place, Place]]:
    """Two folders, in one store or in two."""
    roots = {"file": tmp_path.as_uri(), "memory": "memory://copies", "acme": "acme://box"}
    if "s3" in request.param:
        serve(monkeypatch, request.getfixturevalue("bucket"))
        roots["s3"] = "s3://copies"
    if "gs" in request.param:
        serve(monkeypatch, request.getfixturevalue("other_bucket"))
        roots["gs"] = "gs://copies"
    if "sftp" in request.param:
        server = request.getfixturevalue("real_sftp")
        sftp_server.serve(monkeypatch, server)
        roots["sftp"] = f"sftp://it{server.home}/copies"
    one, other = (roots[word] for word in request.param.split())
    yield find(f"{one}/in/"), find(f"{other}/out/")
    for root in (one, other):
        if not root.startswith("file"):
            store, path = find(root)
            store.delete_below(path)


def run(source: Place, pattern: str, target: Place, if_exists: str = "fail") -> Copied:
    at = source.path + pattern
    files = named_below(source.store, at)
    given = pairs(source.store, files, target, at=[at])
    return copy(source.store, given, target.store, if_exists)  # type: ignore[arg-type]


def there(place: Place) -> dict[str, bytes]:
    store, path = place
    files = [file.path for page in store.list(path.rstrip("/"), deep=True) for file in page.files]
    return {name[len(path) :]: read(place, name) for name in files}


def read(place: Place, path: str) -> bytes:
    with place.store.open(path) as file:
        return file.read()


def test_files_keep_their_names_below_where_the_pattern_begins(ends: tuple[Place, Place]) -> None:
    source, target = ends
    files = {"a.csv": b"1", "b/c.csv": b"22", "b/d/e.csv": b"5" * 5_000_000, "b/f.txt": b"no"}
    for name, data in files.items():
        put(source.below(name), data)
    put(source.below("b/.g.csv"), b"hidden")
    done = run(source, "**/*.csv", target)
    assert there(target) == {name: files[name] for name in ("a.csv", "b/c.csv", "b/d/e.csv")}
    assert len(done.copied) == 3
    again = run(source, "", target)
    assert [pair.file.size for pair in again.copied] == [2]
    assert len(again.there) == 3
    assert there(target) == files


def test_a_name_that_another_file_has(ends: tuple[Place, Place]) -> None:
    source, target = ends
    put(source.below("a.csv"), b"new")
    put(source.below("b.csv"), b"new")
    put(target.below("b.csv"), b"old")
    with pytest.raises(TransferError, match=r"another file at \S+b.csv: nothing was copied"):
        run(source, "*", target)
    assert there(target) == {"b.csv": b"old"}
    done = run(source, "*", target, "skip")
    assert [pair.file.path for pair in done.kept] == [source.below("b.csv").path]
    assert [file.path for file in done.verified] == [source.below("a.csv").path]
    assert there(target) == {"a.csv": b"new", "b.csv": b"old"}
    run(source, "*", target, "replace")
    assert there(target) == {"a.csv": b"new", "b.csv": b"new"}


def test_one_file_takes_a_new_name(ends: tuple[Place, Place]) -> None:
    source, target = ends
    put(source.below("a.csv"), b"1")
    run(source, "a.csv", target.below("x", "b.csv"))
    assert there(target) == {"x/b.csv": b"1"}
    put(source.below("b.csv"), b"2")
    with pytest.raises(TransferError, match="2 files cannot have the one name"):
        run(source, "*", target.below("c.csv"))


def test_a_file_that_changes_while_it_is_copied_has_no_copy(ends: tuple[Place, Place]) -> None:
    source, target = ends
    put(source.below("a.csv"), b"1")
    seen = source.store.file(source.below("a.csv").path)
    assert seen is not None
    put(source.below("a.csv"), b"22")
    with pytest.raises(BadRow, match="changed while it was copied"):
        copy(source.store, [Pair(seen, target.below("a.csv").path)], target.store, "fail")
    assert there(target) == {}
    assert remove(source.store, [seen]) == [seen]
    assert there(source) == {"a.csv": b"22"}
    source.store.delete(seen.path)
    assert remove(source.store, [seen]) == []


@pytest.mark.parametrize(
    ("pattern", "to", "said"),
    [
        ("*.csv", "in/", "would be copied to where it is"),
        ("**", "in/x/", "the next run would copy the copies"),
        ("", "in/x/", "the next run would copy the copies"),
    ],
)
def test_what_would_be_copied_to_itself(pattern: str, to: str, said: str) -> None:
    root = Place(Memory("itself"), "")
    put(root.below("in", "a.csv"), b"1")
    with pytest.raises(TransferError, match=said):
        run(root.below("in/"), pattern, Place(root.store, to))
    run(root.below("in/"), "*.csv", Place(root.store, "in/x/"))
    assert set(there(root)) == {"in/a.csv", "in/x/a.csv"}
    root.store.delete_below("")


def test_a_file_is_no_copy_of_itself_by_a_link(tmp_path: Path) -> None:
    put(Place(Disk(), f"{tmp_path}/real/x.csv"), b"1")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(TransferError, match=r"real/x.csv is \S+link/x.csv itself"):
        run(Place(Disk(), f"{tmp_path}/link/"), "x.csv", Place(Disk(), f"{tmp_path}/real/"))
    (tmp_path / "other").mkdir()
    os.link(tmp_path / "real" / "x.csv", tmp_path / "other" / "x.csv")
    with pytest.raises(TransferError, match="by another address"):
        run(Place(Disk(), f"{tmp_path}/real/"), "x.csv", Place(Disk(), f"{tmp_path}/other/"))


def test_an_object_is_no_copy_of_itself_by_another_connection(
    bucket: s3.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, bucket)
    put(find("s3://copies/itself/x.csv"), b"1")
    one, two = find("s3://copies/itself/"), find("s3://partner@copies/itself/")
    with pytest.raises(TransferError, match="itself, by another address"):
        run(one, "", two)
    one.store.delete_below("itself")


class Interop(Memory):
    """The same objects by another protocol, which has versions of its own."""

    def uri(self, path: str) -> str:
        return super().uri(path).replace("memory:", "interop:")

    def file(self, path: str) -> File | None:
        found = super().file(path)
        return found and replace(found, version=f"interop-{found.version}")


def test_an_object_is_no_copy_of_itself_by_another_protocol() -> None:
    one, two = Place(Memory("bucket"), "in/"), Place(Interop("bucket"), "in/")
    put(one.below("x.csv"), b"1")
    done = run(one, "", two)
    assert len(done.there) == 1
    with pytest.raises(TransferError, match="itself, by another address"):
        remove_copied(one.store, done, two.store)
    assert there(one) == {"x.csv": b"1"}
    one.store.delete_below("")


@pytest.mark.parametrize(("source", "to"), [("in//", "out/"), ("in/", "out//"), ("in/../", "out/")])
def test_a_part_that_a_template_left_empty(source: str, to: str) -> None:
    root = Place(Memory("unclear"), "")
    put(root.below("in", "a.csv"), b"1")
    file = Named("a.csv", File("in/a.csv", 1, 0, "1"))
    with pytest.raises(TransferError, match=r"empty part, .* nothing was copied"):
        pairs(root.store, [file], Place(root.store, to), at=[f"{source}*.csv"])
    root.store.delete_below("")


def test_a_name_that_leads_out_of_the_target(tmp_path: Path) -> None:
    store = Memory("out")
    put(Place(store, "in/../../x"), b"1")
    target = Place(Disk(), f"{tmp_path}/out/")
    with pytest.raises(TransferError, match="would be another place"):
        run(Place(store, "in/"), "", target)
    assert list(tmp_path.iterdir()) == []
    store.delete_below("")


def test_two_files_of_one_name() -> None:
    files = [Named("a.csv", File(path, 1, 0, "1")) for path in ("in/x/a.csv", "in/y/a.csv")]
    with pytest.raises(
        TransferError, match=r"in/x/a.csv and in/y/a.csv would both be \S+out/a.csv"
    ):
        pairs(Memory("two"), files, Place(Memory("two"), "out/"))


class Caseless(Memory):
    """A disk that knows no case."""

    def file(self, path: str) -> File | None:
        return super().file(path.lower())

    def open(self, path: str, *, version: str | None = None) -> BinaryIO:
        return super().open(path.lower(), version=version)

    def writer(self, path: str, *, only_new: bool = False) -> Writer:
        return super().writer(path.lower(), only_new=only_new)


@pytest.mark.parametrize("if_exists", ["fail", "replace"])
def test_names_that_differ_in_case_alone(if_exists: str) -> None:
    source, target = Place(Memory("cased"), "in/"), Place(Caseless("caseless"), "out/")
    put(source.below("A.csv"), b"1")
    put(source.below("a.csv"), b"2")
    put(Place(Memory("sensitive"), "x"))
    assert len(run(source, "", Place(Memory("sensitive"), "out/")).verified) == 2
    if if_exists == "replace":
        put(target.below("a.csv"), b"old")
    with pytest.raises(TransferError, match=r"A.csv and \S+a.csv are one file there, .* stay"):
        run(source, "", target, if_exists)
    for place in (source, target, Place(Memory("sensitive"), "")):
        Memory(place.store.name).delete_below("")  # type: ignore[attr-defined]


def test_a_folder_of_the_name_of_a_file(tmp_path: Path) -> None:
    source, target = Place(Memory("folders"), "in/"), Place(Disk(), f"{tmp_path}/out/")
    put(source.below("a"), b"1")
    put(target.below("a", "b"))
    with pytest.raises(TransferError, match=r"there is a folder of the name \S+/out/a\."):
        run(source, "", target)
    (tmp_path / "file").touch()
    with pytest.raises(TransferError, match="in a folder whose name a file has"):
        run(source, "", Place(Disk(), f"{tmp_path}/file/"))
    source.store.delete_below("")


def test_a_name_that_is_no_text(tmp_path: Path, bucket: s3.Server, monkeypatch: Any) -> None:
    serve(monkeypatch, bucket)
    name = os.fsdecode(b"caf\xe9.csv")
    put(Place(Disk(), f"{tmp_path}/in/{name}"), b"1")
    assert (
        len(run(Place(Disk(), f"{tmp_path}/in/"), "", Place(Disk(), f"{tmp_path}/b/")).copied) == 1
    )
    with pytest.raises(TransferError, match=r"caf\\udce9.csv' is no UTF-8, .* nothing was copied"):
        run(Place(Disk(), f"{tmp_path}/in/"), "", find("s3://copies/text/"))


MOVE = """
import itertools
import os
import signal
import sys
from factory.stores import open_uri
from factory.stores.disk import Disk
from factory.transfer.copies import copy, pairs, remove, settle
from factory.transfer.files import Named, named_below
def killed(self, *given, done=getattr(Disk, sys.argv[3]), number=itertools.count(), **named):
    if next(number) == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)  # while other threads are in the middle of theirs
    return done(self, *given, **named)
setattr(Disk, sys.argv[3], killed)
source, target = map(open_uri, sys.argv[1:3])
settle(source)  # what another was removing when it was killed
files = named_below(*source)
done = copy(source.store, pairs(source.store, files, target), target.store, "fail")
remove(source.store, done.verified)
"""
MANY = 1500


@pytest.mark.parametrize("moment", ["copy", "delete"])
def test_a_killed_move_loses_nothing_and_its_repetition_ends_it(
    tmp_path: Path, moment: str
) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(MANY):
        (source / f"{number}.csv").write_text(f"{number}\n" * 100)
    command = [sys.executable, "-c", MOVE, f"{source.as_uri()}/", f"{target.as_uri()}/", moment]
    assert subprocess.run([*command, "500"], check=False).returncode == -signal.SIGKILL
    left = {path.name for path in source.glob("[!.]*.csv")}
    whole = {path.name for path in target.glob("*.csv")}
    assert len(left) == MANY if moment == "copy" else 0 < len(left) < MANY
    assert left | whole == {f"{number}.csv" for number in range(MANY)}
    assert all((target / name).read_text() == f"{name[:-4]}\n" * 100 for name in whole)
    subprocess.run([*command, "-1"], check=True)
    assert list(source.iterdir()) == []
    assert {path.name for path in target.iterdir()} == {f"{number}.csv" for number in range(MANY)}
