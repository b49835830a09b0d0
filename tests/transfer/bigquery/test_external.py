"""An external table: its rows stay in files, of which it is from one moment to the next."""

import re
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pytest

from factory.stores import open_uri
from factory.transfer.bigquery import ledger
from factory.transfer.bigquery.api import Api
from factory.transfer.bigquery.errors import Refused, Unseen
from factory.transfer.bigquery.external import External
from factory.transfer.bigquery.jobs import Done, Jobs
from factory.transfer.bigquery.load import Job
from factory.transfer.bigquery.modes import Replace, Staged
from factory.transfer.bigquery.staging import Source
from factory.transfer.bigquery.table import Options, Table
from factory.transfer.errors import ChecksFailed, SchemaChanged, TransferError, Unavailable
from factory_embedded.bigquery_proxy import Answer, Lost, Request, refusal

from ..warehouse.contract import STEPS, kill, rows_of
from .conftest import Fault
from .datasets import BigQuery, ExternalTables


@pytest.fixture
def bench(bench: BigQuery) -> ExternalTables:
    return ExternalTables(*(getattr(bench, field.name) for field in fields(bench)))


def statement(request: Request) -> str:
    """The SQL that makes the table."""
    text = str(request.job.get("configuration", {}).get("query", {}).get("query", ""))
    return text if "EXTERNAL TABLE" in text else ""


def uris(bench: ExternalTables) -> list[str]:
    found: list[str] = bench.facts()["externalDataConfiguration"]["sourceUris"]
    return found


def test_the_files_of_before_go_once_the_table_is_of_others(bench: ExternalTables) -> None:
    done = bench.load(rows_of(1, 2), "replace")
    assert (done.published, done.rows) == (True, 2)
    (first,) = bench.files()
    assert uris(bench) == [f"gs://bq-stage/{bench.dataset}/{first}"]
    bench.load(rows_of(3), "replace", load_id="run 2")
    (second,) = bench.files()
    assert second != first
    assert uris(bench) == [f"gs://bq-stage/{bench.dataset}/{second}"]
    assert bench.ids() == [3]
    assert bench.tables() == {"trips"}


def test_files_of_others_stay(bench: ExternalTables) -> None:
    with bench.folder.store.writer(bench.folder.below("mine.parquet").path) as out:
        out.write(b"mine")
    for number in (1, 2):
        bench.load(rows_of(number), "replace", load_id=f"run {number}")
    assert "mine.parquet" in bench.files()
    assert len(bench.files()) == 2


def test_what_is_asked_of_bigquery(bench: ExternalTables, faults: list[Fault]) -> None:
    """The stand-in has no external tables: its proxy makes one of what is asked here."""
    asked: list[str] = []

    def note(request: Request) -> Answer | None:
        asked.extend(filter(None, [statement(request)]))
        return None

    faults.append(note)
    nested = rows_of(1).append_column("tags", pa.array([["x"]], pa.list_(pa.string())))
    told = {"id": "it's", "day": "of it"}
    options = Options(labels={"team": "data"}, description="Trips.", descriptions=told)
    bench.load(nested, "replace", options=options)
    (text,) = asked
    made = text.partition(";")[0]
    assert re.fullmatch(
        rf"CREATE OR REPLACE EXTERNAL TABLE `{bench.dataset}`\.`trips` \("
        r"`id` INT64 OPTIONS \(description = 'it\\'s'\), `name` STRING, "
        r"`day` DATE OPTIONS \(description = 'of it'\), `tags` ARRAY<STRING>\) OPTIONS \("
        rf"format = 'PARQUET', uris = \['gs://bq-stage/{bench.dataset}/factory_\w+\.parquet'\], "
        r"enable_list_inference = true, decimal_target_types = \['NUMERIC', 'BIGNUMERIC'\], "
        r"description = 'Trips\.', labels = \[\('team', 'data'\)\]\)",
        made,
    ), made


def test_a_failed_check_leaves_the_table_and_its_file(bench: ExternalTables) -> None:
    bench.load(rows_of(1, 2), "replace")
    before = bench.files()
    with pytest.raises(ChecksFailed):
        bench.load(rows_of(3), "replace", {"type": "row_count", "min": 2}, load_id="run 2")
    assert bench.files() == before
    assert bench.ids() == [1, 2]
    change = {"type": "row_count", "max_change": 0.1}
    with pytest.raises(ChecksFailed, match="the previous load had 2"):
        bench.load(rows_of(3), "replace", change, load_id="run 3")


def test_other_columns_are_refused(bench: ExternalTables) -> None:
    bench.load(rows_of(1), "replace")
    wider = rows_of(2).append_column("fare", pa.array([0.5]))
    with pytest.raises(SchemaChanged, match="it has no column 'fare'"):
        bench.load(wider, "replace", load_id="run 2")
    empty = rows_of(2).set_column(0, "id", pa.nulls(1))
    bench.load(empty, "replace", load_id="run 3")
    assert bench.ids() == [None]
    assert {f["name"]: f["type"] for f in bench.facts()["schema"]["fields"]}["id"] == "INTEGER"


