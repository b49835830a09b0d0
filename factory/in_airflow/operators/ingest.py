"""The tasks of an `ingest`: thin operators around `factory.transfer`."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.storage import local_path, step_folder

if TYPE_CHECKING:
    import requests
    from airflow.providers.http.hooks.http import HttpHook
    from airflow.sdk import Context

log = logging.getLogger(__name__)

DOWNLOADS = "download"
PARQUET = "rows.parquet"


class _Staged(BaseOperator):
    """A task that works in its step's folder on the stage."""

    def __init__(self, *, stage: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage

    def _folder(self, context: Context) -> Path:
        return step_folder(self.stage, context)


class Download(_Staged):
    """A file behind an address → the stage."""

    template_fields: Sequence[str] = ("url", "conn_id", "sha256", "stage")

    def __init__(
        self, *, url: str, conn_id: str | None = None, sha256: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.conn_id = conn_id
        self.sha256 = sha256

    @cached_property
    def hook(self) -> HttpHook:
        """The connection's hook."""
        from airflow.providers.http.hooks.http import HttpHook

        return HttpHook(method="GET", http_conn_id=self.conn_id or "")

    def execute(self, context: Context) -> None:
        """Download into an empty folder of the stage."""
        import fsspec

        from factory.transfer.download import download

        folder = self._folder(context) / DOWNLOADS
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        session, url = self._session()
        name = urlsplit(url).path.rpartition("/")[2] or "file"
        with session:
            done = download(
                session, url, fsspec.filesystem("file"), str(folder / name), sha256=self.sha256
            )
        log.info("%d bytes are staged", done.bytes)

    def _session(self) -> tuple[requests.Session, str]:
        import requests

        if self.conn_id is None:
            return requests.Session(), self.url
        session = self.hook.get_conn()
        return session, self.hook.url_from_endpoint(self.url)


class ToParquet(_Staged):
    """The files of a source → one Parquet file on the stage.

    :param files: URIs or patterns to read in place; None for what the download left.
    """

    template_fields: Sequence[str] = ("files", "stage")

    def __init__(
        self, *, format: Mapping[str, Any], files: list[str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.format = format
        self.files = files

    def execute(self, context: Context) -> None:
        """Convert in a stream of record batches."""
        import fsspec

        from factory.transfer.files import expand
        from factory.transfer.to_parquet import to_parquet

        disk = fsspec.filesystem("file")
        folder = self._folder(context)
        patterns = (
            [str(folder / DOWNLOADS / "*")]
            if self.files is None
            else [local_path(uri) for uri in self.files]
        )
        sources = expand(disk, patterns)
        folder.mkdir(parents=True, exist_ok=True)
        done = to_parquet(disk, sources, disk, str(folder / PARQUET), format=self.format)
        log.info("%d rows from %d file(s), %d bytes", done.rows, len(sources), done.bytes)


class LoadPostgres(_Staged):
    """The staged Parquet file → a PostgreSQL table: staged, checked, published."""

    template_fields: Sequence[str] = ("table", "conn_id", "stage")

    def __init__(
        self,
        *,
        conn_id: str,
        table: str,
        write: Mapping[str, Any],
        checks: Sequence[Mapping[str, Any]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.table = table
        self.write = write
        self.checks = checks

    def execute(self, context: Context) -> dict[str, Any]:
        """Load; the run and the task name the load, so that a repeated one is known."""
        import fsspec

        from factory.in_airflow.connections import postgres_conninfo
        from factory.transfer.postgres.load import load

        task = context["task_instance"]
        staged = self._folder(context) / PARQUET
        if not staged.is_file():
            raise AirflowException(
                f"there is no staged file {staged}: clear the whole group of this task, so that "
                "it is made again; workers on several machines need a `stage` that all of them see"
            )
        done = load(
            postgres_conninfo(self.conn_id, application=f"{task.dag_id}.{task.task_id}"),
            fsspec.filesystem("file"),
            str(staged),
            table=self.table,
            write=self.write,
            checks=self.checks,
            load_id=f"{task.dag_id}/{task.task_id}/{task.run_id}",
        )
        self._tell_asset(context, done.rows)
        return {"table": done.table, "rows": done.rows, "published": done.published}

    def _tell_asset(self, context: Context, rows: int) -> None:
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"rows": rows}


class CleanUp(_Staged):
    """Removes the step's staged files when its last task has succeeded.

    After a failure they stay, so that the failed task can be repeated without downloading again.
    """

    template_fields: Sequence[str] = ("stage",)

    def __init__(self, *, after: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.after = after

    def execute(self, context: Context) -> None:
        """Remove, or say what stays and why."""
        task = context["task_instance"]
        folder = self._folder(context)
        states = task.get_task_states(
            dag_id=task.dag_id, task_ids=[self.after], run_ids=[task.run_id]
        )
        state = states.get(task.run_id, {}).get(self.after)
        if state == "success":
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # another step of the run still has files there
                folder.parent.rmdir()
            log.info("removed %s", folder)
        else:
            log.warning("%s is %s: its files stay in %s", self.after, state, folder)
