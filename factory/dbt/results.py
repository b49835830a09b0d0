"""What dbt has done: one result for each model, test and source, from the files that it leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from factory.account import say
from factory.amounts import counted, spent
from factory.dbt.errors import DbtError, NotPassed

RUN = "run_results.json"
SOURCES = "sources.json"
MANIFEST = "manifest.json"
_BAD = ("error", "fail", "runtime error", "partial success")
_LONGEST = 1000  # characters of a message


class _Row(msgspec.Struct, frozen=True):
    """An entry of `run_results.json`, or of `sources.json`."""

    unique_id: str
    status: str
    execution_time: float = 0.0
    message: str | None = None
    failures: int | None = None
    adapter_response: Mapping[str, Any] = {}
    max_loaded_at_time_ago_in_s: float | None = None
    error: str | None = None


class _Rows(msgspec.Struct, frozen=True):
    results: list[_Row]


class _Node(msgspec.Struct, frozen=True):
    name: str
    original_file_path: str = ""


class _Nodes(msgspec.Struct, frozen=True):
    nodes: dict[str, _Node] = {}
    sources: dict[str, _Node] = {}


@dataclass(frozen=True)
class Result:
    """What became of one model, test, seed, snapshot or source.

    `rows`: that it has written, of a test those that are not right; None where nobody tells.
    """

    type: str
    name: str
    status: str
    seconds: float
    rows: int | None = None
    message: str = ""
    file: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether the task is to fail."""
        return self.status in _BAD

    def __str__(self) -> str:
        rows = [counted(self.rows, "row")] if self.rows else []
        message = [self.message] if self.message else []
        return ", ".join([self.status, *rows, *message, spent(self.seconds)])


def read(folder: Path) -> tuple[Result, ...]:
    """The results of the command whose `target` folder this is; none when it left none."""
    rows = _read(folder / RUN, _Rows) or _read(folder / SOURCES, _Rows)
    nodes = _read(folder / MANIFEST, _Nodes) or _Nodes()
    known = {**nodes.nodes, **nodes.sources}
    return tuple(_result(row, known) for row in rows.results) if rows else ()


def tell(results: Sequence[Result]) -> None:
    """Say each; a bad one is told by who raises. Raises `NotPassed`."""
    for result in results:
        say("%s %s: %s", result.type, result.name, result)
    numbers = Counter(result.status for result in results)
    say("dbt: %s", ", ".join(f"{number} {status}" for status, number in numbers.items()))
    if bad := [result for result in results if result.is_bad]:
        first = bad[0]
        where = f" ({first.file})" if first.file else ""
        more = f"; {counted(len(bad) - 1, 'other')} beside it" if bad[1:] else ""
        said = first.message or first.status
        raise NotPassed(f"{first.type} {first.name}{where}: {said}{more}")


def plain(results: Sequence[Result]) -> dict[str, Any]:
    """Numbers, and names of what is not right, as values that JSON has."""
    bad = [result.name for result in results if result.is_bad]
    return {"statuses": dict(Counter(each.status for each in results)), "failed": bad[:20]}


def _result(row: _Row, known: Mapping[str, _Node]) -> Result:
    kind, _, rest = row.unique_id.partition(".")
    node = known.get(row.unique_id) or _Node(rest.partition(".")[2] or row.unique_id)
    return Result(
        type=kind,
        name=node.name,
        status=row.status,
        seconds=row.execution_time,
        rows=_rows(row),
        message=" ".join((_message(row) or "").split())[:_LONGEST],
        file=node.original_file_path,
    )


def _rows(row: _Row) -> int | None:
    if row.failures is not None:
        return row.failures
    written = row.adapter_response.get("rows_affected")
    if row.unique_id.startswith("test.") or not isinstance(written, int) or written < 0:
        return None
    return written


def _message(row: _Row) -> str | None:
    if row.max_loaded_at_time_ago_in_s is not None:
        return f"its last rows came {row.max_loaded_at_time_ago_in_s / 3600:.1f} hours ago"
    return row.message or row.error


def _read(path: Path, of: type[Any]) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=of)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DbtError(f"dbt left a {path.name} that cannot be read: {error}") from None


def left(folder: Path) -> Iterator[Path]:
    """The files that are worth keeping."""
    for name in (RUN, SOURCES, MANIFEST, "dbt.log"):
        if (path := folder / name).is_file():
            yield path
