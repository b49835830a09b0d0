from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from factory.diagnostics import Path as ValuePath
from factory.spec import positions
from factory.spec.fill import Filler, Scope
from factory.spec.layers import merge
from factory.spec.notes import Notes
from factory.spec.origins import origin
from factory.spec.resolve import Resolved
from tests.spec.yaml_text import KEYS, LETTERS, TASKS, VALUES, resolved


def one(folder: Path, text: str, *below: str, above: str = "") -> Resolved:
    (found,) = resolved(folder, text, *below, above=above)
    return found


def place(spec: Resolved, *path: str | int) -> str:
    """`file:line` that wrote a value."""
    document, where = origin(spec, path)
    found, reached = positions.locate(positions.build(document.text), where)
    assert reached == where
    return f"{document.name}:{found.line}"


def test_the_nearest_layer_wins_and_the_environment_wins_over_all(tmp_path: Path) -> None:
    spec = one(
        tmp_path,
        TASKS + "owner: file\ntimezone: UTC\n",
        "version: 1\nowner: root\ntimezone: root\nstage: file:///root\n",
        "version: 1\nowner: team\ntimezone: team\n",
        above="version: 1\noverride: {timezone: Europe/Berlin}\n",
    )
    assert spec.value["stage"] == "file:///root"
    assert spec.value["owner"] == "file"
    assert spec.value["timezone"] == "Europe/Berlin"
    assert place(spec, "stage") == "layer0.yaml:4"
    assert place(spec, "owner") == "spec.yaml:4"
    assert place(spec, "timezone") == "dev.yaml:2"


def test_maps_merge_and_lists_are_replaced(tmp_path: Path) -> None:
    spec = one(
        tmp_path,
        TASKS + "vars: {map: {b: 2, c: 2}, list: [c]}\n",
        "version: 1\nvars: {map: {a: 1, b: 1}, list: [a, b]}\n",
    )
    assert spec.value["vars"] == {"map": {"a": 1, "b": 2, "c": 2}, "list": ["c"]}


def test_tags_add_up_each_once(tmp_path: Path) -> None:
    spec = one(
        tmp_path,
        TASKS + "tags: [own, all]\n",
        "version: 1\ntags: [all]\n",
        "version: 1\ntags:\n  - team\n",
        above="version: 1\noverride:\n  tags: [dev, own]\n",
    )
    assert spec.value["tags"] == ["all", "team", "own", "dev"]
    assert [place(spec, "tags", index) for index in range(4)] == [
        "layer0.yaml:2",
        "layer1.yaml:3",
        "spec.yaml:4",
        "dev.yaml:3",
    ]


@pytest.mark.parametrize("word", ["type", "mode"])
def test_a_map_of_another_shape_replaces_the_one_below(tmp_path: Path, word: str) -> None:
    spec = one(
        tmp_path,
        TASKS + f"vars: {{x: {{{word}: new, b: 2}}, same: {{{word}: old, b: 2}}}}\n",
        f"version: 1\nvars: {{x: {{{word}: old, a: 1}}, same: {{{word}: old, a: 1}}}}\n",
    )
    assert spec.value["vars"]["x"] == {word: "new", "b": 2}
    assert spec.value["vars"]["same"] == {word: "old", "a": 1, "b": 2}


def test_a_schedule_is_replaced_as_a_whole(tmp_path: Path) -> None:
    spec = one(tmp_path, TASKS + "schedule: {assets: [a]}\n", "version: 1\nschedule: {every: 1h}\n")
    assert spec.value["schedule"] == {"assets": ["a"]}


def test_null_replaces(tmp_path: Path) -> None:
    spec = one(
        tmp_path,
        TASKS + "schedule: null\nvars: {a: null}\n",
        'version: 1\nschedule: "@daily"\nvars: {a: {b: 1}}\n',
    )
    assert spec.value["schedule"] is None
    assert spec.value["vars"] == {"a": None}


def test_the_version_of_a_layer_is_not_that_of_the_file(tmp_path: Path) -> None:
    spec = one(tmp_path, "tasks: []\n", "version: 1\nowner: a\n")
    assert "version" not in spec.value


