"""Source files → Parquet on the stage."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.definitions.tables import ON_SCHEMA_CHANGE, STATEMENT_SECONDS
from factory.in_airflow.operators.ingest.staged import (
    QUARANTINE,
    ROWS,
    Staged,
    left,
    lineage_of,
    number,
)
from factory.in_airflow.storage import places
from factory.stores import without_connection

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Place, Store
    from factory.transfer.values.types import Known

log = logging.getLogger(__name__)


class ToParquet(Staged):
    """Files of one source → one Parquet file on the stage.

    :param files: URIs or patterns to read in place, or what a download returned.
    :param holds: what the target's columns can hold; all that is left out.
    :param max_bad_rows: so many rows may be set aside; None: a bad row fails the task.
    :param table: where the rows go, in the warehouse of `conn_id`: if it is there, columns that
        nobody declared are read as its own.
    :param once: the files are those that were listed, in the versions that were seen then.
    """

    template_fields: Sequence[str] = ("files", "conn_id", "table", "stage")

    def __init__(
        self,
        *,
        format: Mapping[str, Any],
        files: Any,
        holds: Mapping[str, Any] | None = None,
        max_bad_rows: int | None = None,
        lineage: Sequence[str] = (),
        conn_id: str | None = None,
        table: str | None = None,
        on_schema_change: str = ON_SCHEMA_CHANGE,
        once: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.format = format
        self.files = files
        self.holds = holds
        self.max_bad_rows = max_bad_rows
        self.lineage = lineage
        self.conn_id = conn_id
        self.table = table
        self.on_schema_change = on_schema_change
        self.once = once

    def execute(self, context: Context) -> dict[str, Any]:
        """Convert in a stream of record batches; return where, and how many rows."""
        import msgspec

        from factory.definitions import formats
        from factory.definitions.warehouses import Holds
        from factory.transfer.target import Target
        from factory.transfer.to_parquet import to_parquet
        from factory.transfer.warehouse.arrivals import refuse_changed

        folder, name = self._folder(context), f"{number(context):05}"
        bad = {} if self.max_bad_rows is None else self._quarantine(folder.below(QUARANTINE, name))
        store, sources = self._sources(folder, context)
        done = to_parquet(
            store,
            sources,
            *folder.below(ROWS, f"{name}.parquet"),
            format=formats.of(self.format),
            lineage=lineage_of(self.lineage, context, self._shown(store, sources)),
            into=Target(msgspec.convert(self.holds or {}, Holds), self._known(context)),
            **bad,
        )
        if self.once:
            refuse_changed(store, sources, left(folder))
        return {"path": f"{ROWS}/{name}.parquet", "rows": done.rows}

    def _known(self, context: Context) -> Mapping[str, Known]:
        """What the table that the rows are for tells of their types.

        Where it can't be asked, types are inferred: the load says what is wrong, and gives way
        where that is exact.
        """
        if self.conn_id is None or self.table is None:
            return {}
        from factory.in_airflow.connections import warehouse_of
        from factory.transfer.errors import TransferError

        task = context["task_instance"]
        name = f"{task.dag_id}.{task.task_id}"
        warehouse, address = warehouse_of(self.conn_id, application=name)
        try:
            with warehouse.connected(address, STATEMENT_SECONDS) as session:
                return warehouse.known(session, warehouse.table(self.table), self.on_schema_change)
        except TransferError as error:
            said = str(error)
        except warehouse.errors as error:
            said = warehouse.said(error)
        log.warning("types are inferred: the columns of %s are not known: %s", self.table, said)
        return {}

    def _sources(self, folder: Place, context: Context) -> tuple[Store, list[str]]:
        from factory.transfer.files import expand

        if isinstance(self.files, Mapping):
            return folder.store, [folder.below(self.files["path"]).path]
        store, paths = places(self.files)
        # what was listed for a mapped task is there: each look would be a request
        index = context["task_instance"].map_index
        return store, expand(store, paths) if index is None or index < 0 else paths

    def _shown(self, store: Store, sources: Sequence[str]) -> dict[str, str]:
        """What a row says of where it came from: an address, not a place on the stage."""
        if isinstance(self.files, Mapping):
            url: str = self.files["url"]
            return dict.fromkeys(sources, url)
        return {path: without_connection(store.uri(path)) for path in sources}

    def _quarantine(self, path: Place) -> dict[str, Any]:
        return {"quarantine": f"{path}.jsonl", "max_bad_rows": self.max_bad_rows}
