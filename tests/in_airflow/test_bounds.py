"""What the specs' bounds are for: the columns of Airflow's database, by its own models."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.models.asset import AssetModel
from airflow.models.connection import Connection
from airflow.models.dag import DagModel, DagTag
from airflow.models.taskinstance import TaskInstance
from airflow.timetables.interval import CronDataIntervalTimetable
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Integer, String

from factory import fields
from factory.in_airflow import fit, loader
from factory.spec import model, schema
from factory.spec.matrix import MAX_NAME
from factory.spec.schedule import PRESETS, cron_error

Write = Callable[[str, str], Path]
BASH = "airflow.providers.standard.operators.bash.BashOperator"

COLUMNS: dict[str, tuple[Any, Any]] = {
    "owner": (model.Common, DagModel.owners),
    "max_active_runs": (model.Common, DagModel.max_active_runs),
    "max_active_tasks": (model.Common, DagModel.max_active_tasks),
    "max_consecutive_failed_dag_runs": (model.Common, DagModel.max_consecutive_failed_dag_runs),
    "id": (model.Task, TaskInstance.task_id),
    "pool": (model.Settings, TaskInstance.pool),
    "pool_slots": (model.Settings, TaskInstance.pool_slots),
    "queue": (model.Settings, TaskInstance.queue),
    "executor": (model.Settings, TaskInstance.executor),
    "priority_weight": (model.Settings, TaskInstance.priority_weight),
    "retries": (model.Settings, TaskInstance.max_tries),
}
OTHERS: dict[str, tuple[dict[str, Any], Any]] = {
    "tag": ({"maxLength": 100}, DagTag.name),
    "asset": (schema.of(model.AssetUri), AssetModel.uri),
    "asset_name": (schema.of(model.AssetUri), AssetModel.name),
    "dag_id": ({"maxLength": MAX_NAME}, DagModel.dag_id),
    "conn_id": (schema.of(fields.ConnId), Connection.conn_id),
    "task_display_name": (
        schema.of(model.BOUNDED["task_display_name"]),
        TaskInstance.__table__.columns["task_display_name"],
    ),
}


def told(name: str) -> tuple[dict[str, Any], Any]:
    if name in OTHERS:
        return OTHERS[name]
    struct, column = COLUMNS[name]
    return schema.of(struct)["properties"][name], column


@pytest.mark.parametrize("name", [*COLUMNS, *OTHERS])
def test_a_bound_is_that_of_its_column(name: str) -> None:
    about, attribute = told(name)
    column = attribute.type
    options = about.get("anyOf", [about])
    if isinstance(column, String):
        assert column.length is not None
        assert all(entry["maxLength"] <= column.length for entry in options if "maxLength" in entry)
        assert any("maxLength" in entry for entry in options)
    else:
        assert isinstance(column, Integer)
        numbers = [entry for entry in options if entry.get("type") == "integer"]
        assert numbers
        assert all(entry["maximum"] < 2**31 and entry["minimum"] >= -(2**31) for entry in numbers)


def test_every_setting_that_has_a_column_is_bounded() -> None:
    columns = {column.name for column in TaskInstance.__table__.columns}
    fields = columns & {*model.SETTINGS, "owner", "task_display_name"}
    assert fields - {"trigger_rule"} <= set(model.BOUNDED)


LONGEST = [
    ",".join(map(str, range(60))) + " * * * *",
    "0 " + ",".join(map(str, range(24))) + " * * *",
    "0 0 " + ",".join(map(str, range(1, 32))) + " * *",
    "0 0 1 JAN,FEB,MAR,APR,MAY,JUN,JUL,AUG,SEP,OCT,NOV,DEC SUN,MON,TUE,WED,THU,FRI,SAT",
]


@pytest.mark.parametrize("expression", [*LONGEST, *PRESETS[2:]], ids=range(len(LONGEST) + 6))
def test_the_description_of_a_schedule_fits(expression: str) -> None:
    assert expression.startswith("@") or cron_error(expression) == ""
    description = CronDataIntervalTimetable(expression, "UTC").description
    assert len(description) <= DagModel.timetable_description.property.columns[0].type.length


ENTRY = st.integers(1, 6).flatmap(
    lambda low: st.sampled_from([f"{low}", f"{low}-{low + 1}", f"{low}-6/2", f"*/{low}", "*"])
)
FIELD = st.lists(ENTRY, min_size=1, max_size=40).map(",".join)


@given(st.lists(FIELD, min_size=5, max_size=5).map(" ".join))
def test_the_description_of_any_schedule_fits_or_it_is_refused(expression: str) -> None:
    if not cron_error(expression):
        description = CronDataIntervalTimetable(expression, "UTC").description
        assert len(description) <= 1000


MAKING = """
from airflow.sdk import Asset, BaseOperator
class Pool(BaseOperator):
    def __init__(self, **more): super().__init__(**more, pool="p" * 257)
