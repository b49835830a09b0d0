"""What a store is: files under names, each there as a whole or not at all.

A path is text with `/` between its parts. Folders are no more than that; a disk has real ones, too.
"""

from __future__ import annotations

import errno
import io
import itertools
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, TypeGuard

if TYPE_CHECKING:
    from typing_extensions import Self

PAGE = 1000
"""Names in a page of a listing, at most: so many are held in memory."""


@dataclass(frozen=True)
class Can:
    """What a store can do beyond what all can.

    `appendable`: bytes of a file that never became whole stay, and are continued by a later
    process; the store is an `Appendable`.

    `links`: one file may be under several paths, with one `version`, which no other file has; the
    store is a `Resolves`.

    `aliases`: one file may be under several paths, and its `version` does not tell; the store is a
    `Resolves`, which does not know all of them.

    `pins`: what is opened is read in one version to its end, or the reader fails.

    `parts`: what a killed writer wrote stays, unseen; the store is a `KeepsParts`.

    `hides`: a file has a hidden name before it goes, and keeps it when the removal is killed; the
    store is a `Hides`.
    """

    appendable: bool = False
    links: bool = False
    pins: bool = False
    aliases: bool = False
    parts: bool = False
    hides: bool = False


@dataclass(frozen=True)
class File:
    """A file. `changed` is in seconds since 1970; `version` is another when its bytes are."""

    path: str
    size: int
    changed: float
    version: str


@dataclass(frozen=True)
class Folder:
    """What paths have in common up to a `/`, without it. `changed` is None where none is kept."""

    path: str
    changed: float | None = None


@dataclass(frozen=True)
class Page:
    """A part of a listing."""

    files: tuple[File, ...] = ()
    folders: tuple[Folder, ...] = ()

    @property
    def entries(self) -> tuple[File | Folder, ...]:
        """All of them."""
        return (*self.files, *self.folders)


def pages(entries: Iterable[File | Folder]) -> Iterator[Page]:
    """A store's listing, in pages."""
    left = iter(entries)
    while some := tuple(itertools.islice(left, PAGE)):
        yield Page(
            tuple(entry for entry in some if isinstance(entry, File)),
            tuple(entry for entry in some if isinstance(entry, Folder)),
        )


def changed(path: str) -> OSError:
    """What is said of a file that is not, or no longer, in the version that was seen."""
    return OSError(errno.ESTALE, "the file changed since it was first seen", path)


def is_changed(error: OSError) -> bool:
    """Whether it is what `changed` says."""
    return error.errno == errno.ESTALE


class Writer(io.BufferedIOBase):
    """A file that appears under its name in one step, when the `with` block ends well.

    When the block ends by an error, or the writer is closed in any other way, there is no file.
    A store's own writer has `write`, `_publish` and `_discard`.
    """

    def __init__(self) -> None:
        self.size = 0
        self._ended = False

    def writable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Bytes written so far."""
        return self.size

    @abstractmethod
    def write(self, data: Any, /) -> int:
        """All of `data`; count its bytes in `size`."""

    @abstractmethod
    def _publish(self) -> None:
        """Give what was written its name.

        :raises FileExistsError: only a new file was wanted.
        """

    @abstractmethod
    def _discard(self) -> None:
        """Remove what was written. Called at most once, also after a `_publish` that failed."""

    def commit(self) -> None:
        """Become the file.

        :raises FileExistsError: only a new file was wanted, and there is one.
        """
        self._check_open()
        self._ended = True
        try:
            self._publish()
        except BaseException:
            self._discard()
            raise
        finally:
            super().close()

    def abort(self) -> None:
        """Leave nothing. No harm when it has ended already."""
        if not self._ended:
            self._ended = True
            try:
                self._discard()
            finally:
                super().close()

    def close(self) -> None:
        """As `abort`: who lets go of a file has not said that it is whole."""
        self.abort()

    def _check_open(self) -> None:
        if self._ended:
            raise ValueError("the writer has ended")

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.abort()
        elif not self._ended:
            self.commit()


class Store(Protocol):
    """Files under names. Safe to be used by several threads.

    What is not there is a `FileNotFoundError`; other failures are `OSError`s, too, with the path
    for their `filename`.
    """

    @property
    def can(self) -> Can:
        """What it can do beyond this."""

    def uri(self, path: str) -> str:
        """The address by which `factory.stores.open_uri` finds it again."""

    def list(self, folder: str, *, deep: bool = False, prefix: str = "") -> Iterator[Page]:
        """What is in a folder, in any order, at most `PAGE` names at a time; nothing if none is.

        :param deep: files of all folders below as well. (The folders themselves where a store
            has such.)
        :param prefix: what names in the folder begin with; with `deep`, paths below it. A store
            that can asks for no others.
        """

    def file(self, path: str) -> File | None:
        """What is known of a file, or None when there is none."""

    def open(self, path: str, *, version: str | None = None) -> BinaryIO:
        """A file for reading: seekable, so that ranges are read, and as pyarrow takes it.

        :param version: the `File.version` that was seen: another one is refused as `changed`.
        """

    def writer(self, path: str, *, only_new: bool = False) -> Writer:
        """A new file, or one in place of what is there.

        :param only_new: the commit is a `FileExistsError` when there is one by then.
        """

    def copy(self, source: str, target: str) -> None:
        """`target` is the same bytes then, in one step as a writer's."""

    def delete(self, path: str, *, version: str | None = None) -> None:
        """Remove a file, if there is one.

        :param version: the `File.version` that was seen: another one stays, and is refused as
            `changed`, also where it came while an answer was lost and the request is repeated.
        """

    def delete_below(self, folder: str) -> None:
        """Remove all that is in a folder, of whatever depth, and what became of no writer."""

    def delete_empty(self, folder: str) -> None:
        """Remove a folder that holds nothing, where a store has such."""


