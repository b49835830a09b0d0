"""What a load survives on its way to BigQuery, and what it says of the rest."""

import json
import logging
import re
from dataclasses import replace

import pyarrow as pa
import pytest

from factory.transfer.bigquery import api
from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.api import Facts
from factory.transfer.bigquery.errors import Refused
from factory.transfer.bigquery.jobs import Jobs, Limits, Running
from factory.transfer.bigquery.table import Table
from factory.transfer.errors import BadRow, ChecksFailed, SchemaChanged, TransferError
from factory.transfer.warehouse.parts import Changed
from factory_embedded.bigquery_proxy import Answer, Lost, Request, refusal
from factory_embedded.services import bigquery

from ..warehouse.contract import LEAST, NEVER, WARNS, WRITES, kill, rows_of, verdicts
from .conftest import Fault
from .datasets import BigQuery


@pytest.fixture(autouse=True)
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause is no part of what is tried."""
    monkeypatch.setattr(api, "PAUSE", 0.001)
    monkeypatch.setattr(api, "LONGEST_PAUSE", 0.001)
    monkeypatch.setattr(api.pauses, "__defaults__", (0.001, 0.001))


def named(request: Request) -> str:
    """The id of the job that is to begin."""
    return str(request.job.get("jobReference", {}).get("jobId", ""))


class Once:
    """At the first job of a step: what happens."""

    def __init__(self, step: str, fault: Answer | Lost, times: int = 1) -> None:
        self.step, self.fault, self.left = step, fault, times
        self.seen: list[str] = []

    def __call__(self, request: Request) -> Answer | None:
        name = named(request)
        if f"_{self.step}" not in name:
            return None
        self.seen.append(name)
        if not self.left:
            return None
        self.left -= 1
        if isinstance(self.fault, Lost):
            raise self.fault
        return self.fault


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("step", ["load", "publish"])
def test_a_lost_answer_finds_the_job(
    bench: BigQuery, faults: list[Fault], step: str, after: bool
) -> None:
    once = Once(step, Lost(after=after))
    faults.append(once)
    bench.load(rows_of(1, 2))
    assert len(once.seen) == 2
    assert len(set(once.seen)) == 1
    assert bench.ids() == [1, 2]
    assert bench.tables() == {"trips"}


PASSING = [
    refusal(503, "backendError", "Try again later"),
    refusal(403, "rateLimitExceeded", "Exceeded rate limits: too many api requests"),
    refusal(429, "", "slow down"),
]


@pytest.mark.parametrize("answer", PASSING, ids=lambda answer: str(answer.status))
def test_what_passes_is_tried_again(bench: BigQuery, faults: list[Fault], answer: Answer) -> None:
    faults.append(Once("publish", answer, times=2))
    bench.load(rows_of(1))
    assert bench.ids() == [1]


def failed(reason: str, message: str) -> Answer:
    """A job that has finished, and failed."""
    status = {"state": "DONE", "errorResult": {"reason": reason, "message": message}}
    return Answer(200, json.dumps({"jobReference": {"jobId": "x"}, "status": status}).encode())


CONFLICT = "Transaction is aborted due to concurrent update against table p:d.trips"


@pytest.mark.parametrize(
    ("reason", "message"), [("backendError", "Retry"), ("invalidQuery", CONFLICT)]
)
def test_a_job_that_fails_in_passing_is_begun_anew(
    bench: BigQuery, faults: list[Fault], reason: str, message: str
) -> None:
    once = Once("publish", failed(reason, message))
    faults.append(once)
    bench.load(rows_of(1))
    first, second = once.seen
    assert second == f"{first}_1"
    assert bench.ids() == [1]


def test_a_failed_job_gives_way_to_another(bench: BigQuery, faults: list[Fault]) -> None:
    """One that was cancelled fails the task; a try after it finds that, and begins another."""
    stopped = failed("stopped", "Job execution was cancelled: User requested cancellation")
    faults.append(Once("publish", stopped))
    with pytest.raises(TransferError, match="BigQuery said: Job execution was cancelled"):
        bench.load(rows_of(1))
    faults.clear()

    def taken(request: Request) -> Answer | None:
        if named(request).endswith("_publish"):
            return refusal(409, "duplicate", "Already Exists: Job")
        return stopped if request.method == "GET" and "_publish?" in request.path else None

    faults.append(taken)
    bench.load(rows_of(1))
    assert bench.ids() == [1]


DENIED = "Access Denied: Project p: User does not have bigquery.jobs.create permission"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(403, "quotaExceeded", "Quota exceeded"), "used up a quota"),
        (refusal(403, "accessDenied", DENIED), "roles/bigquery.jobUser"),
        (failed("bytesBilledLimitExceeded", "Query exceeded limit"), "maximum_bytes_billed"),
    ],
)
def test_what_is_refused_changes_nothing(
    bench: BigQuery, faults: list[Fault], answer: Answer, said: str
) -> None:
    bench.load(rows_of(1))
    faults.append(Once("publish", answer, times=9))
    with pytest.raises(TransferError, match="trips: BigQuery said: ") as error:
        bench.load(rows_of(2), "replace", load_id="run 2")
    assert said in str(error.value.hint)
    assert bench.ids() == [1]
    assert bench.tables() == {"trips"}


def test_a_server_that_is_gone_is_told_so(bench: BigQuery, faults: list[Fault]) -> None:
    faults.append(Once("load", Lost(after=False), times=99))
    with pytest.raises(TransferError, match="BigQuery can't be reached") as error:
        bench.load(rows_of(1))
    assert "repeat the load" in str(error.value.hint)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([[1], None], pa.list_(pa.int64())), "row 2 of the load: .*no null list"),
        (pa.array([[1, None], [2]], pa.list_(pa.int64())), "row 1 of the load: .*no null in a"),
    ],
)
def test_what_bigquery_cannot_hold_is_refused(bench: BigQuery, column: pa.Array, said: str) -> None:
    with pytest.raises(BadRow, match=said):
        bench.load(pa.table({"id": [1, 2], "found": column}))
    assert bench.tables() == set()


def test_lists_and_documents_arrive(bench: BigQuery, real_bigquery: bigquery.Server) -> None:
    documents = pa.array(['{"a": 1.5}', None], pa.json_())
    lists = pa.array([["x", "y"], []], pa.list_(pa.string()))
    bench.load(pa.table({"id": [1, 2], "said": documents, "tags": lists}))
    query = f"SELECT JSON_VALUE(said, '$.a'), tags FROM {bench.dataset}.trips ORDER BY id"
    assert bench.ask(query) == [("1.5", ["x", "y"]), (None, [])]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a", "A"), "'a' and 'A' are one for BigQuery"),
        (("a.b", "c"), r"'a\.b' holds a \."),
        (("_PARTITIONTIME", "c"), "keeps for itself"),
    ],
)
def test_names_that_bigquery_has_not(bench: BigQuery, names: tuple[str, str], said: str) -> None:
    with pytest.raises(TransferError, match=said) as error:
        bench.load(pa.table([pa.array([1]), pa.array([2])], names=list(names)))
    assert "rename" in str(error.value.hint)


@pytest.mark.parametrize(("precision", "scale"), [(76, 0), (40, 39)])
def test_decimals_that_are_too_wide(bench: BigQuery, precision: int, scale: int) -> None:
    wide = (
        pa.array([1], pa.int64())
        .cast(pa.decimal256(76, scale))
        .cast(pa.decimal256(precision, scale))
    )
    with pytest.raises(TransferError, match="38 digits before the point"):
        bench.load(pa.table({"id": wide}))


def test_other_rows_of_the_same_run_are_not_added(bench: BigQuery) -> None:
    bench.load(rows_of(1))
    with pytest.raises(TransferError, match="got 1 other rows by this load"):
        bench.load(rows_of(2))
    assert bench.ids() == [1]


def test_a_table_that_was_replaced_takes_them_again(bench: BigQuery) -> None:
    bench.load(rows_of(1))
    bench.load(rows_of(2), "replace", load_id="run 2")
    assert bench.load(rows_of(1)).published
    assert bench.ids() == [1, 2]


@pytest.mark.parametrize("statement", ["DELETE FROM {} WHERE true", "TRUNCATE TABLE {}"])
def test_rows_that_were_deleted_since(bench: BigQuery, statement: str) -> None:
    bench.load(rows_of(1))
    bench.ask(statement.format(f"{bench.dataset}.trips"))
    with pytest.raises(TransferError, match="is empty: were they deleted since") as raised:
        bench.load(rows_of(1))
    bench.ask(str(raised.value.hint).partition(": ")[2])
    assert bench.load(rows_of(1)).published
    assert bench.ids() == [1]


def test_a_table_that_was_dropped_takes_all_its_loads_again(bench: BigQuery) -> None:
    for again in (False, True):
        for number in (1, 2):
            assert bench.load(rows_of(number), load_id=f"run {number}").published
        assert not bench.load(rows_of(2), load_id="run 2").published
        assert bench.ids() == [1, 2]
        if not again:
            tables.drop(bench.api, tables.parse(f"{bench.dataset}.trips"))


def test_a_table_that_was_made_anew_with_its_rows(bench: BigQuery) -> None:
    """Nobody can tell whether those of a load are among them."""
    bench.load(rows_of(1))
    trips, other = f"{bench.dataset}.trips", f"{bench.dataset}.other"
    bench.ask(f"CREATE TABLE {other} AS SELECT * FROM {trips}")
    tables.drop(bench.api, tables.parse(trips))
    bench.ask(f"CREATE TABLE {trips} AS SELECT * FROM {other}")
    with pytest.raises(TransferError, match="was made anew since, and has rows"):
        bench.load(rows_of(1))
    bench.load(rows_of(2), load_id="run 2")
    with pytest.raises(TransferError, match="was made anew since, and has rows") as raised:
        bench.load(rows_of(1))
    bench.ask(str(raised.value.hint).partition(": ")[2])
    assert bench.load(rows_of(1)).published
    assert bench.ids() == [1, 1, 2]


@pytest.mark.parametrize("write", ["append", "replace"])
def test_a_target_that_is_dropped_after_a_killed_publish(bench: BigQuery, write: str) -> None:
    """The job of that publish is still there, and of no more use."""
    kill(bench, "record", rows_of(2), write, "run 2")
    tables.drop(bench.api, tables.parse(f"{bench.dataset}.trips"))
    assert bench.load(rows_of(2), write, load_id="run 2").published
    assert bench.ids() == [2]


def test_a_job_that_the_ledger_no_longer_knows(bench: BigQuery) -> None:
    """The load has been forgotten on purpose: it comes again."""
    kill(bench, "record", rows_of(1), "append", "run 1")
    bench.ask(f"DELETE FROM {bench.dataset}._factory_loads WHERE true")
    assert bench.load(rows_of(1)).published
    assert bench.ids() == [1, 1]


NEVER_WARNS = {**NEVER, "severity": "warn"}


@pytest.mark.parametrize("write", ["append", "replace", "merge"])
def test_what_a_killed_publish_did_is_told_by_the_next_try(bench: BigQuery, write: str) -> None:
    bench.load(rows_of(1), load_id="run 0")
    one = {"type": "sql", "query": f"SELECT COUNT(*) = 1 FROM {bench.dataset}.trips"}
    kill(bench, "record", rows_of(2, 3), write, "run 1", [one, WARNS])
    new = {"type": "sql", "query": f"SELECT COUNT(*) > 0 FROM {bench.dataset}.trips"}
    done = bench.load(rows_of(2, 3), write, {**one, "severity": "warn"}, new, NEVER_WARNS)
    assert verdicts(done) == [
        ("sql", "warn", "passed"),
        ("sql", "error", "not asked"),  # it asks the table, which is not as it was
        ("range", "warn", "failed"),
        ("row_count", "warn", "failed"),  # is no check of the pipeline any more
    ]
    assert done.published
    assert done.changed == Changed(2, deleted=1 if write == "replace" else 0)
    assert bench.load(rows_of(2, 3), write).published == (write != "append")
    assert bench.ids() == ([2, 3] if write == "replace" else [1, 2, 3])


@pytest.mark.parametrize("write", ["append", "replace"])
def test_a_killed_publish_that_another_replaced(bench: BigQuery, write: str) -> None:
    """Its job is there, and says that it has published: what it did is gone."""
    kill(bench, "record", rows_of(1), write, "run 1")
    bench.load(rows_of(2), "replace", load_id="run 2")
    least = {"type": "row_count", "min": 1}
    done = bench.load(rows_of(1), write, least)
    assert done.checks[0].measured["rows"] == 1  # what is published anew is checked anew
    assert done.published
    assert bench.ids() == ([1, 2] if write == "append" else [1])
    assert bench.tables() == {"trips"}


def lose_publish(request: Request, begun: list[str]) -> None:
    """The first publish is begun, its id noted, and the answer lost."""
    if named(request).endswith("_publish") and not begun:
        begun.append(named(request))
        raise Lost(after=True)


@pytest.mark.parametrize("write", ["append", "replace"])
def test_a_check_that_is_added_while_a_publish_runs_on(
    bench: BigQuery, faults: list[Fault], write: str
) -> None:
    """It ends with the rows in the table: a check that fails says so, and asks once it has."""
    begun: list[str] = []

    def runs(request: Request) -> Answer | None:
        """It is begun, and that answer lost; then it runs while it is looked at."""
        lose_publish(request, begun)
        if not begun or request.method != "GET" or "_publish?" not in request.path:
            return None
        job = {"jobReference": {"jobId": begun[0]}, "status": {"state": "RUNNING"}}
        return Answer(200, json.dumps(job).encode())

    faults.append(runs)
    with pytest.raises(Running) as left:
        bench.load(rows_of(1), write, patience=0)
    assert left.value.job_id == begun[0]
    never = {"type": "row_count", "min": 2}
    with pytest.raises(Running):
        bench.load(rows_of(1), write, never, patience=0)
    faults.clear()
    with pytest.raises(ChecksFailed) as late:
        bench.load(rows_of(1), write, never, awaited=begun[0])
    assert late.value.earlier.startswith("1 row at 20")
    assert bench.ids() == [1]
    assert bench.tables() == {"trips"}


@pytest.mark.parametrize(
    "answer",
    [
        refusal(401, "authError", "Invalid Credentials"),
        refusal(403, "accessDenied", "Access Denied: Job p:US.x"),
        Answer(408, b""),
        Answer(429, b"slow down"),
    ],
    ids=lambda answer: str(answer.status),
)
def test_a_job_that_is_not_to_be_looked_at_may_run_on(
    bench: BigQuery, faults: list[Fault], answer: Answer
) -> None:
    """What it works with stays: so the next try finds it, and does not begin another beside it."""
    begun: list[str] = []

    def refuses(request: Request) -> Answer | None:
        lose_publish(request, begun)
        return answer if request.method == "GET" and "_publish?" in request.path else None

    faults.append(refuses)
    with pytest.raises(TransferError, match="BigQuery said: "):
        bench.load(rows_of(1))
    faults.clear()
    assert len(bench.tables()) == 2
    done = bench.load(rows_of(1))
    assert done.published
    assert done.changed == Changed(1)
    assert bench.ids() == [1]
    assert bench.tables() == {"trips"}


@pytest.mark.parametrize(
    "answer",
    [
        refusal(403, "rateLimitExceeded", "Exceeded rate limits"),
        Answer(408, b""),
        Answer(429, b"slow down"),
    ],
    ids=lambda answer: str(answer.status),
)
def test_a_look_at_a_job_that_is_refused_in_passing(
    bench: BigQuery, faults: list[Fault], answer: Answer
) -> None:
    looks: list[str] = []
    begun: list[str] = []

    def refuses(request: Request) -> Answer | None:
        lose_publish(request, begun)
        if request.method != "GET" or "_publish?" not in request.path or len(looks) > 1:
            return None
        looks.append(request.path)
        return answer

    faults.append(refuses)
    assert bench.load(rows_of(1)).published
    assert len(looks) == 2
    assert bench.tables() == {"trips"}


def test_a_first_publish_that_fails_leaves_a_table_that_vanishes(
    bench: BigQuery, faults: list[Fault]
) -> None:
    denied = failed("bytesBilledLimitExceeded", "Query exceeded limit")
    faults.append(Once("publish", denied, times=9))
    asked: list[Request] = []

    def patched(request: Request) -> Answer | None:
        if request.method == "PATCH":
            asked.append(request)
        return None

    faults.append(patched)
    with pytest.raises(TransferError, match="exceeded limit"):
        bench.load(rows_of(1))
    (patch,) = (json.loads(request.body) for request in asked)
    assert patch["description"] == tables.UNPUBLISHED
    assert int(patch["expirationTime"]) > 0
    faults.clear()
    bench.load(rows_of(1))
    assert bench.ids() == [1]


def test_a_table_that_another_has_published_into_stays(
    bench: BigQuery, faults: list[Fault]
) -> None:
    """Between the look at it and the change: BigQuery refuses that, for its etag is another."""
    faults.append(Once("publish", failed("quotaExceeded", "Quota exceeded"), times=9))

    def changed(request: Request) -> Answer | None:
        refuses = request.method == "PATCH"
        return refusal(412, "conditionNotMet", "Precondition failed") if refuses else None

    faults.append(changed)
    with pytest.raises(TransferError, match="Quota exceeded"):
        bench.load(rows_of(1))


def test_a_job_that_was_taken_elsewhere_is_found_there(
    bench: BigQuery, faults: list[Fault]
) -> None:
    """Outside of US and EU a job is only found with its location, which the refusal tells."""
    asked: list[str] = []

    def taken(request: Request) -> Answer | None:
        if name := named(request):
            said = f"Already Exists: Job p:asia-northeast1.{name}"
            return refusal(409, "duplicate", said)
        if request.method == "GET" and "/jobs/" in request.path:
            asked.append(request.path)
            reference = {"jobId": "x", "location": "asia-northeast1"}
            job = {"jobReference": reference, "status": {"state": "DONE"}}
            return Answer(200, json.dumps(job).encode())
        return None

    faults.append(taken)
    assert Jobs(bench.api, None).query("SELECT 1").found
    assert asked[0].endswith("?location=asia-northeast1")


def test_a_job_that_was_waited_for_elsewhere_and_failed_is_not_begun_anew(
    bench: BigQuery, faults: list[Fault]
) -> None:
    begun: list[str] = []

    def fails(request: Request) -> Answer | None:
        if name := named(request):
            begun.append(name)
            return refusal(409, "duplicate", f"Already Exists: Job p:US.{name}")
        is_look = request.method == "GET" and "/jobs/" in request.path
        return failed("invalidQuery", "Division by zero") if is_look else None

    faults.append(fails)
    with pytest.raises(Refused, match="Division by zero"):
        Jobs(bench.api, None, Limits(awaited="job_1")).query("SELECT 1/0", "job_1")
    assert begun == ["job_1"]


@pytest.mark.parametrize("kind", ["STRING NOT NULL", "STRING DEFAULT 'x' NOT NULL"])
def test_a_null_that_its_column_does_not_take(bench: BigQuery, kind: str) -> None:
    bench.ask(f"CREATE TABLE {bench.dataset}.trips (id INT64, name {kind}, day DATE)")
    null = rows_of(2).set_column(1, "name", pa.nulls(1, pa.string()))
    with pytest.raises(BadRow, match="row 2 of the load: column 'name' is null, and the target's"):
        bench.load(pa.concat_tables([rows_of(1), null]))
    assert bench.ids() == []
    last = {"mode": "merge", "key": ["day"], "duplicates": "last"}
    bench.load(pa.concat_tables([null, rows_of(1)]), last)  # it is not published
    assert bench.ids() == [1]


@pytest.mark.parametrize("bad", ["{a}", "", "[NaN]"])
def test_a_document_that_is_none(bench: BigQuery, bad: str) -> None:
    documents = pa.array(["{}", bad]).cast(pa.json_())
    with pytest.raises(BadRow, match=r"row 2 of the load: column 'said' .*: it is no JSON"):
        bench.load(pa.table({"id": [1, 2], "said": documents}))
    assert bench.tables() == set()


def test_what_is_not_there_is_named(bench: BigQuery) -> None:
    other = replace(bench, dataset=bench.dataset[:-1])
    with pytest.raises(TransferError, match="there is no dataset") as error:
        other.load(rows_of(1))
    assert bench.dataset in str(error.value.hint)


def made(bench: BigQuery, *fields: Facts, **more: object) -> Table:
    """A table that somebody else has made."""
    table = tables.parse(f"{bench.dataset}.trips")
    tables.make(bench.api, table, fields, more)
    return table


COLUMNS = [tables.field_of("id", "INT64"), tables.field_of("name", "STRING")]
DAY = tables.field_of("day", "DATE")


@pytest.mark.parametrize("mode", WRITES)
def test_a_table_that_asks_for_a_filter_on_its_partitions(
    bench: BigQuery, faults: list[Fault], mode: str
) -> None:
    """The stand-in asks for none, and forgets that the table does: BigQuery refuses a query."""
    by = {"type": "DAY", "field": "day", "requirePartitionFilter": True}
    table = made(bench, *COLUMNS, DAY, timePartitioning=by)
    reading = re.compile(rf"(FROM|JOIN|MERGE INTO) {re.escape(table.sql)}[^;]*")

    facts = json.dumps({**bench.facts(), "requirePartitionFilter": True}).encode()

    def refuses(request: Request) -> Answer | None:
        if request.method == "GET" and request.path.endswith("/tables/trips"):
            return Answer(200, facts)
        text = request.job.get("configuration", {}).get("query", {}).get("query", "")
        for found in reading.finditer(text):
            if "`day` IS NULL OR" not in found[0]:
                return refusal(400, "invalidQuery", "Cannot query over table without a filter")
        return None

    faults.append(refuses)
    bench.load(rows_of(1, 2), mode)
    bench.load(rows_of(1, 2), mode)
    done = bench.load(rows_of(2, 3), mode, load_id="run 2")
    faults.clear()
    assert done.published
    assert len(bench.ids()) == {"append": 4, "merge": 3}.get(mode, 2)


def test_an_append_that_a_replace_did_not_see_is_still_there(bench: BigQuery) -> None:
    """It began before the replace, and was published after it: it is not published again."""
    bench.load(rows_of(1))
    bench.load(rows_of(2), "replace", load_id="run 2")
    bench.load(rows_of(3), load_id="run 3")
    ledger = f"{bench.dataset}._factory_loads"
    moment = f"(SELECT MIN(published_at) FROM {ledger})"
    bench.ask(f"UPDATE {ledger} SET published_at = {moment} WHERE load_id = 'run 3'")
    assert not bench.load(rows_of(3), load_id="run 3").published
    assert bench.load(rows_of(1)).published
    assert bench.ids() == [1, 2, 3]


def test_the_table_of_a_first_load_that_is_killed_vanishes(
    bench: BigQuery, real_bigquery: bigquery.Server
) -> None:
    """Unless a load is published into it, which says so first, in the same job."""
    before = len(real_bigquery.proxy.asked)
    kill(bench, "_made", rows_of(1), "append", "run 1")
    facts = bench.facts()
    assert facts["description"] == tables.UNPUBLISHED
    (asked,) = [
        json.loads(one.body)
        for one in real_bigquery.proxy.asked[before:]
        if tables.UNPUBLISHED.encode() in one.body
    ]
    assert int(asked["expirationTime"]) > 0
    bench.load(rows_of(1, 2), load_id="run 2")
    texts = [one.body.decode() for one in real_bigquery.proxy.asked[before:]]
    (script,) = [text for text in texts if "ALTER TABLE" in text]
    assert script.index("expiration_timestamp = NULL") < script.index("BEGIN TRANSACTION")
    assert bench.ids() == [1, 2]


def test_columns_of_files_that_are_never_null(bench: BigQuery) -> None:
    """A file that says REQUIRED is refused where the schema of the load says NULLABLE."""
    asked = pa.schema([pa.field("id", pa.int64(), nullable=False), ("day", pa.date32())])
    rows = pa.table({"id": [1], "day": [None]}, schema=asked)
    for number in (1, 2):
        bench.load(rows, load_id=f"run {number}")
    assert bench.ids() == [1, 1]
    assert all(field["mode"] == "NULLABLE" for field in bench.facts()["schema"]["fields"])


def test_a_column_that_the_load_lacks_is_relaxed(bench: BigQuery) -> None:
    required = {**tables.field_of("kept", "INT64"), "mode": "REQUIRED"}
    made(bench, *COLUMNS, DAY, required)
    for policy in ("fail", "ignore"):
        with pytest.raises(SchemaChanged, match=r"'kept' .*not null.* is not in the load"):
            bench.load(rows_of(1), on_schema_change=policy)
    bench.load(rows_of(1), on_schema_change="add_columns")
    assert bench.ids() == [1]
    modes = {field["name"]: field["mode"] for field in bench.facts()["schema"]["fields"]}
    assert modes["kept"] == "NULLABLE"


def test_a_login_that_may_not_keep_what_checks_found(
    bench: BigQuery, faults: list[Fault], caplog: pytest.LogCaptureFixture
) -> None:
    """It loads, and the log has the statement for who may."""
    bench.load(rows_of(1), load_id="run 0")
    bench.forget_checks()

    def denied(request: Request) -> Answer | None:
        alters = request.method == "PATCH" and request.path.endswith("/_factory_loads")
        return refusal(403, "accessDenied", "Permission denied") if alters else None

    faults.append(denied)
    caplog.set_level(logging.INFO)
    assert bench.load(rows_of(2), "append", LEAST).published
    (found,) = bench.load(rows_of(2), "append", LEAST).checks
    assert "an earlier try that kept no results" in found.message
    add = f"ALTER TABLE `{bench.dataset}`.`_factory_loads` ADD COLUMN IF NOT EXISTS checks STRING"
    assert add in caplog.text
    faults.clear()
    for _ in range(2):
        done = bench.load(rows_of(3), "append", LEAST, load_id="run 2")
        assert verdicts(done) == [("row_count", "error", "passed")]
    assert bench.ids() == [1, 2, 3]
