"""What lint tells of `for_each` and of its `{{ item }}`."""

from __future__ import annotations

import pytest

from .conftest import Lint

START = """
params: {years: [2023]}
tasks:
  - {id: gives, uses: python, with: {callable: acme.jobs.run, output: true}}
"""


@pytest.mark.parametrize(
    "task",
    [
        '{id: a, for_each: [1, 2], run: "echo {{ item }} {{ item.name | upper }}"}',
        '{id: a, for_each: "{{ params.years }}", run: "{% if item %}{{ item }}{% endif %}"}',
        '{id: a, needs: gives, for_each: "{{ tasks.gives.output }}", run: "echo {{ item }}"}',
        '{id: a, for_each: [1], tasks: [{id: b, if: "{{ item > 1 }}", run: "echo {{ item }}"}]}',
        '{id: a, run: "echo {% for item in params.years %}{{ item }}{% endfor %}"}',
        "{id: a, for_each: [1], uses: acme.jobs.Op, with: {x: '{{ item }}'}}",
    ],
)
def test_items_of_copies(lint: Lint, task: str) -> None:
    assert lint({"x.yaml": f"{START}  - {task}\n"}) == []


@pytest.mark.parametrize(
    ("task", "found"),
    [
        (
            '{id: a, run: "echo {{ item }}"}',
            "template x.yaml:6:27 `item` is known in a step or a group with `for_each`, and not "
            "here",
        ),
        (
            '{id: a, for_each: [1], if: "{{ item > 1 }}", run: "true"}',
            "template x.yaml:6:36 this is asked once, before there are items",
        ),
        (
            '{id: a, for_each: "{{ item.years }}", run: "true"}',
            "template x.yaml:6:27 this is asked once, before there are items",
        ),
        (
            '{id: a, for_each: "{{ params.yaers }}", run: "true"}',
            "template x.yaml:6:34 the pipeline has no param 'yaers'",
        ),
        (
            '{id: a, for_each: "{{ tasks.gives.output }}", run: "true"}',
            "not-before x.yaml:6:33 'gives' does not come before this task: its output is not "
            "known yet",
        ),
        (
            '{id: a, for_each: "{{ tasks.gvies.output }}", tasks: [{id: b, run: "true"}]}',
            "unknown-task x.yaml:6:33 there is no task 'gvies'",
        ),
        (
            '{id: a, for_each: [{nmae: x}, {name: y, n: 1}], run: "echo {{ item.lat }}"}',
            "template x.yaml:6:72 no item has a 'lat'",
        ),
        (
            '{id: a, for_each: [{name: y}], tasks: [{id: b, run: "echo {{ item.nmae }}"}]}',
            "template x.yaml:6:71 no item has a 'nmae'",
        ),
        (
            '{id: a, for_each: [1], run: "echo {{ itme }}"}',
            "template x.yaml:6:42 Airflow's templates know no 'itme'",
        ),
        (
            '{id: a, for_each: "{{ parms.years }}", tasks: [{id: b, run: "true"}]}',
            "template x.yaml:6:27 Airflow's templates know no 'parms'",
        ),
    ],
)
def test_where_there_is_no_item(lint: Lint, task: str, found: str) -> None:
    assert lint({"x.yaml": f"{START}  - {task}\n"}) == [found]


@pytest.mark.parametrize("mode", ["mode: replace", "mode: partition, column: day"])
def test_copies_that_take_each_others_rows(lint: Lint, mode: str) -> None:
    def spec(table: str) -> dict[str, str]:
        source = "{type: file, path: 'file:///x/{{ item }}.csv', format: csv}"
        target = f"{{type: postgres, conn_id: it, table: '{table}'}}"
        return {
            "x.yaml": "schedule: '@daily'\ntasks:\n  - id: a\n    for_each: [1, 2]\n"
            f"    uses: ingest\n    with: {{source: {source}, target: {target}, write: {{{mode}}}}}"
        }

    (told,) = lint(spec("raw.x"))
    assert "each copy replaces" in told
    assert lint(spec("raw.{{ item }}")) == []
