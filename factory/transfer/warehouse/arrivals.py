"""Files that are loaded once: which of a folder's are to be loaded, and what is noted of them.

A file is known by its address; `version` is what its store says of its bytes. What is in is noted
in the transaction that adds the rows, and held there against what was known when files were chosen:
so two runs that chose the same file do not both load it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec

from factory.transfer.errors import BadRow, Missing, TransferError
from factory.transfer.warehouse.parts import Table

log = logging.getLogger(__name__)
_S = TypeVar("_S", contravariant=True)
_SHOWN = 3


class Arrival(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file that is to be loaded; `before` is the load that brought in an earlier version.

    `name` is what it is called below the folder that its pattern begins in.
    """

    uri: str
    size: int
    version: str
    before: str | None = None
    name: str = ""


class Known(msgspec.Struct, frozen=True, gc=False):
    """A file that is in: in which version, and by which load."""

    version: str
    load_id: str


class Arrivals(NamedTuple):
    """The files of one load, and the step that they are noted for."""

    step: str
    files: Sequence[Arrival]


@runtime_checkable
class KeepsFiles(Protocol[_S]):
    """A warehouse that knows which files are in a table."""

    def files_in(self, session: _S, table: Table) -> Mapping[str, Mapping[str, Known]]:
        """Step → address → what is in: files whose rows are gone for certain are not.

        Raises `TransferError` when nobody can tell.
        """


def choose(
    listed: Iterable[Arrival], known: Mapping[str, Known], load_id: str, on_changed: str
) -> list[Arrival]:
    """The files to load: those that this load brought in before, else those that are not in.

    Raises `BadRow` for files that have changed since they were loaded, when `on_changed` is `fail`.
    """
    files = {file.uri: file for file in listed}
    own = [uri for uri, file in known.items() if file.load_id == load_id]
    if own:
        return _again(files, own)
    new, changed = [], []
    for uri, file in files.items():
        before = known.get(uri)
        if before is None:
            new.append(file)
        elif before.version != file.version:
            changed.append(msgspec.structs.replace(file, before=before.load_id))
    if not changed:
        return new
    said = f"{some(changed)} changed after the load of the rows that are in"
    if on_changed == "fail":
        raise BadRow(
            said,
            "Give a file that holds other rows another name; or say what is meant: `on_changed: "
            "load` adds all of its rows, beside those that are in (a merge updates them by their "
            "key), `ignore` leaves it",
        )
    log.warning("%s: %s", said, "loaded again" if on_changed == "load" else "ignored")
    return [*new, *changed] if on_changed == "load" else new


def _again(files: Mapping[str, Arrival], own: Sequence[str]) -> list[Arrival]:
    gone = [uri for uri in own if uri not in files]
    if gone:
        raise Missing(f"this run has loaded {some_names(gone)}, not there any more")
    mine = {*own}
    log.info("this run has loaded %d file(s) before: those alone are looked at again", len(own))
    return [file for uri, file in files.items() if uri in mine]


def by_step(rows: Iterable[Sequence[Any]]) -> dict[str, dict[str, Known]]:
    """Step → address → what is in, of rows of step, address, version and load; later ones win."""
    found: dict[str, dict[str, Known]] = {}
    for step, uri, version, load_id in rows:
        found.setdefault(step, {})[uri] = Known(version, load_id)
    return found


def refuse_taken(known: Mapping[str, Known], given: Arrivals, load_id: str) -> None:
    """Raise `TransferError`: another run has brought a file in since they were chosen.

    :param known: what is in now, of this step.
    """
    taken = sorted(
        file.uri
        for file in given.files
        if file.uri in known and known[file.uri].load_id not in (load_id, file.before)
    )
    if taken:
        raise taken_by(known[taken[0]].load_id, taken)


def taken_by(load_id: str, uris: Sequence[str]) -> TransferError:
    """The error for files that are in, since they were chosen."""
    return TransferError(
        f"{load_id} has loaded {some_names(uris)} since this run chose its files: nothing is "
        "loaded twice",
        "Clear the whole group of the step: it then takes the files that are left",
    )


def refuse_renamed(
    listed: Iterable[Arrival],
    known: Mapping[str, Mapping[str, Known]],
    step: str,
    others: Iterable[str],
    table: Table,
    dialect: str,
) -> None:
    """Raise `TransferError`: what a step of another name has loaded would come again.

    :param others: steps that are still there, and load the same files in their own way.
    :param dialect: of the SQL that settles it.
    """
    if known.get(step):
        return
    files = [file.uri for file in listed]
    for other in known.keys() - {step, *others}:
        if found := [uri for uri in files if uri in known[other]]:
            raise TransferError(
                f"the step {other} has loaded {some_names(found)} into {table}, and {step} none: "
                "all would be loaded again",
                f"If the step was renamed: {_renaming(table, other, step, dialect)}. If both "
                "are to load these files into one table, they belong into one pipeline",
            )


def _renaming(table: Table, old: str, new: str, dialect: str) -> str:
    from sqlglot import exp

    files = table.noted("_factory_files", dialect)
    texts = (new, old, table.name)
    own = [exp.Literal.string(text).sql(dialect=dialect) for text in texts]
    return f"UPDATE {files} SET step = {own[0]} WHERE step = {own[1]} AND table_name = {own[2]}"


def some(files: Sequence[Arrival]) -> str:
    """The first of them by name, and how many there are."""
    return some_names([file.uri for file in files])


def some_names(names: Sequence[str]) -> str:
    """`a.csv, b.csv and 5 more`."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def written(files: Sequence[Arrival]) -> bytes:
    """What `read` reads."""
    return msgspec.json.encode(files)


def read(data: bytes) -> list[Arrival]:
    """The files that were chosen."""
    return msgspec.json.decode(data, type=list[Arrival])
