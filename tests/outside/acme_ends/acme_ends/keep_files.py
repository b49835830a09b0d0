"""The task of the target `acme_folder`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
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

        from factory.in_airflow.storage import place

        stage, staged = self.files(context)
        folder, run = place(self.path), f"{context['run_id']}.".replace("/", "_")
        kept, rows = [f"{run}{n}.parquet" for n, _ in enumerate(staged)], 0
        for path, name in zip(staged, kept, strict=True):
            with stage.open(path) as file, folder.store.writer(folder.below(name).path) as out:
                rows += pq.read_metadata(file).num_rows
                file.seek(0)
                shutil.copyfileobj(file, out)  # whole at the end, or not there
        others = "" if self.write["mode"] == "replace" else run
        for page in folder.store.list(folder.path):
            for old in page.files:
                name = old.path.rpartition("/")[2]
                if name.startswith(others) and name not in kept:
                    folder.store.delete(old.path)
        self.tell(context, rows)
        return {"rows": rows, "files": kept}
