"""The `python` kind, from YAML through a real Airflow."""

import json
import sys
from pathlib import Path

import pytest

from factory.in_airflow.operators.python import arguments

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
tasks:
  - id: call
    uses: python
    with: {{callable: "{callable}", args: {args}, output: true}}
"""


def call(pipelines: Pipelines, text: str, args: str = "{}", callable: str = "code.py:run") -> Run:
    pipelines.write("team/code.py", text)
    pipelines.write("team/calls.yaml", SPEC.format(callable=callable, args=args))
    return pipelines.run("calls")


def test_a_file_beside_the_spec_with_templates_and_native_values(pipelines: Pipelines) -> None:
    run = call(
        pipelines,
        "def run(day, n, names):\n    return [day, n, names]",
        args="{day: '{{ ds }}', n: 5, names: [a, b]}",
    )
    assert run.state == "success"
    assert run.xcom("call") == ["2024-01-02", 5, ["a", "b"]]


TYPED = """
version: 1
params: {n: 3, days: [mon, tue]}
tasks:
  - {id: tables, uses: python, with: {callable: "code.py:tables", output: true}}
  - id: use
    needs: [tables]
    uses: python
    with:
      callable: code.py:use
      output: true
      args:
        names: "{{ ti.xcom_pull(task_ids='tables') }}"
        n: "{{ params.n }}"
        first: "  {{- params.days | first }} "
        nothing: "{{ none }}"
        day: "{{ ds }}"
        code: "{{ '007' }}"
        moment: "{{ logical_date }}"
        text: "{{ params.n }} of {{ params.days }}"
        deep: {days: ["{{ params.days }}"]}
"""
USE = """
def tables():
    return ["orders", {"customers": 2}]
def use(names, n, first, nothing, day, code, moment, text, deep):
    return [names, n, first, nothing, day, code, moment.year, text, deep]
"""


def test_a_value_that_is_one_expression_keeps_its_type(pipelines: Pipelines) -> None:
    pipelines.write("team/code.py", USE)
    pipelines.write("team/typed.yaml", TYPED)
    run = pipelines.run("typed")
    assert run.state == "success"
    assert run.xcom("use") == [
        ["orders", {"customers": 2}],
        3,
        "mon",
        None,
        "2024-01-02",
        "007",
        2024,
        "3 of ['mon', 'tue']",
        {"days": [["mon", "tue"]]},
    ]


def test_a_name_without_a_value_fails_the_task(
    pipelines: Pipelines, caplog: pytest.LogCaptureFixture
) -> None:
    run = call(pipelines, "def run(n): ...", "{n: '{{ nobody }}'}")
    assert run.state == "failed"
    assert "'nobody' is undefined" in caplog.text


def test_values_of_the_context_come_by_name(pipelines: Pipelines) -> None:
    text = "def run(ds, *, params, n=3):\n    return [ds, dict(params), n]"
    assert call(pipelines, text).xcom("call") == ["2024-01-02", {}, 3]


def test_all_of_the_context_comes_as_keywords(pipelines: Pipelines) -> None:
    text = "def run(n, **context):\n    return [n, context['run_id'], context['ds']]"
    run = call(pipelines, text, "{n: 1, ds: mine}")
    assert run.xcom("call") == [1, run.run_id, "mine"]


def test_what_an_argument_of_the_spec_says_wins() -> None:
    assert arguments(lambda ds: ds, {"ds": "mine"}, {"ds": "theirs"}) == {"ds": "mine"}


def test_files_beside_it_can_be_imported_while_it_runs_and_are_forgotten(
    pipelines: Pipelines,
) -> None:
    text = "import helper\ndef run():\n    import late\n    return [helper.WORD, late.WORD]"
    pipelines.write("team/helper.py", "WORD = 'a'")
    pipelines.write("team/late.py", "WORD = 'b'")
    assert call(pipelines, text).xcom("call") == ["a", "b"]
    pipelines.write("other/helper.py", "WORD = 'c'")
    pipelines.write("other/late.py", "WORD = 'd'")
    pipelines.write("other/code.py", text)
    pipelines.write("other/others.yaml", SPEC.format(callable="code.py:run", args="{}"))
    assert pipelines.run("others").xcom("call") == ["c", "d"]


def test_a_file_beside_it_wins_for_its_own_folder_and_never_replaces_an_installed_module(
    pipelines: Pipelines,
) -> None:
    pipelines.write("team/json.py", "WORD = 'mine'")
    text = "import json\nfrom requests import compat\n"
    text += "def run():\n    return [json.WORD, compat.json.__file__]"
    assert call(pipelines, text).xcom("call") == ["mine", json.__file__]


def test_two_teams_have_a_helper_of_one_name(pipelines: Pipelines) -> None:
    text = "from lib import helper\nimport calendar\ndef run():\n    return [helper.X, calendar.Y]"
    for team in ("trips", "bikes"):
        pipelines.write(f"{team}/lib/helper.py", f"X = '{team}'")
        pipelines.write(f"{team}/calendar.py", f"Y = 'days of {team}'")
        pipelines.write(f"{team}/code.py", text)
        pipelines.write(f"{team}/{team}_daily.yaml", SPEC.format(callable="code.py:run", args="{}"))
    before = ([*sys.path], {*sys.modules}, [*sys.meta_path])
    for team in ("trips", "bikes", "trips"):
        assert pipelines.run(f"{team}_daily").xcom("call") == [team, f"days of {team}"]
    assert before[0] == sys.path
    assert before[2] == sys.meta_path
    new = {name for name in {*sys.modules} - before[1] if "helper" in name or "_beside_" in name}
    assert not new


def test_dataclasses_work_in_a_file(pipelines: Pipelines) -> None:
    text = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Point:
    x: int

def run():
    return Point(2).x
"""
    assert call(pipelines, text).xcom("call") == 2


