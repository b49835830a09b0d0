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
    lineage_of,
    listed,
    number,
)
from factory.in_airflow.storage import places
from factory.stores import without_connection
from factory.stores.model import File

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Place, Store
    from factory.transfer.values.types import Known

log = logging.getLogger(__name__)


class ToParquet(Staged):
    """Files of one source → one Parquet file on the stage.

    :param files: URIs or patterns to read in place, what a download returned, or where a list of
        files was left: these are read in the versions that were seen then, or not at all.
    :param holds: what the target's columns can hold; all that is left out.
    :param max_bad_rows: so many rows may be set aside; None: a bad row fails the task.
    :param table: where the rows go, in the warehouse of `conn_id`: if it is there, columns that
        nobody declared are read as its own.
    :param warehouse: in place of the connection's, as is `role`.
    :param hive_partitioning: the columns to read from the names of folders: all, or these, each
        with the word for its type.
    """

    template_fields: Sequence[str] = ("files", "conn_id", "table", "warehouse", "role", "stage")

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
        warehouse: str | None = None,
        role: str | None = None,
        on_schema_change: str = ON_SCHEMA_CHANGE,
        hive_partitioning: bool | Mapping[str, str] = False,
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
        self.warehouse = warehouse
        self.role = role
        self.on_schema_change = on_schema_change
        self.hive_partitioning = hive_partitioning

    def execute(self, context: Context) -> dict[str, Any]:
        """Convert in a stream of record batches; return where, and how many rows."""
        import msgspec

        from factory.definitions import formats
        from factory.definitions.warehouses import Holds
        from factory.transfer.target import Target
        from factory.transfer.to_parquet import to_parquet

        folder, name = self._folder(context), f"{number(context):05}"
        bad = {} if self.max_bad_rows is None else self._quarantine(folder.below(QUARANTINE, name))
        store, files = self._sources(folder)
        done = to_parquet(
            store,
            [file.path for file in files],
            *folder.below(ROWS, f"{name}.parquet"),
            format=formats.of(self.format),
            lineage=lineage_of(self.lineage, context, self._shown(store, files)),
            into=Target(msgspec.convert(self.holds or {}, Holds), self._known(context)),
            seen={file.path: file for file in files},
            partitions=self.hive_partitioning,
            **bad,
        )
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
        warehouse, address = warehouse_of(
            self.conn_id,
            application=name,
            login={"warehouse": self.warehouse, "role": self.role},
        )
        try:
            with warehouse.connected(address, STATEMENT_SECONDS) as session:
                return warehouse.known(session, warehouse.table(self.table), self.on_schema_change)
        except TransferError as error:
            said = str(error)
        except warehouse.errors as error:
            said = warehouse.said(error)
        log.warning("types are inferred: the columns of %s are not known: %s", self.table, said)
        return {}

    def _sources(self, folder: Place) -> tuple[Store, list[File]]:
        from factory.transfer import files

        if not isinstance(self.files, Mapping):
            store, paths = places(self.files)
        elif "listed" not in self.files:
            store, paths = folder.store, [folder.below(self.files["path"]).path]
        else:
            found = listed(folder.below(self.files["listed"]))
            store, paths = places([one.uri for one in found])
            seen = zip(paths, found, strict=True)
            return store, [File(path, one.size, 0.0, one.version) for path, one in seen]
        return store, files.listed(store, paths)

    def _shown(self, store: Store, files: Sequence[File]) -> dict[str, str]:
        """What a row says of where it came from: an address, not a place on the stage."""
        if isinstance(self.files, Mapping) and "url" in self.files:
            url: str = self.files["url"]
            return {file.path: url for file in files}
        return {file.path: without_connection(store.uri(file.path)) for file in files}

    def _quarantine(self, path: Place) -> dict[str, Any]:
        return {"quarantine": f"{path}.jsonl", "max_bad_rows": self.max_bad_rows}
