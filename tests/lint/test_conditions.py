"""What lint tells of `if:`."""

from __future__ import annotations

import pytest

from factory.lint.jinja.conditions import exclude

from .conftest import Lint

TOP = "params: {full: false, mode: x}\ntasks:\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{{ params.full }}", "{{ not params.full }}"),
        ("{{ not params.full }}", "{{ (params . full) }}"),
        ("{{ params.mode == 'a' }}", "{{ params.mode != 'a' }}"),
        ("{{ params.mode == 'a' }}", "{{ params.mode == 'b' }}"),
        ("{{ params.n < 3 }}", "{{ params.n >= 3 }}"),
        ("{{ params.n in [1] }}", "{{ not params.n in [1] }}"),
        ("{{ params.full and tasks.x.output }}", "{{ not params.full and ds }}"),
        ("{{ params.full and ds }}", "{{ not (params.full and ds) }}"),
        ("{{ not not params.full }}", "{{ not params.full }}"),
    ],
)
def test_what_is_never_true_together(one: str, other: str) -> None:
    assert exclude(one, other)
    assert exclude(other, one)


def test_of_a_condition_that_is_nested_too_deeply_nothing_is_said() -> None:
    deep = "params" + ".x" * 2000
    assert not exclude(f"{{{{ {deep} }}}}", f"{{{{ not {deep} }}}}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{{ params.full }}", "{{ params.full }}"),
        ("{{ params.full }}", "{{ not params.other }}"),
        ("{{ params.full }}", "{{ not params.full or ds }}"),
        ("{{ params.mode == params.a }}", "{{ params.mode == params.b }}"),
        ("{{ params.mode == 'a' }}", "{{ params.other == 'b' }}"),
        ("{{ params.mode < 3 }}", "{{ params.mode < 4 }}"),
        ("{{ params.", "{{ not params."),
        ("", ""),
    ],
)
def test_what_may_be_true_together(one: str, other: str) -> None:
    assert not exclude(one, other)


def spec(*tasks: str) -> dict[str, str]:
    return {"x.yaml": TOP + "".join(f"  - {task}\n" for task in tasks)}


BRANCH = (
    '{id: a, if: "{{ params.full }}", run: ls}',
    '{id: b, if: "{{ not params.full }}", run: ls}',
)
JOIN = (
    "always-skipped x.yaml:{line}:{column} this is skipped in every run: 'a' and 'b' are never "
    "both run, by their `if`"
)


@pytest.mark.parametrize(
    ("tasks", "line", "column"),
    [
        ([*BRANCH, "{id: c, needs: [a, b], run: ls}"], 6, 13),
        (
            [
                *BRANCH,
                "{id: a2, needs: [a], run: ls}",
                "{id: c, needs: [a2, b], run: ls}",
                "{id: d, needs: [c], run: ls}",
            ],
            7,
            13,
        ),
        ([BRANCH[0], '{id: b, needs: [a], if: "{{ not params.full }}", run: ls}'], 5, 13),
    ],
)
def test_a_join_that_no_run_reaches(lint: Lint, tasks: list[str], line: int, column: int) -> None:
    assert lint(spec(*tasks)) == [JOIN.format(line=line, column=column)]


@pytest.mark.parametrize(
    "tasks",
    [
        [*BRANCH, "{id: c, needs: [a, b], trigger_rule: none_failed_min_one_success, run: ls}"],
        [*BRANCH, "{id: c, needs: [a], run: ls}", "{id: d, needs: [b], run: ls}"],
        [
            BRANCH[0],
            "{id: b, needs: [a], run: ls}",
            "{id: c, needs: [a], run: ls}",
            "{id: d, needs: [b, c], run: ls}",
        ],
        [
            "{id: a, if: false, run: ls}",
            "{id: b, if: true, run: ls}",
            "{id: c, needs: [a, b], run: ls}",
        ],
    ],
)
def test_a_join_that_is_reached(lint: Lint, tasks: list[str]) -> None:
    assert lint(spec(*tasks)) == []


GROUPS = [
    '{id: a, if: "{{ params.full }}", tasks: [{id: x, run: ls}, {id: y, needs: x, run: ls}]}',
    '{id: b, if: "{{ not params.full }}", tasks: [{id: z, run: ls}]}',
]


def test_a_join_of_two_groups(lint: Lint) -> None:
    never = JOIN.format(line=6, column=13).replace("'a' and 'b'", "'a.x' and 'b.z'")
    assert lint(spec(*GROUPS, "{id: c, needs: [a, b], run: ls}")) == [never]
    rule = "trigger_rule: none_failed_min_one_success"
    assert lint(spec(*GROUPS, f"{{id: c, needs: [a, b], {rule}, run: ls}}")) == []


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("{{ prams.full }}", "template x.yaml:4:21 Airflow's templates know no 'prams'"),
        (
            "{{ tasks.y.output }}",
            "not-before x.yaml:4:27 'y' is in the group 'a', which is not begun before this",
        ),
        ("{{ tasks.nope.output }}", "unknown-task x.yaml:4:27 there is no task 'nope'"),
    ],
)
def test_names_in_the_condition_of_a_group(lint: Lint, condition: str, found: str) -> None:
    """Once, though two tasks decide."""
    inside = (
        "tasks: [{id: w, run: ls}, {id: x, uses: bash, with: {command: ls, output: true}}, "
        "{id: y, needs: [w, x], uses: bash, with: {command: ls, output: true}}]"
    )
    (told,) = lint(spec(f'{{id: a, if: "{condition}", {inside}}}'))
    assert told.startswith(found)


@pytest.mark.parametrize(
    ("task", "found"),
    [
        (
            '{id: a, if: "{{ prams.full }}", run: ls}',
            "template x.yaml:4:21 Airflow's templates know no 'prams'",
        ),
        (
            '{id: a, if: "{{ params.full | nope }}", run: ls}',
            "template x.yaml:4:35 Airflow's templates have no filter 'nope'",
        ),
        (
            '{id: a, if: "{{ tasks.b.output }}", run: ls}',
            "unknown-task x.yaml:4:27 there is no task 'b'",
        ),
        (
            '{id: a, if: "{{ interval.day > ds }}", run: ls}',
            "no-interval x.yaml:4:17 ",
        ),
    ],
)
def test_names_in_a_condition(lint: Lint, task: str, found: str) -> None:
    (told,) = lint(spec(task))
    assert told.startswith(found)
