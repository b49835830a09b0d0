"""A load whose files go through a bucket, by a stage that is over it."""

import multiprocessing
import os
import signal
from dataclasses import replace
from datetime import timedelta

import pytest

from factory.stores.model import Place
from factory.transfer.errors import BadOption, Missing, TransferError
from factory.transfer.snowflake import stages, staging
from factory.transfer.warehouse import parquet

from ..warehouse.contract import rows_of
from .conftest import Snowflake


def left(bench: Snowflake) -> set[str]:
    """The folders of loads in the bucket."""
    found = bench.folder.store.list(bench.folder.path.rstrip("/"), deep=True)
    return {file.path for page in found for file in page.files}


def test_a_load_by_a_bucket_leaves_nothing_there(external: Snowflake) -> None:
    for _ in range(2):
        external.load(rows_of(1, 2), "merge")
        external.load(rows_of(2, 3, name="b"), "merge", load_id="run 2")
    assert [row[:2] for row in external.rows()] == [(1, "a"), (2, "b"), (3, "b")]
    assert external.tables() == {"trips"}
    assert left(external) == set()


def test_rows_of_several_files_arrive(external: Snowflake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "FILE_BYTES", 1)
    monkeypatch.setattr(parquet, "ROWS", 2)
    external.load(rows_of(*range(1, 8)))
    assert external.ids() == [*range(1, 8)]


def test_a_copy_that_is_refused_leaves_nothing_there(external: Snowflake) -> None:
    external.server.fail("COPY INTO", "refuse")
    with pytest.raises(TransferError, match="statement or warehouse timeout"):
        external.load(rows_of(1))
    assert left(external) == set()


def test_what_a_killed_load_left_in_a_bucket_goes_with_its_next_try(external: Snowflake) -> None:
    kill_in_copy(external)
    assert len(left(external)) == 1
    external.load(rows_of(2), load_id="run 2")
    assert len(left(external)) == 1
    external.load(rows_of(1))
    assert left(external) == set()
    assert external.ids() == [1, 2]


def test_what_is_old_in_a_bucket_goes_with_any_load_of_the_table(
    external: Snowflake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with external.folder.store.writer(external.folder.below("mine.parquet").path) as out:
        out.write(b"mine")
    kill_in_copy(external)
    monkeypatch.setattr(stages, "LEFT", timedelta(0))
    external.load(rows_of(2), load_id="run 2")
    assert left(external) == {external.folder.below("mine.parquet").path}


def test_accounts_that_share_a_bucket(external: Snowflake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may have a table of the same name: what one is copying stays, however old it is."""
    kill_in_copy(external)
    monkeypatch.setattr(stages, "LEFT", timedelta(0))
    other = replace(external, account_name="other")
    other.load(rows_of(1))
    assert len(left(external)) == 1
    external.load(rows_of(2), load_id="run 2")
    assert left(external) == set()


def test_a_stage_that_does_not_fit(external: Snowflake) -> None:
    def load(stage: str, folder: Place) -> None:
        external.load(rows_of(1), via=(stage, folder))

    with pytest.raises(Missing, match=r"there is no stage .*LANDIN") as missing:
        load("landin", external.folder)
    assert missing.value.hint == "Did you mean 'LANDING'?"
    with pytest.raises(
        BadOption, match=r"`via` is gs://b-.*/out/, and the stage .* is over"
    ) as bad:
        load("landing", external.place("out/"))
    assert f"be gs://{external.bucket}/in/" in str(bad.value.hint)
    with pytest.raises(BadOption, match="is over gs"):
        load("landing", replace_bucket(external).folder)
    with pytest.raises(BadOption, match="characters that no path"):
        load("landing", external.place("in/a b/"))
    with pytest.raises(BadOption, match="characters that no path"):
        load("landing", external.place("in/été/"))
    external.run("CREATE STAGE internal")
    with pytest.raises(BadOption, match="is Snowflake's own"):
        load("internal", external.folder)
    assert external.tables() == set()


def kill_in_copy(bench: Snowflake) -> None:
    """A load in a process that ends by SIGKILL when its files are in the bucket."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*bench.preloaded])  # not the driver: its threads are in no fork
    process = context.Process(target=_killed, args=(bench,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _killed(bench: Snowflake) -> None:
    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    staging._copy = die  # type: ignore[assignment]
    bench.load(rows_of(1))


def replace_bucket(bench: Snowflake) -> Snowflake:
    return replace(bench, bucket=f"{bench.bucket}-2")


@pytest.mark.parametrize(
    ("url", "via", "path"),
    [
        ("s3://lake", "s3://lake/loads", "loads/"),
        ("s3://lake/in/", "s3://lake/in", ""),
        ("s3compat://lake/in", "s3://lake/in/x/y/", "x/y/"),
        ("gcs://lake/", "gs://lake/x", "x/"),
    ],
)
def test_a_folder_below_a_stage(url: str, via: str, path: str) -> None:
    assert stages.below(url, via) == path


@pytest.mark.parametrize(
    ("url", "via"),
    [("s3://lake/in/", "s3://lake/inner/"), ("azure://a.b/c/", "s3://c/"), ("s3://l/", "gs://l/")],
)
def test_a_folder_of_another_bucket(url: str, via: str) -> None:
    with pytest.raises(BadOption):
        stages.below(url, via)
