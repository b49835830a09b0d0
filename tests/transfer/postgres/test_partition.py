"""The write mode `partition`."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from factory.transfer.errors import BadOption, BadRow, TransferError

from .conftest import Warehouse

UTC = dt.timezone.utc
DAY = dt.timedelta(days=1)
JANUARY = {"start": "2024-01-01", "end": "2024-02-01"}


def partition(column: str = "at", **options: Any) -> dict[str, Any]:
    return {"mode": "partition", "column": column, **(options or JANUARY)}


def moments(*days: dt.datetime | None, kind: pa.DataType | None = None) -> pa.Table:
    values = pa.array(days, kind or pa.timestamp("us"))
    return pa.table({"at": values, "n": pa.array(range(len(days)))})


def at(day: int, hour: int = 0, month: int = 1) -> dt.datetime:
    return dt.datetime(2024, month, day, hour)


def test_only_the_interval_is_replaced(warehouse: Warehouse) -> None:
    around = [dt.datetime(2023, 12, 31, 23, 59, 59, 999999), at(1), at(31, 23), at(1, month=2)]
    warehouse.load(moments(*around))
    for _ in range(2):
        done = warehouse.load(moments(at(5), at(6)), partition(), load_id="run 2")
        assert done.changed is not None
        assert (done.changed.inserted, done.changed.deleted) == (2, 2)
        assert warehouse.rows("at") == [(around[0],), (at(5),), (at(6),), (around[3],)]
    assert warehouse.tables() == {"trips", "_factory_loads"}


def test_a_load_without_rows_empties_the_interval(warehouse: Warehouse) -> None:
    warehouse.load(moments(at(5), at(5, month=3)))
    nothing = pa.table({"at": pa.array([], pa.null()), "n": pa.array([], pa.null())})
    warehouse.load(nothing, partition(), load_id="run 2")
    assert warehouse.rows("at") == [(at(5, month=3),)]


@pytest.mark.parametrize("exists", [False, True])
def test_rows_outside(exists: bool, warehouse: Warehouse) -> None:
    if exists:
        warehouse.load(moments(at(5, month=3)))
    before = warehouse.tables()
    data = moments(at(5), at(5, month=2), None)
    message = r"'at' of 2 of 3 rows is outside the interval 2024-01-01 … 2024-02-01, for example "
    with pytest.raises(BadRow, match=message + "2024-02-05"):
        warehouse.load(data, partition(), load_id="run 2")
    assert warehouse.tables() == before
    with pytest.raises(BadRow, match="for example null"):
        warehouse.load(moments(None, at(5)), partition(), load_id="run 2")
    done = warehouse.load(data, partition(**JANUARY, outside="drop"), load_id="run 2")
    assert (done.read, done.dropped, done.rows) == (3, 2, 1)
    assert warehouse.run("SELECT at FROM {} WHERE at < '2024-02-01'") == [(at(5),)]


@pytest.mark.parametrize(
    "checks",
    [
        [],
        [{"type": "row_count", "min": 9}],
        [{"type": "sql", "condition": "1 / n >= 0"}],
    ],
)
def test_rows_outside_are_told_before_any_check(
    checks: list[dict[str, Any]], warehouse: Warehouse
) -> None:
    """Also before one whose SQL fails on a row."""
    with pytest.raises(BadRow, match=r"of 1 of 2 rows is outside .*, for example 2024-02-05"):
        warehouse.load(moments(at(5), at(5, month=2)), partition(), checks=checks)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_zones_and_dates(zone: str, warehouse: Warehouse) -> None:
    """Whatever the session's zone is, `timestamp` and `date` are UTC."""
    day = (at(2).replace(tzinfo=UTC), at(3).replace(tzinfo=UTC))
    for name, kind in [
        ("zoned", pa.timestamp("us", "UTC")),
        ("plain", pa.timestamp("us")),
        ("days", pa.date32()),
    ]:
        step = DAY if name == "days" else dt.timedelta(hours=1)
        inside, outside = [at(2), at(3) - step], [at(2) - step, at(3)]
        rows = moments(*inside, kind=kind)
        uri = f"{warehouse.uri}?options=-c%20timezone%3D{zone}"
        warehouse.load(moments(*inside, *outside, kind=kind), table=name)
        done = warehouse.load_all(
            [rows], partition(outside="fail"), table=name, load_id="2", interval=day, uri=uri
        )
        assert done.changed is not None
        assert (done.changed.inserted, done.changed.deleted) == (2, 2)
        assert warehouse.run("SELECT count(*) FROM {}", name) == [(4,)]
        with pytest.raises(BadRow, match="of 2 of 4 rows"):
            warehouse.load_all(
                [moments(*inside, *outside, kind=kind)],
                partition(outside="fail"),
                table=name,
                load_id="3",
                interval=day,
                uri=uri,
            )


