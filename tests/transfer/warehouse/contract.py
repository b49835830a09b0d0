"""What every warehouse keeps: one suite, which each joins by a `Bench` of its own.

A subclass of `Contract` beside each warehouse's tests says how one is opened, as the fixture
`bench`. What its `Capabilities` lack it takes out by a test of the same name that is None.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.definitions import checks, writes
from factory.stores.disk import Disk
from factory.stores.model import Store
from factory.transfer.errors import BadRow, ChecksFailed, SchemaChanged, TransferError
from factory.transfer.values import agreement
from factory.transfer.warehouse.load import Loaded
from factory.transfer.warehouse.parts import Changed

Data: TypeAlias = "pa.Table | Mapping[str, Sequence[object]]"
Row = tuple[Any, ...]

DAY = date(2024, 1, 1)
WRITES: dict[str, dict[str, object]] = {
    "append": {"mode": "append"},
    "replace": {"mode": "replace"},
    "merge": {"mode": "merge", "key": ["id"]},
    "partition": {
        "mode": "partition",
        "column": "day",
        "start": "2024-01-01",
        "end": "2024-01-02",
    },
}


def rows_of(*ids: int, name: str = "a", day: date = DAY) -> pa.Table:
    """Rows of the table that the suite loads."""
    columns = {"id": ids, "name": [name for _ in ids], "day": [day for _ in ids]}
    kinds = [("id", pa.int64()), ("name", pa.string()), ("day", pa.date32())]
    return pa.table(columns, schema=pa.schema(kinds))


@dataclass(frozen=True)
class Bench(ABC):
    """One warehouse as the suite sees it: a place of its own, loads into it, what is there.

    It is pickled: a load that is killed is one of another process.
    """

    stage: Path

    session: ClassVar[type[Any]]
    """The class whose steps a kill comes in."""
    examples: ClassVar[int] = 8
    """Tables that go there and back."""
    back: ClassVar[Mapping[str, pa.DataType]] = {}
    """What a column of `KINDS` is read as, where that is another type."""
    without: ClassVar[Sequence[str]] = ()
    """Of `KINDS`, what it has no type for."""
    names: ClassVar[Sequence[str]] = ("order", "Ünïcode", 'a"b', "a`b", "a b", "a.b", "{}", "%s")
    """Names of columns that are quoted, or else do harm."""
    takes_up: ClassVar[bool] = False
    """A publish whose answer was lost is taken up, while its rows are staged still."""

    @property
    def preloaded(self) -> Sequence[str]:
        """Modules that a process, which is killed, has from its start.

        A driver with threads of its own is none of them: they do not live on in a fork.
        """
        return [type(self).__module__]

    @abstractmethod
    def loaded(self, store: Store, paths: Sequence[str], **options: Any) -> Loaded:
        """Load files; `options` are `table`, `write`, `checks`, `load_id`, and others."""

    @abstractmethod
    def read(self, table: str = "trips") -> pa.Table:
        """The table, as the source of the same name reads it."""

    @abstractmethod
    def tables(self) -> set[str]:
        """The names of all tables, but for those that loads are noted in."""

    @abstractmethod
    def forget_checks(self) -> None:
        """Let what notes loads be as a version had it that kept nothing of their checks."""

    def noting(self, *files: str) -> dict[str, Any]:
        """Options of a load of these files, where they are noted with their rows."""
        return {}

    def known(self) -> Mapping[str, Any]:
        """Files that are noted."""
        return {}

    def load(
        self,
        data: Data,
        write: str | Mapping[str, object] = "append",
        *asked: Mapping[str, object],
        table: str = "trips",
        load_id: str = "run 1",
        **options: Any,
    ) -> Loaded:
        """One file of these rows."""
        path = str(self.stage / f"{uuid.uuid4().hex}.parquet")
        pq.write_table(data if isinstance(data, pa.Table) else pa.table(data), path)
        return self.loaded(
            Disk(),
            [path],
            table=table,
            write=writes.parse(WRITES[write] if isinstance(write, str) else write),
            checks=[checks.parse(check) for check in asked],
            load_id=load_id,
            **options,
        )

    def rows(self, table: str = "trips") -> list[Row]:
        """All rows, in the order of their values."""
        found = self.read(table)
        rows = zip(*(column.to_pylist() for column in found.columns), strict=True)
        return sorted(rows, key=str)

    def ids(self) -> list[int]:
        """The first column."""
        return sorted(row[0] for row in self.rows())


def _after(session: type[Any], step: str) -> None:
    """Let the process be killed once a step is done."""
    whole = getattr(session, step)

    def killed(*given: Any, **more: Any) -> Any:
        whole(*given, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def left(*given: Any) -> Iterator[None]:
        with whole(*given):
            yield
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(session, step, left if step == "transaction" else killed)


def _killed(
    bench: Bench,
    step: str,
    data: pa.Table,
    write: str,
    load_id: str,
    asked: Sequence[Mapping[str, object]],
    options: dict[str, Any],
) -> None:
    _after(bench.session, step)
    bench.load(data, write, *asked, load_id=load_id, **options)


STEPS = ("copy", "write", "record", "transaction")
"""Where a kill comes: rows are staged, written, noted, committed."""


def kill(
    bench: Bench,
    step: str,
    data: pa.Table,
    write: str,
    load_id: str,
    asked: Sequence[Mapping[str, object]] = (),
    **options: Any,
) -> None:
    """A load in a process that ends by SIGKILL once a step is done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *bench.preloaded])
    given = (bench, step, data, write, load_id, asked, options)
    process = context.Process(target=_killed, args=given)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


