"""The boundary of built-in operators, in real runs and in what Airflow stores."""

import re
from pathlib import Path
from typing import Any

import pytest

from factory.in_airflow import guard, tasks
from factory_embedded.ports import free_port

from .pipelines import Pipelines

CODE = """\
def fails():
    return deeper()

def deeper():
    raise ValueError("my own words")

def skips():
    from airflow.sdk.exceptions import AirflowSkipException
    raise AirflowSkipException("nothing today")
"""
SPEC = """\
version: 1
tasks:
  - id: first
    run: "true"
  - id: call
    uses: python
    with: {callable: "code.py:FUNCTION"}
"""


def told(log: str) -> list[str]:
    """What the boundary said, without Airflow's decoration."""
    lines = re.findall(r"guard\.py:\d+ (.*)", log)
    return list(dict.fromkeys(lines))


def test_what_happened_then_where_then_what_to_do(pipelines: Pipelines) -> None:
    port = free_port()
    pipelines.connect(
        "warehouse", conn_type="postgres", host="127.0.0.1", port=port, password="hunter2"
    )
    rows = "{id: rows, uses: sql, with: {conn_id: warehouse, sql: SELECT 1}}"
    pipelines.write("daily.yaml", f"version: 1\ntasks:\n  - {rows}\n")
    log = pipelines.run("daily").log
    first, *_, place, connection, data, hint = told(log)
    assert first.startswith("rows failed: OperationalError: ")
    assert place == "at dag_factory_configs/daily.yaml:3, step rows"
    assert (
        connection == f"connection: warehouse (postgres, 127.0.0.1:{port}): nothing listens there"
    )
    assert data == "data: its statements are one transaction, which was not committed"
    assert hint == "hint: start the server, or correct host and port of the connection"
    assert "hunter2" not in log


def test_frames_of_a_persons_own_code_are_shown_and_ours_are_not(
    pipelines: Pipelines, caplog: pytest.LogCaptureFixture
) -> None:
    pipelines.write("code.py", CODE)
    pipelines.write("daily.yaml", SPEC.replace("FUNCTION", "fails"))
    task = pipelines.dag("daily").get_task("call")
    with pytest.raises(ValueError, match="my own words") as raised:
        task.execute({"dag": task.dag, "task_instance": task})
    frames = [f"{Path(each.path).name}:{each.name}" for each in raised.traceback]
    assert frames[-2:] == ["code.py:fails", "code.py:deeper"]
    ours = [each for each in raised.traceback if "/factory/" in str(each.path)]
    assert [each.name for each in ours] == ["call"]
    assert "call failed: ValueError: my own words" in caplog.text


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        ("{'a': [float('nan')]}", "it holds a number that is not finite (NaN, or infinite)"),
        ("[2**64, 1]", "it holds a whole number of more than 64 bits"),
        (
            r"'\udcff.csv'",
            "it holds a text that is no Unicode, such as the name of a file in another encoding",
        ),
        ("[b'x']", "Cannot serialize object of type <class 'bytes'>"),
    ],
)
def test_what_airflow_cannot_keep_is_told_as_a_failure_of_the_step(
    pipelines: Pipelines, returned: str, why: str
) -> None:
    pipelines.write("code.py", f"def gives():\n    return {returned}\n")
    call = '{callable: "code.py:gives", output: OUTPUT}'
    spec = f"version: 1\ntasks:\n  - {{id: call, uses: python, with: {call}}}\n"
    pipelines.write("daily.yaml", spec.replace("OUTPUT", "true"))
    run = pipelines.run("daily")
    assert run.state == "failed"
    assert told(run.log) == [
        f"call failed: its output cannot be handed on: {why}",
        "at dag_factory_configs/daily.yaml:3, step call",
        "data: the work is done, its output alone is not kept",
        "hint: give texts, numbers, dates, and lists and mappings of such; or leave `output` out",
    ]
    pipelines.write("daily.yaml", spec.replace("OUTPUT", "false"))
    assert pipelines.run("daily").state == "success"


def test_what_airflow_keeps_is_handed_on(pipelines: Pipelines) -> None:
    """Also of classes that come from plain ones."""
    code = """
from markupsafe import Markup
class Metres(float): ...
class Count(int): ...
def gives(): return {"text": Markup("x"), "size": [Metres(1.5), Count(2), 2**63, -(2**63), "é"]}
"""
    pipelines.write("code.py", code)
    call = '{callable: "code.py:gives", output: true}'
    pipelines.write(
        "daily.yaml", f"version: 1\ntasks: [{{id: call, uses: python, with: {call}}}]\n"
    )
    run = pipelines.run("daily")
    assert run.state == "success", run.log[-4000:]
    assert run.xcom("call") == {"text": "x", "size": [1.5, 2, 2**63, -(2**63), "é"]}


def test_a_skip_is_no_failure(pipelines: Pipelines) -> None:
    pipelines.write("code.py", CODE)
    pipelines.write("daily.yaml", SPEC.replace("FUNCTION", "skips"))
    run = pipelines.run("daily")
    assert run.states == {"first": "success", "call": "skipped"}
    assert told(run.log) == []


def test_a_defect_of_ours_keeps_its_frames(caplog: pytest.LogCaptureFixture) -> None:
    error: Any = None
    try:
        guard.left(None, None, None, None)  # type: ignore[arg-type]
        guard.context_of(5)  # type: ignore[arg-type]
    except TypeError as raised:
        error = raised
    before = error.__traceback__
    guard._trim(error)
    assert error.__traceback__ is before


def test_airflow_stores_what_it_would_store_without_it(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    pipelines.write("code.py", CODE)
    pipelines.write("daily.yaml", SPEC.replace("FUNCTION", "fails"))
    kept = DagSerialization.to_dict(pipelines.dag("daily"))
    monkeypatch.setattr(tasks, "guarded", lambda operator: operator)
    assert DagSerialization.to_dict(pipelines.dag("daily")) == kept
