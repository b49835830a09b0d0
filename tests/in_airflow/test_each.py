"""`for_each` from YAML through a real Airflow."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from factory.in_airflow import each as copies

from .pipelines import Pipelines

CODE = """
def cities(): return [{"name": "amsterdam", "lat": 52}, {"name": "berlin", "lat": 53}]
def none(): return []
def given(**args): return {k: v for k, v in args.items() if k.startswith("_")}
"""
OPERATOR = "airflow.providers.standard.operators.python.PythonOperator"
SPEC = """
version: 1
params: {years: [2023, 2024]}
tasks:
  - {id: cities, uses: python, with: {callable: "code.py:cities", output: true}}
  - id: weather
    needs: [cities]
    for_each: "{{ tasks.cities.output }}"
    uses: python
    with:
      callable: "code.py:given"
      args: {_city: "{{ item }}", _lat: "{{ item.lat }}", _text: "in {{ item.name }}"}
      output: true
  - id: years
    for_each: "{{ params.years | sort(reverse=true) }}"
    run: echo {{ item + 1 }}
    with: {output: true}
  - id: literal
    for_each: [[1, 2], {a: 3}]
    uses: OPERATOR
    with:
      python_callable: {$ref: tests.in_airflow.test_outputs.given}
      op_kwargs: {values: {item: "{{ item }}", name: "{{ item_name }}"}}
  - {id: nothing, for_each: "{{ [] }}", run: "true", with: {output: true}}
  - {id: behind, needs: nothing, run: "true"}
  - {id: after_all, needs: nothing, trigger_rule: none_failed, run: "true"}
  - id: of_nothing
    needs: nothing
    trigger_rule: none_failed
    uses: python
    with: {callable: "code.py:given", args: {_found: "{{ tasks.nothing.output }}"}, output: true}
  - {id: never, for_each: [1, 2], if: "{{ not params.years }}", run: "echo {{ item.nope.nope }}"}
  - {id: not_now, for_each: "{{ nope }}", if: "{{ not params.years }}", run: "true"}
  - id: all
    needs: [weather, years, literal]
    uses: python
    with:
      callable: "code.py:given"
      args: {_weather: "{{ tasks.weather.output }}", _years: "{{ tasks.years.output }}"}
      output: true
"""


def test_each_copy_has_its_item_with_its_type(pipelines: Pipelines) -> None:
    pipelines.write("code.py", CODE)
    pipelines.write("each.yaml", SPEC.replace("OPERATOR", OPERATOR))
    run = pipelines.run("each")
    assert run.state == "success", run.log[-4000:]
    amsterdam, berlin = {"name": "amsterdam", "lat": 52}, {"name": "berlin", "lat": 53}
    assert run.xcom("all") == {
        "_weather": [
            {"_city": amsterdam, "_lat": 52, "_text": "in amsterdam"},
            {"_city": berlin, "_lat": 53, "_text": "in berlin"},
        ],
        "_years": ["2025", "2024"],
    }
    assert [each.xcom for each in run.copies("literal")] == [
        {"item": [1, 2], "name": "[1, 2]"},
        {"item": {"a": 3}, "name": "3"},
    ]
    assert [each.name for each in run.copies("weather")] == ["amsterdam", "berlin"]
    assert "2 items for weather" in run.log
    assert "0 items for nothing: nothing is to do, so the step is skipped" in run.log
    states = {name: run.states[name] for name in ("nothing", "behind", "after_all", "not_now")}
    assert states == {
        "nothing": "skipped",
        "behind": "skipped",
        "after_all": "success",
        "not_now": "skipped",
    }
    assert run.xcom("of_nothing") == {"_found": []}
    assert [each.state for each in run.copies("never")] == ["skipped", "skipped"]


GROUP = """
version: 1
tasks:
  - id: city
    for_each: LIST
    tasks:
      - id: fetch
        uses: python
        with: {callable: "code.py:given", args: {_city: "{{ item }}"}, output: true}
      - id: both
        matrix: {n: [1, 2]}
        uses: python
        with: {callable: "code.py:given", args: {_n: "${matrix.n}{{ item.lat }}"}, output: true}
      - {id: north, needs: fetch, if: "{{ item.lat > 52 }}", run: "true"}
      - id: use
        needs: [fetch, both]
        uses: python
        with:
          callable: "code.py:given"
          args:
            _mine: "{{ tasks.fetch.output._city.name }}"
            _item: "{{ item.name }}"
            _both: "{{ tasks.both.output | map(attribute='_n') | list }}"
          output: true
  - id: all
    needs: city
    trigger_rule: none_failed
    uses: python
    with: {callable: "code.py:given", args: {_all: "{{ tasks['city.use'].output }}"}, output: true}
