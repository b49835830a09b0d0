"""What an operator refuses and stands in the spec, lint knows before.

`REFUSALS` names every place that refuses an option, with the case that shows lint's own words for
it, or why a spec cannot hold such a value. A new refusal is a new line here. The rest tries values
of all kinds: what lint takes, the operators take.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory import literals
from factory.definitions import formats, identifiers, writes
from factory.definitions.checks import Check
from factory.definitions.checks import problems as of_checks
from factory.transfer import names
from factory.transfer.errors import BadOption, BadRow
from factory.transfer.formats.csv import dialect
from factory.transfer.postgres import modes
from factory.transfer.values import spelling
from factory.transfer.values.types import arrow_type
from factory.transfer.warehouse.parts import Column
from factory.transfer.warehouse.warehouse import find

FACTORY = Path(__file__).parents[2] / "factory"
CASES = Path(__file__).parents[1] / "cases" / "invalid"
NAMES = ("BadOption", "unknown", "AirflowFailException", "AirflowException")

SCHEMA = "the Struct has no such value"
RUNS = "known when the task runs"
DATA = "known from the files or the table"
COMMAND = "said on the command line"
REFUSALS = {
    "transfer/warehouse/arrived:rows_in": DATA,
    "transfer/warehouse/arrived:inside": DATA,
    "transfer/warehouse/arrived:day": DATA,
    "transfer/warehouse/merging:require": "ingest/columns_not_in_the_load",
    "transfer/dbapi/arrived:bounds_for": DATA,
    "definitions/checks/freshness:aggregates": DATA,
    "definitions/checks/freshness:prepare": "check/max_age_is_nothing",
    "definitions/checks/matches:prepare": SCHEMA,
    "definitions/checks/parts:_require": "ingest/columns_not_in_the_load",
    "definitions/checks/parts:prepare": SCHEMA,
    "definitions/checks/range:prepare": "check/nothing_said",
    "definitions/checks/row_count:_number": SCHEMA,
    "definitions/checks/row_count:prepare": "check/nothing_said",
    "definitions/checks/sql:_require_boolean": DATA,
    "definitions/checks/sql:prepare": "check/both_condition_and_query",
    "definitions/statements:_refuse_open": RUNS,
    "definitions/statements:condition": RUNS,
    "definitions/statements:query": RUNS,
    "definitions/tables:policy": "ingest/unknown_schema_change",
    "definitions/reading:_filled": SCHEMA,
    "definitions/reading:read": "check/unknown_type",  # and ingest/unknown_mode
    "in_airflow/clients/bigquery:_project": RUNS,
    "in_airflow/conditions:decide": RUNS,
    "in_airflow/connections:_connection": RUNS,
    "in_airflow/connections:mysql_address": RUNS,
    "in_airflow/connections:sql_database": RUNS,
    "in_airflow/connections:warehouse_of": RUNS,
    "in_airflow/http:_text": RUNS,
    "in_airflow/http:parsed": RUNS,
    "in_airflow/interval:_as_given": RUNS,
    "in_airflow/notifiers/deadline:_tell": RUNS,
    "in_airflow/notifiers/email:_deliver": RUNS,
    "in_airflow/notifiers/email:send": RUNS,
    "in_airflow/notifiers/slack:send": RUNS,
    "in_airflow/notifiers/webhook:send": RUNS,
    "in_airflow/operators/dbt:_beside": "dbt/no_such_project",
    "in_airflow/operators/http:execute": RUNS,
    "in_airflow/operators/ingest/download:_below_host": RUNS,
    "in_airflow/operators/ingest/download:_timeout": RUNS,
    "in_airflow/operators/ingest/load:_refuse_gaps": RUNS,
    "in_airflow/operators/ingest/load:files": RUNS,
    "in_airflow/operators/ingest/read_table:_window": RUNS,  # and `no-interval`
    "in_airflow/operators/ingest/when_done:_files": RUNS,
    "in_airflow/operators/nifi/hand_over:_send": RUNS,
    "in_airflow/operators/nifi/wait:resume": RUNS,
    "in_airflow/functions:function": "operator/function_of_a_file",
    "in_airflow/functions:module": "operator/function_of_a_file",
    "in_airflow/operators/python:_function": RUNS,  # what yields
    "in_airflow/operators/teardown:fail_if_cut_short": RUNS,
    "in_airflow/operators/teardown:fail_if_ended": RUNS,
    "in_airflow/operators/trigger:_moment": "trigger/what_cannot_be_started",
    "in_airflow/operators/trigger:_require_there": RUNS,
    "in_airflow/operators/trigger:execute_complete": RUNS,
    "in_airflow/operators/wait:_end": RUNS,
    "in_airflow/operators/wait:run_interval": RUNS,
    "in_airflow/operators/wait:_logical_dates": RUNS,  # and lint's rule `dates.of_asset_runs`
    "in_airflow/operators/wait:_moment": "wait/what_cannot_be_looked_for",
    "in_airflow/probes:_sql": RUNS,
    "in_airflow/storage:_own": RUNS,
    "in_airflow/storage:place": "ingest/addresses",
    "in_airflow/storage:places": RUNS,  # of two stores, one is another package's
    "transfer/folders:_agreed": DATA,
    "transfer/folders:_refuse_own": "ingest/columns_of_folders_not_in_the_load",
    "transfer/formats/csv/dialect:_character": "ingest/format_that_reads_nothing",
    "transfer/formats/csv/dialect:_encoding": "ingest/encodings",
    "transfer/formats/csv/dialect:dialect": "ingest/format_that_reads_nothing",
    "transfer/formats/csv:open": "ingest/format_that_reads_nothing",
    "transfer/formats/xlsx/file:_sheet": DATA,
    "transfer/bigquery/load:load": "ingest/into_bigquery",
    "transfer/bigquery/parameters:_type": RUNS,
    "transfer/bigquery/staging:require_store": "ingest/into_bigquery",
    "transfer/bigquery/table:parse": SCHEMA,
    "transfer/formats/xlsx:open": "ingest/excel_options",
    "transfer/lake/audit:_of_age": DATA,
    "transfer/lake/audit:_value": DATA,
    "transfer/lake/audit:_values": DATA,
    "transfer/lake/names:refuse_prefix": "ingest/file_names",
    "transfer/lineage:added": "ingest/column_of_lineage_is_there",
    "transfer/names:_check": DATA,
    "transfer/names:_chosen": "ingest/columns_not_in_the_load",
    "transfer/names:_declared": DATA,
    "transfer/names:_index": DATA,
    "transfer/names:_require_renamed": "ingest/columns_not_in_the_load",
    "transfer/warehouse/check:_refuse_change": "check/max_change_without_a_load",
    "transfer/mysql/load:_needs_key": DATA,
    "transfer/mysql/load:load": "ingest/table_of_our_own",
    "transfer/mysql/rows:value": DATA,
    "transfer/mysql/table:of_connection": RUNS,
    "transfer/mysql/table:refuse_name": DATA,
    "transfer/mysql/session:_certificates": RUNS,
    "transfer/mysql/session:_tls": RUNS,
    "transfer/mysql/session:address": RUNS,
    "transfer/postgres/table:parse": "ingest/table_names",
    "transfer/postgres/indexes:wanted": "ingest/columns_not_in_the_load",
    "transfer/postgres/load:load": "ingest/table_of_our_own",
    "transfer/snowflake/load:_refuse": RUNS,
    "transfer/snowflake/load:load": "ingest/columns_not_in_the_load",
    "transfer/snowflake/rows:value": DATA,
    "transfer/snowflake/stages:below": RUNS,
    "transfer/snowflake/stages:external": RUNS,
    "definitions/reads:__post_init__": "ingest/table_or_query",
    "transfer/warehouse/interval:_interval": "ingest/intervals",
    "transfer/warehouse/interval:_moment": "ingest/intervals",
    "transfer/warehouse/interval:days": DATA,
    "transfer/warehouse/interval:require": "ingest/columns_not_in_the_load",
    "transfer/warehouse/parts:refuse_mode": SCHEMA,
    "transfer/warehouse/parts:split": "ingest/table_names",
    "transfer/warehouse/warehouse:find": RUNS,
    "transfer/warehouse/rows:blaming": "check/names_and_patterns",
    "transfer/sniff:_sniffed": COMMAND,
    "transfer/sniff:_with": COMMAND,
    "transfer/values/spelling:_check_zone": "ingest/format_that_reads_nothing",
    "transfer/values/spelling:of_columns": "ingest/columns_as_people_write_them",
    "transfer/values/spelling:spelling": "ingest/format_that_reads_nothing",
    "transfer/values/spelling:timestamp_format": "ingest/timestamp_formats",
    "transfer/values/types:arrow_type": "ingest/column_types",
}


class _Raises(ast.NodeVisitor):
    """The functions of a module that refuse an option."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.found: set[str] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.inside.append(node.name)
        self.generic_visit(node)
        self.inside.pop()

    def visit_Raise(self, node: ast.Raise) -> None:
        function = getattr(node.exc, "func", None)
        if getattr(function, "id", getattr(function, "attr", "")) in NAMES:
            self.found.add(self.inside[-1])
        self.generic_visit(node)


