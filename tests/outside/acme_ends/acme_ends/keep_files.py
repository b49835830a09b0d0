"""The task of the target `acme_folder`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.ingest.load import Load

if TYPE_CHECKING:
    from airflow.sdk import Context


class KeepFiles(Load):
    """The staged Parquet files → a folder. A repeated run replaces its own."""

    template_fields: Sequence[str] = (*Load.template_fields, "path")

    def __init__(self, *, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path

    def execute(self, context: Context) -> dict[str, Any]:
        """Keep; tell those who wait for the folder, and the next task, how many rows."""
        import pyarrow.parquet as pq

        folder = Path(self.path.removeprefix("file://"))
        folder.mkdir(parents=True, exist_ok=True)
        run = f"{context['run_id']}.".replace("/", "_")
        kept = [folder / f"{run}{n}.parquet" for n, _ in enumerate(self.files(context))]
        for staged, path in zip(self.files(context), kept, strict=True):
            shutil.copyfile(staged, path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)  # whole, or not there
        old = folder.glob("*.parquet" if self.write["mode"] == "replace" else f"{run}*.parquet")
        for path in set(old).difference(kept):
            path.unlink()
        rows = sum(pq.read_metadata(path).num_rows for path in kept)
        self.tell(context, rows)
        return {"rows": rows, "files": [path.name for path in kept]}