"""


@pytest.mark.parametrize(
    "items", ["[{name: a, lat: 52}, {name: b, lat: 53}]", "\"{{ var.json.get('x', CITIES) }}\""]
)
def test_a_group_is_copied_whole(pipelines: Pipelines, items: str) -> None:
    pipelines.write("code.py", CODE)
    given = "[{'name': 'a', 'lat': 52}, {'name': 'b', 'lat': 53}]"
    pipelines.write("each.yaml", GROUP.replace("LIST", items).replace("CITIES", given))
    run = pipelines.run("each")
    assert run.state == "success", run.log[-4000:]
    assert run.xcom("all") == {
        "_all": [
            {"_mine": "a", "_item": "a", "_both": ["152", "252"]},
            {"_mine": "b", "_item": "b", "_both": ["153", "253"]},
        ]
    }
    assert [each.state for each in run.copies("city.north")] == ["skipped", "success"]
    assert [each.name for each in run.copies("city.use")] == ["a", "b"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_first_steps_of_different_rules_each_go_by_their_own(
    pipelines: Pipelines, order: tuple[int, int]
) -> None:
    firsts = (
        "{id: needs_success, needs: fails, run: 'true'}",
        "{id: runs_anyway, needs: fails, trigger_rule: all_done, run: 'true'}",
    )
    steps = ", ".join(firsts[place] for place in order)
    pipelines.write(
        "rules.yaml",
        "version: 1\nparams: {years: [2023]}\ntasks:\n  - {id: fails, run: exit 1}\n"
        f"  - id: g\n    for_each: '{{{{ params.years }}}}'\n    tasks: [{steps}]\n",
    )
    run = pipelines.run("rules")
    assert run.state == "failed"
    assert [each.state for each in run.copies("g.runs_anyway")] == ["success"]
    assert {each.state for each in run.copies("g.needs_success")} == {"upstream_failed"}


MEET = """
version: 1
params: {items: [0, 1, 2, 3]}
tasks:
  - id: g
    for_each: LIST
    tasks:
      - {id: begin, run: "true"}
      - {id: low, needs: begin, if: "{{ item == 1 }}", run: "true"}
      - {id: high, needs: begin, if: "{{ item > 1 }}", run: "test {{ item }} -ne FAILS"}
      - {id: meet, needs: [low, high], trigger_rule: none_failed_min_one_success, run: "true"}
      - {id: end, teardown_for: begin, run: "true"}
      - {id: behind_end, needs: end, run: "true"}
  - {id: after, needs: g, trigger_rule: none_failed, run: "true"}
"""


@pytest.mark.parametrize("items", ["[0, 1, 2, 3]", "'{{ params[\"items\"] }}'"])
@pytest.mark.parametrize(("fails", "last"), [(9, "success"), (3, "upstream_failed")])
def test_branches_meet_in_each_copy_by_itself(
    pipelines: Pipelines, items: str, fails: int, last: str
) -> None:
    """A copy that fails, or has no branch, decides nothing for the others."""
    pipelines.write("meet.yaml", MEET.replace("LIST", items).replace("FAILS", str(fails)))
    run = pipelines.run("meet")
    states = [each.state for each in run.copies("g.meet")]
    assert states == ["skipped", "success", "success", last], run.log[-4000:]
    assert [each.state for each in run.copies("g.behind_end")] == states
    assert [each.state for each in run.copies("g.end.tear_down")] == ["success"] * 4
    assert run.states["after"] == last
    assert run.state == ("success" if last == "success" else "failed")


@pytest.mark.parametrize("items", ["[1, 2]", "'{{ params[\"items\"] }}'"])
def test_branches_before_a_group_meet_in_its_first_step(pipelines: Pipelines, items: str) -> None:
    """The task that gives the list is none of them, though it has succeeded."""
    pipelines.write(
        "before.yaml",
        f"""