def test_a_date_in_a_file_and_a_timestamp_in_the_table(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (at timestamp, n bigint)")
    for _ in range(2):
        warehouse.load(moments(at(5), kind=pa.date32()), partition())
    assert warehouse.rows() == [(at(5), 0)]


HOURS = (at(1, 5).replace(tzinfo=UTC), at(2, 5).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("options", "interval", "message"),
    [
        ({"outside": "fail"}, None, r"no data interval\. Say in `schedule` what a run"),
        ({"outside": "fail"}, (HOURS[0], HOURS[0]), "the run's data interval is empty.*Say in"),
        ({"start": "2024-01-01"}, None, "one of `start` and `end`"),
        ({"start": "2024-01-01", "end": "2024-01-01"}, None, "the interval is empty"),
        ({"start": "", "end": "2024-01-01"}, None, "`start` of the write mode partition is ''"),
        ({"start": "None", "end": "2024-01-01"}, None, "is 'None'. Write an ISO date"),
        (
            {"start": "2024-01-01", "end": "9999-12-31T23:00:00-05:00"},
            None,
            "Write an ISO date",
        ),
        ({**JANUARY, "outside": "keep"}, None, "unknown outside 'keep'"),
        ({**JANUARY, "column": "att"}, None, "Did you mean 'at'"),
        ({**JANUARY, "column": "n"}, None, "'n' of the write mode partition is bigint"),
        ({**JANUARY, "column": None}, None, "needs a `column`"),
    ],
)
def test_refused_options(
    options: dict[str, Any], interval: Any, message: str, warehouse: Warehouse
) -> None:
    with pytest.raises(BadOption, match=message):
        warehouse.load(moments(at(1)), partition(**options), interval=interval)
    assert warehouse.tables() == set()


def test_an_interval_that_cuts_days(warehouse: Warehouse) -> None:
    with pytest.raises(BadOption, match="cuts days"):
        warehouse.load(moments(at(1), kind=pa.date32()), partition(outside="fail"), interval=HOURS)
    warehouse.load(moments(at(1, 6)), partition(outside="fail"), interval=HOURS)


def test_the_run_s_own_days_are_those_of_its_zone(warehouse: Warehouse) -> None:
    """In Berlin 2 January begins at 23:00 of UTC: a date is of that day, a timestamp before it."""
    berlin = ZoneInfo("Europe/Berlin")
    day = (dt.datetime(2024, 1, 2, tzinfo=berlin), dt.datetime(2024, 1, 3, tzinfo=berlin))
    warehouse.load(moments(at(1), at(2), at(3), kind=pa.date32()))
    write = partition(outside="fail")
    done = warehouse.load(moments(at(2), kind=pa.date32()), write, interval=day, load_id="run 2")
    assert done.changed is not None
    assert (done.changed.inserted, done.changed.deleted) == (1, 1)
    with pytest.raises(BadRow, match="2024-01-01 23:00:00Z … 2024-01-02 23:00:00Z, for example"):
        warehouse.load(moments(at(3), kind=pa.date32()), write, interval=day, load_id="run 3")


def test_the_run_s_own_interval_in_a_column_without_a_zone_is_in_utc(warehouse: Warehouse) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    day = (dt.datetime(2024, 1, 2, tzinfo=berlin), dt.datetime(2024, 1, 3, tzinfo=berlin))
    warehouse.load(moments(at(1, 22), at(1, 23), at(2, 22), at(2, 23)))
    write = partition(outside="fail")
    done = warehouse.load(moments(at(1, 23), at(2, 22)), write, interval=day, load_id="run 2")
    assert done.changed is not None
    assert (done.changed.inserted, done.changed.deleted) == (2, 2)


def test_a_target_whose_column_is_no_time(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (at text, n bigint)")
    empty = pa.table({"at": pa.array([None]), "n": pa.array([1])})
    with pytest.raises(BadOption, match="is text"):
        warehouse.load(empty, partition())


def test_odd_names(warehouse: Warehouse) -> None:
    name = 'a"%s{}; --'
    data = pa.table({name: pa.array([at(3)], pa.timestamp("us"))})
    for _ in range(2):
        warehouse.load(data, partition(name))
    assert warehouse.rows() == [(at(3),)]


def test_triggers_that_turn_rows_away_are_told(warehouse: Warehouse) -> None:
    warehouse.load(moments(at(5)))
    function = f"{warehouse.schema}.skip()"
    warehouse.run(
        f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN CASE WHEN NEW.n = 0 THEN NEW END; END $$"
    )
    warehouse.run(
        f"CREATE TRIGGER t BEFORE INSERT ON {{}} FOR EACH ROW EXECUTE FUNCTION {function}"
    )
    for number, write in enumerate([{"mode": "append"}, {"mode": "replace"}, partition()]):
        with pytest.raises(TransferError, match="took 1 of 3 rows"):
            warehouse.load(moments(at(1), at(2), at(3)), write, load_id=f"run {number + 2}")
        assert warehouse.rows("at") == [(at(5),)]