LEAST: Mapping[str, object] = {"type": "row_count", "min": 1}
WARNS: Mapping[str, object] = {"type": "row_count", "min": 9, "severity": "warn"}
NEVER: Mapping[str, object] = {"type": "range", "column": "id", "max": 1}
"""Of rows whose ids are above 1."""


def verdicts(done: Loaded) -> list[tuple[str, str, str]]:
    """What is told of each check."""
    word = {(True, True): "passed", (True, False): "failed", (False, False): "not asked"}
    return [(each.type, each.severity, word[each.asked, each.passed]) for each in done.checks]


def attempt(
    bench: Bench, data: pa.Table, write: str, *asked: Mapping[str, object]
) -> tuple[ChecksFailed | None, Loaded | None]:
    """What a check raised, or what was done."""
    try:
        return None, bench.load(data, write, *asked)
    except ChecksFailed as error:
        return error, None


ALL_CHECKS: list[tuple[dict[str, object], bool]] = [
    ({"type": "row_count", "min": 3, "max": 3}, True),
    ({"type": "row_count", "min": 4}, False),
    ({"type": "not_null", "columns": ["id", "day"]}, True),
    ({"type": "not_null", "columns": ["name"]}, False),
    ({"type": "unique", "columns": ["id"]}, True),
    ({"type": "unique", "columns": ["day"]}, False),
    ({"type": "accepted_values", "column": "name", "values": ["a", "O'Neil \\"]}, True),
    ({"type": "accepted_values", "column": "name", "values": ["A", "O'Neil \\"]}, False),
    ({"type": "range", "column": "id", "min": 1, "max": 3}, True),
    ({"type": "range", "column": "id", "min": 2}, False),
    ({"type": "range", "column": "day", "min": "2024-01-01", "max": "2024-01-02"}, True),
    ({"type": "range", "column": "day", "max": "2023-12-31"}, False),
    ({"type": "matches", "column": "name", "pattern": "^[aO]"}, True),
    ({"type": "matches", "column": "name", "pattern": "^A$"}, False),
    ({"type": "freshness", "column": "day", "max_age": "36h"}, True),
    ({"type": "freshness", "column": "day", "max_age": "2h"}, False),
    ({"type": "sql", "condition": "id > 0 -- of all"}, True),
    ({"type": "sql", "condition": "id <> 2"}, False),
    ({"type": "sql", "query": "SELECT count(*) = 3 FROM {table}"}, True),
    ({"type": "sql", "query": "SELECT count(*) > 9 FROM {table}"}, False),
]
CHECKED = pa.table(
    {"id": [1, 2, 3], "name": ["a", None, "O'Neil \\"], "day": [DAY, DAY, date(2024, 1, 2)]}
)
NOON = datetime(2024, 1, 2, 12, tzinfo=timezone.utc)

_TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"])
    | st.sampled_from("\\\t\n\r'\"\x1a\b%,;äß😀 "),
    max_size=12,
)
_MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31))
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "i8": (pa.int8(), st.integers(-(2**7), 2**7 - 1)),
    "i16": (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "i32": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "i64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "u8": (pa.uint8(), st.integers(0, 2**8 - 1)),
    "u16": (pa.uint16(), st.integers(0, 2**16 - 1)),
    "u32": (pa.uint32(), st.integers(0, 2**32 - 1)),
    "u64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "f32": (pa.float32(), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    "f64": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    "bool": (pa.bool_(), st.booleans()),
    "text": (pa.string(), _TEXTS),
    "bytes": (pa.binary(), st.binary(max_size=12)),
    "date": (pa.date32(), st.dates(date(1, 1, 1))),
    "time": (pa.time64("us"), st.times()),
    "wall": (pa.timestamp("us"), st.datetimes(datetime(1, 1, 1))),
    "moment": (pa.timestamp("us", "UTC"), _MOMENTS),
    "money": (pa.decimal128(12, 2), st.decimals(-(10**9), 10**9, places=2)),
    "exact": (pa.decimal128(38, 9), st.decimals(-(10**28), 10**28, places=9)),
    "small": (pa.decimal128(9, 9), st.decimals(Decimal("-0.9"), Decimal("0.9"), places=9)),
}


@st.composite
def tables(draw: st.DrawFn, without: Sequence[str]) -> pa.Table:
    """Rows of every kind, with nulls."""
    number = draw(st.integers(1, 4))
    columns, fields = [], []
    for name, (kind, values) in KINDS.items():
        if name not in without:
            found = draw(st.lists(st.none() | values, min_size=number, max_size=number))
            columns.append(pa.array(found, kind))
            fields.append(pa.field(name, kind))
    return pa.table(columns, schema=pa.schema(fields))


