"""Ways in which rows pass from a source to a target, as tasks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from factory.definitions.checks import NotNull
from factory.definitions.warehouses import Holds
from factory.definitions.writes import Append, Merge, Write
from factory.ends.handover import Rows
from factory.ends.sources.file import File
from factory.ends.target import Takes
from factory.ends.targets.postgres import Postgres
from factory.errors import BuildError
from factory.kinds import ingest
from factory.plan.fragment import wrong
from factory.plan.kind import Step, task
from factory.plan.model import Dated, Output
from factory.problem import Problem


class Bucket(msgspec.Struct, frozen=True, tag="bucket", tag_field="type"):
    """Rows that already stand there, or that a task puts there."""

    gives: ClassVar[tuple[str, ...]] = ("rows:s3",)
    exported: bool = False

    def hand_over(self, step: Step, way: str) -> Rows:
        uris = ["s3://aws@lake/a.parquet"]
        if not self.exported:
            return Rows(rows=uris, columns=frozenset({"id"}))
        export = task(step, "export", "acme.Export", {"to": uris})
        return Rows(rows=Output(export.id), tasks=(export,))

    def reads(self) -> tuple[()]:
        return ()

    def problems(self) -> tuple[()]:
        return ()


class Cloud(msgspec.Struct, frozen=True):
    """A warehouse that loads from a bucket by itself."""

    takes: ClassVar[Takes] = Takes(handovers=("rows:s3", "files"), modes=("append",))
    label: ClassVar[str] = "raw.x"

    def writes(self) -> tuple[str, ...]:
        return ("table://cloud/raw/x",)

    def load(self) -> tuple[str, dict[str, Any]]:
        return "acme.Load", {"table": "raw.x"}

    def columns(self) -> tuple[()]:
        return ()

    def problems(self, key: Any) -> tuple[()]:
        return ()


def step(**given: Any) -> Step:
    given = {"source": Bucket(), "target": Cloud(), "write": Append(), **given}
    return Step(id="x", uses="ingest", arguments=ingest.Arguments(**given), dag_id="d")


def test_rows_that_stand_where_the_target_loads_from_need_no_stage() -> None:
    fragment = ingest.compile(step())
    (load,) = fragment.tasks
    assert load.operator == "acme.Load"
    assert load.arguments == {
        "stage": None,
        "rows": ["s3://aws@lake/a.parquet"],
        "table": "raw.x",
        "write": {"mode": "append"},
        "checks": [],
    }
    assert load.outlets == ("table://cloud/raw/x",)
    assert (fragment.first, fragment.last) == (("x.load",), ("x.load",))
    assert wrong(fragment, "x") == ""


def test_what_the_target_cannot_hold_is_told_to_who_reads_the_files() -> None:
    class Narrow(Cloud, frozen=True):
        takes: ClassVar[Takes] = Takes(
            handovers=("files",), modes=("append",), holds=Holds(name="Cloud", nul=False)
        )

    file = File(path="file:///data/a.csv", format="csv")
    for target, said in ((Narrow(), {"name": "Cloud", "nul": False}), (Cloud(), None)):
        to_parquet, *_ = ingest.compile(step(source=file, target=target)).tasks
        assert to_parquet.operator.endswith("ToParquet")
        assert to_parquet.arguments.get("holds") == said


def test_a_task_may_put_them_there() -> None:
    fragment = ingest.compile(step(source=Bucket(exported=True)))
    assert [made.id for made in fragment.tasks] == ["x.export", "x.load"]
    assert fragment.tasks[1].arguments["rows"] == Output("x.export")
    assert fragment.edges == (("x.export", "x.load"),)
    assert wrong(fragment, "x") == ""


def test_their_columns_are_known_when_the_source_tells(tmp_path: Path) -> None:
    checks = [NotNull(columns=["id", "day"])]
    (found,) = ingest.inspect(step(checks=checks), tmp_path)
    assert found.message == "the load has no column 'day'"
    assert list(ingest.inspect(step(checks=checks, source=Bucket(exported=True)), tmp_path)) == []


class Yesterday(Bucket, frozen=True, tag="yesterday", tag_field="type"):
    """What it reads depends on the date, and a run reads what the one before has read."""

    def dates(self) -> list[Dated]:
        return [Dated("yesterday's", "`day:`", ("source",))]

    def again(self, write: Write) -> Iterator[Problem]:
        yield Problem(("source",), "append-again", f"{write} once more")


def test_a_source_tells_what_its_runs_read(tmp_path: Path) -> None:
    given = step(source=Yesterday())
    assert ingest.compile(given).dates == (Dated("yesterday's", "`day:`", ("source",)),)
    (found,) = ingest.inspect(given, tmp_path)
    assert found.message == "Append() once more"
    assert ingest.compile(step()).dates == ()


@pytest.mark.parametrize(
    ("given", "part", "message"),
    [
        ({"lineage": ["run_id"]}, ("with", "lineage", 0), "gives no files, to whose rows `run_id`"),
        ({"on_bad_row": "quarantine"}, ("with", "on_bad_row"), "gives no files: no row"),
        ({"write": Merge(key=["id"])}, ("with", "write", "mode"), "does not know the write mode"),
        (
            {"target": Postgres(conn_id="w", table="x")},
            ("with", "source", "type"),
            "gives `rows:s3`, and the target `postgres` takes `files` or `batches`",
        ),
    ],
)
def test_what_does_not_fit_is_not_built(given: Any, part: Any, message: str) -> None:
    with pytest.raises(BuildError, match=message) as raised:
        ingest.compile(step(**given))
    assert raised.value.part == part
