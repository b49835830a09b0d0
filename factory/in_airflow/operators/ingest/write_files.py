"""Staged Parquet → a folder of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.in_airflow.interval import interval_of
from factory.in_airflow.operators.ingest.load import Load

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Place
    from factory.transfer.lake.write import Shape


class WriteFiles(Load):
    """The staged Parquet files → files that others query: checked, written, published.

    :param format: how the files are written, as the spec has it.
    :param file_size: bytes.
    """

    consequence = (
        "what a manifest names is whole: the files of the loads before, and of this one only if "
        "its manifest was written"
    )

    template_fields: Sequence[str] = ("staged", "stage", "write", "checks", "path", "prefix")

    def __init__(
        self,
        *,
        path: str,
        format: Mapping[str, Any],
        partition_by: Sequence[str] = (),
        file_size: int | None = None,
        prefix: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.format = format
        self.partition_by = partition_by
        self.file_size = file_size
        self.prefix = prefix

    def execute(self, context: Context) -> dict[str, Any]:
        """Write and publish; date and task name the load, so that a repeated one is known."""
        from factory.fields import word_of
        from factory.transfer.lake.load import load

        interval = interval_of(context)
        write, checks = self.given()
        with self.telling_checks(context):
            done = load(
                *self.files(context),
                self._lake(),
                load_id=self.named(context, _run(context)),
                mode=word_of(write),
                shape=self._shape(),
                checks=checks,
                as_of=interval.end if interval else None,
            )
        self.tell(context, done.rows, files=done.files, bytes=done.bytes)
        return {
            "path": done.path,
            "manifest": done.manifest,
            "read": done.read,
            "quarantined": done.quarantined,
            "rows": done.rows,
            "files": done.files,
            "bytes": done.bytes,
            "removed": done.removed,
            "seconds": round(done.seconds, 3),
            "checks": [result.plain() for result in done.checks],
        }

    def _lake(self) -> Place:
        from factory.in_airflow.storage import place

        return place(self.path.rstrip("/"))

    def _shape(self) -> Shape:
        from factory.definitions import output
        from factory.transfer.lake.write import Shape

        given = {"file_size": self.file_size, "prefix": self.prefix}
        more: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return Shape(output.of(self.format), tuple(self.partition_by), **more)


def _run(context: Context) -> str:
    """Its date, which no other run of the pipeline has at a time; of a run without one, its id."""
    date = context.get("logical_date")
    return date.isoformat() if date else context["task_instance"].run_id
