"""Which files does a path, a pattern, a folder or a list mean, and who reads which?"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase, translate
from typing import NamedTuple, TypeVar

from factory.amounts import counted
from factory.definitions import paths as written
from factory.definitions.paths import MAGIC
from factory.diagnostics import did_you_mean
from factory.stores.model import File, Store, resolves
from factory.transfer.errors import Missing

log = logging.getLogger(__name__)
T = TypeVar("T")
_HIDDEN = re.compile(r"/\.(?!\.?(/|$))")
# What others write beside data: Spark and Hadoop, Databricks, Delta; and our own target.
_MARKER = re.compile(
    r"/(_SUCCESS|_(common_)?metadata|_(committed|started)_[^/]*|\.[^/]*\.crc"
    r"|_(manifests|temporary|delta_log)/.*)$"
)


class Named(NamedTuple):
    """A file, and what it is called below the folder that its path or pattern begins in."""

    name: str
    file: File


def listed(store: Store, paths: str | Sequence[str]) -> list[File]:
    """The existing files, each once; matches of a pattern in the order of their names.

    One that is found by two addresses is read by its own, without links, if that is among them.

    Every path and every pattern must match; what stands beside data, such as `_SUCCESS`, does not
    match unless the path asks for it. Raises `Missing`.
    """
    return [each.file for each in named(store, paths)]


def named(store: Store, paths: str | Sequence[str]) -> list[Named]:
    """As `listed`, with the name of each below where its pattern begins."""
    found: dict[str, Named] = {}
    missing: list[str] = []
    for path in [paths] if isinstance(paths, str) else paths:
        every = {file.path: file for file in found_at(store, path)}
        is_data = _takes(path, _MARKER)
        matches = sorted(filter(is_data, every))
        if len(matches) < len(every):
            beside = sorted(every.keys() - {*matches})
            log.info("%s beside data left out, such as %s", counted(len(beside), "file"), beside[0])
        if not matches:
            missing.append(path)
        for name in matches:
            if name not in found:
                found[name] = Named(written.name_below(path, name), every[name])
    if missing:
        wanted = ", ".join(map(repr, missing))
        hint = f"{_instead(store, missing[0])}. `on_missing: skip` skips the step"
        raise Missing(f"no file matches {wanted}", hint)
    if not found:
        raise Missing("the list of files is empty")
    return _each_once(store, list(found.values()))


def _each_once(store: Store, found: list[Named]) -> list[Named]:
    """Without those that are another one of them, by a link or another way to its folder."""
    if len({each.file.version for each in found}) == len(found):
        return found
    versions = Counter(each.file.version for each in found)
    alike = [each.file.path for each in found if versions[each.file.version] > 1]
    if not resolves(store):
        return found
    real = dict(zip(alike, store.real(alike), strict=True))
    own = {place: path for path, place in reversed(real.items())}  # the first of each
    own |= {place: place for place in own if place in real}
    others = {path: own[place] for path, place in real.items() if path != own[place]}
    for path, other in others.items():
        log.info("%s is %s: it is read once", store.uri(path), store.uri(other))
    return [each for each in found if each.file.path not in others]


def _instead(store: Store, path: str) -> str:
    """What may have been meant, of the first files in its folder."""
    magic = MAGIC.search(path)
    folder = path[: magic.start() if magic else len(path)].rpartition("/")[0]
    page = next(store.list(folder), None)
    if page is None or not page.entries:
        return f"there is nothing in {folder!r}"
    names = [entry.path.rpartition("/")[2] for entry in page.entries]
    near = "" if magic else did_you_mean(path.rpartition("/")[2], names)
    return near or f"in {folder!r} there is {names[0]!r}"


def shares(files: Sequence[T], sizes: Sequence[int], most: int, worth: int) -> list[list[T]]:
    """Cut `files`, in their order, into at most `most` parts of about the same size.

    `worth` is the size, in bytes, of which a part should have at least as much.
    """
    total = sum(sizes)
    parts = max(1, min(most, len(files), -(-total // worth)))
    shared: list[list[T]] = [[] for _ in range(parts)]
    before = 0
    for file, size in zip(files, sizes, strict=True):
        # a file belongs where its middle falls
        shared[min(parts - 1, (2 * before + size) * parts // (2 * total or 1))].append(file)
        before += size
    return [part for part in shared if part]


def size(store: Store, path: str) -> int:
    """Bytes of a file. Raises `Missing`."""
    found = store.file(path)
    if found is None:
        raise Missing(f"there is no file {path}")
    return found.size


def found_at(store: Store, path: str) -> Iterator[File]:
    """The files that a path or a pattern means, as they are found, in any order.

    Raises `ValueError`: it is no pattern.
    """
    # First as it is written: a file's own name may hold a `[`.
    file = store.file(path.rstrip("/"))
    if file is not None:
        yield file
        return
    magic = MAGIC.search(path)
    if magic is None:
        return
    folder, slash, _ = path[: magic.start()].rpartition("/")
    parts = path[len(folder + slash) :].split("/")
    if any("**" in part and part != "**" for part in parts):
        raise ValueError("Invalid pattern: '**' can only be an entire path component")
    yield from _below(store, folder, parts)


def found_below(store: Store, path: str) -> Iterator[File]:
    """As `found_at`; of a folder, whose path ends in `/`, all files below it.

    Hidden ones only where the path asks for such: programs hide what they still write.
    """
    is_shown = _takes(path, _HIDDEN)
    for file in found_at(store, f"{path}**" if written.is_folder(path) else path):
        # a key that ends in `/` stands for a folder in some tools
        if is_shown(file.path) and not file.path.endswith("/"):
            yield file


def named_below(store: Store, path: str) -> list[Named]:
    """The same with their names, in the order of these; none when nothing is there."""
    found = (Named(written.name_below(path, file.path), file) for file in found_below(store, path))
    return sorted(found)


def _takes(pattern: str, special: re.Pattern[str]) -> Callable[[str], bool]:
    """Is a path none of the special ones? All are taken where the pattern asks for such."""
    search = special.search
    if search(f"/{pattern}"):
        return lambda _: True
    return lambda name: not search(f"/{name}")


def _below(store: Store, folder: str, parts: Sequence[str]) -> Iterator[File]:
    """Files in a folder whose path goes on as the parts of a pattern say."""
    part, rest = parts[0], parts[1:]
    magic = MAGIC.search(part)
    if part == "**":
        for page in store.list(folder, deep=True):
            for file in page.files:
                if _fits(file.path[len(folder) :].removeprefix("/").split("/"), parts):
                    yield file
    elif magic is None:
        path = f"{folder}/{part}"
        if rest:
            yield from _below(store, path, rest)
        elif (found := store.file(path)) is not None:
            yield found
    else:
        fits = _named(part)
        for page in store.list(folder, prefix=part[: magic.start()]):
            if not rest:
                yield from (file for file in page.files if fits(file.path))
                continue
            for entry in page.folders:
                if fits(entry.path):
                    yield from _below(store, entry.path, rest)


def _named(part: str) -> Callable[[str], object]:
    """Is the last part of a path as a pattern's part says?"""
    match = re.compile(translate(part)).match
    return lambda path: match(path, path.rfind("/") + 1)


def _fits(names: Sequence[str], parts: Sequence[str]) -> bool:
    """Do these names, the last of them a file's, match the parts of a pattern?"""
    if not parts or not names:
        return not parts and not names
    if parts[0] != "**":
        return fnmatchcase(names[0], parts[0]) and _fits(names[1:], parts[1:])
    if len(parts) == 1:
        return True
    if parts[1] == "**":
        return _fits(names, parts[1:])
    return any(_fits(names[skipped:], parts[1:]) for skipped in range(len(names)))
