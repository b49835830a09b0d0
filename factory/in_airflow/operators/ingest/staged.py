"""A task whose files wait on the stage.

The folder of a step in a run::

    download/<n>/<name>     what was downloaded, by the map index of its task
    rows/<n>.parquet        what was converted
    quarantine/<n>.jsonl    rows that were set aside
    listed/files.json       the files of a source that are loaded once, or go when they are loaded
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from factory.in_airflow.steps import step_of
from factory.in_airflow.storage import step_folder

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Place
    from factory.transfer.lineage import Lineage
    from factory.transfer.warehouse.arrivals import Arrival

DOWNLOADS = "download"
ROWS = "rows"
QUARANTINE = "quarantine"
LISTED = "listed"


class Staged(BaseOperator):
    """A task that works in its step's folder on the stage."""

    consequence = "nothing was loaded: the target is as it was"

    def __init__(self, *, stage: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage

    def _folder(self, context: Context) -> Place:
        return step_folder(self.stage, context)


def remove(folder: Place) -> None:
    """All that is in a folder, as far as that can be removed."""
    with suppress(OSError):
        folder.store.delete_below(folder.path)


def step_name(context: Context) -> str:
    """What a step is called where its files are noted."""
    task = context["task_instance"]
    return f"{task.dag_id}/{step_of(task.task_id)}"


def leave(folder: Place, data: bytes) -> None:
    """Leave the list of files to the step's next tasks."""
    place = folder.below(LISTED, "files.json")
    with place.store.writer(place.path) as out:
        out.write(data)


def left(folder: Place) -> list[Arrival]:
    """The list of files that was left."""
    from factory.transfer.warehouse.arrivals import read

    place = folder.below(LISTED, "files.json")
    with place.store.open(place.path) as file:
        return read(file.read())


def lineage_of(
    names: Sequence[str], context: Context, shown: Mapping[str, str] | None = None
) -> Lineage:
    """The columns of these names; `shown` are the files' paths with what is written of them."""
    from factory.transfer.lineage import Lineage

    known: dict[str, Any] = {
        "source_file": shown,
        "loaded_at": datetime.now(timezone.utc),
        "run_id": context["task_instance"].run_id,
    }
    return Lineage(**{name: known[name] for name in names})


def number(context: Context) -> int:
    """The map index of a mapped task, else 0."""
    return max(context["task_instance"].map_index or 0, 0)
