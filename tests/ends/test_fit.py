"""What lint says of a source and a target that do not fit, and what ends tell of themselves."""

from typing import Any, ClassVar

import msgspec
import pytest

from factory.definitions.checks import Check
from factory.definitions.writes import Write
from factory.ends import fit
from factory.ends.sources.file import File
from factory.ends.sources.http import Http
from factory.ends.target import Takes
from factory.ends.targets import BUILT_IN as TARGETS
from factory.ends.targets.postgres import Postgres
from factory.plan.names import in_fields


class Folder(msgspec.Struct, frozen=True, tag="folder", tag_field="type"):
    """Keeps files."""

    takes: ClassVar[Takes] = Takes(
        handovers=("rows:s3", "files"), modes=("append",), checks=("row_count",), keeps="files"
    )


class Bucket(msgspec.Struct, frozen=True, tag="bucket", tag_field="type"):
    """Gives rows that stand there."""

    gives: ClassVar[tuple[str, ...]] = ("files", "rows:s3")


class Archive(msgspec.Struct, frozen=True, tag="archive", tag_field="type"):
    """Gives rows that only others load."""

    gives: ClassVar[tuple[str, ...]] = ("rows:gs",)


FILE: Any = File(path="file:///data/a.csv", format="csv")
POSTGRES: Any = Postgres(conn_id="warehouse", table="raw.x")
FOLDER: Any = Folder()


def misfits(source: Any, target: Any, write: dict[str, Any], *checks: dict[str, Any]) -> Any:
    typed = msgspec.convert(write, Write)
    return list(fit.misfits(source, target, typed, msgspec.convert(list(checks), list[Check])))


def test_the_target_prefers() -> None:
    assert fit.way(FILE, POSTGRES) == fit.way(FILE, FOLDER) == "files"
    assert fit.way(Bucket(), FOLDER) == "rows:s3"  # type: ignore[arg-type]
    assert fit.way(Bucket(), POSTGRES) == "files"  # type: ignore[arg-type]
    assert fit.way(Archive(), FOLDER) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_comes_with_the_product_knows_its_modes(target: Any) -> None:
    known = {str(mode.__struct_config__.tag) for mode in Write.__args__}
    assert set(target.takes.modes) <= known


def test_what_fits() -> None:
    count = {"type": "row_count", "min": 1}
    assert misfits(FILE, FOLDER, {"mode": "append"}, count) == []
    for mode in ({"mode": "merge", "key": ["id"]}, {"mode": "partition", "column": "day"}):
        assert misfits(FILE, POSTGRES, mode, count, {"type": "unique", "columns": ["a"]}) == []


def test_what_does_not_fit_is_told_with_the_reason() -> None:
    merge = {"mode": "merge", "key": ["id"]}
    found = misfits(FILE, FOLDER, merge, {"type": "row_count"}, {"type": "sql", "query": "x"})
    assert found == [
        (("write", "mode"), "`merge` needs a table; `folder` keeps files", "`append`"),
        (
            ("checks", 1, "type"),
            "the target `folder` cannot check `sql` before rows are published",
            "`row_count`",
        ),
    ]
    (found,) = misfits(FILE, FOLDER, {"mode": "replace"})
    assert found.message == "the target `folder` does not know the write mode `replace`"
    (found,) = misfits(Archive(), POSTGRES, {"mode": "append"})
    assert found.path == ("source", "type")
    assert (
        found.message
        == "`archive` gives `rows:gs`, and the target `postgres` takes `files` or `batches`"
    )


def test_what_ends_read_and_write() -> None:
    paths = ["file:///a.csv", "file:///b/*.csv", "file:///{{ ds }}.csv"]
    several = File(path=paths, format="csv")
    assert several.reads() == ["file:///a.csv"]
    url = "https://me:secret@example.org/a.csv?token=x"
    assert Http(url=url, format="csv").reads() == ["https://example.org/a.csv"]
    assert Http(url="https://x.org/{{ ds }}.csv", format="csv").reads() == []
    below = Http(url="/a.csv", conn_id="files", format="csv")
    assert below.reads() == []
    assert [(name.name, name.conn_types) for name in in_fields(below)] == [("files", ("http",))]
    assert POSTGRES.writes() == ("table://warehouse/raw/x",)
    assert [(n.name, n.conn_types) for n in in_fields(POSTGRES)] == [("warehouse", ("postgres",))]
    assert Postgres(conn_id="warehouse", table="{{ params.table }}").writes() == ()