def refusals() -> Iterator[str]:
    for room in ("definitions", "transfer", "in_airflow"):
        for path in sorted((FACTORY / room).rglob("*.py")):
            raises = _Raises()
            raises.visit(ast.parse(path.read_text(encoding="utf-8")))
            module = path.relative_to(FACTORY).with_suffix("").as_posix()
            for function in sorted(raises.found):
                yield f"{module.removesuffix('/__init__')}:{function}"


def test_every_refusal_is_known() -> None:
    assert sorted(refusals()) == sorted(REFUSALS)


@pytest.mark.parametrize("place", [p for p, why in REFUSALS.items() if "/" in why])
def test_a_refusal_has_a_case(place: str) -> None:
    assert (CASES / REFUSALS[place] / "expected.txt").read_text(encoding="utf-8")


ODD = st.text("abcäöZ_.% \"'`\\{}\0", max_size=8) | st.builds(
    "{}{}".format, st.sampled_from(["", "a.", "a.b."]), st.integers(60, 1030).map("ö".__mul__)
)


@pytest.mark.parametrize("word", ["postgres", "mysql", "snowflake", "google_cloud_platform"])
@settings(max_examples=200, deadline=None)
@given(ODD)
def test_table_names(word: str, name: str) -> None:
    warehouse = find(word)
    if "\0" in name or list(identifiers.table(name, (), warehouse.can)):
        return
    if not literals.is_template(name):
        warehouse.table(name)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 90), st.integers(0, 90))
