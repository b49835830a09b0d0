"""The files that a path, a pattern or a folder means go: never a whole store, never too many."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from factory.amounts import counted
from factory.definitions import paths
from factory.stores.model import File, Place, Store
from factory.transfer.copies import remove, require_clear, settle
from factory.transfer.errors import TransferError
from factory.transfer.files import found_below


class Removed(NamedTuple):
    """So many files are gone; `stayed` have changed since they were listed."""

    files: int
    bytes: int
    stayed: list[File]


def delete(place: Place, *, most: int, folder: bool) -> Removed:
    """Remove what is there, if anything; of a folder also the folders that are empty then.

    :param most: more files than this are refused, before one is removed. All that would go count,
        also what readers of a folder pass over, such as `_SUCCESS`.
    :param folder: a folder is meant: a path that ends in `/` is refused else.
    :raises TransferError: it is a store's root, unclear, or means too many files.
    """
    store, path = place
    _refuse(place, folder)
    settle(place)
    found = list(itertools.islice(found_below(store, path), most + 1))
    if len(found) > most:
        raise TransferError(
            f"{place.uri} means more than {counted(most, 'file')}: none was removed",
            "Look at what is there: all that would go counts, `_SUCCESS` and manifests, too. Then "
            "name fewer, or say a larger `max_objects`",
        )
    stayed = remove(store, found)
    if folder:
        _remove_empty(store, path.rstrip("/"), found)
    gone = [file for file in found if file not in stayed]
    return Removed(len(gone), sum(file.size for file in gone), stayed)


def _refuse(place: Place, folder: bool) -> None:
    path = place.path
    if paths.is_whole(path):
        message = f"{place.uri} would be all that is in its store: nothing was removed"
        raise TransferError(message, "Name a folder in it, or a beginning of names")
    require_clear(place.uri, "nothing was removed")
    if paths.is_folder(path) and not folder:
        message = f"a template made a folder of it: {place.uri}; nothing was removed"
        raise TransferError(message, "Write the `/` at the end into the spec, if a folder is meant")


def _remove_empty(store: Store, top: str, files: list[File]) -> None:
    """Folders on a disk, the deepest first; also those that an earlier try has emptied."""
    folders = {top, *_folders(store, top)} if not paths.is_pattern(top) else set()
    for file in files:
        folder = file.path.rpartition("/")[0]
        while paths.is_below(folder, paths.beginning(f"{top}/")) and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    for folder in sorted(folders, key=len, reverse=True):
        store.delete_empty(folder)


def _folders(store: Store, top: str) -> Iterator[str]:
    for page in store.list(top, deep=True):
        yield from (folder.path for folder in page.folders)
