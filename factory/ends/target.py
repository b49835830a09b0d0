"""What a target is. A new one is a module in `targets/`, or one of another package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

import msgspec

from factory.definitions.warehouses import ANYTHING, Holds
from factory.diagnostics import Path
from factory.problem import Problem


class Takes(msgspec.Struct, frozen=True, kw_only=True):
    """What a target can do. Lint refuses the rest, and says why.

    :param handovers: ways to hand rows over (`factory.ends.handover`), the preferred one first.
    :param modes: the write modes that it knows, by their words.
    :param checks: the checks of rows before they are published, by their words; None: all.
    :param types: its `conn_id` and `table` name a table of a warehouse: what files do not tell of
        the types of their columns, that does.
    :param ledger: its fields by which it is asked which files are in (`conn_id`, `table`; where it
        has them, `warehouse` and `role`), if it can be. Its load operator then takes
        `once`, and notes with the rows what was listed.
    :param keeps: what it is: what only a table has, such as a key to merge by, others lack.
    :param holds: what its columns can hold: what they cannot is refused where files are read.
    :param dry_run: the operator that asks what the load would read, see `factory.plan.model.Task`.
    :param through: its field that names a folder which rows go through, and the scheme of the store
        that this has to be in: without it the stage is one.
    """

    handovers: tuple[str, ...]
    modes: tuple[str, ...]
    checks: tuple[str, ...] | None = None
    types: bool = False
    ledger: tuple[str, ...] = ()
    keeps: str = "a table"
    holds: Holds = ANYTHING
    through: tuple[str, str] | None = None
    dry_run: str = ""


class Target(Protocol):
    """Where rows go."""

    takes: ClassVar[Takes]

    @property
    def label(self) -> str:
        """What it writes, for people: a table's name."""

    def writes(self) -> Iterable[str]:
        """URIs of the datasets that a load updates, as far as they are known before it runs."""

    def load(self) -> tuple[str, dict[str, Any]]:
        """The load operator's import path, and the target's own arguments to it.

        It is also given `write` and `checks` as plain data, `stage`, and `staged` (what the
        conversion returned, or a list of that) or `rows` (their URIs); where something comes after
        it (`Files.after`), `keep_list`. What it returns tells that it has loaded.
        """

    def columns(self) -> Iterable[tuple[Path, str]]:
        """Columns of the load that the target names, with their place in the step's arguments."""

    def problems(self, key: Sequence[str]) -> Iterable[Problem]:
        """As a source's; `key` names the rows of the load, when its write mode asks for one."""


@runtime_checkable
class AsksForTimes(Protocol):
    """A target that columns of certain types are named for."""

    def times(self) -> Iterable[tuple[Path, str, tuple[str, ...]]]:
        """Their place in the step's arguments, their name, the words for the types."""


__all__ = ["AsksForTimes", "Takes", "Target"]