def test_settings_of_a_task_win_over_defaults(tmp_path: Path) -> None:
    spec = one(
        tmp_path,
        "version: 1\ndefaults: {pool: file}\ntasks:\n  - {id: a, run: echo, queue: own}\n",
        "version: 1\ndefaults: {retries: 1, pool: root, queue: root}\n",
        above="version: 1\noverride: {defaults: {retries: 0}}\n",
    )
    (task,) = spec.value["tasks"]
    assert (task["retries"], task["pool"], task["queue"]) == (0, "file", "own")
    assert place(spec, "tasks", 0, "retries") == "dev.yaml:2"
    assert place(spec, "tasks", 0, "pool") == "spec.yaml:2"
    assert place(spec, "tasks", 0, "queue") == "spec.yaml:4"


def test_kind_defaults_stand_below_arguments(tmp_path: Path) -> None:
    spec = one(
        tmp_path,
        "version: 1\ntasks:\n  - id: a\n    run: echo\n    with: {env: {B: own}}\n",
        "version: 1\nkinds:\n  bash:\n    output: true\n    env: {A: root, B: root}\n",
        above="version: 1\noverride: {kinds: {bash: {cwd: /dev}}}\n",
    )
    (task,) = spec.value["tasks"]
    assert task["uses"] == "bash"
    assert task["with"] == {
        "command": "echo",
        "output": True,
        "env": {"A": "root", "B": "own"},
        "cwd": "/dev",
    }
    assert place(spec, "tasks", 0, "with", "output") == "layer0.yaml:4"
    assert place(spec, "tasks", 0, "with", "env", "A") == "layer0.yaml:5"
    assert place(spec, "tasks", 0, "with", "env", "B") == "spec.yaml:5"
    assert place(spec, "tasks", 0, "with", "cwd") == "dev.yaml:2"
    assert place(spec, "tasks", 0, "with", "command") == "spec.yaml:4"
    assert place(spec, "tasks", 0, "uses") == "spec.yaml:4"


def test_the_environment_gives_vars(tmp_path: Path) -> None:
    spec = one(
        tmp_path,
        TASKS + "vars: {a: file, b: file}\nowner: ${vars.a}\n",
        above="version: 1\nvars:\n  a: env\n",
    )
    assert spec.value["owner"] == "env"
    assert place(spec, "vars", "a") == "dev.yaml:3"
    assert place(spec, "vars", "b") == "spec.yaml:4"
    assert place(spec, "owner") == "spec.yaml:5"


def test_a_matrix_makes_pipelines(tmp_path: Path) -> None:
    found = resolved(tmp_path, TASKS + "matrix: {a: [1, 2], b: [x]}\nowner: ${matrix.a}\n")
    assert [(spec.dag_id, spec.value["owner"]) for spec in found] == [
        ("spec__1__x", 1),
        ("spec__2__x", 2),
    ]


def test_a_matrix_makes_tasks_and_needs_follow(tmp_path: Path) -> None:
    text = """\
version: 1
tasks:
  - {id: start, run: echo}
  - id: copy
    matrix: {t: [x, y]}
    run: echo ${matrix.t}
  - {id: end, run: echo, needs: [copy, start]}
"""
    spec = one(tmp_path, text)
    assert [task["id"] for task in spec.value["tasks"]] == ["start", "copy__x", "copy__y", "end"]
    assert [place.path[1] for place in spec.task_place] == [0, 1, 1, 2]
    end = spec.value["tasks"][3]
    assert end["needs"] == ["copy__x", "start", "copy__y"]
    assert place(spec, "tasks", 2, "with", "command") == "spec.yaml:6"
    assert place(spec, "tasks", 3, "needs", 1) == "spec.yaml:7"


def filled(value: Any, **names: Any) -> Any:
    notes = Notes(1000)
    given: dict[str, Any] = {"vars": {}, "matrix": {}, "environment": "dev", "dag_id": "spec"}
    result = Filler(Scope(**{**given, **names}), notes).fill(value, ())
    assert notes.problems == []
    return result


@pytest.mark.parametrize("value", [3, 1.5, True, None, ["a", {"b": 1}], {"a": [1]}, "", "text"])
def test_a_value_that_stands_alone_keeps_its_type(value: Any) -> None:
    found = filled("${vars.x}", vars={"x": value})
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "text"), [(3, "<3>"), (1.0, "<1.0>"), (True, "<true>"), (None, "<>"), ("a", "<a>")]
)
def test_a_value_inside_text(value: Any, text: str) -> None:
    assert filled("<${vars.x}>", vars={"x": value}) == text


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("$${x}", "${x}"),
        ("$${", "${"),
        ("a $${x:-$${y}} b", "a ${x:-${y}} b"),
        ("$$${vars.x}", "$${vars.x}"),
        ("$", "$"),
        ("$x $$ $(x) {{ x }}", "$x $$ $(x) {{ x }}"),
        ("${ vars.x }", "X"),
        ("${vars.x}${vars.x}", "XX"),
        ("{{ '${vars.x}' }}", "{{ 'X' }}"),
        ("$${{ x }}", "${{ x }}"),
    ],
)
def test_dollars(text: str, becomes: str) -> None:
    assert filled(text, vars={"x": "X"}) == becomes


