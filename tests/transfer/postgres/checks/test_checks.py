"""Each check on the real database: what passes, what fails, and what is said."""

import json
import logging
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

import psycopg
import pytest

from factory.definitions.checks import parse
from factory.transfer.errors import BadOption, BadRow, ChecksFailed
from factory.transfer.warehouse.audit import audit, prepare

from .conftest import Check, Rows

NOON = datetime(2024, 1, 2, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("check", "previous", "passed", "message"),
    [
        ({"min": 3}, None, True, "3 rows"),
        ({"max": 3}, None, True, "3 rows"),
        ({"min": "3", "max": "3"}, None, True, "3 rows"),
        ({"min": 4}, None, False, "3 rows, expected at least 4"),
        ({"max": 2}, None, False, "3 rows, expected at most 2"),
        ({"max_change": 0.5}, None, True, "3 rows, no previous load to compare with"),
        ({"max_change": 0.5}, 2, True, "3 rows, the previous load had 2, a change of +0.5"),
        ({"max_change": "0.5"}, 6, True, "3 rows, the previous load had 6, a change of -0.5"),
        (
            {"max_change": 0.5},
            7,
            False,
            "3 rows, the previous load had 7, a change of -0.571, expected a change of at most 0.5",
        ),
        (
            {"max_change": 9, "min": 4},
            0,
            False,
            "3 rows, the previous load had none, expected at least 4, "
            "expected a change of at most 9",
        ),
    ],
)
def test_row_count(
    rows: Rows, check: Check, previous: int | None, passed: bool, message: str
) -> None:
    rows.make("id int", (1,), (2,), (None,))
    assert rows.one({"type": "row_count", **check}, previous_rows=previous) == (passed, message)


def test_row_count_of_an_empty_table(rows: Rows) -> None:
    rows.make("id int")
    assert rows.one({"type": "row_count", "min": 1}) == (False, "0 rows, expected at least 1")
    assert rows.one({"type": "row_count", "max_change": 0}, previous_rows=0)[0]


def test_not_null(rows: Rows) -> None:
    rows.make("id int, a text, b int", (1, "x", 1), (2, None, 2), (3, None, None))
    assert rows.one({"type": "not_null", "columns": ["id"]}) == (True, "no nulls in id")
    check = {"type": "not_null", "columns": ["a", "id", "b"]}
    assert rows.one(check) == (False, "a is null in 2 rows; b is null in 1 row")
    assert rows.one(check, key=["id"])[1].endswith(", for example id = 2; id = 3")


def test_unique(rows: Rows) -> None:
    data = [(1, "a"), (1, "a"), (2, "b"), (2, "b"), (2, "b"), (3, None), (3, None), (4, "x")]
    rows.make("id int, name text", *data)
    passed, message = rows.one({"type": "unique", "columns": ["id", "name"]})
    assert not passed
    assert message == (
        "id, name: 2 values in 5 rows are not unique, for example "
        "id = 2, name = b in 3 rows; id = 1, name = a in 2 rows"
    )
    (result,) = rows.audit({"type": "unique", "columns": ["id"]})
    assert result.measured == {"repeated_values": 3, "rows": 7}


def test_unique_lets_nulls_pass(rows: Rows) -> None:
    rows.make("id int, name text", (1, None), (1, None), (None, "a"), (None, "a"), (1, "a"))
    check = {"type": "unique", "columns": ["id", "name"]}
    assert rows.one(check) == (True, "id, name is unique")


@pytest.mark.parametrize(
    ("kind", "good", "bad", "values"),
    [
        ("text", ["Y", "N", "O'Neil"], ["y", "N ", ""], ["Y", "N", "x", "O'Neil"]),
        ("integer", [1, 2], [3], [1, "2"]),
        ("double precision", [0.5, 3], [0.25], [0.5, 3.0]),
        ("numeric(5,2)", ["1.50", "2"], ["1.51"], [1.5, "2.000"]),
        ("boolean", [True], [False], [True]),
        ("date", ["2024-01-01"], ["2024-01-02"], ["2024-01-01"]),
        ("varchar(1)", ["a"], ["b"], ["a", "bc"]),
        ("char(3)", ["a"], ["b"], ["a", "bc"]),
    ],
)
def test_accepted_values(
    rows: Rows, kind: str, good: list[Any], bad: list[Any], values: list[Any]
) -> None:
    rows.make(f"v {kind}", *[(value,) for value in good], (None,))
    check = {"type": "accepted_values", "column": "v", "values": values}
    assert rows.one(check)[0]
    rows.make(f"v {kind}", *[(value,) for value in [*good * 3, *bad]], (None,))
    (result,) = rows.audit(check)
    assert (result.passed, result.measured) == (False, {"unaccepted": len(bad)})


