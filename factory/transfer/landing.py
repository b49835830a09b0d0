"""Files that fell into a folder, when their rows are published: they move, or are removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from factory.stores.model import File, Place, Store
from factory.transfer.copies import Pair, copy, pairs, remove, remove_copied, require_free, some
from factory.transfer.errors import TransferError
from factory.transfer.files import Named
from factory.transfer.warehouse.arrivals import Arrival

_HINT = "Move them to a folder of the run's own, such as one with `{{ interval.day }}` in its name"


class Away(NamedTuple):
    """So many files went; `gone` were not there any more, `stayed` have changed since."""

    files: int
    bytes: int
    gone: int
    stayed: int


def require_place(store: Store, files: Sequence[Named], target: Place, at: Sequence[str]) -> None:
    """See that each file will have a name of its own in the folder, before any is read.

    :raises TransferError: one will not.
    """
    require_free(store, pairs(store, files, target, at=at), target.store, _HINT)


def take_away(
    store: Store, paths: Sequence[str], files: Sequence[Arrival], target: Place | None
) -> Away:
    """Remove the files in the versions that were loaded, or move them; `paths` are their own.

    What an earlier try has done is known, and the rest is done.

    :raises TransferError: another file has a name in the folder: all that can be has moved.
    """
    there, stayed = _look(store, paths, files)
    gone = len(files) - len(there) - stayed
    kept: list[Pair] = []
    verified = [each.file for each in there]
    if target is None:
        left = remove(store, verified)
    else:
        done = copy(store, pairs(store, there, target), target.store, "skip")
        verified, kept = done.verified, done.kept
        left = remove_copied(store, done, target.store)
    if kept and target is not None:
        names = some([target.store.uri(pair.target) for pair in kept])
        raise TransferError(f"there is another file at {names}: the one that was loaded stays")
    went = [file for file in verified if file not in left]
    return Away(len(went), sum(file.size for file in went), gone, stayed + len(left))


def _look(store: Store, paths: Sequence[str], files: Sequence[Arrival]) -> tuple[list[Named], int]:
    """Those that are there, and how many have changed; a killed try's removals are ended."""
    there: list[Named] = []
    absent: list[File] = []
    changed: list[File] = []
    for path, file in zip(paths, files, strict=True):
        now = store.file(path)
        if now is not None and now.version == file.version:
            there.append(Named(file.name, now))
        else:
            (absent if now is None else changed).append(File(path, file.size, 0, file.version))
    # what is absent may be under a hidden name: perhaps another file, which gets its name again
    return there, len({*changed, *remove(store, [*absent, *changed])})
