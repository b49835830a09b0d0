"""A table that is read on a hot standby, which ends the query for what the primary did."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from factory.definitions.reads import Rows
from factory.stores.disk import Disk
from factory.transfer.errors import TransferError
from factory.transfer.postgres import read_types
from factory.transfer.postgres.read import read
from factory_embedded.account import account_for, run
from factory_embedded.services.postgres import Server, _binaries, running
from tests.patience import until

ROWS = 200_000


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "primary" / "data") as server:
        with psycopg.connect(server.uri) as connection:
            connection.execute(
                "CREATE TABLE big AS SELECT n AS id, repeat('x', 200) AS text"
                f" FROM generate_series(1, {ROWS}) n"
            )
        yield server


@pytest.fixture
def standby(primary: Server, tmp_path: Path) -> Iterator[Server]:
    """A copy of the primary that replays what it does, and waits for no query."""
    data = tmp_path / "standby" / "data"
    data.mkdir(mode=0o700, parents=True)
    program = _binaries() / "pg_basebackup"
    account = account_for(data, _binaries() / "postgres", "PostgreSQL")
    os.chown(data, account.uid, account.gid)
    made = ["-h", primary.host, "-p", str(primary.port), "-U", primary.user, "-D", str(data)]
    run([*account.prefix, str(program), *made, "-R", "--no-sync", "-c", "fast"], check=True)
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("max_standby_streaming_delay = 0\nhot_standby_feedback = off\n")
    with running(data) as server:
        yield server


def test_a_query_that_the_standby_ends_is_told_and_can_be_repeated(
    primary: Server, standby: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact, path, ends = read_types.exact, tmp_path / "big.parquet", list[Any]()

    def slow(*given: Any) -> Any:
        if not ends:  # rows that the query still needs go on the primary
            with psycopg.connect(primary.uri, autocommit=True) as connection:
                connection.execute("DELETE FROM big WHERE id > 10")
                connection.execute("VACUUM big")
                # only what is on the primary's disk goes over: a commit puts all there
                connection.execute("CREATE TABLE done ()")
                asked = connection.execute("SELECT pg_current_wal_flush_lsn()")
                ends.extend(asked.fetchone() or ())
            until(lambda: _replayed(standby, ends[0]) or _in_conflict(standby))
        return exact(*given)

    with monkeypatch.context() as patch:
        patch.setattr(read_types, "exact", slow)
        with pytest.raises(TransferError, match="due to conflict with recovery") as told:
            read(standby.uri, Rows(table="public.big"), Disk(), str(path))
    assert "`hot_standby_feedback`" in str(told.value)
    assert "repeat the task" in str(told.value)
    assert not path.exists()
    until(lambda: _replayed(standby, ends[0]))  # until then it ends the repetition, too
    assert read(standby.uri, Rows(table="public.big"), Disk(), str(path)).rows == 10


def _in_conflict(standby: Server) -> bool:
    """Has it begun to end sessions, those that wait first?

    It goes no further while a query's rows wait for their reader: here that is who asks.
    """
    with psycopg.connect(standby.uri, autocommit=True) as connection:
        found = connection.execute(
            "SELECT count(*) = 0 FROM pg_stat_activity WHERE state = 'idle in transaction'"
        )
        return bool((found.fetchone() or (False,))[0])


def _replayed(standby: Server, at: Any) -> bool:
    with psycopg.connect(standby.uri) as connection:
        found = connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (at,))
        return bool((found.fetchone() or (False,))[0])
