"""What each target can, as a table: made from what the targets say of themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any, get_args

from factory.definitions import checks, identifiers
from factory.definitions.reading import tags
from factory.definitions.warehouses import Capabilities
from factory.definitions.writes import Write
from factory.ends.target import Takes
from factory.ends.targets import BUILT_IN

YES, NO = "yes", "–"
_EPOCH = date(1970, 1, 1)

Target = Any
"""The Struct of a target."""


def table() -> str:
    """A line for each thing that one can, and another may not."""
    words = [f"`{target.__struct_config__.tag}`" for target in BUILT_IN]
    head = f"| | {' | '.join(words)} |\n|---|{'---|' * len(words)}"
    lines = (
        f"| {name} | {' | '.join(said(target) for target in BUILT_IN)} |" for name, said in _rows()
    )
    return "\n".join([head, *lines])


def _rows() -> Iterator[tuple[str, Callable[[Target], str]]]:
    for mode in tags(get_args(Write)):
        yield f"`write: {{mode: {mode}}}`", partial(_mode, mode)
    yield "checks of the rows", _checks
    yield "`on_schema_change`", _has("on_schema_change")
    yield "`primary_key`, `indexes` of a table that is made", _has("primary_key")
    yield "`partition_by`", _has("partition_by")
    yield "`only_new` of a source of files", lambda target: _word(bool(_takes(target).ledger))
    yield "types of columns from the table that is there", lambda t: _word(_takes(t).types)
    yield "a `replace` by exchange of the table, where nothing hangs on it", _swaps
    yield "longest name of a column", _longest_name
    yield "a table's name", _forms
    yield "most columns", lambda target: _of_warehouse(target, "most_columns")
    yield "texts with a NUL", lambda target: _word(_takes(target).holds.nul)
    yield "first day", _first_day


def _mode(mode: str, target: Target) -> str:
    return _word(mode in _takes(target).modes)


def _takes(target: Target) -> Takes:
    found: Takes = target.takes
    return found


def _word(can: bool) -> str:
    return YES if can else NO


def _has(field: str) -> Callable[[Target], str]:
    return lambda target: _word(field in target.__struct_fields__)


def _checks(target: Target) -> str:
    given = _takes(target).checks
    every = set(tags(checks.OURS))
    if given is None or set(given) == every:
        return "all"
    return (
        "none" if not given else "all but " + ", ".join(f"`{w}`" for w in sorted(every - {*given}))
    )


def _swaps(target: Target) -> str:
    holds = _takes(target).holds
    return _word(isinstance(holds, Capabilities) and holds.swaps)


def _longest_name(target: Target) -> str:
    holds = _takes(target).holds
    return NO if holds.longest_name is None else f"{holds.longest_name} {holds.unit}"


def _forms(target: Target) -> str:
    holds = _takes(target).holds
    return identifiers.forms(holds) if isinstance(holds, Capabilities) else NO


def _of_warehouse(target: Target, name: str) -> str:
    return str(getattr(_takes(target).holds, name, NO))


def _first_day(target: Target) -> str:
    first = _takes(target).holds.first_day
    if first is None:
        return NO
    try:
        return (_EPOCH + timedelta(days=first)).isoformat()
    except OverflowError:  # before the year 1, which Python has none of
        return f"{-first:,} days before 1970"
