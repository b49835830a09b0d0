"""Files to other places: by the store itself within one, in a stream between two.

All are copied before the first source is removed, and none is where a look before shows that one
cannot be. What was copied by an earlier try is known by its bytes, and counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Literal, NamedTuple, TypeVar
from unicodedata import normalize

from factory.definitions import paths
from factory.stores import without_connection
from factory.stores.model import File, Place, Store, hides, is_changed, resolves
from factory.transfer.errors import BadRow, TransferError
from factory.transfer.files import Named

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")

_BLOCK = 1 << 20
_THREADS = 8
_SMALL = 4 << 20
"""Bytes of a file up to which several are copied at once: a writer may hold parts in memory."""
_SHOWN = 3
_ELSEWHERE = (
    "Copy to another place, such as one with the run's date in it; or say what is meant: "
    "`if_exists: replace` or `skip`"
)
_NEW, _SAME, _OTHER = "new", "same", "other"


class Pair(NamedTuple):
    """A file, and the path where its copy will be."""

    file: File
    target: str


class Copied(NamedTuple):
    """What became of files: `there` were copied before, `kept` are names that others have."""

    copied: list[Pair]
    there: list[Pair]
    kept: list[Pair]

    @property
    def verified(self) -> list[File]:
        """Files whose copies are there for certain."""
        return [pair.file for pair in (*self.copied, *self.there)]


def pairs(
    source: Store, files: Sequence[Named], target: Place, *, at: Sequence[str] = ()
) -> list[Pair]:
    """Which file goes where: below a folder, whose path ends in `/`, or to one name.

    :param at: the paths and patterns by which the files were found.
    :raises TransferError: two would have one name, a file would be its own copy, or copies would
        be found by the next run; or an address is unclear.
    """
    store, path = target
    for uri in (*map(source.uri, at), target.uri):
        require_clear(uri, "nothing was copied")
    if not paths.is_folder(path):
        if len(files) > 1:
            raise TransferError(
                f"{len(files)} files cannot have the one name {target.uri}",
                "Write a `/` behind it: then it is a folder, and they keep their names",
            )
        found = [Pair(file, path) for _, file in files]
    else:
        found = [Pair(file, target.below(_safe(source, name, file)).path) for name, file in files]
    if source == store:
        _refuse_itself(target, found, at)
    _refuse_clash(store, found)
    return found


def copy(
    source: Store,
    given: Sequence[Pair],
    target: Store,
    if_exists: Literal["fail", "skip", "replace"],
) -> Copied:
    """Copy what is not there yet, each verified; `if_exists` is for names that others have.

    :raises TransferError: such a name, with `fail`: before anything is copied.
    :raises BadRow: a file changed while it was copied.
    """
    new, there, others = sorted_out(source, given, target)
    if if_exists == "fail":
        require_none(others, target)
    todo = [*new, *others] if if_exists == "replace" else new
    copy_each(source, todo, target)
    require_apart(source, [*todo, *there], target)
    return Copied(todo, there, others if if_exists == "skip" else [])


def copy_each(source: Store, todo: Sequence[Pair], target: Store) -> None:
    """Copy each, and verify it.

    :raises BadRow: a file changed while it was copied.
    """
    small = [pair for pair in todo if pair.file.size <= _SMALL]
    _each(lambda pair: _copy(source, pair, target), small)
    for pair in todo:
        if pair.file.size > _SMALL:
            _copy(source, pair, target)


def require_free(source: Store, given: Sequence[Pair], target: Store, hint: str) -> None:
    """See that no copy's name is another file's.

    :raises TransferError: one is.
    """
    require_none(sorted_out(source, given, target)[2], target, hint)


def remove(store: Store, files: Sequence[File]) -> list[File]:
    """Remove files that are still as they were seen; those that are not stay, and are returned."""
    stayed = _each(lambda file: _remove(store, file), files)
    return [file for file, stays in zip(files, stayed, strict=True) if stays]


def remove_copied(store: Store, done: Copied, target: Store) -> list[File]:
    """Remove the sources of copies, as `remove` does.

    :raises TransferError: a copy that was there before is the source, by another address.
    """
    for pair in done.there:
        if _may_be_itself(store, pair, target):
            _require_other(store, pair, target)
    return remove(store, done.verified)


def settle(place: Place) -> None:
    """End removals that were killed: of the files of a path, a pattern or a folder.

    Before files are listed: what was to go is not seen, nor another that was hidden instead.
    """
    store, path = place
    if hides(store):
        folder = paths.beginning(path)
        below = path[len(folder) :].lstrip("/")
        begins = paths.MAGIC.split(below, maxsplit=1)[0]
        store.settle(
            folder, deep=paths.is_folder(path) or "/" in below or "**" in below, prefix=begins
        )


def require_clear(uri: str, so: str) -> None:
    """See that each part of an address has a name.

    :raises TransferError: one has not: stores differ in what that means.
    """
    if paths.gap(uri) is not None:
        raise TransferError(
            f"{uri} has an empty part, `.` or `..`: {so}",
            "Did a template give nothing? Write the path without",
        )


def some(names: Sequence[str], of: int | None = None) -> str:
    """`a.csv, b.csv and 5 more`; they may be the first `of` so many."""
    more = (of or len(names)) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _safe(store: Store, name: str, file: File) -> str:
    if paths.gap(f"/{name}") is not None:
        raise TransferError(
            f"{store.uri(file.path)} has an empty part, `.` or `..` in its name: elsewhere that "
            "would be another place"
        )
    return name


def _refuse_itself(target: Place, given: Iterable[Pair], at: Sequence[str]) -> None:
    if itself := [pair.target for pair in given if pair.target == pair.file.path]:
        names = some([target.store.uri(path) for path in itself])
        raise TransferError(f"{names} would be copied to where it is", "Name another place")
    deep = (paths.beginning(path) for path in at if paths.is_deep(path))
    if any(paths.is_below(target.path, folder) for folder in deep):
        raise TransferError(
            f"{target.uri} is in the folder that is copied: the next run would copy the copies",
            "Copy to a folder beside it, or take a pattern without `**`",
        )


def _refuse_clash(store: Store, given: Iterable[Pair]) -> None:
    seen: dict[str, str] = {}
    for file, path in given:
        if (other := seen.setdefault(path, file.path)) != file.path:
            raise TransferError(
                f"{other} and {file.path} would both be {store.uri(path)}: nothing was copied",
                "Copy them by steps of their own, to two folders",
            )


def _each(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    if not items:
        return []
    first = work(items[0])  # here: it may log in, for which Airflow wants the main thread
    with ThreadPoolExecutor(_THREADS) as pool:
        return [first, *pool.map(work, items[1:])]


def sorted_out(
    source: Store, given: Sequence[Pair], target: Store
) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Those whose copies are not there, are there, and have names of other files."""
    states = _each(lambda pair: _state(source, pair, target), given)
    new, there, others = (
        [pair for pair, state in zip(given, states, strict=True) if state == which]
        for which in (_NEW, _SAME, _OTHER)
    )
    return new, there, others


