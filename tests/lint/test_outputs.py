"""What lint tells of `{{ tasks.x.output }}`."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.lint.lint import lint_project
from factory.project import Project

from .conftest import Lint

GIVES = "  - {id: gives, uses: python, with: {callable: acme.jobs.run, output: true}}\n"


def spec(*tasks: str) -> dict[str, str]:
    return {"x.yaml": "tasks:\n" + GIVES + "".join(f"  - {task}\n" for task in tasks)}


@pytest.mark.parametrize(
    "tasks",
    [
        ['{id: a, needs: [gives], run: "echo {{ tasks.gives.output }}"}'],
        ["{id: a, needs: [gives], run: \"echo {{ tasks['gives'].output[0].x | upper }}\"}"],
        ['{id: a, needs: [gives], run: "true"}', '{id: b, needs: [a], run: "{{ tasks.a }}"}'][:1],
        [
            '{id: a, needs: [gives], run: "true"}',
            '{id: b, needs: [a], run: "echo {{ tasks.gives.output }}"}',  # by way of a
        ],
        [
            "{id: a, matrix: {n: [1, 2]}, uses: bash, with: {command: echo, output: true}}",
            "{id: b, needs: [a], run: \"echo {{ tasks.a.output }} {{ tasks['a[1]'].output }}\"}",
            "{id: c, needs: 'a[1]', run: \"echo {{ tasks['a[1]'].output }}\"}",
        ],
        ['{id: a, needs: [gives], run: "echo {{ tasks[params.which].output }}"}'],
        ['{id: a, run: "echo {% raw %}{{ tasks.nope.output }}{% endraw %}"}'],
        [
            "{id: a, uses: acme.jobs.Op, needs: [gives], with: {x: '{{ tasks.gives.output }}'}}",
            "{id: b, needs: [a], run: 'echo {{ tasks.a.output }}'}",  # whose source is not there
        ],
    ],
)
def test_what_comes_before_and_has_an_output(lint: Lint, tasks: list[str]) -> None:
    assert lint(spec(*tasks)) == []


@pytest.mark.parametrize(
    ("tasks", "found"),
    [
        (
            ['{id: a, needs: [gives], run: "echo {{ tasks.gvies.output }}"}'],
            "unknown-task x.yaml:4:49 there is no task 'gvies'",
        ),
        (
            ['{id: a, run: "echo {{ tasks.gives.output }}"}'],
            "not-before x.yaml:4:33 'gives' does not come before this task: its output is not "
            "known yet",
        ),
        (
            [
                '{id: a, run: "echo {{ tasks.b.output }}"}',
                "{id: b, needs: [a], uses: bash, with: {command: echo, output: true}}",
            ],
            "not-before x.yaml:4:33 'b' comes after this task: its output is not known yet",
        ),
        (
            ["{id: a, uses: bash, with: {command: 'echo {{ tasks.a.output }}', output: true}}"],
            "not-before x.yaml:4:56 the task reads its own output",
        ),
        (
            [
                "{id: a, matrix: {n: [1, 2]}, uses: bash, "
                "with: {command: 'echo {{ tasks.a.output }}', output: true}}"
            ],
            "not-before x.yaml:4:77 the task reads its own output",
        ),
        (
            ['{id: a, run: "true"}', '{id: b, needs: [a], run: "echo {{ tasks.a.output }}"}'],
            "no-output x.yaml:5:45 'a' hands nothing on",
        ),
        (
            ['{id: a, needs: [gives], run: "echo {{ tasks.gives.ouput }}"}'],
            "template x.yaml:4:55 a task has no 'ouput'",
        ),
        (
            ['{id: a, needs: [gives], run: "echo {{ tasks.gives }}"}'],
            "template x.yaml:4:49 a task has no value of its own",
        ),
        (
            [
                "{id: a, needs: [gives], "
                "uses: airflow.providers.standard.operators.bash.BashOperator, "
                "with: {bash_command: echo, output_encoding: '{{ tasks.gives.output }}'}}"
            ],
            "template x.yaml:4:135 Airflow fills in no template here: the output of 'gives' is not "
            "known",
        ),
        (
            [
                "{id: a, matrix: {n: [1, 2]}, uses: bash, with: {command: echo, output: true}}",
                "{id: b, needs: 'a[1]', run: \"echo {{ tasks.a.output }}\"}",
            ],
            "not-before x.yaml:5:48 'a' does not come before this task: its output is not known "
            "yet",
        ),
    ],
)
def test_what_is_not_there(lint: Lint, tasks: list[str], found: str) -> None:
    assert lint(spec(*tasks)) == [found]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tasks.x", "g.x"),
        ("tasks.g.x", "g.x"),
        ("tasks.load_it", "load-it"),
        ("tasks['g.y']", "g.x"),
    ],
)
def test_a_name_that_only_brackets_can_say(tmp_path: Path, written: str, meant: str) -> None:
    output = "uses: bash, with: {command: ls, output: true}"
    (tmp_path / "p.yaml").write_text(
        f"""\