def test_what_is_not_accepted_is_shown_by_how_often_it_stands(rows: Rows) -> None:
    rows.make("id int, flag text", *[(n, c) for n, c in enumerate("YYNNNXXXXQ")])
    check = {"type": "accepted_values", "column": "flag", "values": ["Y", "N"]}
    said = "flag has none of the 2 accepted values in 5 rows, for example "
    assert rows.one(check) == (False, said + "'X' in 4 rows, 'Q' in 1 row")
    keys = "id = 5; id = 6; id = 7; id = 8; id = 9"
    assert rows.one(check, key=["id"]) == (False, said + keys)


@pytest.mark.parametrize(
    ("kind", "values", "bounds", "outside"),
    [
        ("integer", [1, 5, 9], {"min": 1, "max": 9}, 0),
        ("integer", [1, 5, 9], {"min": 2, "max": 8}, 2),
        ("integer", [1, 5, 9], {"min": "2"}, 1),
        ("bigint", [2**53 + 1], {"max": 2**53}, 1),
        ("integer", [1], {"max": 1.0}, 0),
        ("double precision", [0.5, "NaN", "-Infinity"], {"min": -1e300}, 1),
        ("double precision", [0.5, "NaN"], {"max": 1e300}, 1),
        ("numeric(4,1)", ["1.1", "1.2"], {"max": 1.15}, 1),
        ("date", ["2024-01-01", "2024-02-01"], {"min": "2024-01-01", "max": "2024-01-31"}, 1),
        ("timestamp", ["2024-01-01 12:00"], {"max": "2024-01-01"}, 1),
        ("timestamp", ["2024-01-01 12:00"], {"max": "2024-01-01T12:00:00"}, 0),
        ("timestamptz", ["2024-01-01 12:00+01"], {"min": "2024-01-01T11:00:00"}, 0),
        ("timestamptz", ["2024-01-01 12:00+01"], {"min": "2024-01-01T12:00:00"}, 1),
        ("timestamptz", ["2024-01-01 12:00+01"], {"min": "2024-01-01T12:00:00+01:00"}, 0),
        ("text", ["b"], {"min": "a", "max": "c"}, 0),
        ("integer", [], {"min": 1}, 0),
    ],
)
def test_range(
    rows: Rows, kind: str, values: list[Any], bounds: dict[str, Any], outside: int
) -> None:
    rows.make(f"v {kind}", *[(value,) for value in values], (None,))
    rows.connection.execute("SET timezone = 'Asia/Tokyo'")
    (result,) = rows.audit({"type": "range", "column": "v", **bounds})
    assert (result.passed, result.measured["outside"]) == (outside == 0, outside)


def test_range_says_what_is_there(rows: Rows) -> None:
    rows.make("id int, fare int", (1, -5), (2, 10), (3, 700), (4, None))
    check = {"type": "range", "column": "fare", "min": 0, "max": 500}
    said = "fare is from -5 to 700, expected at least 0 and at most 500: not so in 2 rows"
    (result,) = rows.audit(check, key=["id"])
    assert result.message == said + ", for example id = 1; id = 3"
    assert result.measured == {"outside": 2, "min": -5, "max": 700}
    assert rows.one(check)[1] == said + ", for example '-5' in 1 row, '700' in 1 row"
    assert rows.one({**check, "min": -5, "max": 700}) == (True, "fare is from -5 to 700")
    rows.make("fare int")
    assert rows.one(check) == (True, "fare has no values")