def require_none(
    others: Sequence[Pair], target: Store, hint: str = _ELSEWHERE, *, of: int | None = None
) -> None:
    """Raise `TransferError` for names that other files have; they are the first `of` so many."""
    if others:
        names = some([target.uri(pair.target) for pair in others], of)
        raise TransferError(f"there is another file at {names}: nothing was copied", hint)


def folded(pair: Pair) -> str:
    """A copy's name where names that differ in case alone are the same."""
    return normalize("NFC", pair.target.casefold())


def require_apart(source: Store, given: Sequence[Pair], target: Store) -> None:
    """Where a disk knows no case, one copy may be in the place of another: none is removed then.

    :raises TransferError: so it is.
    """
    alike: dict[str, list[Pair]] = {}
    for pair in given:
        alike.setdefault(folded(pair), []).append(pair)
    for twins in (found for found in alike.values() if len(found) > 1):
        for pair in twins:
            if _state(source, pair, target) != _SAME:
                names = " and ".join(target.uri(twin.target) for twin in twins)
                raise TransferError(
                    f"{names} are one file there, where names that differ in case alone are the "
                    "same: the sources stay",
                    "Rename one of them, or copy them to two folders",
                )


def _state(source: Store, pair: Pair, target: Store) -> str:
    """Is there nothing at the target yet, the same file, or another?"""
    try:
        found = target.file(pair.target)
    except UnicodeEncodeError:
        raise TransferError(
            f"the name {pair.file.path!a} is no UTF-8, and there it has to be: nothing was copied",
            "Rename the file",
        ) from None
    if found is None:
        return _NEW
    if _is_itself(source, pair.file, target, found):
        raise TransferError(
            f"{target.uri(pair.target)} is {source.uri(pair.file.path)} itself, by another "
            "address: nothing was copied",
            "Name another place",
        )
    if found.size != pair.file.size:
        return _OTHER
    with source.open(pair.file.path) as one, target.open(pair.target) as other:
        while block := one.read(_BLOCK):
            if block != other.read(len(block)):
                return _OTHER
    return _SAME


