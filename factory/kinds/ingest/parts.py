"""What a source and a target are. A new one is a module beside the others."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Union

import msgspec

from factory.diagnostics import Path
from factory.plan import kind
from factory.plan.kind import Step
from factory.plan.model import Task
from factory.problem import Problem
from factory.spec.assets import of_table as table_asset

OPERATORS = "factory.in_airflow.operators.ingest"


class Source(Protocol):
    """Where rows come from."""

    @property
    def format(self) -> Any:
        """What the files look like: a `factory.kinds.ingest.formats.Format`."""

    def tasks(self, step: Step) -> list[Task]:
        """What leaves the rows as Parquet on the stage, in order; the last task returns where."""

    def problems(self) -> Iterable[Problem]:
        """Values that do not fit each other, with their place in the step's arguments."""


class Target(Protocol):
    """Where rows go."""

    @property
    def table(self) -> str:
        """The table's name, for people."""

    def load(self) -> tuple[str, dict[str, Any]]:
        """The load operator's import path, and the target's own arguments to it."""

    def columns(self) -> Iterable[tuple[Path, str]]:
        """Columns of the load that the target names, with their place in the step's arguments."""

    def asset(self) -> str | None:
        """URI of the asset that a load updates; None when its name is known at run time only."""

    def problems(self, key: Sequence[str]) -> Iterable[Problem]:
        """As a source's; `key` names the rows of the load, when its write mode asks for one."""


def any_of(package: str) -> Any:
    """The union of the Structs in a package's modules: one is told from another by `type`."""
    path = importlib.import_module(package).__path__
    modules = [importlib.import_module(f"{package}.{m.name}") for m in pkgutil.iter_modules(path)]
    structs = [
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, msgspec.Struct)
        and found.__module__ == module.__name__
        and found.__struct_config__.tag is not None
    ]
    return Union[tuple(structs)]  # noqa: UP007


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


def convert(step: Step, files: Any, format: dict[str, object], *, each: Any = None) -> Task:
    """Make Parquet of `files`: URIs, or what a download returned; or of `each` of several."""
    given = step.arguments
    arguments: dict[str, Any] = {"format": format}
    if given.on_bad_row == "quarantine":
        arguments["max_bad_rows"] = given.max_bad_rows
    if given.lineage:
        arguments["lineage"] = list(given.lineage)
    operator = f"{OPERATORS}.to_parquet.ToParquet"
    if each is not None:
        return task(step, "to_parquet", operator, arguments, {"files": each})
    return task(step, "to_parquet", operator, {"files": files, **arguments})


__all__ = ["OPERATORS", "Source", "Target", "any_of", "convert", "table_asset", "task"]