TEMPLATES = st.lists(
    st.sampled_from(["{{ ds }}", "{{ x['y'] }}", "{% if a %}", "{# b #}", "{{ '{' }}", "a", " "])
)


@given(TEMPLATES, TEMPLATES)
def test_templates_are_never_touched(before: list[str], after: list[str]) -> None:
    start, end = "".join(before), "".join(after)
    assert filled(f"{start}${{vars.x}}{end}!", vars={"x": "X"}) == f"{start}X{end}!"


@given(LETTERS)
def test_text_without_placeholders_stays(text: str) -> None:
    if "${" not in text:
        assert filled([text]) == [text]


# below a key that other layers give another type, a map replaces what is under it, so that the
# order of merging shows; everything else is associative
PLAIN = st.recursive(
    st.one_of(st.integers(0, 3), st.lists(st.sampled_from("abc"), max_size=2), st.none()),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)
TREES = st.dictionaries(st.sampled_from("xyz"), st.dictionaries(st.sampled_from("pq"), PLAIN))
LAYERS = st.builds(
    lambda tree, tags, schedule: {**tree, **tags, **schedule},
    TREES,
    st.one_of(
        st.just({}),
        st.fixed_dictionaries({"tags": st.lists(st.sampled_from("abc"), unique=True)}),
    ),
    st.one_of(
        st.just({}),
        st.fixed_dictionaries({"schedule": st.sampled_from([None, {"every": "1h"}, {"a": 1}])}),
    ),
)


@given(LAYERS)
def test_an_empty_layer_changes_nothing(layer: dict[str, Any]) -> None:
    assert merge({}, layer) == layer
    assert merge(layer, {}) == layer


@given(LAYERS, LAYERS)
def test_merging_changes_neither_layer(under: dict[str, Any], over: dict[str, Any]) -> None:
    before = repr(under), repr(over)
    merge(under, over)
    assert (repr(under), repr(over)) == before


@given(LAYERS, LAYERS, LAYERS)
def test_merging_is_associative(a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
    left, right = merge(merge(a, b), c), merge(a, merge(b, c))
    if not _is_covered(a, b, c):
        assert left == right


def _is_covered(a: Any, b: Any, c: Any) -> bool:
    """Whether somewhere a map lies over something else than a map, which hides what is below."""
    maps = [isinstance(value, dict) for value in (a, b, c)]
    if maps == [True, False, True]:
        return True
    if sum(maps) < 2:
        return False
    keys = {key for value in (a, b, c) if isinstance(value, dict) for key in value}
    missing: dict[str, Any] = {}
    return any(
        _is_covered(*(v.get(key, missing) if isinstance(v, dict) else missing for v in (a, b, c)))
        for key in keys
    )


@given(
    st.dictionaries(KEYS, VALUES, max_size=4),
    st.dictionaries(KEYS, VALUES, max_size=4),
)
def test_every_value_has_an_origin(
    tmp_path_factory: pytest.TempPathFactory, file: dict[str, Any], layer: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("origin")
    tasks = [{"id": "a", "run": "echo", "with": file}, {"id": "b", "uses": "bash", "with": layer}]
    spec = one(
        folder,
        yaml.safe_dump({"vars": file, "tasks": tasks, "defaults": {"retries": 1}}),
        yaml.safe_dump({"vars": layer, "kinds": {"bash": layer}, "owner": "me"}),
    )
    for path, value in leaves(spec.value):
        document, where = origin(spec, path)
        raw: Any = document.value
        for part in where:
            raw = raw[part]
        if path[0] == "vars" and "${" not in repr(raw):
            assert where == path
            assert raw == value


def leaves(value: Any, path: ValuePath = ()) -> list[tuple[ValuePath, Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, entry in value.items() for leaf in leaves(entry, (*path, key))]
    if isinstance(value, list) and value:
        return [leaf for key, entry in enumerate(value) for leaf in leaves(entry, (*path, key))]
    return [(path, value)]
