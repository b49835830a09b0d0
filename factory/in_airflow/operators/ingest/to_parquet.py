"""Source files → Parquet on the stage."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.ingest.staged import DOWNLOADS, PARQUET, Staged
from factory.in_airflow.storage import local_path

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class ToParquet(Staged):
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