class Slots(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more)
        self.pool_slots = 2**31
class Queue(BaseOperator):
    def __init__(self, **more): super().__init__(**more, queue="q" * 257)
class Owner(BaseOperator):
    def __init__(self, **more): super().__init__(**more, owner="o" * 2001)
class Outlet(BaseOperator):
    def __init__(self, **more): super().__init__(**more, outlets=[Asset("n" * 1501, "x://y")])
class Group(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more, inlets=[Asset("n", "x://y", group="g" * 1501)])
class Both(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more, inlets=[Asset("n" * 1400, "x://" + "y" * 1400)])
class NotANumber(BaseOperator):
    template_fields = ("said",)
    def __init__(self, **more):
        super().__init__(**more)
        self.said = float("nan")
class Timeout(BaseOperator):
    def __init__(self, **more):
        from datetime import timedelta
        super().__init__(**more)
        more["dag"].dagrun_timeout = timedelta.max
class Start(BaseOperator):
    def __init__(self, **more):
        from datetime import datetime
        super().__init__(**more)
        self.start_date = datetime.max
class OwnerOfANumber(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more)
        self.owner = 5
class Tags(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more)
        more["dag"].tags.add("t" * 101)
class Downstream(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more)
        self.downstream_task_ids = {"nope"}
class PoolOfTexts(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more)
        self.pool = ("a" * 300,)
class SlotsOfAText(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more)
        self.pool_slots = "many"
class Weight(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more)
        self.priority_weight = 2**31
class Retries(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more)
        self.retries = 2**31
class Custom(BaseOperator):
    custom_operator_name = "x" * 1001
class Schedule(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more)
        more["dag"].max_active_runs = 2**31
class Nul(BaseOperator):
    template_fields = ("said",)
    def __init__(self, **more):
        super().__init__(**more)
        self.said = "a\\0b"
class Surrogate(BaseOperator):
    template_fields = ("said",)
    def __init__(self, **more):
        super().__init__(**more)
        self.said = "\\udc80"
class Wait(BaseOperator):
    def __init__(self, **more):
        from datetime import timedelta
        super().__init__(**more, retry_delay=timedelta(days=20000))
class Name(BaseOperator):
    def __init__(self, **more): super().__init__(**more, task_display_name="n" * 2001)
"""


@pytest.mark.parametrize("name", re.findall(r"^class (\w+)", MAKING, re.MULTILINE))
def test_what_an_operator_makes_beyond_a_column_is_refused(
    name: str, root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root.parent / "making_beyond.py").write_text(MAKING)
    monkeypatch.syspath_prepend(str(root.parent))
    write("good.yaml", "version: 1\ntasks: [{id: a, run: x}]\n")
    write("bad.yaml", f"version: 1\ntasks:\n  - {{id: a, uses: making_beyond.{name}}}\n")
    found = {built: (dag, wrong) for built, dag, wrong in loader.build(root)}
    assert found["good"][0] is not None
    assert found["bad"][0] is None
    assert re.search("Airflow cannot|cannot exceed|an operator changes", found["bad"][1][0].message)


def test_a_path_that_no_column_takes(root: Path, write: Write) -> None:
    write("good.yaml", "version: 1\ntasks: [{id: a, run: x}]\n")
    write(f"{'/'.join(['d' * 200] * 11)}/far.yaml", "version: 1\ntasks: [{id: a, run: x}]\n")
    found = {built: dag for built, dag, _ in loader.build(root)}
    assert found["good"] is not None
    assert found["far"] is None


def test_a_path_of_which_no_column_is_asked_fits() -> None:
    assert DagModel.fileloc.type.length >= fit.SHORT_PATH