version: 1
tasks:
  - {{id: load-it, {output}}}
  - {{id: g, tasks: [{{id: x, {output}}}]}}
  - {{id: a, needs: [load-it, g], run: "echo {{{{ {written}.output }}}}"}}
"""
    )
    (finding,) = lint_project(Project(tmp_path)).findings
    assert finding.diagnostic.hint == f"write `tasks[{meant!r}]`"


@pytest.mark.parametrize(
    ("written", "message", "expected", "hint"),
    [
        (
            "tasks.shop.orders.size.output",
            "'shop' is a group, which hands nothing on itself",
            "one of shop.orders.count, shop.orders.size, shop.inner",
            "write `tasks['shop.orders.size']`",
        ),
        (
            "tasks.table.load.output",
            "'table' is a group, which hands nothing on itself",
            "one of table.load",
            "write `tasks['table.load']`",
        ),
        (
            "tasks['table[a]'].output",
            "'table[a]' is a group, which hands nothing on itself",
            "one of table[a].load",
            "",
        ),
    ],
)
def test_a_group_has_no_output(
    tmp_path: Path, written: str, message: str, expected: str, hint: str
) -> None:
    output = "with: {output: true}"
    (tmp_path / "p.yaml").write_text(
        f"""\
version: 1
tasks:
  - id: shop
    tasks:
      - id: orders
        tasks:
          - {{id: count, run: wc, {output}}}
          - {{id: size, run: du, {output}}}
      - {{id: inner, needs: orders, run: "echo {{{{ tasks['orders.count'].output }}}}"}}
  - {{id: table, matrix: {{name: [a, b]}}, tasks: [{{id: load, run: ls, {output}}}]}}
  - {{id: last, needs: [shop, table], run: "echo {{{{ {written} }}}}"}}
"""
    )
    (finding,) = lint_project(Project(tmp_path)).findings
    found = finding.diagnostic
    assert (found.message, found.expected, found.hint) == (message, expected, hint)


def test_a_step_of_a_group_that_is_asked_for_within_it(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        """\
version: 1
tasks:
  - id: shop
    tasks:
      - {id: orders, tasks: [{id: count, run: wc, with: {output: true}}]}
      - {id: inner, needs: orders, run: "echo {{ tasks.orders.count.output }}"}
"""
    )
    (finding,) = lint_project(Project(tmp_path)).findings
    assert finding.diagnostic.hint == "write `tasks['orders.count']`"


def test_in_a_file_beside_the_spec(lint: Lint, tmp_path: object) -> None:
    files = spec("{id: a, uses: sql, with: {conn_id: c, sql: years.sql}}")
    files["years.sql"] = "SELECT 1\nWHERE year IN ({{ tasks.gives.output }})"
    (found,) = lint(files)
    assert found.startswith("not-before x.yaml:4:48 line 3 of years.sql: 'gives' does not come")


@pytest.mark.parametrize(
    ("read", "found"),
    [
        ("ti.xcom_pull(task_ids='gives')", []),
        ("ti.xcom_pull('gives', key='rows')", []),
        ("task_instance.xcom_pull(task_ids=['gives', 'a'])", []),
        ("ti.xcom_pull(task_ids=params.which)", []),
        ("ti.xcom_pull(key='rows')", []),
        ("ti.xcom_pull(task_ids='other', dag_id='of_another')", []),
        ("ti.xcom_pull('other', 'of_another')", []),
        ("ti.xcom_pull(*params.given)", []),
        ("dag_run.xcom_pull('nope')", []),
        ("ti.xcom_pull(task_ids='gvies')", [(61, "gvies")]),
        ("task_instance.xcom_pull(['gives', 'nope'])", [(73, "nope")]),
        ("run_id.load ~ ti.xcom_pull('load')", [(66, "load")]),  # there, not where it is a field
        ("ti.xcom_pull(task_ids='load')", [(61, "load")]),  # its tasks have other names
    ],
)
def test_the_tasks_that_xcom_pull_asks(lint: Lint, read: str, found: list[tuple[int, str]]) -> None:
    nifi = "{id: load, uses: nifi, with: {conn_id: n, group: G}}"
    text = f'{{id: a, needs: [gives], run: "{{{{ {read} }}}}"}}'
    assert lint(spec(nifi, text)) == [
        f"unknown-task x.yaml:5:{column} `xcom_pull` gets nothing: there is no task {name!r}"
        for column, name in found
    ]
