"""Which files are in a table of BigQuery."""

import json
from dataclasses import replace

import pytest

from factory.transfer.bigquery import arrivals
from factory.transfer.bigquery import table as tables
from factory.transfer.errors import Missing, TransferError
from factory.transfer.warehouse.arrivals import refuse_renamed
from factory_embedded.bigquery_proxy import Answer, Request

from ..warehouse.contract import rows_of
from ..warehouse.files import ROW, STEP, FilesContract, arrived
from .conftest import Fault
from .datasets import BigQuery


class TestFilesOfBigQuery(FilesContract):
    """The suite."""


@pytest.mark.parametrize("statement", ["DELETE FROM {} WHERE true", "TRUNCATE TABLE {}"])
def test_a_table_that_was_emptied(bench: BigQuery, statement: str) -> None:
    """BigQuery does not tell one from the other; rows may have been taken away on purpose."""
    bench.load(ROW, arrivals=arrived("a"))
    bench.load(rows_of(), load_id="run 2", arrivals=arrived("b"))
    bench.run(statement.format(f"{bench.dataset}.trips"))
    with pytest.raises(TransferError, match="got files by run 1, and is empty") as told:
        bench.known()
    hint = told.value.hint or ""
    bench.run(hint[hint.index("DELETE") :])
    assert set(bench.known()) == {"b"}
    bench.load(ROW, load_id="run 3", arrivals=arrived("a"))
    assert set(bench.known()) == {"a", "b"}


def test_a_dataset_that_is_missing_is_no_file_that_is(bench: BigQuery) -> None:
    """`on_missing: skip` would skip the step for ever."""
    with pytest.raises(TransferError, match="there is no dataset") as told:
        replace(bench, dataset="nowhere").known()
    assert not isinstance(told.value, Missing)


def test_who_notes_files_changes_what_only_one_may(bench: BigQuery, faults: list[Fault]) -> None:
    """The stand-in runs one script after the other; BigQuery ends one of two, which comes again."""
    asked: list[str] = []

    def conflict(request: Request) -> Answer | None:
        text = request.job.get("configuration", {}).get("query", {}).get("query", "")
        if "BEGIN TRANSACTION" not in text:
            return None
        asked.append(text)
        if len(asked) > 1:
            return None
        said = "Transaction is aborted due to concurrent update against table p:d._factory_lock_1"
        error = {"reason": "invalidQuery", "message": said}
        status = {"state": "DONE", "errorResult": error}
        return Answer(200, json.dumps({"jobReference": {"jobId": "x"}, "status": status}).encode())

    faults.append(conflict)
    bench.load(ROW, arrivals=arrived("a"))
    lock = arrivals.lock_of(tables.parse(f"{bench.dataset}.trips")).sql
    assert len(asked) == 2
    for text in asked:
        made, _, held = text.partition("BEGIN TRANSACTION")
        assert f"INSERT INTO {lock}" in made
        assert held.index(f"UPDATE {lock} SET held_by") < held.index("INSERT INTO")
    assert bench.ids() == [1]
    assert set(bench.known()) == {"a"}


def test_a_step_of_another_name(bench: BigQuery) -> None:
    """What a person is told to do is what BigQuery takes."""
    bench.load(ROW, arrivals=arrived("a"))
    table = tables.parse(f"{bench.dataset}.trips")
    known = {STEP: bench.known()}
    with pytest.raises(TransferError, match="shop/orders has loaded a into") as told:
        refuse_renamed(arrived("a").files, known, "shop/others", (), table, "bigquery")
    hint = (told.value.hint or "").partition("UPDATE")[2].partition(". If both")[0]
    bench.run(f"UPDATE{hint}")
    assert set(bench.known("shop/others")) == {"a"}
    assert bench.known() == {}