@pytest.mark.parametrize(
    ("kind", "values", "pattern", "unmatched"),
    [
        ("text", ["AB1", "CD2"], "^[A-Z]{2}[0-9]$", 0),
        ("text", ["AB1", "ab1", ""], "^[A-Z]{2}[0-9]$", 2),
        ("text", ["xABx"], "AB", 0),
        ("text", ["100%", "50%"], "%$", 0),
        ("text", ["a'b\\c"], r"^a'b\\c$", 0),
        ("text", ["A"], "(?i)^a$", 0),
        ("integer", [12, 345], "^[0-9]{2}$", 1),
        ("numeric", ["1.0", "1.00"] * 3, "^1\\.0$", 3),
        ("char(4)", ["ab"], "^ab$", 0),
    ],
)
def test_matches(rows: Rows, kind: str, values: list[Any], pattern: str, unmatched: int) -> None:
    rows.make(f"v {kind}", *[(value,) for value in values], (None,))
    (result,) = rows.audit({"type": "matches", "column": "v", "pattern": pattern})
    assert (result.passed, result.measured) == (unmatched == 0, {"unmatched": unmatched})


@pytest.mark.parametrize(
    ("kind", "newest", "max_age", "passed", "said"),
    [
        ("timestamptz", "2024-01-02 11:00+00", "1h", True, "1.0h old"),
        ("timestamptz", "2024-01-02 11:00+00", "59m", False, "60.0m old, expected at most 59m"),
        ("timestamp", "2024-01-02 11:00", "1h", True, "60.0m old"),
        ("timestamp", "2024-01-02 13:00", "1h", True, "60.0m ahead"),
        ("timestamp", "2024-01-02 11:59:30", "29s", False, "30s old, expected at most 29s"),
        ("date", "2024-01-02", "12h", True, "12.0h old"),
        ("date", "2024-01-01", "1d", False, "36.0h old, expected at most 1d"),
        ("timestamp", "infinity", "1h", True, "infinity"),
        ("timestamp", "-infinity", "1h", False, "-infinity, expected at most 1h"),
    ],
)
def test_freshness(
    rows: Rows, kind: str, newest: str, max_age: str, passed: bool, said: str
) -> None:
    rows.make(f"v {kind}", ("-infinity",), (newest,), (None,))
    rows.connection.execute("SET timezone = 'Asia/Tokyo'")
    found = rows.one({"type": "freshness", "column": "v", "max_age": max_age}, as_of=NOON)
    assert found[0] is passed
    assert found[1].replace("1.0h", "60.0m").endswith(said.replace("1.0h", "60.0m"))


def test_freshness_is_told_from_now_unless_told(rows: Rows) -> None:
    rows.make("v timestamptz")
    rows.connection.execute(
        psycopg.sql.SQL("INSERT INTO {} VALUES (now() - interval '1h')").format(
            rows.table.identifier
        )
    )
    assert rows.one({"type": "freshness", "column": "v", "max_age": "2h"})[0]
    assert not rows.one({"type": "freshness", "column": "v", "max_age": "30m"})[0]


def test_nothing_is_not_fresh(rows: Rows) -> None:
    rows.make("v date")
    check = {"type": "freshness", "column": "v", "max_age": "99d"}
    assert rows.one(check) == (False, "v has no values")
    rows.make("v date", (None,))
    assert rows.one(check) == (False, "v has no values")


@pytest.mark.parametrize(
    ("condition", "untrue"),
    [
        ("b >= a", 1),
        ("b >= a -- with a comment", 1),
        ("a IS NOT NULL AND b IS NOT NULL", 1),
        ("true", 0),
        ("a > 0 OR a IS NULL", 0),
        ("note <> '100%s {x}'", 3),
        ("a <= (SELECT max(a) FROM {table})", 0),
    ],
)
def test_sql_condition(rows: Rows, condition: str, untrue: int) -> None:
    note = "100%s {x}"
    rows.make("a int, b int, note text", (1, 2, note), (2, 1, note), (3, None, note))
    (result,) = rows.audit({"type": "sql", "condition": condition}, key=["a"])
    assert (result.passed, result.measured) == (untrue == 0, {"untrue": untrue})