version: 1
params: {{items: [1, 2]}}
tasks:
  - {{id: low, if: false, run: "true"}}
  - {{id: high, if: false, run: "true"}}
  - id: g
    needs: [low, high]
    for_each: {items}
    tasks:
      - {{id: meet, trigger_rule: none_failed_min_one_success, run: "true"}}
      - {{id: anyway, trigger_rule: none_failed, run: "true"}}
""",
    )
    run = pipelines.run("before")
    assert run.state == "success"
    assert {each.state for each in run.copies("g.meet")} == {"skipped"}
    assert [each.state for each in run.copies("g.anyway")] == ["success", "success"]


def test_a_list_of_a_step_that_was_skipped_is_not_asked_for(pipelines: Pipelines) -> None:
    """Also where the first steps have different rules."""
    pipelines.write(
        "none.yaml",
        "version: 1\nparams: {go: false}\ntasks:\n"
        "  - {id: up, if: '{{ params.go }}', run: 'true', with: {output: true}}\n"
        "  - id: g\n    for_each: '{{ tasks.up.output }}'\n    tasks:\n"
        "      - {id: a, needs: up, run: 'true'}\n"
        "      - {id: b, needs: up, trigger_rule: none_failed, run: 'true'}\n",
    )
    run = pipelines.run("none")
    assert run.state == "success", run.log[-4000:]
    assert run.states["g__items"] == "skipped"


def nobody() -> bool:
    """What a `ShortCircuitOperator` skips all behind it for."""
    return False


def test_an_operator_that_skips_decides_nothing_in_copies(pipelines: Pipelines) -> None:
    """Why lint refuses it: once this fails, Airflow has mended that."""
    path = OPERATOR.replace("PythonOperator", "ShortCircuitOperator")
    ref = "tests.in_airflow.test_each.nobody"
    decides = f"{{id: a, uses: {path}, with: {{python_callable: {{$ref: {ref}}}}}}}"
    group = f"tasks: [{decides}, {{id: b, needs: a, run: 'true'}}]"
    pipelines.write(
        "skips.yaml", f"version: 1\ntasks:\n  - id: g\n    for_each: [1]\n    {group}\n"
    )
    run = pipelines.run("skips")
    assert [each.state for each in run.copies("g.b")] == ["success"]


def test_the_pairs_of_a_mapping_are_items(pipelines: Pipelines) -> None:
    pipelines.write(
        "each.yaml",
        """
version: 1
params: {years: {type: object, default: {a: 1, b: 2}}}
tasks:
  - {id: pair, for_each: "{{ params.years.items() }}", run: "echo got {{ item[0] }}{{ item[1] }}"}
  - {id: key, for_each: "{{ params.years.keys() }}", run: "echo got {{ item }}"}
""",
    )
    run = pipelines.run("each")
    assert run.state == "success"
    assert [line for line in ("got a1", "got b2", "got a", "got b") if line not in run.log] == []


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ("{{ 'a,b' }}", "gets the text 'a,b'"),
        ("{{ {'a': 1} }}", "gets the mapping {'a': 1}"),
        ("{{ none }}", "gets nothing (None)"),
        ("{{ 7 }}", "gets 7"),
        ("{{ dag.tags }}", "gets the set set()"),
        ("{{ range(1025) }}", "gets 1,025 items, and Airflow takes 1,024 at most"),
        ("{{ [1, macros] }}", "gets as item 2 <MacrosAccessor"),
        ("{{ params.nope }}", "nope"),
    ],
)
def test_what_is_no_list_fails_the_step_that_asks(
    pipelines: Pipelines, items: str, said: str
) -> None:
    pipelines.write(
        "each.yaml",
        f"""
