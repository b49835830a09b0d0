"""Which files are a load's: one manifest for each, and an order among them that all agree on.

A manifest's own name tells its moment, its mode and its load, so that a listing of them is enough
to tell which count: the last that replaces, and all that came behind it; of one load, the last.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from factory.stores.model import Place, keeps_parts
from factory.transfer.errors import TransferError
from factory.transfer.lake.names import Attempt

FOLDER = "_manifests"
SUCCESS = "_SUCCESS"
_NAME = re.compile(r"([0-9]{20})-(append|replace)-([0-9a-f]{12})-([0-9a-f]{8})\.json")
_BEGUN = re.compile(r"([0-9a-f]{12})-([0-9a-f]{8})\.begun")


class DataFile(msgspec.Struct, frozen=True):
    """A file of a load; `path` is below the lake's folder."""

    path: str
    rows: int
    bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a load has published. `schema` is Arrow's own form of it, in base64."""

    load: str
    mode: str
    rows: int
    bytes: int
    columns: dict[str, str]
    partition_by: list[str]
    schema: str
    files: list[DataFile]


@dataclass(frozen=True, order=True)
class Entry:
    """A manifest by its name; one is later than another when it is greater."""

    stamp: int  # microseconds since 1970, and later than all that its load has seen
    load: str
    attempt: str
    mode: str

    @property
    def name(self) -> str:
        """Its name in the folder of manifests."""
        return f"{self.stamp:020}-{self.mode}-{self.load}-{self.attempt}.json"

    @property
    def token(self) -> str:
        """What stands in the names of its files."""
        return Attempt(self.load, self.attempt).token


@dataclass(frozen=True)
class Known:
    """What a listing of a lake's manifests tells."""

    entries: tuple[Entry, ...]  # the latest last
    begun: dict[str, float]  # attempts that have not ended, and when they began

    @property
    def live(self) -> tuple[Entry, ...]:
        """The manifests that count."""
        replacing = max((one for one in self.entries if one.mode == "replace"), default=None)
        last = {one.load: one for one in self.entries}
        return tuple(
            one
            for one in self.entries
            if last[one.load] == one and (replacing is None or one >= replacing)
        )

    @property
    def dead(self) -> tuple[Entry, ...]:
        """Those whose rows others have taken the place of."""
        live = set(self.live)
        return tuple(one for one in self.entries if one not in live)

    def stamp(self) -> int:
        """A moment behind all of them, whatever this machine's clock says."""
        latest = self.entries[-1].stamp if self.entries else 0
        return max(time.time_ns() // 1000, latest + 1)


def known(lake: Place) -> Known:
    """List the manifests; none is read."""
    entries, begun = [], {}
    for page in lake.store.list(lake.below(FOLDER).path):
        for file in page.files:
            name = file.path.rpartition("/")[2]
            if found := _NAME.fullmatch(name):
                entries.append(Entry(int(found[1]), found[3], found[4], found[2]))
            elif _BEGUN.fullmatch(name):
                begun[name.removesuffix(".begun")] = file.changed
    return Known(tuple(sorted(entries)), begun)


def read(lake: Place, entry: Entry) -> Manifest | None:
    """What it says; None: another load has removed it by now."""
    place = lake.below(FOLDER, entry.name)
    try:
        with place.store.open(place.path) as file:
            return msgspec.json.decode(file.read(), type=Manifest)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TransferError(
            f"{place.uri} is no manifest: {error}", "Another program wrote it: restore it"
        ) from None


def live(lake: Place) -> list[Manifest]:
    """All that counts in a folder, for readers who want whole loads only."""
    found = (read(lake, entry) for entry in known(lake).live)
    return [manifest for manifest in found if manifest is not None]


def write(lake: Place, entry: Entry, manifest: Manifest) -> None:
    """Publish: with this file, the load counts."""
    _put(lake.below(FOLDER, entry.name), msgspec.json.format(msgspec.json.encode(manifest)))


def succeed(lake: Place, entry: Entry, manifest: Manifest) -> None:
    """Say what was published last, for who waits for it."""
    said = {
        "manifest": f"{FOLDER}/{entry.name}",
        "rows": manifest.rows,
        "bytes": manifest.bytes,
        "files": len(manifest.files),
    }
    with suppress(FileNotFoundError):  # another load has cut this off, to write its own
        _put(lake.below(SUCCESS), msgspec.json.encode(said))


def begin(lake: Place, token: str, paths: Sequence[str]) -> None:
    """Note that an attempt is at work, and on which files: should it be killed, they are found."""
    _put(_note(lake, token), msgspec.json.encode(paths))


def end(lake: Place, token: str) -> None:
    """Its manifest is there, or none of its files is."""
    note = _note(lake, token)
    note.store.delete(note.path)


def _note(lake: Place, token: str) -> Place:
    return lake.below(FOLDER, f"{token}.begun")


def remove(lake: Place, entry: Entry) -> int:
    """Remove a load's files, and its manifest last: how many files?"""
    manifest = read(lake, entry)
    files: Sequence[DataFile] = manifest.files if manifest else ()
    for file in files:
        _delete(lake, file.path)
    lake.store.delete(lake.below(FOLDER, entry.name).path)
    return len(files)


def sweep(lake: Place, tokens: Collection[str], paths: Iterable[str]) -> None:
    """Remove the files of attempts that were killed, those that they were at work on, too."""
    for path in paths:
        _delete(lake, path)
    for token in tokens:
        for path in _unfinished(lake, token):
            if keeps_parts(lake.store):
                lake.store.cut_off(lake.below(path).path)
            _delete(lake, path)
        end(lake, token)


def _unfinished(lake: Place, token: str) -> list[str]:
    """The files that an attempt was at work on."""
    note = _note(lake, token)
    try:
        with note.store.open(note.path) as file:
            return msgspec.json.decode(file.read(), type=list[str])
    except (FileNotFoundError, msgspec.DecodeError):
        return []


def _delete(lake: Place, path: str) -> None:
    """A file, and the folders of its values that are empty then."""
    store = lake.store
    store.delete(lake.below(path).path)
    while "/" in path:
        path = path.rpartition("/")[0]
        store.delete_empty(lake.below(path).path)


def _put(place: Place, data: bytes) -> None:
    with place.store.writer(place.path) as out:
        out.write(data)
