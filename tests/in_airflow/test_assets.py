"""Assets as a real Airflow spells, keeps and activates them."""

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from airflow.sdk import Asset
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factory.errors import BuildError
from factory.in_airflow import loader
from factory.in_airflow.render import render
from factory.plan.model import Assets, Call, Task
from factory.plan.model import Pipeline as Plan
from factory.spec import assets
from factory.spec.model import Pipeline, Schedule
from factory_embedded.services.postgres import Server

from .pipelines import Pipelines

Write = Callable[[str, str], Path]

WORDS = st.text("abAB/?#&=%:@.~+-;,_ ö[]\\{|}\t0", max_size=12)
PLACES = st.builds(
    "{}://{}{}".format, st.sampled_from(["table", "S3", "x-own", "file"]), WORDS, WORDS
)
URIS = st.one_of(
    PLACES, WORDS, st.builds("{}:{}".format, st.sampled_from(["table", "FILE"]), WORDS)
)


def by_airflow(uri: str) -> str | None:
    """How Airflow keeps the address; None when it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Asset(uri=uri).uri
        except ValueError:
            return None


@settings(max_examples=1500, deadline=None)
@given(URIS)
@example("table://u:p@h/x?b=1&a=2#f")
@example("table://warehouse/w/codes2/")
@example("file:/x")
@example("table:")
@example("table:////0")
@example("table:////]")
@example("//h/x")
@example("x-own://H//?#")
@example("http://[::1")
@example("airflow://x")
def test_addresses_are_spelled_as_airflow_does(uri: str) -> None:
    try:
        spelled = assets.normalized(uri)
    except assets.Refused:
        return  # we may refuse more
    assert spelled == by_airflow(uri)
    assert assets.normalized(spelled) == spelled
    made = render(Plan(dag_id="p", source="p.yaml", tasks=(), schedule=Assets((uri,))), Path())
    (kept,) = made.schedule  # type: ignore[misc]
    assert (kept.name, kept.uri) == (spelled, spelled)  # type: ignore[union-attr]


@settings(max_examples=300, deadline=None)
@given(st.builds("{}://{}{}".format, st.sampled_from(["postgres", "postgresql"]), WORDS, WORDS))
@example("postgres://warehouse/raw/orders")
@example("postgres://h/d/s/t")
@example("postgres://h:/d/s/t")
def test_what_the_postgres_provider_refuses_is_refused_by_lint(uri: str) -> None:
    try:
        assets.require_provided(uri)
    except assets.Refused:
        return
    assert by_airflow(uri) is not None
    assert by_airflow(assets.normalized(uri)) == by_airflow(uri)


def operator(**arguments: Any) -> Any:
    task = Task(
        id="a", operator="airflow.providers.standard.operators.empty.EmptyOperator", **arguments
    )
    plan = Plan(dag_id="p", source="p.yaml", tasks=(task,))
    return render(plan, Path()).get_task("a")


def test_an_asset_of_an_operator_is_named_as_all_others() -> None:
    written = Call("airflow.sdk.Asset", {"uri": "TABLE://w/x/"})
    task = operator(arguments={"outlets": [written], "inlets": [written]}, outlets=("s3://b/k/",))
    assert [(a.name, a.uri) for a in task.inlets] == [("table://w/x", "table://w/x")]
    assert {a.uri: a.name for a in task.outlets} == {
        "table://w/x": "table://w/x",
        "s3://b/k": "s3://b/k",
    }


def test_an_asset_may_have_a_name_unless_its_address_is_ours() -> None:
    own = Call("airflow.sdk.Asset", {"uri": "s3://b/k", "name": "orders"})
    (asset,) = operator(arguments={"outlets": [own]}).outlets
    assert (asset.name, asset.uri) == ("orders", "s3://b/k")
    ours = Call("airflow.sdk.Asset", {"uri": "table://w/x", "name": "orders"})
    with pytest.raises(BuildError) as caught:
        operator(arguments={"outlets": [ours]})
    assert caught.value.message == "the asset table://w/x has another name here, 'orders'"


WAITS = """\
version: 1
schedule: {{assets: ["{uri}"]}}
tasks: [{{id: a, run: echo}}]
"""
UPDATES = """\
version: 1
tasks:
  - id: a
    uses: airflow.providers.standard.operators.empty.EmptyOperator
    with: {{outlets: [{{$call: airflow.sdk.Asset, with: {{uri: "{uri}"}}}}]}}
