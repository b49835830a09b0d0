"""A stream of record batches → Parquet on the stage."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.ingest.staged import ROWS, Staged, lineage_of

if TYPE_CHECKING:
    from airflow.sdk import Context


NAME = "00000.parquet"


class StageBatches(Staged):
    """The record batches of one source → one Parquet file on the stage.

    :param stream: `module:function`, which is called here with `arguments` and gives a
        `pyarrow.RecordBatchReader`.
    """

    template_fields: Sequence[str] = ("arguments", "stage")

    def __init__(
        self,
        *,
        stream: str,
        arguments: Mapping[str, Any],
        lineage: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stream = stream
        self.arguments = arguments
        self.lineage = lineage

    def execute(self, context: Context) -> dict[str, Any]:
        """Stage as it comes; return where, and how many rows."""
        from factory.transfer.formats import Reader
        from factory.transfer.to_parquet import staged

        module, _, function = self.stream.partition(":")
        with getattr(importlib.import_module(module), function)(**self.arguments) as batches:
            done = staged(
                lambda bad: Reader(batches.schema, lambda source: iter(batches)),
                [self.stream],
                *self._folder(context).below(ROWS, NAME),
                lineage=lineage_of(self.lineage, context),
            )
        return {"path": f"{ROWS}/{NAME}", "rows": done.rows}
