"""The tasks that every source and target shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from factory.definitions import formats
from factory.definitions.warehouses import plain
from factory.ends.handover import Batches, Files
from factory.ends.target import Target
from factory.plan import kind
from factory.plan.kind import Step
from factory.plan.model import Task

_OF_A_TABLE = ("conn_id", "table", "on_schema_change")
OPERATORS = "factory.in_airflow.operators.ingest"
SKIP_IF_MISSING = f"{OPERATORS}.download.SkipIfMissing"
"""Behind several downloads: had one of them skipped itself, it would hide that another fails."""


def task(
    step: Step,
    name: str,
    operator: str,
    arguments: Mapping[str, Any],
    expand: Mapping[str, Any] | None = None,
) -> Task:
    """A task of the step's group; one task for each value of `expand`."""
    given = {"stage": step.stage, **arguments}
    return kind.task(step, name, operator, given, expand=expand or {})


def convert(
    step: Step,
    given: Files,
    *,
    target: Target | None = None,
    max_bad_rows: int | None = None,
    lineage: Sequence[str] = (),
) -> Task:
    """Make Parquet on the stage of files.

    :param target: where the rows go: what it can hold, and the types that it knows.
    :param max_bad_rows: so many rows may be set aside; None: a bad row fails the task.
    :param lineage: columns to add.
    """
    arguments: dict[str, Any] = {"format": formats.plain(formats.typed(given.format))}
    if target is not None and (said := plain(target.takes.holds)):
        arguments["holds"] = said
    if max_bad_rows is not None:
        arguments["max_bad_rows"] = max_bad_rows
    if lineage:
        arguments["lineage"] = list(lineage)
    if given.folders is not False:
        arguments["hive_partitioning"] = given.folders
    undeclared = formats.infers(given.format) or given.folders is True
    if target is not None and target.takes.types and undeclared:
        _, load = target.load()
        words = dict.fromkeys((*_OF_A_TABLE, *target.takes.ledger))
        arguments |= {word: load[word] for word in words if word in load}
    operator = f"{OPERATORS}.to_parquet.ToParquet"
    if given.each is not None:
        return task(step, "to_parquet", operator, arguments, {"files": given.each})
    return task(step, "to_parquet", operator, {"files": given.files, **arguments})


def stage(step: Step, given: Batches, *, lineage: Sequence[str] = ()) -> Task:
    """Write a stream to the stage, as Parquet.

    :param lineage: columns to add.
    """
    more = {"lineage": list(lineage)} if lineage else {}
    if given.operator:
        read = task(step, "read", given.operator, {**given.arguments, **more}, given.expand)
        named = {"files": given.files or UNSET, "dry_run": given.dry_run or UNSET}
        return msgspec.structs.replace(read, **named)
    arguments = {"stream": given.stream, "arguments": dict(given.arguments), **more}
    return task(step, "stage", f"{OPERATORS}.stage_batches.StageBatches", arguments)


__all__ = ["OPERATORS", "SKIP_IF_MISSING", "convert", "stage", "task"]
