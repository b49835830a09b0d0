"""Check → write → publish → clear away: the order of a load into a folder of files.

No lock is needed, for no two attempts write the same name, and all agree on which manifests count.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from factory.account import say
from factory.amounts import counted, size, spent
from factory.definitions.checks import Check
from factory.definitions.output import suffix
from factory.stores.model import Place, Store
from factory.transfer.counts import each
from factory.transfer.errors import SchemaChanged, TransferError
from factory.transfer.lake import formats, manifest, partitions
from factory.transfer.lake.audit import audit
from factory.transfer.lake.manifest import DataFile, Entry, Known, Manifest
from factory.transfer.lake.names import Attempt, attempt, form, is_hidden, refuse_prefix, token
from factory.transfer.lake.rows import batches, packed, settled
from factory.transfer.lake.write import Shape, write
from factory.transfer.progress import Progress
from factory.transfer.warehouse.audit import Result, verdicts
from factory.transfer.warehouse.parquet import Files, read

log = logging.getLogger(__name__)

ABANDONED = 24 * 3600.0
"""Seconds after which an attempt that has not ended is taken for one that was killed."""


@dataclass(frozen=True)
class Loaded:
    """What a load did. Rows: `read` = `quarantined` + `rows`."""

    path: str
    mode: str
    manifest: str  # below the path
    read: int
    quarantined: int
    rows: int
    files: int
    bytes: int
    removed: int  # files of earlier loads
    seconds: float
    checks: tuple[Result, ...]


def load(
    store: Store,
    staged: Sequence[str],
    lake: Place,
    *,
    load_id: str,
    mode: str,
    shape: Shape,
    checks: Sequence[Check] = (),
    as_of: datetime | None = None,
) -> Loaded:
    """Publish the staged Parquet files in a folder. A repeated load takes its own place.

    Until its manifest is written, those of the loads before it count. Raises `TransferError`.
    """
    started = time.monotonic()
    refuse_prefix(shape.prefix)
    try:
        return _load(
            *(read(store, staged), lake, attempt(load_id), load_id, mode, shape, checks, as_of),
            started=started,
        )
    except OSError as error:
        path, hint = error.filename or lake.uri, getattr(error, "hint", None)
        raise TransferError(f"{path}: {error.strerror or error}", hint) from error


def _load(
    files: Files,
    lake: Place,
    own: Attempt,
    load_id: str,
    mode: str,
    shape: Shape,
    checks: Sequence[Check],
    as_of: datetime | None,
    *,
    started: float,
) -> Loaded:
    _sweep(lake, own)
    there = manifest.known(lake)
    earlier = _earlier(lake, there, own)
    schema = settled(files, earlier if mode == "append" else None)
    if mode == "append" and earlier:
        _refuse_other_shape(earlier, shape)
    formats.refuse(schema, shape.format)
    partitions.refuse(schema, shape.partition_by)
    results = audit(files, schema, checks, as_of, None if earlier is None else earlier.rows)
    if mode == "replace":
        _refuse_strangers(lake)
    entry, published = _published(files, schema, lake, own, load_id, mode, shape)
    removed, is_live = _clear(lake, entry)
    if is_live:
        manifest.succeed(lake, entry, published)
    done = Loaded(
        path=lake.uri,
        mode=mode,
        manifest=f"{manifest.FOLDER}/{entry.name}",
        read=files.counts.read,
        quarantined=files.counts.quarantined,
        rows=published.rows,
        files=len(published.files),
        bytes=published.bytes,
        removed=removed,
        seconds=time.monotonic() - started,
        checks=tuple(results),
    )
    _tell(files, done)
    return done


def _earlier(lake: Place, there: Known, own: Attempt) -> Manifest | None:
    """What the load before this one published."""
    for entry in reversed(there.live):
        if entry.load != own.load and (found := manifest.read(lake, entry)):
            return found
    return None


def _refuse_other_shape(earlier: Manifest, shape: Shape) -> None:
    """Raise `SchemaChanged` for files that nobody reads together with those that are there."""
    own, there = list(shape.partition_by), earlier.partition_by
    kinds = {form(file.path) for file in earlier.files}
    for what, one, other in (
        ("partitioned by", ", ".join(own) or "nothing", ", ".join(there) or "nothing"),
        ("written as", form(suffix(shape.format)), "".join(kinds) or form(suffix(shape.format))),
    ):
        if one != other:
            raise SchemaChanged(
                f"the load is {what} {one}, and the files that are there are {what} {other}",
                "Write into another folder, or all anew by `mode: replace`",
            )


def _published(
    files: Files,
    schema: pa.Schema,
    lake: Place,
    own: Attempt,
    load_id: str,
    mode: str,
    shape: Shape,
) -> tuple[Entry, Manifest]:
    """Data first, then the manifest that names it: what fails before leaves nothing."""
    try:
        with Progress("writing", rows=files.rows) as progress:
            rows = batches(files, schema, schema.names)
            written = write(rows, schema, lake, own.token, shape, progress)
        published = _manifest(load_id, mode, schema, shape, written)
        _refuse_gaps(files, published)
    except Exception:
        _remove_own(lake, own)
        raise
    entry = Entry(manifest.known(lake).stamp(), own.load, own.id, mode)
    manifest.write(lake, entry, published)
    _refuse_missing(lake, entry, written)
    manifest.end(lake, own.token)
    return entry, published


def _manifest(
    load_id: str, mode: str, schema: pa.Schema, shape: Shape, files: Sequence[DataFile]
) -> Manifest:
    return Manifest(
        load=load_id,
        mode=mode,
        rows=sum(file.rows for file in files),
        bytes=sum(file.bytes for file in files),
        columns={field.name: str(field.type) for field in schema},
        partition_by=list(shape.partition_by),
        schema=packed(schema),
        files=sorted(files, key=lambda file: file.path),
    )


def _refuse_gaps(files: Files, published: Manifest) -> None:
    if published.rows != files.rows:
        raise TransferError(
            f"{published.rows} rows were written, but the staged files hold {files.rows}"
        )


def _refuse_missing(lake: Place, entry: Entry, files: Sequence[DataFile]) -> None:
    """Another attempt of this load, at work all along, took these files for left ones."""
    gone = (f for f in files if lake.store.file(lake.below(f.path).path) is None)
    if (first := next(gone, None)) is None or entry not in manifest.known(lake).live:
        return
    manifest.remove(lake, entry)
    manifest.end(lake, entry.token)
    raise TransferError(
        f"{lake.below(first.path).uri} was removed while this load was at work",
        "Another attempt of it was at work, too: repeat it when that has ended",
    )


def _clear(lake: Place, own: Entry) -> tuple[int, bool]:
    """Remove what counts no more: how many files that were, and whether this load counts."""
    there = manifest.known(lake)
    is_live = own in there.live
    if not is_live:
        log.warning("a later load has taken the place of this one already: its files go")
    return sum(manifest.remove(lake, entry) for entry in there.dead), is_live


def _sweep(lake: Place, own: Attempt) -> None:
    """Remove what attempts have left that were killed: of this load, or long ago."""
    there = manifest.known(lake)
    ended = {entry.token for entry in there.entries}
    now = time.time()
    killed = [
        name
        for name, begun in there.begun.items()
        if name.startswith(f"{own.load}-") or now - begun > ABANDONED
    ]
    for name in ended.intersection(killed):
        manifest.end(lake, name)
    if left := {*killed} - ended:
        paths = [path for path in _paths(lake) if token(path) in left]
        # one of them may have been at work still, and have ended by now
        left -= {entry.token for entry in manifest.known(lake).entries}
        manifest.sweep(lake, left, [path for path in paths if token(path) in left])
        log.info("%s of killed attempts removed", counted(len(paths), "file"))


def _remove_own(lake: Place, own: Attempt) -> None:
    paths = [path for path in _paths(lake) if token(path) == own.token]
    manifest.sweep(lake, [own.token], paths)


def _paths(lake: Place) -> Iterator[str]:
    """What readers of the folder see, by the paths below it."""
    start = len(lake.below("").path)
    for page in lake.store.list(lake.path, deep=True):
        for file in page.files:
            if not is_hidden(below := file.path[start:]):
                yield below


def _refuse_strangers(lake: Place) -> None:
    """Raise `TransferError`: files that no load of ours has written, which would stay."""
    strangers = list(_paths(lake))
    # An attempt has a note before its first file, and a manifest before the note goes. A folder
    # that changes while it is listed may show neither: the second look then shows one.
    for _ in range(2):
        there = manifest.known(lake)
        owned = {entry.token for entry in there.entries} | {*there.begun}
        strangers = [path for path in strangers if token(path) not in owned]
    strangers = [path for path in strangers if lake.store.file(lake.below(path).path) is not None]
    if strangers:
        raise TransferError(
            f"{lake.uri} holds {counted(len(strangers), 'file')} that no manifest of ours names, "
            f"such as {strangers[0]!r}: by `replace` they would stay beside the new rows",
            "Move them, or give the target a folder of its own",
        )


def _tell(files: Files, done: Loaded) -> None:
    for line in each(files.sources):
        say("%s", line)
    came = f"{counted(done.read, 'row')} read" if done.read else "no row read"
    parts = [f"{done.path}: {came}"]
    if done.quarantined:
        parts.append(f"{done.quarantined:,} set aside")
    what = f"{counted(done.files, 'file')}, {size(done.bytes)}"
    parts.append(f"{done.rows:,} published by {done.mode} ({what})")
    if done.removed:
        parts.append(f"{counted(done.removed, 'earlier file')} removed")
    say("%s", ", ".join([*parts, *verdicts(done.checks), spent(done.seconds)]))