def test_a_function_of_a_package(pipelines: Pipelines) -> None:
    run = call(pipelines, "", "{a: /x, b: y}", "os.path.isabs")
    assert run.state == "failed"
    assert "unexpected keyword argument" in run.log
    run = call(pipelines, "", "{year: 2024}", "calendar.isleap")
    assert run.xcom("call") is True


def test_a_coroutine_is_run(pipelines: Pipelines) -> None:
    assert call(pipelines, "async def run():\n    return 7").xcom("call") == 7


def test_nothing_is_handed_on_unless_asked(pipelines: Pipelines) -> None:
    pipelines.write("code.py", "def run():\n    return 'secret'")
    pipelines.write(
        "quiet.yaml",
        "version: 1\ntasks: [{id: call, uses: python, with: {callable: 'code.py:run'}}]",
    )
    run = pipelines.run("quiet")
    assert (run.state, run.xcom("call")) == ("success", None)


@pytest.mark.parametrize(
    ("text", "callable", "message"),
    [
        ("def run(): pass", "code.py:rum", "there is no function 'rum' in code.py: did you mean"),
        ("def run(): pass", "cod.py:run", "there is no file"),
        ("def run():\n    yield 1", "code.py:run", "run yields: nothing would run"),
        ("def run():\n    raise ValueError('its own words')", "code.py:run", "its own words"),
        ("RUN = 1", "code.py:RUN", "there is no function 'RUN'"),
        ("def run(day): pass", "code.py:run", "run takes day: missing a required argument: 'day'"),
    ],
)
def test_what_cannot_be_called_says_why(
    pipelines: Pipelines, text: str, callable: str, message: str
) -> None:
    run = call(pipelines, text, callable=callable)
    assert run.state == "failed"
    assert message in run.log
    assert "a defect of" not in run.log


def test_a_decorator_may_give_arguments(pipelines: Pipelines) -> None:
    text = """
import functools

def with_two(function):
    @functools.wraps(function)
    def call(**given):
        return function(two=2, **given)
    return call

@with_two
def run(two, n):
    return two + n
"""
    assert call(pipelines, text, "{n: 1}").xcom("call") == 3


def test_nothing_is_imported_before_the_task_runs(pipelines: Pipelines, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    text = f"open({str(proof)!r}, 'w').close()\ndef run(): pass"
    pipelines.write("team/code.py", text)
    pipelines.write("team/calls.yaml", SPEC.format(callable="code.py:run", args="{}"))
    pipelines.dag("calls")
    assert not proof.exists()
    assert pipelines.run("calls").state == "success"
    assert proof.exists()


def test_a_link_out_of_the_project_is_not_called(pipelines: Pipelines) -> None:
    other = pipelines.root.parents[1] / f"{pipelines.root.parent.name}-of-others.py"
    other.write_text("def run():\n    return 'SECRET123'")
    link = pipelines.write("team/code.py", "")
    link.unlink()
    link.symlink_to(other)
    pipelines.write("team/calls.yaml", SPEC.format(callable="code.py:run", args="{}"))
    run = pipelines.run("calls")
    assert (run.state, run.xcom("call")) == ("failed", None)
    assert "code.py: this link leads out of the project" in run.log
