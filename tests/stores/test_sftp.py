"""Files of an SFTP server, on a real one."""

import errno
import os
import threading
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from factory.errors import FactoryError
from factory.stores import names, ranged
from factory.stores.disk import Disk
from factory.stores.model import Place
from factory.stores.sftp import SFTP, session, wire, writer
from factory.stores.sftp import place as place_of
from factory.stores.sftp.session import Session
from factory.stores.sftp.wire import Request, Wire
from factory.transfer.copies import copy, pairs, remove_copied
from factory.transfer.errors import TransferError
from factory.transfer.files import listed, named_below

from ..transfer.memory import grown
from . import sftp_server
from .cable import Cable, before
from .contract import (
    Outlives,
    at_once,
    ended,
    folders,
    kill,
    known,
    put,
    read,
    reads_in_any_order,
    there,
)
from .sftp_server import CLOSED, LOGIN, PASSWORD, Server, find, running, serve

MB = 1 << 20


@pytest.fixture
def place(
    real_sftp: Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Place]:
    serve(monkeypatch, real_sftp)
    folder = zlib.crc32(request.node.nodeid.encode())
    place: Place = find(f"sftp://it{real_sftp.home}/{folder}")
    assert not there(place)
    yield place
    place.store.delete_below(place.path)


@pytest.fixture
def disk(place: Place) -> Path:
    """The same folder, as the server has it."""
    folder = Path(place.path)
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def cable(real_sftp: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cable]:
    monkeypatch.setattr(session, "PAUSE", 0)
    with before(real_sftp.port) as cable:
        yield cable


@pytest.fixture
def behind(
    place: Place, cable: Cable, real_sftp: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """The same place, by a line that can be cut."""
    serve(monkeypatch, real_sftp, cable.port)
    behind: Place = find(place.uri)
    yield behind
    sftp_server.session().close()


class TestSFTP(Outlives):
    finder = "tests.stores.sftp_server:find"

    @pytest.fixture
    def place(self, place: Place) -> Place:
        return place

    def fill(self, folder: Place, count: int) -> None:
        Path(folder.path).mkdir(parents=True)
        for number in range(count):
            Path(folder.path, str(number)).touch()


# addresses


def connect(conn_id: str) -> Session:
    return sftp_server.session()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sftp://it/in/a b%20.csv", "/in/a b%20.csv"),
        ("sftp://it/", "/"),
        ("sftp://it/~/in/x", "~/in/x"),
        ("sftp://it/~", "~"),
        ("sftp://it/~x/y", "/~x/y"),
    ],
)
def test_an_address(uri: str, path: str) -> None:
    found = place_of(uri, connect)
    assert found == Place(SFTP("it", connect), path)
    assert found.uri == uri


@pytest.mark.parametrize(
    "uri", ["sftp://it", "sftp:///x", "sftp://me:s3cret@host/x", "sftp://a b/"]
)
def test_an_address_that_is_none_is_not_shown(uri: str) -> None:
    with pytest.raises(FactoryError, match="names no connection, or no path") as refused:
        place_of(uri, connect)
    assert "s3cret" not in f"{refused.value} {refused.value.hint}"


def test_what_is_below_the_folder_that_a_login_begins_in(place: Place, real_sftp: Server) -> None:
    home = find("sftp://it/~/own")
    put(home.below("new", "a"), b"1")
    assert (real_sftp.home / "own" / "new" / "a").read_bytes() == b"1"
    assert there(home) == ["new/a"]
    assert read(find("sftp://it/~").below("own", "new", "a")) == b"1"
    home.store.delete_below(home.path)
    assert not (real_sftp.home / "own").exists()


# reading


