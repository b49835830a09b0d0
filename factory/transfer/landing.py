"""Files that fell into a folder, when their rows are published: they move, or are removed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from factory.stores.model import Place, Store
from factory.transfer.copies import Pair, copy, pairs, remove, remove_copied, require_free, some
from factory.transfer.errors import TransferError
from factory.transfer.files import Named
from factory.transfer.warehouse.arrivals import Arrival

log = logging.getLogger(__name__)
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
    there: list[Named] = []
    stayed = 0
    for path, file in zip(paths, files, strict=True):
        now = store.file(path)
        if now is not None and now.version != file.version:
            log.warning("%s stays: it has changed since it was loaded", file.uri)
            stayed += 1
        elif now is not None:
            there.append(Named(file.name, now))
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
