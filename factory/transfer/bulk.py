"""Any number of files to another place: memory holds a part of their names at a time.

The order is that of `copies`: look at all, copy all, see that all are there, remove the sources.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Literal, NamedTuple

from factory.definitions.paths import name_below
from factory.stores.model import File, Place, Store
from factory.transfer.copies import (
    Copied,
    Pair,
    copy_each,
    folded,
    pairs,
    remove_copied,
    require_apart,
    require_none,
    settle,
    sorted_out,
)
from factory.transfer.files import Named, found_below
from factory.transfer.spool import Spool

PART = 10_000
"""Files whose names are held in memory."""


class Done(NamedTuple):
    """So many files and bytes; `there` were copied before, `kept` are names that others have."""

    files: int
    bytes: int
    there: int
    kept: int
    removed: int


class _Listed(NamedTuple):
    new: Spool[Pair]
    there: Spool[Pair]
    others: Spool[Pair]


def copy(
    source: Place, target: Place, if_exists: Literal["fail", "skip", "replace"], *, move: bool
) -> Done | None:
    """Copy the files of a path, a pattern or a folder; None when there are none.

    Raises as `copies.pairs` and `copies.copy` do: before anything is copied, where a look shows it.
    """
    if move:
        settle(source)
    with ExitStack() as stack:
        listed = _Listed(*(stack.enter_context(Spool[Pair]()) for _ in _Listed._fields))
        _look(source, target, listed)
        if not any(map(len, listed)):
            return None
        if if_exists == "fail":
            first = next(listed.others.parts(), [])
            require_none(first, target.store, of=len(listed.others))
        todo = [listed.new, *([listed.others] if if_exists == "replace" else [])]
        for part in _parts(todo):
            copy_each(source.store, part, target.store)
        _require_apart(source.store, [*todo, listed.there], target.store)
        return Done(
            files=sum(map(len, todo)),
            bytes=sum(pair.file.size for part in _parts(todo) for pair in part),
            there=len(listed.there),
            kept=len(listed.others) if if_exists == "skip" else 0,
            removed=_remove(source.store, todo, listed.there, target.store) if move else 0,
        )


def _look(source: Place, target: Place, into: _Listed) -> None:
    """Which are not there yet, are there, and have names of other files?"""
    store, path = source
    for part in _cut(found_below(store, path)):
        files = sorted(Named(name_below(path, file.path), file) for file in part)
        given = pairs(store, files, target, at=[path])
        for spool, some in zip(into, sorted_out(store, given, target.store), strict=True):
            spool.add(some)


def _cut(files: Iterator[File]) -> Iterator[list[File]]:
    while part := list(itertools.islice(files, PART)):
        yield part


def _parts(spools: Iterable[Spool[Pair]]) -> Iterator[list[Pair]]:
    return itertools.chain.from_iterable(spool.parts() for spool in spools)


def _require_apart(source: Store, spools: list[Spool[Pair]], target: Store) -> None:
    """As `copies.require_apart`, of those alone whose names may be alike."""
    seen, twice = set[int](), set[int]()
    for part in _parts(spools):
        for pair in part:
            name = hash(folded(pair))
            (twice if name in seen else seen).add(name)
    alike = (pair for part in _parts(spools) for pair in part if hash(folded(pair)) in twice)
    require_apart(source, list(alike) if twice else [], target)


def _remove(source: Store, copied: list[Spool[Pair]], there: Spool[Pair], target: Store) -> int:
    """Remove the sources: how many went?"""
    before = (Copied([], part, []) for part in there.parts())
    now = (Copied(part, [], []) for part in _parts(copied))
    done = itertools.chain(before, now)
    stayed = sum(len(remove_copied(source, part, target)) for part in done)
    return len(there) + sum(map(len, copied)) - stayed
