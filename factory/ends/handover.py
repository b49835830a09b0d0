"""What passes from a source to a target: files, a stream, or rows that stand where they are loaded.

A way to hand over has a word. Of those that a source gives, the one is taken that its target
prefers:

- `files`: of one format; they are converted to Parquet on the stage, which the target loads;
- `batches`: a stream of record batches, which is written to the stage as it comes;
- `rows:<scheme>`, such as `rows:gs`: rows at URIs of that scheme, which the target's own system
  reads by itself. Nothing is staged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from factory.definitions import formats
from factory.definitions.formats import Written
from factory.diagnostics import Path
from factory.errors import said
from factory.plan.fragment import unplain
from factory.plan.model import Output, Task

FILES = "files"
BATCHES = "batches"
ROWS = "rows:"


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """Files of one format.

    :param tasks: what comes before they can be read, in order.
    :param files: URIs or patterns, or the `Output` of a task that has left one on the stage.
    :param each: instead, an `Output` that is a list of such: each is converted by a task of its
        own.
    :param once: each file is loaded once: the last of the tasks asks the target which are in.
    :param after: what comes when the rows are published, in order. The files are then those that
        the last of `tasks` has left on the stage as listed, and others are refused. The load keeps
        a list of its own of them.
    :param folders: columns to read from the names of folders, as Hive keeps them: all, or these,
        each with the word for its type.
    """

    format: Written
    tasks: tuple[Task, ...] = ()
    files: list[str] | Output | None = None
    each: Output | None = None
    once: bool = False
    after: tuple[Task, ...] = ()
    folders: bool | Mapping[str, str] = False


class Batches(msgspec.Struct, frozen=True, kw_only=True):
    """A stream of record batches.

    :param stream: `module:function`, which a task calls with `arguments` (templates are filled in)
        and which gives a `pyarrow.RecordBatchReader`.
    :param operator: instead, the import path of one that stages the rows by itself: the task is
        given the `arguments` as its own, and `lineage`.
    :param dry_run: of an operator, the one that asks what its statements would read.
    :param files: of the arguments of an operator, the places of those that name a file beside the
        spec.
    :param expand: of an operator, the arguments of which each value makes a task of its own.
    :param tasks: what comes before, in order.
    :param columns: their names, where the spec tells.
    """

    stream: str = ""
    arguments: Mapping[str, Any]
    operator: str = ""
    dry_run: str = ""
    files: tuple[Path, ...] = ()
    expand: Mapping[str, Any] = {}
    tasks: tuple[Task, ...] = ()
    columns: frozenset[str] | None = None


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that the target loads from where they stand.

    :param tasks: what puts them there, in order.
    :param rows: their URIs, or the `Output` of a task that tells them.
    :param columns: their names, where the spec tells.
    """

    rows: list[str] | Output
    tasks: tuple[Task, ...] = ()
    columns: frozenset[str] | None = None


Handover = Files | Batches | Rows


def require(given: object) -> None:
    """What a source of another package gives must be one of these, of plain data.

    :raises TypeError: it is not.
    """
    if not isinstance(given, Handover):
        raise TypeError(f"it hands over {said(given, 60)}, not Files, Batches or Rows")
    if not isinstance(given, Files):
        msgspec.convert(given.columns, frozenset[str] | None)
        given = msgspec.structs.replace(given, columns=None)
    if wrong := unplain(given):
        raise TypeError(f"what it hands over is not plain data: {wrong}")


def known(given: Handover) -> frozenset[str] | None:
    """Every name that a column may have; None when only the data tells."""
    if not isinstance(given, Files):
        return given.columns
    found = formats.known(given.format)
    if given.folders is True or found is None:
        return None
    return found.union(given.folders or ())


def types(given: Handover) -> dict[str, str]:
    """The words for columns' types that the spec declares, by the columns' last names."""
    if not isinstance(given, Files):
        return {}
    folders = {} if isinstance(given.folders, bool) else given.folders
    return {**formats.final_types(formats.typed(given.format)), **folders}


def renamed(given: Handover) -> frozenset[str]:
    """Names that columns are given."""
    return formats.renamed(given.format) if isinstance(given, Files) else frozenset()


__all__ = [
    "BATCHES",
    "FILES",
    "ROWS",
    "Batches",
    "Files",
    "Handover",
    "Rows",
    "known",
    "renamed",
    "require",
    "types",
]