version: 1
tasks:
  - {{id: bad, for_each: "{items}", retries: 0, run: "true"}}
""",
    )
    run = pipelines.run("each")
    assert run.state == "failed"
    assert said in run.log
    assert "each.yaml:4, step bad" in run.log


def test_copies_of_an_ingest_share_nothing(pipelines: Pipelines, tmp_path: Path) -> None:
    rows = {"a": "1\n", "b": "1\n2\n"}
    for name, text in rows.items():
        (tmp_path / f"{name}.csv").write_text(f"n\n{text}")
    pipelines.write(
        "each.yaml",
        f"""
version: 1
stage: {(tmp_path / "stage").as_uri()}
tasks:
  - id: load
    for_each: "{{{{ ['a', 'b', 'a'] }}}}"
    uses: ingest
    with:
      source:
        type: file
        path: "{tmp_path.as_uri()}/{{{{ item }}}}.csv"
        format: {{type: csv, columns: {{n: bigint}}}}
      target: {{type: file, path: "{(tmp_path / "lake").as_uri()}", format: parquet}}
      write: {{mode: append}}
""",
    )
    for _ in range(2):  # the same again leaves the same rows
        run = pipelines.run("each")
        assert run.state == "success", run.log[-4000:]
        assert [each.xcom["rows"] for each in run.copies("load.load")] == [1, 2, 1]
        assert len([*(tmp_path / "lake").glob("part-*.parquet")]) == 3
        assert not [*(tmp_path / "stage").rglob("*.parquet")]


def test_a_set_in_an_item_has_one_key_however_it_is_ordered() -> None:
    one, other = {0, 8}, {8, 0}
    assert repr(one) != repr(other)
    tasks = [SimpleNamespace(for_each_item={"of": item}) for item in (one, other)]
    first, second = (copies.key({"task": t, "ti": SimpleNamespace(map_index=0)}) for t in tasks)
    assert first == second


SHORTER = """
version: 1
tasks:
  - {id: found, uses: python, with: {callable: "code.py:found", output: true}}
  - id: g
    needs: found
    for_each: "{{ tasks.found.output }}"
    tasks:
      - {id: a, run: "echo {{ item }}", with: {output: true}}
      - {id: b, needs: a, run: "echo {{ tasks.a.output }}b", with: {output: true}}
  - id: m
    needs: found
    for_each: "{{ tasks.found.output }}"
    run: "echo {{ item }}"
    with: {output: true}
  - {id: first, needs: found, if: "{{ tasks.found.output | length > 1 }}", run: "true"}
  - {id: some, needs: first, run: echo some, with: {output: true}}
  - id: all
    needs: [g, m, some]
    trigger_rule: none_failed
    uses: python
    with:
      callable: "code.py:given"
      args:
        _g: "{{ tasks['g.b'].output }}"
        _m: "{{ tasks.m.output }}"
        _s: "{{ tasks.some.output }}"
      output: true
"""


def test_a_cleared_run_hands_nothing_on_of_copies_that_it_has_no_more(
    pipelines: Pipelines, tmp_path: Path
) -> None:
    """Airflow keeps what they had returned; and what a step had that is skipped this time."""
    listed = tmp_path / "listed.json"
    reads = f"import json\ndef found(): return json.load(open({str(listed)!r}))\n"
    pipelines.write("code.py", CODE + reads)
    pipelines.write("shorter.yaml", SHORTER)
    listed.write_text("[1, 2, 3]")
    run = pipelines.run("shorter")
    assert run.xcom("all") == {"_g": ["1b", "2b", "3b"], "_m": ["1", "2", "3"], "_s": "some"}
    for text, g, m, s in (
        ("[4, 5, 6]", ["4b", "5b", "6b"], ["4", "5", "6"], "some"),
        ("[7]", ["7b"], ["7"], None),
        ("[8, 9]", ["8b", "9b"], ["8", "9"], "some"),
        ("[]", [], [], None),
    ):
        listed.write_text(text)
        run = pipelines.anew(run)
        assert run.state == "success", run.log[-4000:]
        assert run.xcom("all") == {"_g": g, "_m": m, "_s": s}