"""


@pytest.mark.parametrize(
    ("waits", "updates"),
    [
        ("table://warehouse/w/codes{}/", "table://warehouse/w/codes{}"),
        ("TABLE://warehouse/w/codes{}", "table://warehouse/w/codes{}//"),
        ("postgres://h/d/s/codes{}", "postgres://h:5432/d/s/codes{}"),
        ("s3://b/codes{}?b=1&a=2#part", "s3://b/codes{}?a=2&b=1"),
    ],
)
def test_two_spellings_are_one_asset_and_both_pipelines_run(
    pipelines: Pipelines, waits: str, updates: str, request: pytest.FixtureRequest
) -> None:
    number = str(abs(hash(request.node.name)) % 10**9)
    # the one that waits comes first: its spelling would be the one that is activated
    pipelines.write("a_waits.yaml", WAITS.format(uri=waits.format(number)))
    pipelines.write("b_updates.yaml", UPDATES.format(uri=updates.format(number)))
    assert pipelines.run("b_updates").states == {"a": "success"}
    assert pipelines.run("a_waits").states == {"a": "success"}
    assert rows(number) == 1


def rows(number: str) -> int:
    from airflow.models.asset import AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session(scoped=False) as session:
        found = session.scalars(select(AssetModel.uri).where(AssetModel.uri.contains(number)))
        return len(found.all())


def examples() -> Iterator[tuple[str, Any]]:
    """What an editor offers for the keys of a pipeline."""
    given: Any = msgspec.json.schema(Pipeline)["$defs"]["Pipeline"]["properties"]
    for key, about in given.items():
        yield from ((key, example) for example in about.get("examples", ()))
        choices = [entry for entry in about.get("anyOf", ()) if "examples" in entry]
        yield from ((key, example) for entry in choices for example in entry["examples"])
    uris = msgspec.json.schema(Schedule)["$defs"]["Schedule"]["properties"]["assets"]["examples"]
    yield from (("schedule", {"assets": uri}) for uri in uris)


@pytest.mark.parametrize(("key", "example"), list(examples()))
def test_what_an_editor_offers_airflow_takes(
    root: Path, write: Write, key: str, example: Any
) -> None:
    spec = {"version": 1, key: example, "tasks": [{"id": "a", "run": "echo"}]}
    if key == "deadline":
        spec["alerts"] = {"on_deadline": [{"type": "email", "to": ["a@example.org"]}]}
        spec["schedule"] = "@daily"
    write("p.yaml", json.dumps(spec))
    for _, dag, diagnostics in loader.build(root):
        assert diagnostics == ()
        assert dag is not None
        LazyDeserializedDAG.from_dag(dag)


LOADS = """\
version: 1
tasks:
  - id: load
    uses: ingest
    with:
      source: {{type: file, path: '{path}', format: csv}}
      target: {{type: postgres, conn_id: warehouse, table: w.codes2}}
      write: {{mode: replace}}
"""


def test_a_load_into_a_table_that_others_spell_otherwise(
    pipelines: Pipelines, postgres: Server, tmp_path: Path
) -> None:
    (tmp_path / "codes.csv").write_text("code\na\n")
    pipelines.connect_postgres("warehouse", postgres)
    pipelines.write("a_waits.yaml", WAITS.format(uri="table://warehouse/w/codes2/"))
    pipelines.write("b_waits.yaml", WAITS.format(uri="TABLE://warehouse/w/codes2"))
    pipelines.write("c_loads.yaml", LOADS.format(path=(tmp_path / "codes.csv").as_uri()))
    run = pipelines.run("c_loads")
    assert run.state == "success", run.log
    assert queued("table://warehouse/w/codes2") == {"a_waits", "b_waits"}


def queued(uri: str) -> set[str]:
    """The pipelines that an update of the asset has started, or will start."""
    from airflow.models.asset import AssetModel, DagScheduleAssetReference
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session(scoped=False) as session:
        references = select(DagScheduleAssetReference.dag_id).join(AssetModel)
        return set(session.scalars(references.where(AssetModel.uri == uri)))


SAID = """
version: 1
tasks:
  - {id: plain, run: "true", updates: [s3://lake/plain]}
  - id: both
    uses: airflow.providers.standard.operators.bash.BashOperator
    with:
      bash_command: "true"
      outlets: [{$call: airflow.sdk.Asset, with: {uri: s3://lake/own}}]
    updates: [S3://lake/said/]
  - {id: bad, run: exit 1, updates: [s3://lake/bad]}
"""


def test_what_a_step_says_it_updates_is_updated_when_it_succeeds(pipelines: Pipelines) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    pipelines.write("lake.yaml", SAID)
    run = pipelines.run("lake")
    assert run.states == {"plain": "success", "both": "success", "bad": "failed"}
    with create_session(scoped=False) as session:
        events = session.query(AssetEvent).filter_by(source_run_id=run.run_id)
        found = [(event.source_task_id, event.asset.uri) for event in events]
    assert sorted(found) == [
        ("both", "s3://lake/own"),
        ("both", "s3://lake/said"),
        ("plain", "s3://lake/plain"),
    ]


def test_any_and_all_may_hold_each_other() -> None:
    wanted = Assets(("s3://b/1", Assets(("s3://b/2", Assets(("s3://b/3", "s3://b/4"))), any=True)))
    dag = render(Plan(dag_id="p", source="p.yaml", tasks=(), schedule=wanted), Path())
    stored = LazyDeserializedDAG.from_dag(dag).data["dag"]["timetable"]["__var"]["asset_condition"]
    assert shape(stored) == ["s3://b/1", {"any": ["s3://b/2", ["s3://b/3", "s3://b/4"]]}]


def shape(stored: Any) -> Any:
    """A condition as Airflow stores it, in the words of a spec."""
    if "objects" not in stored:
        return stored["uri"]
    each = [shape(one) for one in stored["objects"]]
    return {"any": each} if stored["__type"].endswith("any") else each