@pytest.mark.parametrize(
    ("query", "passed", "said"),
    [
        ("SELECT count(*) = 2 FROM {table}", True, "is true"),
        ("SELECT count(*) = 2 FROM {table} t WHERE a < 9; ", True, "is true"),
        ("SELECT count(*) > 2 FROM {table}", False, "is false"),
        ("SELECT max(a) > 9 FROM {table} WHERE a > 9", False, "is null"),
        ("SELECT true FROM {table} WHERE false", False, "gave no row, expected one"),
        ("SELECT true FROM {table}", False, "gave more than one row, expected one"),
        ("WITH x AS (SELECT a FROM {table}) SELECT bool_and(a > 0) FROM x", True, "is true"),
    ],
)
def test_sql_query(rows: Rows, query: str, passed: bool, said: str) -> None:
    rows.make("a int", (1,), (2,))
    found = rows.one({"type": "sql", "query": query})
    assert found[0] is passed
    assert found[1].endswith(said)


def test_sql_reads_only(rows: Rows) -> None:
    rows.make("a int", (1,))
    rows.connection.execute("CREATE SEQUENCE IF NOT EXISTS public.counted")
    for query in (
        "SELECT nextval('public.counted') > 0",
        "SELECT true; DROP TABLE {table}",
        "DELETE FROM {table} RETURNING true",
    ):
        with pytest.raises((BadOption, BadRow, psycopg.Error), match=r"check sql|read-only"):
            rows.audit({"type": "sql", "query": query})
    with pytest.raises(BadOption, match="check sql"):
        rows.audit({"type": "sql", "condition": "true); DROP TABLE {table}; SELECT (true"})
    assert rows.one({"type": "row_count", "min": 1})[0]
    assert rows.connection.execute("SELECT is_called FROM public.counted").fetchone() == (False,)


@pytest.mark.parametrize("name", ['a "quote"', "100%s", "a.b", "drop table x; --", "{}", "🚕", "n"])
def test_column_names_are_only_names(rows: Rows, name: str) -> None:
    quoted = name.replace('"', '""')
    data = [(day, 1, 1) for day in ("2024-01-01", "2024-01-02", None)]
    rows.make(f'"{quoted}" date, "left" int, "count" int', *data)
    good: list[Check] = [
        {"type": "unique", "columns": [name]},
        {"type": "accepted_values", "column": name, "values": ["2024-01-01", "2024-01-02"]},
        {"type": "range", "column": name, "min": "2024-01-01"},
        {"type": "matches", "column": name, "pattern": "2024"},
        {"type": "freshness", "column": name, "max_age": "1d"},
    ]
    bad: list[Check] = [
        {"type": "not_null", "columns": [name]},
        {"type": "unique", "columns": ["left", "count"]},
        {"type": "accepted_values", "column": name, "values": ["2024-01-01"]},
        {"type": "range", "column": name, "min": "2024-01-02"},
        {"type": "matches", "column": name, "pattern": "-01$"},
        {"type": "freshness", "column": name, "max_age": "1s"},
    ]
    for key in ([], [name, "left", "count"]):
        results = rows.audit(*good, *bad, key=key, as_of=NOON)
        passed = [result.passed for result in results]
        assert passed == [True] * len(good) + [False] * len(bad)
    assert results[-2].message.endswith(f"{name} = 2024-01-02, left = 1, count = 1")


def test_all_fail_at_once_and_each_is_told(rows: Rows, caplog: pytest.LogCaptureFixture) -> None:
    rows.make("id int, name text", (1, "secret"), (None, None))
    checks: list[Check] = [
        {"type": "row_count", "min": 3},
        {"type": "not_null", "columns": ["id"], "severity": "warn"},
        {"type": "range", "column": "id", "max": 0},
        {"type": "row_count", "max": 3},
    ]
    caplog.set_level(logging.INFO)
    with pytest.raises(
        ChecksFailed, match=r"^2 checks failed: row_count: 2 rows.*; range: "
    ) as told:
        audit(rows.seen(), [parse(check) for check in checks])
    assert [result.passed for result in told.value.results] == [False, False, False, True]
    assert told.value.rows == 2
    lines = [(r.levelname, r.getMessage().split(":")[0]) for r in caplog.records]
    assert lines == [
        ("ERROR", "check row_count failed"),
        ("WARNING", "check not_null failed"),
        ("ERROR", "check range failed"),
        ("INFO", "check row_count passed"),
    ]
    assert "secret" not in str(told.value) + caplog.text
    json.dumps([asdict(result) for result in told.value.results])


