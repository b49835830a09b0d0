"""What is promised of each warehouse, as far as it can be tried in a schema of somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from factory.in_airflow.verify.bench import Bench, Failed, Row, plain

if TYPE_CHECKING:
    import pyarrow as pa

APPEND = {"mode": "append"}
REPLACE = {"mode": "replace"}
MERGE = {"mode": "merge", "key": ["id"]}
PARTITION = {"mode": "partition", "column": "day", "start": "2024-01-01", "end": "2024-01-02"}
DAY, NEXT = date(2024, 1, 1), date(2024, 1, 2)


class Broken(Exception):
    """A promise that does not hold: what was expected, and what was found."""


class Promise(NamedTuple):
    """A promise, and what tries it and returns what was found.

    Raises `Broken`, and `Failed` where it could not be tried.
    """

    said: str
    holds: Callable[[Bench], str]


def of(modes: Collection[str], *, knows_files: bool = False) -> Iterator[Promise]:
    """Those of a warehouse with these write modes; one that `knows_files` takes `only_new`."""
    yield Promise("values come back as they were", _values)
    yield Promise("`replace` leaves the load's rows alone", _replace)
    yield Promise("a failing check leaves the table as it was", _check)
    if "append" in modes:
        yield Promise("`append` adds rows", _append)
        yield Promise("a run that is repeated, as after a lost answer, adds nothing", _repeat)
    if knows_files:
        yield Promise("with `only_new`, a file that is in is not loaded again", _once)
    if "merge" in modes:
        yield Promise("`merge` updates by key, and adds what is new", _merge)
    if "partition" in modes:
        yield Promise("`partition` replaces one day, and no other", _partition)
    if "append" in modes:
        yield Promise("a load with another column is refused, the table as it was", _refused)
        yield Promise("`on_schema_change: add_columns` adds it", _added)


def _values(bench: Bench) -> str:
    import pyarrow as pa

    rows = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int64()),
            "total": pa.array([Decimal("9.50"), Decimal("-0.01"), None], pa.decimal128(12, 2)),
            "note": ['leave it "at the door",\nplease – 😀', "", None],
            "ratio": [0.1, -1e300, None],
            "is_paid": [True, False, None],
            "day": [DAY, date(1970, 1, 1), None],
            "at": pa.array(
                [datetime(2024, 1, 1, 12, 30), datetime(1999, 12, 31, 23, 59, 59, 250_000), None],
                pa.timestamp("us"),
            ),
        }
    )
    table = bench.table()
    bench.load(table, rows, REPLACE, run=1)
    columns = [column.to_pylist() for column in rows.columns]
    wanted = [tuple(map(plain, row)) for row in zip(*columns, strict=True)]
    return _same(bench, table, wanted)


def _replace(bench: Bench) -> str:
    table = bench.table()
    bench.load(table, _rows(1, 2), REPLACE, run=1)
    bench.load(table, _rows(3), REPLACE, run=2)
    return _same(bench, table, [(3, "a", DAY)])


def _check(bench: Bench) -> str:
    table = bench.table()
    bench.load(table, _rows(1, 2), REPLACE, run=1)
    many = {"type": "row_count", "min": 99}
    said = _refusal(bench, table, _rows(3), REPLACE, checks=[many])
    _same(bench, table, [(1, "a", DAY), (2, "a", DAY)])
    return said


def _append(bench: Bench) -> str:
    table = bench.table()
    bench.load(table, _rows(1), APPEND, run=1)
    bench.load(table, _rows(2), APPEND, run=2)
    return _same(bench, table, [(1, "a", DAY), (2, "a", DAY)])


def _repeat(bench: Bench) -> str:
    table = bench.table()
    for _ in range(2):
        bench.load(table, _rows(1, 2), APPEND, run=1)
    return _same(bench, table, [(1, "a", DAY), (2, "a", DAY)])


def _once(bench: Bench) -> str:
    table = bench.table()
    for run in (1, 2):
        bench.load(table, _rows(1, 2), APPEND, run=run, once=True)
    return _same(bench, table, [(1, "a", DAY), (2, "a", DAY)])


def _merge(bench: Bench) -> str:
    table = bench.table()
    bench.load(table, _rows(1, 2), MERGE, run=1)
    for _ in range(2):
        bench.load(table, _rows(2, 3, name="b"), MERGE, run=2)
    return _same(bench, table, [(1, "a", DAY), (2, "b", DAY), (3, "b", DAY)])


def _partition(bench: Bench) -> str:
    import pyarrow as pa

    table = bench.table()
    both = pa.concat_tables([_rows(1, 2), _rows(3, day=NEXT)])
    bench.load(table, both, REPLACE, run=1)
    for _ in range(2):
        bench.load(table, _rows(4), PARTITION, run=2)
    return _same(bench, table, [(3, "a", NEXT), (4, "a", DAY)])


def _refused(bench: Bench) -> str:
    table = bench.table()
    bench.load(table, _rows(1), APPEND, run=1)
    said = _refusal(bench, table, _wider(), APPEND)
    _same(bench, table, [(1, "a", DAY)])
    return said


def _added(bench: Bench) -> str:
    table = bench.table()
    bench.load(table, _rows(1), APPEND, run=1)
    bench.load(table, _wider(), APPEND, run=2, on_schema_change="add_columns")
    return _same(bench, table, [(1, "a", DAY, None), (2, "a", DAY, "new")])


def _rows(*ids: int, name: str = "a", day: date = DAY) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, Any] = {"id": pa.array(ids, pa.int64())}
    return pa.table({**columns, "name": [name for _ in ids], "day": [day for _ in ids]})


def _wider() -> pa.Table:
    import pyarrow as pa

    return _rows(2).append_column("more", pa.array(["new"]))


def _refusal(bench: Bench, table: str, rows: pa.Table, write: dict[str, Any], **more: Any) -> str:
    """What a load says that must fail."""
    try:
        bench.load(table, rows, write, run=2, **more)
    except Failed as error:
        return f"refused: {error}"
    raise Broken("expected that the load fails, but it succeeded")


def _same(bench: Bench, table: str, wanted: list[Row]) -> str:
    found, expected = bench.rows(table), sorted(wanted, key=repr)
    if [*map(_alike, found)] != [*map(_alike, expected)]:
        raise Broken(f"expected {expected}, found {found}")
    return f"{len(found)} rows" if len(found) != 1 else "1 row"


def _alike(row: Row) -> Row:
    return tuple(_midnight(value) for value in row)


def _midnight(value: Any) -> Any:
    """A day is its first moment, for warehouses that tell the two apart by their column only."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    return value