def test_column_types(precision: int, scale: int) -> None:
    word = f"decimal({precision}, {scale})"
    given = formats.Jsonl(columns={"a": word})
    assert bool(list(formats.problems(given))) == refused(lambda: arrow_type(word))


def refused(function: Any) -> bool:
    try:
        function()
    except BadOption:
        return True
    return False


FORMS = st.lists(
    st.sampled_from([f"%{c}" for c in "YymdHMSfzFDTRGcxjQ%"] + ["-", " ", "%", "a"]), max_size=6
)


@settings(max_examples=500, deadline=None)
@given(FORMS.map("".join))
def test_timestamp_formats(form: str) -> None:
    given = formats.Csv(timestamp_formats=[form])
    assert bool(list(formats.problems(given))) >= refused(lambda: spelling.timestamp_format(form))


@pytest.mark.parametrize(
    "name", ["utf-8", "base64", "rot13", "cp1252", "utf-9", "idna", "UTF_16", "mbcs"]
)
def test_encodings(name: str) -> None:
    assert bool(list(formats.problems(formats.Csv(encoding=name)))) == refused(
        lambda: dialect.dialect(formats.Csv(encoding=name))
    )


NOON = datetime(2024, 1, 1, 12, tzinfo=timezone.utc)
MOMENTS = st.sampled_from(["2024-01-01", "2024-01-01T06:00Z", "2024-02-30", "now", " 2024-01-02"])


@settings(max_examples=100, deadline=None)
@given(MOMENTS, MOMENTS)
def test_intervals(start: str, end: str) -> None:
    mode = writes.Partition(column="day", start=start, end=end)
    columns = [Column("day", "timestamp with time zone", None)]
    found = modes.Given(columns, (NOON, NOON))
    assert bool(list(writes.problems(mode))) == refused(lambda: modes.of(mode, found))


TEXT = st.text("ab(*", min_size=1, max_size=4)
CHECKS = st.one_of(
    st.builds(
        dict,
        type=st.just("range"),
        column=TEXT,
        min=st.none() | st.integers(),
        max=st.none() | TEXT,
    ),
    st.builds(dict, type=st.just("row_count"), min=st.none() | st.integers(-2, 9)),
    st.builds(
        dict,
        type=st.just("freshness"),
        column=TEXT,
        max_age=st.sampled_from(["0s", "0.0d", "2d", "x"]),
    ),
    st.builds(
        dict,
        type=st.just("accepted_values"),
        column=TEXT,
        values=st.lists(TEXT | st.booleans() | st.integers()),
    ),
    st.builds(dict, type=st.just("unique"), columns=st.lists(TEXT, max_size=3)),
    st.builds(dict, type=st.just("matches"), column=TEXT, pattern=TEXT),
    st.builds(dict, type=st.just("sql"), condition=st.none() | TEXT, query=st.none() | TEXT),
)


@settings(max_examples=500, deadline=None)
@given(CHECKS)
def test_checks(written: dict[str, Any]) -> None:
    try:
        check: Any = msgspec.convert(written, Check)
    except msgspec.ValidationError:
        return
    if list(of_checks([check], ())):
        return
    columns = [written.get("column", "a"), *written.get("columns", ())]
    check.prepare(columns)


OWN = st.sampled_from(["id", "OrderID", "order_id", "Paid At", "paid_at", "x"])


@settings(max_examples=500, deadline=None)
@given(
    st.lists(OWN, unique=True, min_size=1),
    st.lists(OWN, max_size=3),
    st.dictionaries(OWN, OWN),
    st.booleans(),
)
def test_a_column_that_a_load_may_have_is_known(
    header: list[str], select: list[str], rename: dict[str, str], styled: bool
) -> None:
    given = formats.Parquet(select=select, rename=rename, names="snake_case" if styled else "as_is")
    try:
        found = names.chosen(header, given, "x")
    except (BadOption, BadRow):
        return
    known = formats.known(given)
    assert known is None or {name for _, name in found} <= known