def test_a_warning_fails_nothing(rows: Rows) -> None:
    rows.make("id int")
    check = {"type": "row_count", "min": 1, "severity": "warn"}
    count, (result,) = audit(rows.seen(), [parse(check)])
    assert (count, result.passed, result.severity) == (0, False, "warn")


def test_only_rows_that_meet_the_condition_are_checked(rows: Rows) -> None:
    rows.make("id int, day date", (1, "2024-01-01"), (1, "2024-01-02"), (None, "2024-01-01"))
    where = "day = '2024-01-02' -- today"
    results = rows.audit(
        {"type": "row_count", "min": 1, "max": 1},
        {"type": "not_null", "columns": ["id"]},
        {"type": "unique", "columns": ["id"]},
        {"type": "range", "column": "day", "min": "2024-01-02"},
        where=where,
    )
    assert [result.message for result in results if not result.passed] == []
    failed = rows.one({"type": "range", "column": "id", "min": 2}, where=where)
    assert failed[1].endswith("not so in 1 row, for example '1' in 1 row")


def test_values_are_cut_and_escaped(rows: Rows) -> None:
    rows.make("v text", ("a" * 1000,), ("line\nand \x1b[31mred",))
    message = rows.one({"type": "accepted_values", "column": "v", "values": ["x"]})[1]
    assert f"'{'a' * 60}…' in 1 row" in message
    assert r"'line\nand \x1b[31mred' in 1 row" in message