class Contract:
    """The suite. What a warehouse keeps beyond it, its own tests hold."""

    @pytest.fixture(params=[*WRITES])
    def mode(self, request: pytest.FixtureRequest) -> str:
        found: str = request.param
        return found

    def test_a_load_and_the_same_again(self, bench: Bench, mode: str) -> None:
        first = bench.load(rows_of(1, 2), mode)
        assert (first.published, first.read, first.rows) == (True, 2, 2)
        assert first.changed == Changed(2)
        before = bench.rows()
        assert [row[:2] for row in before] == [(1, "a"), (2, "a")]
        again = bench.load(rows_of(1, 2), mode)
        assert again.published == (mode != "append")
        assert bench.rows() == before
        assert bench.tables() == {"trips"}

    def test_guessed_types_do_not_hide_other_rows(self, bench: Bench) -> None:
        """The table that a load has made tells types to those who read its rows once more."""

        def guessed(note: pa.Array, *ids: int) -> pa.Table:
            table = rows_of(*ids).append_column("note", note)
            return table.cast(agreement.guessed(table.schema, ["id"]))

        bench.load(guessed(pa.nulls(2), 1, 2))
        with pytest.raises(TransferError):
            bench.load(guessed(pa.array(["x", "y"]), 7, 8))
        with pytest.raises(TransferError):
            bench.load(guessed(pa.array(["x", None]), 1, 2))
        assert not bench.load(guessed(pa.nulls(2, pa.string()), 1, 2)).published
        assert bench.ids() == [1, 2]

    def test_another_load_after_it(self, bench: Bench, mode: str) -> None:
        bench.load(rows_of(8, day=date(2024, 1, 2)))
        bench.load(rows_of(1, 2), mode, load_id="run 2")
        bench.load(rows_of(2, 3, name="b"), mode, load_id="run 3")
        found = {
            "append": [(1, "a"), (2, "a"), (2, "b"), (3, "b"), (8, "a")],
            "replace": [(2, "b"), (3, "b")],
            "merge": [(1, "a"), (2, "b"), (3, "b"), (8, "a")],
            "partition": [(2, "b"), (3, "b"), (8, "a")],
        }
        assert [row[:2] for row in bench.rows()] == found[mode]
        assert bench.tables() == {"trips"}

    def test_a_failed_check_keeps_what_was_there(self, bench: Bench, mode: str) -> None:
        bench.load(rows_of(1, 2), mode)
        least = {"type": "row_count", "min": 2}
        with pytest.raises(ChecksFailed, match="1 row, expected at least 2"):
            bench.load(rows_of(3, name="x"), mode, least, load_id="run 2")
        assert [row[:2] for row in bench.rows()] == [(1, "a"), (2, "a")]
        assert bench.tables() == {"trips"}
        assert bench.load(rows_of(3), mode, load_id="run 2").published

    def test_a_failed_check_of_a_load_that_had_published(self, bench: Bench) -> None:
        """Who repeats it is not told that nothing of it is there."""
        least = {"type": "row_count", "min": 3}
        with pytest.raises(ChecksFailed) as first:
            bench.load(rows_of(1, 2), "replace", least)
        assert first.value.earlier == ""
        bench.load(rows_of(1, 2), "replace")
        with pytest.raises(ChecksFailed) as again:
            bench.load(rows_of(1, 2), "replace", least)
        assert again.value.earlier.startswith("2 rows at 20")
        with pytest.raises(ChecksFailed) as other:
            bench.load(rows_of(1, 2), "replace", least, load_id="run 2")
        assert other.value.earlier == ""
        assert bench.ids() == [1, 2]

    def test_a_failed_check_makes_no_table(self, bench: Bench) -> None:
        with pytest.raises(ChecksFailed):
            bench.load(rows_of(1), "append", {"type": "row_count", "min": 2})
        assert bench.tables() == set()

    def test_each_check_finds_what_it_is_for(self, bench: Bench) -> None:
        asked = [{**check, "severity": "warn"} for check, _ in ALL_CHECKS]
        done = bench.load(CHECKED, "append", *asked, as_of=NOON)
        found = [(each.type, each.passed, each.message) for each in done.checks]
        passed = [(check["type"], good) for check, good in ALL_CHECKS]
        assert [each[:2] for each in found] == passed, found
        messages = " | ".join(message for _, good, message in found if not good)
        assert "O'Neil" in messages  # what is wrong is shown

    def test_rows_of_the_load_before_are_compared(self, bench: Bench) -> None:
        change = {"type": "row_count", "max_change": 0.1}
        bench.load(rows_of(1, 2, 3), "replace", change)
        with pytest.raises(ChecksFailed, match="the previous load had 3"):
            bench.load(rows_of(1), "replace", change, load_id="run 2")

    def test_columns_that_the_table_lacks(self, bench: Bench) -> None:
        bench.load(rows_of(1))
        wider = rows_of(2).append_column("fare", pa.array([0.5]))
        wider = wider.append_column("note", pa.array(["new"]))
        with pytest.raises(SchemaChanged, match="it has no column 'fare'"):
            bench.load(wider, load_id="run 2")
        bench.load(wider, load_id="run 2", on_schema_change="ignore")
        assert [row[0] for row in bench.rows()] == [1, 2]
        assert len(bench.rows()[0]) == 3
        bench.load(wider, load_id="run 3", on_schema_change="add_columns")
        fares = sorted(((row[0], row[3]) for row in bench.rows()), key=str)
        assert fares == [(1, None), (2, 0.5), (2, None)]

    def test_a_merge_brings_a_column_that_the_table_lacks(self, bench: Bench) -> None:
        bench.load(rows_of(1, 2))
        wider = rows_of(2, 3).append_column("note", pa.array(["new", "new"]))
        for _ in range(2):
            bench.load(wider, "merge", load_id="run 2", on_schema_change="add_columns")
            notes = [(row[0], row[3]) for row in bench.rows()]
            assert notes == [(1, None), (2, "new"), (3, "new")]

    def test_columns_that_the_load_lacks(self, bench: Bench) -> None:
        bench.load(rows_of(1))
        narrow = rows_of(2).drop_columns(["name"])
        with pytest.raises(SchemaChanged, match=r"its column 'name' \(.*\) is not in the load"):
            bench.load(narrow, load_id="run 2")
        bench.load(narrow, load_id="run 2", on_schema_change="ignore")
        assert sorted((row[:2] for row in bench.rows()), key=str) == [(1, "a"), (2, None)]

    def test_a_type_that_does_not_fit(self, bench: Bench) -> None:
        bench.load(rows_of(1))
        texts = rows_of(2).set_column(0, "id", pa.array(["x"]))
        for policy in ("fail", "ignore", "add_columns"):
            with pytest.raises(SchemaChanged, match=r"its column 'id' is .*, the load's is "):
                bench.load(texts, load_id="run 2", on_schema_change=policy)
        assert bench.ids() == [1]

    def test_a_column_in_another_case_is_not_lost(self, bench: Bench) -> None:
        bench.load(rows_of(1))
        loud = rows_of(2).rename_columns(["id", "NAME", "day"])
        with pytest.raises(SchemaChanged, match="NAME"):
            bench.load(loud, load_id="run 2")
        assert bench.rows()[0][:2] == (1, "a")

    def test_rows_that_are_not_the_tables(self, bench: Bench) -> None:
        bench.load(rows_of(1))
        with pytest.raises(SchemaChanged, match="none of the load's columns"):
            bench.load({"error": ["not found"]}, load_id="run 2", on_schema_change="add_columns")
        assert bench.ids() == [1]

    def test_no_rows(self, bench: Bench, mode: str) -> None:
        bench.load(rows_of(1, 2))
        bench.load(rows_of(), mode, load_id="run 2")
        assert bench.ids() == ([] if mode in ("replace", "partition") else [1, 2])

    def test_no_rows_make_an_empty_table(self, bench: Bench) -> None:
        bench.load(rows_of())
        assert bench.rows() == []
        bench.load(rows_of(1), load_id="run 2")
        assert bench.ids() == [1]

    def test_names_are_quoted(self, bench: Bench) -> None:
        data = pa.table({name: [number] for number, name in enumerate(bench.names)})
        never = {"type": "range", "column": bench.names[0], "min": 0, "max": 0}
        unique = {"type": "unique", "columns": list(bench.names)}
        for mode in ("append", "replace"):
            bench.load(data, mode, never, unique, table="select", load_id=mode)
        assert bench.read("select").to_pylist() == data.to_pylist()
        key = {"mode": "merge", "key": list(bench.names)}
        assert bench.load(data, key, table="select").changed == Changed(0)

    def test_a_merge_updates_what_has_changed(self, bench: Bench) -> None:
        bench.load(rows_of(1, 2, 3), "merge")
        some = pa.concat_tables([rows_of(1), rows_of(2, name="A"), rows_of(4)])
        assert bench.load(some, "merge", load_id="run 2").changed == Changed(1, updated=1)
        assert [row[:2] for row in bench.rows()] == [(1, "a"), (2, "A"), (3, "a"), (4, "a")]

    def test_a_merge_key_names_one_row(self, bench: Bench) -> None:
        bench.load(rows_of(1), "merge")
        twice = pa.concat_tables([rows_of(2, name="x"), rows_of(2, name="y")])
        with pytest.raises(BadRow, match=r"1 merge keys? stands? in more than one row"):
            bench.load(twice, "merge", load_id="run 2")
        with pytest.raises(BadRow, match=r"1 of 1 rows have a null in the merge key \['id'\]"):
            bench.load(rows_of(2).set_column(0, "id", pa.nulls(1, pa.int64())), "merge")
        assert bench.ids() == [1]
        last = {**WRITES["merge"], "duplicates": "last"}
        done = bench.load(twice, last, load_id="run 2")
        assert (done.dropped, done.rows) == (1, 1)
        assert [row[:2] for row in bench.rows()] == [(1, "a"), (2, "y")]
        bench.load(rows_of(1, name="z"), load_id="run 3")
        with pytest.raises(TransferError, match="has 2 rows of one merge key, id = 1"):
            bench.load(rows_of(1, name="q"), "merge", load_id="run 4")

    def test_the_last_row_of_a_key_where_a_column_is_named_as_ours(self, bench: Bench) -> None:
        twice = pa.concat_tables([rows_of(2, name="x"), rows_of(2, name="y")])
        twice = twice.rename_columns(["id", "_FACTORY_ROW", "day"])
        bench.load(twice, {**WRITES["merge"], "duplicates": "last"})
        assert [row[:2] for row in bench.rows()] == [(2, "y")]

    def test_a_partition_holds_its_interval(self, bench: Bench) -> None:
        both = pa.concat_tables([rows_of(1), rows_of(2, day=date(2024, 1, 2))])
        with pytest.raises(BadRow, match="'day' of 1 of 2 rows is outside the interval"):
            bench.load(both, "partition")
        done = bench.load(both, {**WRITES["partition"], "outside": "drop"})
        assert (done.dropped, done.rows, bench.ids()) == (1, 1, [1])

    @pytest.mark.parametrize("write", ["append", "replace"])
    @pytest.mark.parametrize("step", STEPS)
    def test_a_load_that_is_killed(self, bench: Bench, step: str, write: str) -> None:
        files = bench.noting("b") if write == "append" else {}
        bench.load(rows_of(1), **bench.noting("a"))
        whole = [1, 2] if write == "append" else [2]
        kill(bench, step, rows_of(2), write, "run 2", **files)
        assert bench.ids() in ([1], whole)
        assert ("b" in bench.known()) == bool(files and bench.ids() == whole)
        bench.load(rows_of(2), write, load_id="run 2", **files)
        assert bench.ids() == whole
        assert ("b" in bench.known()) == bool(files)
        bench.load(rows_of(3), load_id="run 3")
        assert bench.ids() == [*whole, 3]
        assert bench.tables() == {"trips"}

    @pytest.mark.parametrize("step", STEPS)
    def test_a_first_load_that_is_killed(self, bench: Bench, step: str) -> None:
        kill(bench, step, rows_of(1, 2), "append", "run 1")
        for _ in range(2):
            bench.load(rows_of(1, 2))
            assert bench.ids() == [1, 2]
        bench.load(rows_of(3), load_id="run 2")
        assert bench.ids() == [1, 2, 3]
        assert bench.tables() == {"trips"}

    @pytest.mark.parametrize("is_first", [True, False])
    @pytest.mark.parametrize("write", ["append", "replace"])
    def test_the_checks_of_a_publish_whose_answer_was_lost(
        self, bench: Bench, write: str, is_first: bool
    ) -> None:
        """What was asked before it is told as it was found, what was not asked never as passed."""
        before = [] if is_first else [1]
        if before:
            bench.load(rows_of(*before), load_id="run 0")
        kill(bench, "transaction", rows_of(2, 3), write, "run 1", [LEAST, WARNS])
        there = [2, 3] if write == "replace" else [*before, 2, 3]
        assert bench.ids() == there
        done = bench.load(rows_of(2, 3), write, LEAST, WARNS, {**NEVER, "severity": "warn"})
        least, warned, never = verdicts(done)
        assert least == ("row_count", "error", "passed")
        assert warned == ("row_count", "warn", "failed")
        asked = write == "replace" or bench.takes_up
        assert never == ("range", "warn", "failed" if asked else "not asked")
        measured = [check.measured.get("rows") for check in done.checks]
        assert measured[:2] == [2, 2]
        assert done.checks[1].message == "2 rows, expected at least 9"
        assert bench.ids() == there
        assert bench.tables() == {"trips"}

    @pytest.mark.parametrize("write", ["append", "replace"])
    def test_a_check_that_is_added_after_a_publish_whose_answer_was_lost(
        self, bench: Bench, write: str
    ) -> None:
        """Where the rows can be asked still, it fails; nothing is published anew."""
        kill(bench, "transaction", rows_of(2, 3), write, "run 1", [LEAST])
        for asked in (write == "replace" or bench.takes_up, write == "replace"):
            failed, done = attempt(bench, rows_of(2, 3), write, LEAST, NEVER)
            assert asked == (failed is not None)
            if failed:
                assert "range" in str(failed)
                assert failed.earlier.startswith("2 rows at 20")
                assert [check.passed for check in failed.results] == [True, False]
            if done:
                assert verdicts(done)[1] == ("range", "error", "not asked")
                assert "before this check was added or changed" in done.checks[1].message
                assert not done.published
            assert bench.ids() == [2, 3]
        assert bench.tables() == {"trips"}

    @pytest.mark.parametrize("write", ["append", "replace"])
    def test_a_warning_that_became_an_error_after_a_publish(self, bench: Bench, write: str) -> None:
        kill(bench, "transaction", rows_of(2, 3), write, "run 1", [WARNS, LEAST])
        with pytest.raises(ChecksFailed, match="2 rows, expected at least 9") as raised:
            bench.load(rows_of(2, 3), write, {**WARNS, "severity": "error"})
        assert raised.value.earlier.startswith("2 rows at 20")
        done = bench.load(rows_of(2, 3), write, WARNS)
        assert verdicts(done)[0] == ("row_count", "warn", "failed")
        assert bench.ids() == [2, 3]
        assert bench.tables() == {"trips"}

    @pytest.mark.parametrize("after", [*WRITES])
    @pytest.mark.parametrize("before", [*WRITES])
    def test_another_mode_after_a_publish_whose_answer_was_lost(
        self, bench: Bench, before: str, after: str
    ) -> None:
        """The rows are there once, and as the mode of now has them."""
        bench.load(rows_of(1, day=date(2023, 12, 31)), load_id="run 0")
        kill(bench, "transaction", rows_of(2, 3), before, "run 1", [LEAST])
        for _ in range(2):
            done = bench.load(rows_of(2, 3), after, LEAST, {**NEVER, "severity": "warn"})
            assert verdicts(done)[0] == ("row_count", "error", "passed")
            assert verdicts(done)[1][2] != "passed"
            is_whole = "replace" in (before, after)
            assert bench.ids() == ([2, 3] if is_whole else [1, 2, 3])
        assert bench.tables() == {"trips"}

    def test_a_publish_of_a_version_that_kept_nothing_of_its_checks(self, bench: Bench) -> None:
        """It is found, and nothing comes twice; what notes loads keeps them from then on."""
        kill(bench, "transaction", rows_of(2, 3), "append", "run 1", [LEAST])
        bench.forget_checks()
        never = {**NEVER, "severity": "warn"}
        word = {found for _, _, found in verdicts(bench.load(rows_of(2, 3), "append", never))}
        assert word == {"failed" if bench.takes_up else "not asked"}
        (again,) = bench.load(rows_of(2, 3), "append", LEAST).checks
        assert not again.asked
        assert "an earlier try that kept no results" in again.message
        kill(bench, "transaction", rows_of(4), "append", "run 2", [LEAST])
        done = bench.load(rows_of(4), "append", LEAST, load_id="run 2")
        assert verdicts(done) == [("row_count", "error", "passed")]
        assert bench.ids() == [2, 3, 4]
        assert bench.tables() == {"trips"}

    def test_what_a_killed_load_left_goes_with_the_next(self, bench: Bench) -> None:
        kill(bench, "copy", rows_of(1), "append", "run 1")
        bench.load(rows_of(2), load_id="run 2")
        assert bench.ids() == [2]
        assert bench.tables() == {"trips"}

    @pytest.mark.parametrize("write", ["append", "replace"])
    def test_two_runs_into_one_table(self, bench: Bench, write: str) -> None:
        bench.load(rows_of(1))

        def run(number: int) -> None:
            bench.load(rows_of(number, number), write, load_id=f"run {number}")

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, (2, 3)))
        if write == "append":
            assert bench.ids() == [1, 2, 2, 3, 3]
        else:
            assert bench.ids() in ([2, 2], [3, 3])
        assert bench.tables() == {"trips"}

    def test_one_run_twice_at_once(self, bench: Bench) -> None:
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda _: bench.load(rows_of(1, 2)), range(2)))
        assert sorted(each.published for each in done) == [False, True]
        assert bench.ids() == [1, 2]

    def test_every_value_comes_back(self, bench: Bench) -> None:
        seen = iter(range(10**6))

        @settings(
            max_examples=bench.examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(tables(bench.without))
        def there_and_back(data: pa.Table) -> None:
            table = f"t{next(seen)}"
            bench.load(data, table=table)
            assert _sorted(bench.read(table)) == _sorted(self._as_read(bench, data))

        there_and_back()

    def _as_read(self, bench: Bench, data: pa.Table) -> pa.Table:
        fields = [
            pa.field(field.name, bench.back.get(field.name, field.type)) for field in data.schema
        ]
        return data.cast(pa.schema(fields))


def _sorted(table: pa.Table) -> tuple[list[str], list[str]]:
    kinds = [f"{field.name} {field.type}" for field in table.schema]
    return kinds, sorted(map(repr, table.to_pylist()))