def test_a_table_that_holds_rows_itself_is_left(bench: ExternalTables) -> None:
    BigQuery(bench.stage, bench.endpoint, bench.storage, bench.grpc, bench.dataset).load(rows_of(1))
    with pytest.raises(TransferError, match="is a TABLE, and an external table cannot take"):
        bench.load(rows_of(2), "replace", load_id="run 2")
    assert bench.ids() == [1]
    assert bench.files() == set()


@pytest.mark.parametrize("name", ["a b", "Größe"])
def test_names_that_an_external_table_has_not(bench: ExternalTables, name: str) -> None:
    with pytest.raises(TransferError, match="is none of an external table"):
        bench.load(pa.table({name: [1]}), "replace")


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer(bench: ExternalTables, faults: list[Fault], after: bool) -> None:
    asked: list[str] = []

    def lose(request: Request) -> Answer | None:
        if statement(request):
            asked.append(str(request.job["jobReference"]["jobId"]))
            if len(asked) == 1:
                raise Lost(after=after)
        return None

    faults.append(lose)
    bench.load(rows_of(1), "replace")
    assert len(asked) == 2
    assert len(set(asked)) == 1
    assert bench.ids() == [1]
    assert len(bench.files()) == 1


def test_a_publish_that_fails_leaves_the_files_of_before(
    bench: ExternalTables, faults: list[Fault]
) -> None:
    bench.load(rows_of(1), "replace")
    before = bench.files()

    def refuses(request: Request) -> Answer | None:
        is_it = bool(statement(request))
        return refusal(403, "accessDenied", "Access Denied") if is_it else None

    faults.append(refuses)
    with pytest.raises(TransferError, match="Access Denied"):
        bench.load(rows_of(2), "replace", load_id="run 2")
    faults.clear()
    assert bench.files() == before
    assert bench.ids() == [1]


@pytest.mark.parametrize(
    ("error", "stays"),
    [
        (KeyboardInterrupt(), True),  # a person ends the task
        (Unavailable("it took too long, and was told to end"), True),
        (Refused(503, "backendError", "Later."), True),
        (Unseen(401, "authError", "Invalid Credentials"), True),
        (Refused(0, "accessDenied", "Access Denied"), False),
        (Refused(403, "accessDenied", "Access Denied"), False),
    ],
)
def test_a_file_of_which_the_table_may_be_soon(
    tmp_path: Path, error: BaseException, stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of a publish runs on when nobody waits for it any more."""

    def stopped(self: Jobs, text: str, name: str = "", **more: object) -> Done:
        raise error

    monkeypatch.setattr(Jobs, "query", stopped)
    monkeypatch.setattr(External, "_facts", lambda self: None)
    monkeypatch.setattr(External, "_tables", ())
    monkeypatch.setattr(ledger, "to_keep", lambda api, target, checks: checks)
    target, api = Table("d", "trips"), Api(None, "http://x", "p")
    job = Job(target, "run 1", Replace(), (), "fail", (), "x", Options())
    via = open_uri(f"file://{tmp_path}/")
    session = External(Jobs(api, None), job, Source(None, via))  # type: ignore[arg-type]
    staged = Staged(target, (), 0)
    path = Path(session._file(staged).path)
    path.write_bytes(b"PAR1")
    with pytest.raises(type(error)), session.staging(staged):
        session.write(None, staged, swaps=False)
    assert path.exists() == stays


@pytest.mark.parametrize("step", [*STEPS, "_clear"])
def test_a_load_that_is_killed(bench: ExternalTables, step: str) -> None:
    bench.load(rows_of(1), "replace")
    # the table of before has one row, too: of one that is of these rows it is not asked again
    before = {"type": "sql", "query": f"SELECT MAX(id) = 1 FROM {bench.dataset}.trips"}
    kill(bench, step, rows_of(2), "replace", "run 2", [before])
    assert bench.ids() in ([1], [2])
    bench.load(rows_of(2), "replace", before, load_id="run 2")
    assert bench.ids() == [2]
    assert len(bench.files()) == 1
    assert bench.tables() == {"trips"}


def test_a_killed_load_that_another_replaced(bench: ExternalTables) -> None:
    """Its job says that the table is of its file, and that file is gone."""
    kill(bench, "_clear", rows_of(1), "replace", "run 1")
    bench.load(rows_of(2), "replace", load_id="run 2")
    bench.load(rows_of(1), "replace", load_id="run 1")
    assert bench.ids() == [1]
    (file,) = bench.files()
    assert uris(bench) == [f"gs://bq-stage/{bench.dataset}/{file}"]