def is_there(store: Store, path: str, version: str) -> bool:
    """Is a file there, in this version?

    :raises OSError: it is there in another one: `is_changed`.
    """
    found = store.file(path)
    if found is not None and found.version != version:
        raise changed(path)
    return found is not None


Facts = Mapping[str, Any]
"""What is noted of a file's bytes, as JSON has it."""


class Unfinished(Protocol):
    """The bytes of a file that has no name yet. Unless they are published they stay when they
    were noted, to be continued by a later process, and vanish when not.

    While another process has them, this is a new, empty one of which no note is kept.
    """

    @property
    def size(self) -> int:
        """Bytes so far."""

    def begun(self) -> Facts | None:
        """What was noted of these bytes."""

    def finished(self) -> tuple[Facts, int] | None:
        """What was noted of the file that stands in the place, and its size."""

    def read(self, size: int) -> Iterator[bytes]:
        """The first `size` bytes."""

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes; what is written comes behind them."""

    def restart(self) -> None:
        """Forget the bytes, and what was noted of them."""

    def note(self, facts: Facts) -> None:
        """Say what the bytes are."""

    def write(self, block: bytes) -> None:
        """Append all of it."""

    def publish(self, facts: Facts | None) -> None:
        """Become the file, in one step; `facts` are noted of it."""


class Appendable(Store, Protocol):
    """A store that keeps unfinished files."""

    def unfinished(self, path: str) -> AbstractContextManager[Unfinished]:
        """Those bytes of `path` that no file has come of yet."""


def is_appendable(store: Store) -> TypeGuard[Appendable]:
    """Does it keep unfinished files?"""
    return store.can.appendable


class KeepsParts(Store, Protocol):
    """A store where something stays of a writer that was killed."""

    @property
    def leaves_from(self) -> int:
        """Of one that has taken more bytes than these; 0: of any."""

    def cut_off(self, path: str) -> None:
        """Remove what writers of this path have left; one that is at work still fails."""


def keeps_parts(store: Store) -> TypeGuard[KeepsParts]:
    """Does something stay of a writer that was killed?"""
    return store.can.parts


class Hides(Store, Protocol):
    """A store where a file has a hidden name before it goes."""

    def settle(self, folder: str, *, deep: bool = False, prefix: str = "") -> None:
        """End what killed removals have left in a folder; none is harmed that is at work.

        What was to go goes. Another file gets its name again, unless a third has it.

        :param deep: in all folders below, too.
        :param prefix: what the files' own names begin with, as in `Store.list`.
        """


def hides(store: Store) -> TypeGuard[Hides]:
    """May a killed removal have hidden a file?"""
    return store.can.hides


class Resolves(Store, Protocol):
    """A store where one file may be under several paths."""

    def real(self, paths: Sequence[str]) -> Sequence[str]:
        """Each path without links, as far as that is known: equal ones are one file's."""


def resolves(store: Store) -> TypeGuard[Resolves]:
    """May one file be under several paths?"""
    return store.can.links or store.can.aliases


class Place(NamedTuple):
    """A file or a folder in a store."""

    store: Store
    path: str

    def below(self, *names: str) -> Place:
        """A place in this folder."""
        above = (self.path.rstrip("/"),) if self.path else ()
        return Place(self.store, "/".join((*above, *names)))

    @property
    def uri(self) -> str:
        """Its address."""
        return self.store.uri(self.path)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> Place:
        """The folder that it is in."""
        return Place(self.store, self.path.rpartition("/")[0])

    def __str__(self) -> str:
        return self.path