def test_ranges_are_read_ahead_and_in_any_order(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, value in (
        (ranged, "FIRST", 1000),
        (ranged, "BLOCK", 9000),
        (ranged, "_BUFFER", 100),
        (wire, "MOST", 700),
        (wire, "IN_FLIGHT", 3),
    ):
        monkeypatch.setattr(module, name, value)
    reads_in_any_order(place)


def test_a_server_may_give_less_than_it_was_asked_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(100_000)
    put(place, data)
    asked = wire.reads

    def fewer(handle: bytes, start: int, length: int) -> Request:
        return asked(handle, start, min(length, 9000))

    monkeypatch.setattr(wire, "reads", fewer)
    assert read(place) == data


@pytest.mark.parametrize("change", ["grown", "shrunk", "touched"])
def test_a_file_that_changes_while_it_is_read(change: str, place: Place, disk: Path) -> None:
    """By who writes it, in its place; one that gets its name at the end is another file."""
    file = place.below("f")
    put(file, b"a" * MB)
    with place.store.open(file.path) as given:
        assert given.read(10) == b"a" * 10
        if change == "touched":
            os.utime(disk / "f", (1, 1))
        else:
            os.truncate(disk / "f", 2 * MB if change == "grown" else MB // 2)
        with pytest.raises(OSError, match="changed since it was first seen") as told:
            given.read()
    assert (told.value.errno, told.value.filename) == (errno.ESTALE, file.path)
    with place.store.open(file.path) as given:
        put(file, b"b" * MB)
        place.store.delete(file.path)
        assert len(given.read()) > 0


def test_a_folder_is_no_file(place: Place) -> None:
    put(place.below("a", "b"))
    with pytest.raises(OSError, match=r"folder|directory"):
        place.store.open(place.below("a").path)
    with pytest.raises(IsADirectoryError, match="there is a folder of this name"):
        put(place.below("a"))
    with pytest.raises(FileExistsError):
        put(place.below("a"), only_new=True)
    assert there(place) == ["a/b"]
    assert place.store.file(place.below("a").path) is None
    assert place.store.file(place.below("a", "b", "c").path) is None
    assert list(place.store.list(place.below("a", "b").path)) == []


# listing and removing


def test_links(place: Place, disk: Path) -> None:
    put(place.below("real", "f"), b"x")
    (disk / "file").symlink_to("real/f")
    (disk / "folder").symlink_to("real")
    (disk / "broken").symlink_to("nothing")
    os.mkfifo(disk / "pipe")
    assert there(place) == ["file", "real/f"]
    assert folders(place) == [place.below("real").path]
    assert read(place.below("folder", "f")) == b"x"
    with pytest.raises(OSError, match="link to a folder"):
        place.store.delete_below(place.below("folder").path)
    assert there(place) == ["file", "real/f"]


def test_a_name_that_is_no_text(place: Place, disk: Path) -> None:
    name = os.fsdecode(b"caf\xe9.csv")
    (disk / name).write_bytes(b"1")
    assert there(place) == [name]
    assert read(place.below(name)) == b"1"
    put(place.below(name), b"2")
    assert (disk / name).read_bytes() == b"2"


def test_folders_tell_when_they_changed(place: Place, disk: Path) -> None:
    put(place.below("a", "b", "f"))
    os.utime(disk / "a", (1000, 1000))
    ((folder,),) = (page.folders for page in place.store.list(place.path))
    assert folder.changed == 1000


def test_a_folder_that_is_closed(place: Place, disk: Path) -> None:
    put(place.below("a"))
    closed = place.below(CLOSED)
    (disk / CLOSED).mkdir()
    assert there(place) == ["a"]
    with pytest.raises(PermissionError, match="refuses this to the login of the connection 'it'"):
        there(closed)
    with pytest.raises(PermissionError, match="refuses this"):
        put(closed.below("f"))
    with pytest.raises(PermissionError):
        place.store.file(closed.below("f").path)
    (disk / CLOSED).rmdir()


def test_what_cannot_be_removed_stays_and_the_rest_goes(place: Place, disk: Path) -> None:
    put(place.below("a"))
    put(place.below("z", "b"))
    (disk / CLOSED).mkdir()
    with pytest.raises(PermissionError):
        place.store.delete_below(place.path)
    assert [path.name for path in disk.iterdir()] == [CLOSED]
    (disk / CLOSED).rmdir()


# writing


def hidden(disk: Path) -> list[str]:
    return sorted(path.name for path in disk.iterdir() if path.name.startswith("."))


def test_a_file_is_written_beside_its_place_and_not_shown(
    place: Place, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BLOCK", 1000)
    with place.store.writer(place.below("f").path) as out:
        out.write(b"x" * 2500)
        (name,) = hidden(disk)
        assert name.startswith(".f.")
        assert there(place) == []
    assert os.listdir(disk) == ["f"]
    assert (disk / "f").stat().st_size == 2500


def test_what_a_killed_writer_left_goes_with_the_next(
    place: Place, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PAUSE", 0.0)
    kill(place.below("f"), TestSFTP.finder, count=2 * MB)
    assert len(hidden(disk)) == 1
    put(place.below("f2"))
    assert len(hidden(disk)) == 1
    put(place.below("f"))
    assert sorted(os.listdir(disk)) == ["f", "f2"]


def test_a_writer_that_was_thought_dead_is_cut_off(
    place: Place, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BLOCK", 3)
    monkeypatch.setattr(writer, "_PAUSE", 0.0)
    late = place.store.writer(place.below("f").path)
    late.write(b"late")
    put(place.below("f"), b"new")
    with pytest.raises(FileNotFoundError):
        late.commit()
    assert read(place.below("f")) == b"new"
    assert os.listdir(disk) == ["f"]


def test_one_of_the_same_size_in_the_same_second_is_another_version(place: Place) -> None:
    seen = set()
    for number in range(4):
        put(place, b"%d" % number)
        seen.add(known(place).version)
    assert len(seen) == 4


@pytest.fixture(scope="module")
def plain_sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has version 3 of the protocol, and no more."""
    lacks = (wire.POSIX_RENAME, wire.HARDLINK, wire.FSYNC)
    with running(tmp_path_factory.mktemp("plain"), lacks=lacks) as server:
        yield server


def test_a_server_without_extensions(
    plain_sftp: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve(monkeypatch, plain_sftp)
    place: Place = find(f"sftp://it{tmp_path}")
    contract = TestSFTP()
    contract.test_a_file_appears_when_its_writer_ends(place.below("1"))
    contract.test_the_file_before_stays_until_then(place.below("2"))
    contract.test_of_many_at_once_one_wins(place.below("3"))
    contract.test_a_file_that_is_there_is_kept(place.below("4"))
    contract.test_what_was_seen_is_what_is_removed(place.below("5"))
    assert [name for name in there(place) if "/." in name] == []
    assert {len(list((tmp_path / name).iterdir())) for name in "24"} == {1}


# the connection breaks off


def test_a_read_goes_on_after_a_break(behind: Place, cable: Cable) -> None:
    data = os.urandom(12 * MB)
    put(behind, data)
    cable.cut_after(7 * MB)
    assert read(behind) == data
    assert cable.made == 2
    cable.cut()
    assert known(behind).size == len(data)
    assert cable.made == 3


def test_a_file_that_changed_meanwhile_is_not_read_on(behind: Place, cable: Cable) -> None:
    put(behind, b"a" * MB)
    with behind.store.open(behind.path) as file:
        file.read(10)
        put(behind, b"b" * MB)
        cable.cut()
        with pytest.raises(OSError, match="changed since it was first seen"):
            file.read()


def test_a_write_goes_on_after_a_break(behind: Place, cable: Cable) -> None:
    data = os.urandom(12 * MB)
    put(behind.below("before"))
    cable.cut_after(7 * MB)
    put(behind.below("f"), data)
    assert cable.made == 2
    assert read(behind.below("f")) == data
    assert there(behind) == ["before", "f"]


def test_a_write_of_what_was_lost_is_no_file(
    behind: Place, cable: Cable, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that lost power may have forgotten what it took."""
    monkeypatch.setattr(writer, "BLOCK", 1000)

    def write() -> None:
        with behind.store.writer(behind.below("f").path) as out:
            out.write(b"x" * 5000)
            (name,) = hidden(disk)
            cable.cut()
            os.truncate(disk / name, 2000)
            out.write(b"x" * 5000)

    with pytest.raises(OSError, match="2,000 of 5,000 bytes arrived"):
        write()
    assert os.listdir(disk) == []


def lose_answers(
    monkeypatch: pytest.MonkeyPatch,
    cable: Cable,
    to: int,
    extension: str = "",
    meanwhile: Callable[[], None] = lambda: None,
) -> list[int]:
    """The answer to such a request is lost, once; and this happens."""
    ask, lost = Wire.ask, list[int]()

    def losing(self: Wire, requests: Any) -> Any:
        given = list(requests)
        replies = ask(self, given)
        means = (one.kind == to and extension.encode() in one.body for one in given)
        if not lost and any(means):
            lost.append(to)
            meanwhile()
            cable.cut()
            self.close()
            raise EOFError
        return replies

    monkeypatch.setattr(Wire, "ask", losing)
    return lost


@pytest.mark.parametrize("only_new", [False, True])
def test_an_answer_that_is_lost_is_no_failure(
    only_new: bool, behind: Place, cable: Cable, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extension = wire.HARDLINK if only_new else wire.POSIX_RENAME
    lost = lose_answers(monkeypatch, cable, wire.EXTENDED, extension)
    put(behind.below("f"), b"one", only_new=only_new)
    assert len(lost) == 1
    assert read(behind.below("f")) == b"one"
    assert os.listdir(disk) == ["f"]
    with pytest.raises(FileExistsError):
        put(behind.below("f"), b"two", only_new=True)


@pytest.mark.parametrize("later", [b"", b"a new delivery"])
@pytest.mark.parametrize("lost", [wire.RENAME, wire.REMOVE])
def test_a_removal_that_is_repeated_takes_nothing_new(
    lost: int,
    later: bytes,
    behind: Place,
    cable: Cable,
    disk: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = behind.below("f")
    put(file, b"seen")
    seen = known(file)

    def deliver() -> None:
        if later:
            (disk / "f").write_bytes(later)

    happened = lose_answers(monkeypatch, cable, lost, meanwhile=deliver)
    if later and lost == wire.REMOVE:
        with pytest.raises(OSError, match="changed since it was first seen"):
            file.store.delete(file.path, version=seen.version)
    else:
        file.store.delete(file.path, version=seen.version)
    assert happened == [lost]
    assert [path.read_bytes() for path in disk.iterdir()] == ([later] if later else [])


def comes_before(monkeypatch: pytest.MonkeyPatch, kind: int, happens: Callable[[], object]) -> None:
    """Just before the first such request, this happens."""
    ask, left = Wire.ask, [happens]

    def asking(self: Wire, requests: Any) -> Any:
        given = list(requests)
        if left and any(one.kind == kind for one in given):
            left.pop()()
        return ask(self, given)

    monkeypatch.setattr(Wire, "ask", asking)


def test_a_delivery_between_the_look_and_the_removal_gets_its_name_again(
    place: Place, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = place.below("f")
    put(file, b"seen")
    seen = known(file)
    comes_before(monkeypatch, wire.RENAME, lambda: (disk / "f").write_bytes(b"later"))
    with pytest.raises(OSError, match="changed since it was first seen"):
        file.store.delete(file.path, version=seen.version)
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == {"f": b"later"}


@pytest.mark.parametrize("held", [b"seen", b"other"])
def test_what_a_killed_removal_held_is_seen_to(held: bytes, place: Place, disk: Path) -> None:
    put(place.below("f"), held)
    wanted = known(place.below("f")).version if held == b"seen" else "9-9"
    (disk / "f").rename(disk / names.leaving("f", wanted))
    if held == b"seen":
        place.store.delete(place.below("f").path, version=wanted)
        assert list(disk.iterdir()) == []
        return
    with pytest.raises(OSError, match="changed since it was first seen"):
        place.store.delete(place.below("f").path, version=wanted)
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == {"f": b"other"}


def test_what_killed_removals_left_is_no_data_and_is_ended(place: Place, disk: Path) -> None:
    assert ended(place, disk, "settled") == {"b": b"another"}


def test_a_folder_that_takes_the_name_is_not_hidden(
    place: Place, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = place.below("f")
    put(file, b"seen")
    seen = known(file)

    def becomes_a_folder() -> None:
        (disk / "f").unlink()
        (disk / "f").mkdir()

    comes_before(monkeypatch, wire.RENAME, becomes_a_folder)
    with pytest.raises(OSError, match="changed since it was first seen"):
        file.store.delete(file.path, version=seen.version)
    assert [path.name for path in disk.iterdir()] == ["f"]


def test_a_third_file_of_the_name_loses_nothing(
    place: Place, disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(place.below("f"), b"third")
    aside = disk / names.leaving("f", "9-9")
    aside.write_bytes(b"second")
    with pytest.raises(OSError, match="changed since it was first seen"):
        place.store.delete(place.below("f").path, version="9-9")
    assert (aside.read_bytes(), (disk / "f").read_bytes()) == (b"second", b"third")
    assert f"the one before is kept as {aside}" in caplog.text


def test_a_server_that_renames_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    put(place, b"1")
    # a message that no server knows
    monkeypatch.setattr(wire, "renames", lambda one, other: wire.on(99, one))
    with pytest.raises(OSError, match="changed since"):
        place.store.delete(place.path, version="9-9")
    place.store.delete(place.path, version=known(place).version)
    assert place.store.file(place.path) is None


def test_a_listing_that_breaks_off_is_no_shorter_one(
    behind: Place, cable: Cable, disk: Path
) -> None:
    for number in range(2500):
        (disk / str(number)).touch()
    listed = behind.store.list(behind.path)
    assert len(next(listed).files) == 1000
    cable.cut()
    with pytest.raises(ConnectionError, match="broke off while the folder was listed"):
        list(listed)
    assert len(there(behind)) == 2500


def test_a_server_that_is_gone(place: Place, cable: Cable, real_sftp: Server) -> None:
    store = asked(real_sftp, port=cable.port)
    put(Place(store, place.path))
    cable.close()
    with pytest.raises(ConnectionError, match="not reached, or broke off, 4 times") as told:
        read(Place(store, place.path))
    assert told.value.filename == place.path


def test_a_process_that_forks_does_not_share_it(place: Place) -> None:
    put(place, b"1")
    child = os.fork()
    if not child:
        same = read(place) == b"1"
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert read(place) == b"1"


def test_threads_share_one_connection(behind: Place, cable: Cable) -> None:
    def work(number: int) -> None:
        data = bytes([number]) * (300_000 + number)
        for turn in range(2):
            file = behind.below(str(number), str(turn))
            put(file, data)
            assert read(file) == data
            done.append(there(behind.below(str(number))))

    done: list[list[str]] = []
    at_once(threading.Thread(target=work, args=(number,)) for number in range(4))
    assert len(done) == 8
    assert cable.made == 1


# what is wrong


def asked(server: Server, **other: Any) -> SFTP:
    """A store of an address that is somehow other than the server's."""
    key = other.get("host_key", server.host_key)
    port = other.get("port", server.port)

    def log_in() -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        if key:
            name, data = key.split()[:2]
            parsed = paramiko.PKey.from_type_string(name, b64decode(data))
            client.get_host_keys().add(f"[127.0.0.1]:{port}", name, parsed)
        password = other.get("password", PASSWORD)
        client.connect(
            "127.0.0.1",
            port,
            LOGIN,
            password,
            timeout=10,
            banner_timeout=60,
            look_for_keys=False,
            allow_agent=False,
        )
        return client

    made = Session(log_in)
    return SFTP("drop", lambda _: made)


OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEGgd2vLDXjJ2PsJD9rYZy9sGXYxNkE9VfGzqH0CSY6O"


@pytest.mark.parametrize(
    ("other", "kind", "said", "hint"),
    [
        ({"password": "no"}, PermissionError, "refuses the login", "password or key"),
        ({"host_key": ""}, PermissionError, "key of the SFTP server .* not known", "ssh-keyscan"),
        ({"host_key": OTHER_KEY}, PermissionError, "has another key", "somebody stands between"),
        ({"port": 9}, ConnectionError, "was not reached", ""),
    ],
)
def test_what_is_wrong_is_told(
    other: dict[str, Any],
    kind: type[OSError],
    said: str,
    hint: str,
    real_sftp: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "PAUSE", 0)
    store = asked(real_sftp, **other)
    for ask in (
        lambda: list(store.list("/x")),
        lambda: store.open("/x"),
        lambda: put(Place(store, "/x")),
        lambda: store.delete_below("/x"),
        lambda: store.file("/x"),
    ):
        with pytest.raises(kind, match=said) as told:
            ask()
        assert told.value.filename == "/x"
        assert "'drop'" in str(told.value)
        assert hint in getattr(told.value, "hint", "")
        assert PASSWORD not in str(told.value)


LARGE = """
import sys
from factory.stores import ranged
from tests.stores.contract import pass_through
from tests.stores.sftp_server import find
store, path = find(f"sftp://it{sys.argv[1]}/large")
store.file("/warm")
ranged.BLOCK = 2 << 20  # five are read ahead, each twice while it is put together

def work():
    pass_through(store, path, 100)
"""


def test_memory_does_not_grow_with_the_file(place: Place, tmp_path: Path) -> None:
    said, mebibytes = grown(LARGE, tmp_path)
    assert said == str(100 << 20)
    assert mebibytes < 90


def test_hidden_files_of_others_stay(
    place: Place, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PAUSE", 0.0)
    others = [".orders.csv.part", ".orders.part", f".orders.csv.{'0' * 32}.part"]
    for name in others:
        (disk / name).touch()
    (disk / f".orders.{'0' * 32}.part").touch()
    put(place.below("orders"))
    assert sorted(os.listdir(disk)) == sorted([*others, "orders"])


def test_what_was_there_stays_though_its_writer_was_killed_at_the_exchange(
    plain_sftp: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve(monkeypatch, plain_sftp)
    monkeypatch.setattr(writer, "_PAUSE", 0.0)
    place: Place = find(f"sftp://it{tmp_path}/f")
    put(place, b"before")
    (tmp_path / "f").rename(tmp_path / names.aside("f"))  # there it was killed
    writing = place.store.writer(place.path)
    writing.write(bytes(writer.BLOCK + 1))
    writing.abort()
    (left,) = tmp_path.iterdir()
    assert left.read_bytes() == b"before"


@pytest.mark.parametrize("by", ["home", "link", "disk"])
def test_a_move_onto_itself_by_another_address_loses_nothing(
    by: str, place: Place, disk: Path, real_sftp: Server
) -> None:
    put(place.below("x.csv"), b"1")
    os.utime(disk / "x.csv", (1e9, 1e9))
    source, target = Place(place.store, f"{place.path}/x.csv"), place
    if by == "home":
        target = find(f"sftp://it/~/{disk.relative_to(real_sftp.home)}")
    elif by == "link":
        (disk.parent / f"{disk.name}-link").symlink_to(disk)
        target = Place(place.store, f"{place.path}-link")
    else:
        source = Place(Disk(), str(disk / "x.csv"))
    given = pairs(source.store, named_below(*source), target.below(""))

    def move() -> None:
        remove_copied(source.store, copy(source.store, given, target.store, "fail"), target.store)

    with pytest.raises(TransferError, match="itself, by another address"):
        move()
    assert (disk / "x.csv").read_bytes() == b"1"


def test_a_file_by_two_addresses_is_read_once(place: Place, disk: Path, real_sftp: Server) -> None:
    for name in ("a.csv", "b.csv"):
        put(place.below(name), b"1")
        os.utime(disk / name, (1e9, 1e9))
    home = f"~/{disk.relative_to(real_sftp.home)}"
    found = listed(place.store, [f"{home}/*.csv", f"{place.path}/a.csv"])
    assert [file.path for file in found] == [f"{home}/b.csv", f"{place.path}/a.csv"]


def test_a_server_that_tells_no_real_paths(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "REALPATH", 99)  # a message that no server knows
    assert place.store.real(["~/a", "/b"]) == ["~/a", "/b"]  # type: ignore[attr-defined]


def test_a_move_that_was_killed_before_it_removed_goes_on(place: Place, disk: Path) -> None:
    for name in ("a", "b"):
        put(place.below(name, "x.csv"), b"1")
        os.utime(disk / name / "x.csv", (1e9, 1e9))
    files = named_below(place.store, f"{place.path}/a/x.csv")
    target = place.below("b", "")
    done = copy(place.store, pairs(place.store, files, target), place.store, "fail")
    assert (len(done.there), remove_copied(place.store, done, place.store)) == (1, [])
    assert not (disk / "a" / "x.csv").exists()
    assert (disk / "b" / "x.csv").read_bytes() == b"1"


def test_a_server_that_tells_no_size(
    place: Place, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(place.below("x.csv"), b"1")
    real = wire.facts_of
    monkeypatch.setattr(wire, "facts_of", lambda said: real(said)._replace(size=None))
    for ask in (place.store.file, place.store.open):
        with pytest.raises(OSError, match="does not tell the size"):
            ask(place.below("x.csv").path)


@pytest.mark.parametrize("told", [0, 39])
def test_a_server_that_tells_too_small_a_size(
    told: int, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(place, bytes(44))
    real = wire.facts_of
    monkeypatch.setattr(wire, "facts_of", lambda said: real(said)._replace(size=told))
    with pytest.raises(OSError, match=f"more than the {told} bytes"):
        read(place)


def test_a_server_that_sets_no_dates(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    # a message that no server knows
    monkeypatch.setattr(wire, "dates", lambda path, at: wire.on(99, path))
    put(place, b"1")
    put(place, b"2")
    assert read(place) == b"2"
