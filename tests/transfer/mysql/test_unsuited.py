"""Which row of a load a key, a check or a foreign key of the table forbids: on a real MariaDB."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from factory.definitions import writes
from factory.definitions.formats import Csv
from factory.stores.disk import Disk
from factory.transfer.errors import BadRow
from factory.transfer.to_parquet import to_parquet

from ..warehouse.contract import DAY, WRITES, rows_of
from .test_contract import Mysql, bench
from .test_load import either

__all__ = ["bench", "either"]

COLUMNS = "id bigint, name varchar(20), day date"
TWICE = pa.concat_tables([rows_of(5), rows_of(6, name="b"), rows_of(7, name="B"), rows_of(8)])

KEYS = {
    "one": (f"{COLUMNS}, UNIQUE no_two (name)", "row 3 of the load", r"no_two \(name\)"),
    "the beginning": (f"{COLUMNS}, UNIQUE k (name(1))", "row 3 of the load", r"k \(name\)"),
    "two": (f"{COLUMNS}, UNIQUE k (day, name)", "row 3 of the load", r"k \(day, name\)"),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("what", KEYS)
def test_two_rows_of_one_key(either: Mysql, what: str, write: str) -> None:
    made, row, key = KEYS[what]
    either.run(f"CREATE TABLE trips ({made})", "INSERT INTO trips VALUES (1, 'z', NULL)")
    rows = TWICE.slice(1, 2)
    before = either.run("SELECT * FROM trips")
    rows = pa.concat_tables([rows_of(4, name="c"), rows])
    said = rf"{row}: .*trips takes no such row: it has the key {key} that row 2 of the load has"
    with pytest.raises(BadRow, match=said):
        either.load(rows, write)
    assert either.run("SELECT * FROM trips") == before
    assert either.tables() == {"trips"}


@pytest.mark.parametrize("write", ["append", "merge", "partition"])
def test_a_row_that_is_there_has_the_key(bench: Mysql, write: str) -> None:
    """Those that the load takes the place of have none any more."""
    bench.run(f"CREATE TABLE trips ({COLUMNS}, UNIQUE k (name))")
    bench.run(f"INSERT INTO trips VALUES (1, 'a', NULL), (2, 'b', '{DAY}'), (3, 'c', NULL)")
    rows = pa.concat_tables([rows_of(2, name="b"), rows_of(7, name="C")])
    row = 1 if write == "append" else 2
    said = rf"row {row} of the load: .*a row that is there has its key k \(name\)$"
    with pytest.raises(BadRow, match=said):
        bench.load(rows, write)
    assert bench.ids() == [1, 2, 3]
    assert bench.tables() == {"trips"}


@pytest.mark.parametrize("write", WRITES)
def test_a_check_of_the_table(either: Mysql, write: str) -> None:
    check = "CONSTRAINT `not ``x``` CHECK (name <> 'x')"
    either.run("CREATE TABLE other (name int, CONSTRAINT `not ``x``` CHECK (name > 0))")
    either.run(f"CREATE TABLE trips ({COLUMNS}, CHECK (id > 0), {check})")
    rows = pa.concat_tables([rows_of(4, 5), rows_of(6, name="x")])
    said = "row 3 of the load: .*the check not `x` of the table refuses it"
    with pytest.raises(BadRow, match=said):
        either.load(rows, write)
    assert either.run("SELECT * FROM trips") == []


@pytest.mark.parametrize("write", WRITES)
def test_a_row_that_refers_to_none(either: Mysql, write: str) -> None:
    either.run("CREATE TABLE parent (id bigint PRIMARY KEY)", "INSERT INTO parent VALUES (1), (2)")
    either.run(f"CREATE TABLE trips ({COLUMNS}, CONSTRAINT fk FOREIGN KEY (id) REFERENCES parent)")
    said = r"row 2 of the load: .*\.parent has no row that its id refers to \(fk\)"
    with pytest.raises(BadRow, match=said):
        either.load(rows_of(1, 3, 2), write)
    assert either.run("SELECT * FROM trips") == []
    assert either.tables() == {"trips", "parent"}


@pytest.mark.parametrize("write", WRITES)
def test_a_table_that_is_made_has_its_key(bench: Mysql, write: str) -> None:
    rows = pa.concat_tables([rows_of(1, name="z"), rows_of(2, 3)])
    with pytest.raises(BadRow, match=r"row 3 .*the key PRIMARY \(name\) that row 2 of the load"):
        bench.load(rows, write, primary_key=["name"])
    assert bench.tables() == set()


def test_its_file_and_line_are_told(bench: Mysql, tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text("id,name\n1,a\n2,b\n")
    second.write_text('id,name\n\n3,"c\n"\n2,d\n')
    paths: list[Any] = []
    for file in (first, second):
        paths.append(str(tmp_path / f"{file.stem}.parquet"))
        to_parquet(Disk(), [str(file)], Disk(), paths[-1], format=Csv())
    bench.run("CREATE TABLE trips (id bigint PRIMARY KEY, name longtext)")
    write = writes.parse({"mode": "replace"})
    with pytest.raises(
        BadRow, match=r"row 2 of .*2\.csv: .*the key PRIMARY \(id\) that row 2 of .*1\.csv"
    ):
        bench.loaded(Disk(), paths, table="trips", write=write, load_id="run 1")


def test_rows_that_the_mode_drops_are_not_looked_at(bench: Mysql) -> None:
    bench.run(f"CREATE TABLE trips ({COLUMNS}, UNIQUE k (name))")
    late = rows_of(1, name="b", day=DAY.replace(year=2025))
    rows = pa.concat_tables([late, rows_of(2, name="b"), rows_of(3), rows_of(4)])
    with pytest.raises(BadRow, match=r"row 4 of the load: .*that row 3 of the load has"):
        bench.load(rows, {**WRITES["partition"], "outside": "drop"})