def test_at_most_five_rows_are_named(rows: Rows) -> None:
    rows.make("a int, b text", *[(n, None) for n in range(9)])
    message = rows.one({"type": "not_null", "columns": ["b"]}, key=["a", "b"])[1]
    assert message.count("a = ") == 5
    assert message.endswith("a = 4, b = null")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({}, "a check needs a `type`"),
        ({"type": "rowcount"}, "Did you mean 'row_count'"),
        ({"type": "row_count"}, "needs `min`, `max` or `max_change`"),
        ({"type": "row_count", "min": "many"}, "'min' of the check row_count must be a number"),
        ({"type": "row_count", "min": "nan"}, "must be a number, not 'nan'"),
        ({"type": "row_count", "min": True}, "must be a number, not True"),
        ({"type": "row_count", "minn": 1}, "Did you mean 'min'"),
        ({"type": "row_count", "min": 1, "severity": "wran"}, "Did you mean 'warn'"),
        ({"type": "not_null", "columns": ["nme"]}, "unknown column in the check not_null 'nme'"),
        ({"type": "not_null"}, "the check not_null needs `columns`"),
        ({"type": "unique", "columns": ["nme"]}, "Did you mean 'name'"),
        ({"type": "accepted_values", "column": "nme", "values": [1]}, "Did you mean 'name'"),
        ({"type": "accepted_values", "column": "name"}, "needs `values`"),
        ({"type": "accepted_values", "column": "name", "values": [None]}, "None can't be a value"),
        ({"type": "range", "column": "nme", "min": 1}, "Did you mean 'name'"),
        ({"type": "range", "min": 1}, "the check range needs a `column`"),
        ({"type": "range", "column": "name"}, "needs `min` or `max`"),
        ({"type": "range", "column": "name", "min": []}, "must be a number or text, not []"),
        ({"type": "matches", "column": "nme", "pattern": "x"}, "Did you mean 'name'"),
        ({"type": "matches", "column": "name"}, "needs a `pattern`"),
        ({"type": "freshness", "column": "dya", "max_age": "1d"}, "Did you mean 'day'"),
        ({"type": "freshness", "column": "day"}, "needs a `max_age`"),
        ({"type": "freshness", "column": "day", "max_age": "2 days"}, "'2 days' is not a length"),
        ({"type": "freshness", "column": "day", "max_age": "0s"}, "must be more than nothing"),
        ({"type": "sql"}, "either a `condition` or a `query`"),
        ({"type": "sql", "condition": "a", "query": "b"}, "either a `condition` or a `query`"),
    ],
)
def test_refused_without_a_database(check: Check, said: str) -> None:
    with pytest.raises(BadOption) as raised:
        prepare([parse(check)], ["name", "day"])
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (
            {"type": "range", "column": "n", "min": "abc"},
            "'abc' in the check range is no integer, which the column n is",
        ),
        (
            {"type": "range", "column": "n", "max": 2**40},
            "'1099511627776' in the check range is no",
        ),
        ({"type": "range", "column": "n", "max": 1.5}, "'1.5' in the check range is no integer"),
        (
            {"type": "range", "column": "day", "min": "2024-02-30"},
            "'2024-02-30' in the check range",
        ),
        ({"type": "range", "column": "doc", "min": "{}"}, "the check range: PostgreSQL said: "),
        ({"type": "accepted_values", "column": "n", "values": [1, "x"]}, "'x' in the check acc"),
        (
            {"type": "accepted_values", "column": "doc", "values": ["{}"]},
            "the check accepted_values",
        ),
        ({"type": "unique", "columns": ["doc"]}, "the check unique: PostgreSQL said: could not"),
        (
            {"type": "matches", "column": "t", "pattern": "(a"},
            "the pattern '(a' in the check matches",
        ),
        ({"type": "freshness", "column": "n", "max_age": "1d"}, "the column n is integer"),
        ({"type": "sql", "condition": "nn > 1"}, 'column "nn" does not exist'),
        ({"type": "sql", "condition": "n"}, "must be type boolean, not type integer"),
        ({"type": "sql", "condition": "max(n) > 1"}, "aggregate functions are not allowed"),
        ({"type": "sql", "condition": "n >"}, "syntax error"),
        ({"type": "sql", "query": "SELECT 1"}, "must give one column, a boolean"),
        ({"type": "sql", "query": "SELECT true, true"}, "must give one column, a boolean"),
        ({"type": "sql", "query": "SELEC true"}, "syntax error"),
        ({"type": "sql", "query": "SELECT true FROM nowhere"}, 'relation "nowhere" does not exist'),
    ],
)
def test_refused_by_the_database(rows: Rows, check: Check, said: str) -> None:
    """Already on the empty table; an audit asks when its one query fails, to say why."""
    rows.make("n int, day date, t text, doc json")
    with pytest.raises(BadOption) as raised:
        rows.verify({"type": "row_count", "min": 0}, check)
    assert said in str(raised.value)
    rows.make("n int, day date, t text, doc json", (1, "2024-01-01", "a", "{}"))
    with pytest.raises(BadOption) as raised:
        rows.audit({"type": "row_count", "min": 0}, check)
    assert said in str(raised.value)


def test_sql_that_fails_on_a_row_is_named(rows: Rows) -> None:
    rows.make("n int, t text", (0, "a"))
    checks: list[Check] = [
        {"type": "not_null", "columns": ["n"]},
        {"type": "sql", "condition": "1 / n > 0"},
    ]
    rows.verify(*checks)
    with pytest.raises(BadRow, match=r"^the check sql fails on a row: .*division by zero$"):
        rows.audit(*checks)
    with pytest.raises(BadRow, match=r"^`where` fails on a row: .*division by zero$"):
        rows.audit(checks[0], where="1 / n > 0")
    with pytest.raises(BadOption, match=r'in `where`: .*column "nn" does not exist'):
        rows.audit(checks[0], where="nn > 0")


def test_common_values_do_not_hide_rare_ones(rows: Rows) -> None:
    """The first rows tell which values are asked about first, and nothing else."""
    data = [("N",)] * 3000 + [("Y",)] * 10 + [("n",), ("",)]
    rows.make("v text", *data)
    results = rows.audit(
        {"type": "matches", "column": "v", "pattern": "^[NY]$"},
        {"type": "accepted_values", "column": "v", "values": ["N", "Y"]},
    )
    assert [list(result.measured.values()) for result in results] == [[2], [2]]


def test_all_queries_of_a_check_see_the_rows_of_one_moment(rows: Rows) -> None:
    rows.make("a int", (1,))
    isolation = "SELECT current_setting('transaction_isolation') = 'repeatable read'"
    assert rows.one({"type": "sql", "query": isolation})[0]
