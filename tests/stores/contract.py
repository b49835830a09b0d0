"""What every store must do. A store's test is a `Contract` with a fixture `place`."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from pkgutil import resolve_name
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.stores import UnknownStore, names
from factory.stores.model import (
    PAGE,
    Facts,
    File,
    Place,
    Store,
    Unfinished,
    hides,
    is_appendable,
    is_changed,
)
from tests.patience import seconds

NAMES = (
    *("a b", " a", "a ", "#a", "a?b=c", "100%", "a%20b", "ä–😀", "a\nb", "a\tb", "[a]", "*"),
    *("~", "-rf", ".hidden", "..a", "a.part", ".a.part", "a\\b", "a:b", "'\"", "_", "A"),
    "x" * 200,
)
OPEN_URI = "factory.stores:open_uri"
WRITES = """
import sys
from pathlib import Path
from pkgutil import resolve_name
store, path = resolve_name(sys.argv[2])(sys.argv[1])
with store.writer(path) as out:
    out.write(b"half" * int(sys.argv[3]))
    out.flush()
    print("begun", flush=True)
    sys.stdin.read()
"""


def put(place: Place, data: bytes = b"x", *, only_new: bool = False) -> None:
    with place.store.writer(place.path, only_new=only_new) as out:
        out.write(data)


def read(place: Place) -> bytes:
    with place.store.open(place.path) as file:
        return file.read()


def known(place: Place) -> File:
    file = place.store.file(place.path)
    assert file is not None
    return file


def there(place: Place, *, deep: bool = True, prefix: str = "") -> list[str]:
    """Paths of the files below, without what they have in common."""
    start = len(place.path) + 1 if place.path else 0
    pages = place.store.list(place.path, deep=deep, prefix=prefix)
    return sorted(file.path[start:] for page in pages for file in page.files)


def folders(place: Place) -> list[str]:
    return sorted(each.path for page in place.store.list(place.path) for each in page.folders)


def at_once(works: Iterable[threading.Thread]) -> None:
    threads = list(works)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def kill(file: Place, finder: str = OPEN_URI, count: int = 1_000_000) -> None:
    """Have a process write, and end it in the middle."""
    command = [sys.executable, "-c", WRITES, file.uri, finder, str(count)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.kill()
        process.wait()


def claim(name: bytes, file: Place, gate: threading.Barrier, won: list[bytes]) -> None:
    """Write `file`, together with others that want to be the first."""
    out = file.store.writer(file.path, only_new=True)
    out.write(name)
    gate.wait(seconds(60))
    try:
        out.commit()
    except FileExistsError:
        return
    won.append(name)


class Contract:
    """`place` is an empty folder; the `finder` is a function of a module, of an address."""

    finder: ClassVar = OPEN_URI
    names: ClassVar[Sequence[str]] = NAMES

    def find(self, uri: str) -> Place:
        found: Place = resolve_name(self.finder)(uri)
        return found

    def fill(self, folder: Place, count: int) -> None:
        """So many files."""
        for number in range(count):
            put(folder.below(str(number)), b"")

    # addresses

    def test_an_address_finds_the_same_place(self, place: Place) -> None:
        for name in self.names:
            file = place.below("f", name)
            assert self.find(file.uri) == file
            assert hash(file.store) == hash(place.store)

    def test_an_address_without_a_place_is_refused(self, place: Place) -> None:
        with pytest.raises(UnknownStore):
            self.find(place.uri.replace(":", "x:", 1))

    # writing

    def test_a_file_appears_when_its_writer_ends(self, place: Place) -> None:
        file = place.below("new", "f")
        with file.store.writer(file.path) as out:
            assert out.writable()
            assert out.write(b"one ") == 4
            out.write(memoryview(b"two"))
            assert (out.tell(), out.size) == (7, 7)
            assert file.store.file(file.path) is None
            assert there(place) == []
            with pytest.raises(FileNotFoundError):
                file.store.open(file.path)
        assert out.closed
        assert read(file) == b"one two"
        assert there(place) == ["new/f"]
        found = known(file)
        assert (found.path, found.size) == (file.path, 7)
        assert abs(found.changed - time.time()) < 60

    def test_the_file_before_stays_until_then(self, place: Place) -> None:
        file = place.below("f")
        put(file, b"old")
        with file.store.writer(file.path) as out:
            out.write(b"newer")
            assert read(file) == b"old"
            assert known(file).size == 3
        assert read(file) == b"newer"

    def test_an_empty_file(self, place: Place) -> None:
        put(place.below("f"), b"")
        assert read(place.below("f")) == b""
        assert known(place.below("f")).size == 0

    @pytest.mark.parametrize("size", [0, 1, 3_000_000])
    def test_an_error_leaves_nothing(self, size: int, place: Place) -> None:
        file = place.below("deep", "f")

        def fail(error: type[BaseException]) -> None:
            with file.store.writer(file.path) as out:
                out.write(b"x" * size)
                raise error

        with pytest.raises(KeyboardInterrupt):
            fail(KeyboardInterrupt)
        assert there(place) == []
        put(file, b"old")
        with pytest.raises(ZeroDivisionError):
            fail(ZeroDivisionError)
        assert read(file) == b"old"
        assert there(place) == ["deep/f"]

    def test_who_lets_go_or_gives_up_leaves_nothing(self, place: Place) -> None:
        file = place.below("f")
        for end in ("close", "abort", "__del__"):
            out = file.store.writer(file.path)
            out.write(b"half")
            getattr(out, end)()
            out.close()
            with pytest.raises(ValueError, match="ended"):
                out.commit()
        with file.store.writer(file.path) as out:
            out.write(b"half")
            out.abort()
        assert there(place) == []

    def test_a_parquet_file_whose_rows_break_off_is_none(self, place: Place) -> None:
        """A `ParquetWriter` ends a file well, whatever became of its rows."""
        file, table = place.below("f.parquet"), pa.table({"a": [1, 2]})

        def write() -> None:
            with file.store.writer(file.path) as out, pq.ParquetWriter(out, table.schema) as rows:
                rows.write_table(table)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            write()
        assert there(place) == []

    def test_a_reader_sees_one_file_or_the_other(self, place: Place) -> None:
        file = place.below("f")
        bodies = [bytes([65 + number]) * (200_000 + number) for number in range(20)]
        put(file, bodies[0])
        seen, ended = [], threading.Event()

        def look() -> None:
            over = False
            while not over:
                over = ended.is_set()  # so it looks once, however fast the other is
                seen.append(read(file))
                there(place)

        def write() -> None:
            for body in bodies:
                put(file, body)
            ended.set()

        at_once([threading.Thread(target=look), threading.Thread(target=write)])
        assert seen
        assert set(seen) <= set(bodies)
        assert read(file) == bodies[-1]

    # only if it is new

    def test_a_file_that_is_there_is_kept(self, place: Place) -> None:
        file = place.below("f")
        put(file, b"first", only_new=True)
        with pytest.raises(FileExistsError):
            put(file, b"second", only_new=True)
        assert read(file) == b"first"
        assert there(place) == ["f"]
        put(file, b"third")
        assert read(file) == b"third"

    def test_of_many_at_once_one_wins(self, place: Place) -> None:
        for turn in range(10):
            file, won = place.below(str(turn)), list[bytes]()
            shared = (file, threading.Barrier(4), won)
            at_once(threading.Thread(target=claim, args=(b"%d" % n, *shared)) for n in range(4))
            assert [read(file)] == won
        assert there(place) == [str(turn) for turn in range(10)]

    # reading

    def test_ranges(self, place: Place) -> None:
        data = os.urandom(300_000)
        put(place.below("f"), data)
        with place.store.open(place.below("f").path) as file:
            assert file.readable()
            assert file.seekable()
            assert file.read(10) == data[:10]
            assert file.seek(200_000) == file.tell() == 200_000
            assert file.read(100_000) == data[200_000:]
            assert file.read(1) == b""
            assert file.seek(-5, os.SEEK_END) == 299_995
            assert file.read() == data[-5:]
            file.seek(7)
            file.seek(3, os.SEEK_CUR)
            some = bytearray(20)
            assert file.readinto(some) == 20  # type: ignore[attr-defined]
            assert some == data[10:30]
        assert file.closed

    def test_pyarrow_reads_columns_of_it(self, place: Place) -> None:
        table = pa.table({"a": list(range(10_000)), "b": ["x"] * 10_000})
        with place.store.writer(place.below("f").path) as out:
            pq.write_table(table, out, row_group_size=1000)
        with (
            place.store.open(place.below("f").path) as file,
            pq.ParquetFile(file, pre_buffer=False) as parquet,
        ):
            assert parquet.num_row_groups == 10
            assert parquet.read_row_group(7, ["b"]) == table.slice(7000, 1000).select(["b"])

    def test_what_is_not_there(self, place: Place) -> None:
        store, path = place.below("none", "f")
        assert store.file(path) is None
        assert store.file(place.path) is None
        assert list(store.list(path)) == list(store.list(path, deep=True)) == []
        with pytest.raises(FileNotFoundError) as raised:
            store.open(path)
        assert raised.value.filename == path
        with pytest.raises(FileNotFoundError):
            store.copy(path, place.below("g").path)
        store.delete(path)
        store.delete_below(path)
        store.delete_empty(path)
        assert there(place) == []

    def test_a_version_is_that_of_the_bytes(self, place: Place) -> None:
        file = place.below("f")
        put(file, b"one")
        first = known(file)
        assert known(file) == first
        ((listed,),) = (page.files for page in place.store.list(place.path))
        assert listed == first
        put(file, b"two")
        assert known(file).version != first.version
        assert known(file).path == first.path

    def test_what_was_seen_is_what_is_read(self, place: Place) -> None:
        file = place.below("f")
        for data in (b"one", b""):
            put(file, data)
            seen = known(file)
            with place.store.open(file.path, version=seen.version) as opened:
                assert opened.read() == data
            put(file, b"two")
            with pytest.raises(OSError, match="changed") as refused:
                place.store.open(file.path, version=seen.version)
            assert is_changed(refused.value)
            assert refused.value.filename == file.path
        place.store.delete(file.path)
        with pytest.raises(FileNotFoundError):
            place.store.open(file.path, version=seen.version)

    # listing

    def test_odd_names(self, place: Place) -> None:
        for name in self.names:
            put(place.below("in", name), name.encode())
            put(place.below(name, "inside"))
        assert there(place.below("in"), deep=False) == sorted(self.names)
        assert there(place.below("in")) == sorted(self.names)
        for name in self.names:
            file = place.below("in", name)
            assert read(file) == name.encode()
            assert known(file).path == file.path
            assert read(self.find(file.uri)) == name.encode()
            assert there(place.below(name)) == ["inside"]
        for name in self.names:
            place.store.delete(place.below("in", name).path)
        assert there(place.below("in")) == []

    def test_a_folder_is_listed_alone_or_with_all_below(self, place: Place) -> None:
        names = ("a", "b/a", "b/c/a", "b/c/d/a", "e/a")
        for name in names:
            put(place.below(name))
        assert there(place) == sorted(names)
        assert there(place, deep=False) == ["a"]
        assert folders(place) == [place.below("b").path, place.below("e").path]
        assert there(place.below("b"), deep=False) == ["a"]
        assert folders(place.below("b")) == [place.below("b", "c").path]
        assert there(place.below("b", "c")) == ["a", "d/a"]

    def test_a_listing_by_the_beginning_of_names(self, place: Place) -> None:
        for name in ("ab", "abc/x", "abc/ab", "a_", "b/ab", "ab%/x", "Ab"):
            put(place.below(name))
        assert there(place, prefix="ab") == ["ab", "ab%/x", "abc/ab", "abc/x"]
        assert there(place, prefix="abc/a") == ["abc/ab"]
        assert there(place, prefix="ab", deep=False) == ["ab"]
        pages = place.store.list(place.path, prefix="ab")
        found = [entry.path for page in pages for entry in page.folders]
        assert sorted(found) == [place.below("ab%").path, place.below("abc").path]
        assert there(place, prefix="c") == there(place, prefix="_") == []

    def test_a_listing_comes_in_pages(self, place: Place) -> None:
        count = 2 * PAGE + 1
        self.fill(place.below("many"), count)
        for deep, folder in ((False, place.below("many")), (True, place)):
            pages = list(folder.store.list(folder.path, deep=deep))
            assert len(pages) > 2
            assert max(len(page.entries) for page in pages) <= PAGE
            assert sum(len(page.files) for page in pages) == count
        assert len(set(there(place.below("many")))) == count

    # copying and removing

    def test_a_copy(self, place: Place) -> None:
        one, other = place.below("one"), place.below("new", "other")
        put(one, b"first")
        one.store.copy(one.path, other.path)
        put(one, b"second")
        assert read(other) == b"first"
        one.store.copy(one.path, other.path)
        assert read(other) == b"second"
        one.store.delete(one.path)
        assert read(other) == b"second"
        assert there(place) == ["new/other"]

    def test_what_was_seen_is_what_is_removed(self, place: Place) -> None:
        file = place.below("deep", "f")
        put(file, b"one")
        seen = known(file)
        put(file, b"two")
        with pytest.raises(OSError, match="changed") as refused:
            file.store.delete(file.path, version=seen.version)
        assert is_changed(refused.value)
        assert refused.value.filename == file.path
        assert read(file) == b"two"
        assert there(place) == ["deep/f"]
        second = known(file)
        file.store.delete(file.path, version=second.version)
        assert there(place) == []
        file.store.delete(file.path, version=second.version)
        put(file, b"third")
        with pytest.raises(OSError, match="changed"):
            file.store.delete(file.path, version=seen.version)
        assert there(place) == ["deep/f"]

    def test_a_removed_folder_takes_no_sibling_along(self, place: Place) -> None:
        inside = ("a/x", "a/.y", "a/b/c/z")
        siblings = ("a.csv", "ab/x", "a b/x", "a%/x", "aa", "_/x", "b/a/x")
        for name in (*inside, *siblings):
            put(place.below(name))
        place.store.delete_below(place.below("a").path)
        assert there(place) == sorted(siblings)
        place.store.delete_below(place.below("_").path)
        assert there(place) == sorted(name for name in siblings if name != "_/x")

    def test_only_an_empty_folder_goes_as_one(self, place: Place) -> None:
        put(place.below("a", "x"))
        place.store.delete_empty(place.below("a").path)
        assert there(place) == ["a/x"]
        place.store.delete(place.below("a", "x").path)
        place.store.delete_empty(place.below("a").path)
        assert folders(place) == []


class Outlives(Contract):
    """Also of a store that other processes see."""

    def test_a_killed_writer_leaves_no_file(self, place: Place) -> None:
        file = place.below("f")
        put(file, b"old")
        kill(file, self.finder)
        assert read(file) == b"old"
        file.store.delete(file.path)
        kill(file, self.finder)
        assert there(place) == []
        assert file.store.file(file.path) is None
        put(file, b"again")
        assert read(file) == b"again"


class KeepsUnfinished(Outlives):
    """Also of a store that is appendable."""

    def unfinished(self, place: Place) -> AbstractContextManager[Unfinished]:
        assert is_appendable(place.store)
        return place.store.unfinished(place.path)

    def begin(self, file: Place, facts: Facts | None) -> None:
        with self.unfinished(file) as part:
            assert (part.size, part.begun(), part.finished()) == (0, None, None)
            if facts is not None:
                part.note(facts)
            part.write(b"0123456789")
            assert part.size == 10
            assert file.store.file(file.path) is None

    def test_bytes_that_were_noted_are_continued(self, place: Place) -> None:
        file, facts = place.below("deep", "f"), {"of": "x", "parts": [1, None, {"a": "ä"}]}
        self.begin(file, facts)
        with self.unfinished(file) as part:
            assert (part.size, part.begun()) == (10, facts)
            assert b"".join(part.read(4)) == b"0123"
            part.cut(5)
            part.write(b"abc")
            part.publish({"of": "x", "whole": True})
        assert read(file) == b"01234abc"
        with self.unfinished(file) as part:
            assert (part.size, part.begun()) == (0, None)
            assert part.finished() == ({"of": "x", "whole": True}, 8)

    def test_bytes_that_were_not_noted_vanish(self, place: Place) -> None:
        file = place.below("f")
        self.begin(file, None)
        with self.unfinished(file) as part:
            assert (part.size, part.begun()) == (0, None)
        assert there(place) == []

    def test_what_is_started_anew_is_forgotten(self, place: Place) -> None:
        file = place.below("f")
        self.begin(file, {"of": "x"})
        with self.unfinished(file) as part:
            part.restart()
            assert (part.size, part.begun()) == (0, None)
            part.write(b"new")
        with self.unfinished(file) as part:
            assert part.size == 0
            part.write(b"newer")
            part.publish(None)
        assert read(file) == b"newer"
        with self.unfinished(file) as part:
            assert part.finished() is None
        assert there(place) == ["f"]

    def test_a_note_is_of_that_file_alone(self, place: Place) -> None:
        file = place.below("f")
        with self.unfinished(file) as part:
            part.write(b"one")
            part.publish({"of": "one"})
        put(file, b"two")
        with self.unfinished(file) as part:
            assert part.finished() is None

    def test_two_at_once_do_not_mix(self, place: Place) -> None:
        file = place.below("f")
        with self.unfinished(file) as first, self.unfinished(file) as second:
            first.note({"of": "first"})
            first.write(b"first")
            assert (second.size, second.begun()) == (0, None)
            second.note({"of": "second"})
            second.write(b"second")
            second.publish({"of": "second"})
            assert read(file) == b"second"
            first.write(b" goes on")
            first.publish(None)
        assert read(file) == b"first goes on"
        assert there(place) == ["f"]


def reads_in_any_order(place: Place) -> None:
    """Read a file from wherever, and on from there."""
    chance, data = random.Random(1), os.urandom(200_003)
    put(place, data)
    with place.store.open(place.path) as file:
        for _ in range(60):
            start = chance.choice([file.tell(), chance.randrange(len(data))])
            file.seek(start)
            size = chance.choice([1, 99, 1000, 30_000])
            assert file.read(size) == data[start : start + size]
    assert read(place) == data


def pass_through(store: Store, path: str, mebibytes: int) -> None:
    """Write a file, read it, say its size: what must take no more memory for a larger one."""
    block = bytes(1 << 20)
    with store.writer(path) as out:
        for _ in range(mebibytes):
            out.write(block)
    with store.open(path) as file:
        while file.read(1 << 20):
            pass
    found = store.file(path)
    print(found and found.size)
    store.delete(path)


def ended(place: Place, disk: Path, name: str) -> dict[str, bytes]:
    """What stays in a folder where killed removals have left a file that was to go, and another."""
    store, folder = place.below(name)
    here = disk / name
    put(place.below(name, "a"), b"to go")
    (here / "a").rename(here / names.leaving("a", known(place.below(name, "a")).version))
    (here / names.leaving("b", "9-9")).write_bytes(b"another")
    hidden = sorted(path.name for path in here.iterdir())
    assert len(hidden) == 2
    assert there(place) == []
    assert hides(store)
    store.settle(folder, prefix="c")
    store.settle(place.path)
    assert sorted(path.name for path in here.iterdir()) == hidden
    store.settle(place.path, deep=True)
    return {path.name: path.read_bytes() for path in here.iterdir()}