def _is_itself(source: Store, file: File, target: Store, found: File) -> bool:
    """By a link, or by another connection to the same bucket? What seems a copy would be lost."""
    # a listing may have a fraction of the second that a look at one file has not
    if file.version != found.version or int(file.changed) != int(found.changed):
        return False
    if source != target:
        return type(source) is type(target) and file.path == found.path
    one_path = resolves(source) and len({*source.real([file.path, found.path])}) == 1
    return source.can.links or one_path


def _may_be_itself(source: Store, pair: Pair, target: Store) -> bool:
    """By an address that nothing tells of: also a bucket that two protocols lead to."""
    one, other = (
        without_connection(uri).partition("://")[2]
        for uri in (source.uri(pair.file.path), target.uri(pair.target))
    )
    return source.can.aliases or target.can.aliases or one == other


def _require_other(source: Store, pair: Pair, target: Store) -> None:
    """Where nothing else tells two files apart, the copy is written anew: is the source, too?"""
    with suppress(BadRow):
        _copy(source, pair, target)
    now = source.file(pair.file.path)
    if now is not None and now.version != pair.file.version:
        raise TransferError(
            f"{target.uri(pair.target)} is {source.uri(pair.file.path)} itself, by another "
            "address, or somebody writes it: it stays",
            "Name another place",
        )


def _copy(source: Store, pair: Pair, target: Store) -> None:
    try:
        if source == target:
            _within(source, pair, target)
        else:
            _between(source, pair, target)
    except IsADirectoryError:
        raise TransferError(
            f"there is a folder of the name {target.uri(pair.target)}",
            "Remove it, or copy to another place; to copy into it, write a `/` behind it",
        ) from None
    except (NotADirectoryError, FileExistsError) as error:
        raise TransferError(
            f"{target.uri(pair.target)} would be in a folder whose name a file has: {error}",
            "Remove that file, or copy to another place",
        ) from None


def _within(store: Store, pair: Pair, target: Store) -> None:
    was_there = store.file(pair.target) is not None
    store.copy(pair.file.path, pair.target)
    try:
        _require_unchanged(store, pair.file)
    except BadRow:
        if not was_there:
            store.delete(pair.target)
        raise
    _verify(store, pair, target)


def _between(source: Store, pair: Pair, target: Store) -> None:
    with source.open(pair.file.path) as given, target.writer(pair.target) as out:
        while block := given.read(_BLOCK):
            out.write(block)
        _require_unchanged(source, pair.file)  # else nothing is published
    _verify(source, pair, target)


def _require_unchanged(store: Store, file: File) -> None:
    now = store.file(file.path)
    if now is None or now.version != file.version:
        what = "is gone" if now is None else "changed"
        raise BadRow(
            f"{store.uri(file.path)} {what} while it was copied: is it still written?",
            "Let who writes a file give it its name when it is whole; then repeat this task",
        )


def _verify(source: Store, pair: Pair, target: Store) -> None:
    found = target.file(pair.target)
    size = None if found is None else found.size
    if size != pair.file.size:
        raise TransferError(
            f"the copy {target.uri(pair.target)} has {size} bytes, and "
            f"{source.uri(pair.file.path)} {pair.file.size}: the source stays"
        )


def _remove(store: Store, file: File) -> bool:
    """Whether it stays, for it is not the one that was seen."""
    try:
        store.delete(file.path, version=file.version)
    except OSError as error:
        if not is_changed(error):
            raise
        log.warning("%s stays: it has changed since", store.uri(file.path))
        return True
    return False
