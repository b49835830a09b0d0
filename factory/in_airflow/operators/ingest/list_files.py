"""Which files are there, and which task converts which?"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException

from factory.account import say
from factory.amounts import counted, size
from factory.definitions.tables import STATEMENT_SECONDS
from factory.in_airflow.operators.ingest.staged import ROWS, Staged, leave, load_name, step_name
from factory.in_airflow.steps import step_of
from factory.in_airflow.storage import folder, places

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Store
    from factory.transfer.files import Named
    from factory.transfer.warehouse.arrivals import Arrival, Known
    from factory.transfer.warehouse.parts import Table

log = logging.getLogger(__name__)

SHARE = 64 * 2**20
"""Bytes that are worth a task of their own: about a second's work."""


class ListFiles(Staged):
    """Paths and patterns → shares of files, one for each task that converts, on the stage.

    :param paths: URIs, each a file or a pattern.
    :param on_missing: `fail`, or `skip` the step when a path or a pattern has no match.
    :param load: the task that notes which files are in, in the `table` of `conn_id`: then only what
        is new is listed, and the step is skipped when nothing is.
    :param warehouse: in place of the connection's, as is `role`.
    :param when_done: the files go when they are loaded: `delete`, or a mapping with `move_to`.
    :param on_changed: for files that are in as they were before: `fail`, `load` or `ignore`.
    """

    template_fields: Sequence[str] = (
        *("paths", "stage", "conn_id", "table", "warehouse", "role", "when_done"),
    )

    def __init__(
        self,
        *,
        paths: list[str],
        max_tasks: int,
        on_missing: str = "fail",
        on_changed: str = "fail",
        conn_id: str = "",
        table: str = "",
        warehouse: str | None = None,
        role: str | None = None,
        load: str = "",
        when_done: str | Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.paths = paths
        self.max_tasks = max_tasks
        self.on_missing = on_missing
        self.on_changed = on_changed
        self.conn_id = conn_id
        self.table = table
        self.warehouse = warehouse
        self.role = role
        self.load = load
        self.when_done = when_done

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """List, and remove what an earlier attempt with other files converted; see `leave`."""
        from factory.transfer.errors import Missing
        from factory.transfer.files import named, shares
        from factory.transfer.warehouse.arrivals import Arrival

        store, paths = places(self.paths)
        try:
            files = {store.uri(each.file.path): each for each in named(store, paths)}
            found = [Arrival(u, f.size, f.version, name=name) for u, (name, f) in files.items()]
            if self.load:
                found = self._new(found, context)
        except Missing as missing:
            if self.on_missing == "skip":
                reason = f"{missing.message}: this step is skipped, as `on_missing: skip` says"
                raise AirflowSkipException(reason) from None
            raise
        self._require_place(store, [files[file.uri] for file in found], paths)
        self._remove_converted(context)
        sizes = [file.size for file in found]
        parts = shares(found, sizes, self.max_tasks, SHARE)
        total, tasks = size(sum(sizes)), counted(len(parts), "task")
        say("%s, %s, for %s", counted(len(found), "file"), total, tasks)
        return leave(self._folder(context), parts)

    def _remove_converted(self, context: Context) -> None:
        """What is converted and what is listed are of the same files, always."""
        store, path = self._folder(context).below(ROWS)
        store.delete_below(path)

    def _require_place(self, store: Store, found: Sequence[Named], paths: Sequence[str]) -> None:
        """Before anything is loaded: will the files find the names free that they are to have?"""
        from factory.transfer.copies import require_clear
        from factory.transfer.landing import require_place

        for path in paths if self.when_done else ():
            require_clear(store.uri(path), "nothing was loaded, for its files would go")
        if isinstance(self.when_done, Mapping):
            require_place(store, found, folder(self.when_done["move_to"]), paths)

    def _new(self, found: Sequence[Arrival], context: Context) -> list[Arrival]:
        """What is not in."""
        from factory.transfer.warehouse import arrivals

        task = context["task_instance"]
        step, load = step_name(context), load_name(context, self.load, task.run_id)
        table, known, dialect = self._known(context)
        arrivals.refuse_renamed(
            found, known, step, self._beside(task.dag_id, known), table, dialect
        )
        new = arrivals.choose(found, known.get(step, {}), load, self.on_changed)
        say("new for %s: %d of %s", table, len(new), counted(len(found), "file"))
        if not new:
            raise AirflowSkipException("no file is new: this step is skipped")
        return new

    def _known(self, context: Context) -> tuple[Table, Mapping[str, Mapping[str, Known]], str]:
        """The table, what is in it, and the dialect of its warehouse."""
        from factory.in_airflow.connections import warehouse_of
        from factory.transfer.errors import TransferError
        from factory.transfer.warehouse.arrivals import KeepsFiles

        task = context["task_instance"]
        name = f"{task.dag_id}.{task.task_id}"
        warehouse, address = warehouse_of(
            self.conn_id,
            application=name,
            login={"warehouse": self.warehouse, "role": self.role},
        )
        if not isinstance(warehouse, KeepsFiles):
            raise TransferError(f"{warehouse.can.name} does not know which files are in a table")
        table = warehouse.table(self.table)
        try:
            with warehouse.connected(address, STATEMENT_SECONDS) as session:
                return table, warehouse.files_in(session, table), warehouse.can.dialect
        except warehouse.errors as error:
            said = warehouse.said(error)
            raise TransferError(f"{table}: {warehouse.can.name} said: {said}") from None

    def _beside(self, dag_id: str, known: Iterable[str]) -> list[str]:
        """Those whose loads are noted, and that are other steps of this pipeline, or copies."""
        others = {step_of(name) for name in self.dag.task_ids} - {step_of(self.task_id)}
        own = {f"{dag_id}/{name}" for name in others}
        return [name for name in known if name.partition("@")[0] in own]
