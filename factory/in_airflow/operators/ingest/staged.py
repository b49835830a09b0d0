"""A task whose files wait on the stage.

The folder of a step in a run::

    download/<n>/<name>     what was downloaded, by the map index of its task
    rows/<n>.parquet        what was converted
    quarantine/<n>.jsonl    rows that were set aside
    listed/<n>.json         the files of a source, as they were seen: those of one conversion
    loaded/<n>.json         the same, of the load that was last at work
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from factory.in_airflow import each
from factory.in_airflow.steps import step_of
from factory.in_airflow.storage import step_folder
from factory.stores.model import Place

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.transfer.lineage import Lineage
    from factory.transfer.warehouse.arrivals import Arrival

DOWNLOADS = "download"
ROWS = "rows"
QUARANTINE = "quarantine"
LISTED = "listed"
LOADED = "loaded"


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
    return f"{task.dag_id}/{step_of(task.task_id)}{each.key(context)}"


def load_name(context: Context, load: str, run: str) -> str:
    """What the task `load` is called where its loads are noted; `run` is what tells runs apart."""
    return f"{context['task_instance'].dag_id}/{load}{each.key(context)}/{run}"


def leave(folder: Place, shares: Sequence[Sequence[Arrival]]) -> list[dict[str, Any]]:
    """Leave the lists of files to the step's next tasks: for each, where it is and how long.

    However many files there are, no more than that goes through XCom.
    """
    from factory.transfer.warehouse.arrivals import written

    folder.store.delete_below(folder.below(LISTED).path)  # an earlier try's, maybe of more
    names = [f"{LISTED}/{number:05}.json" for number in range(len(shares))]
    for name, share in zip(names, shares, strict=True):
        with folder.store.writer(folder.below(name).path) as out:
            out.write(written(share))
    return [
        {"listed": name, "files": len(share)} for name, share in zip(names, shares, strict=True)
    ]


def listed(place: Place) -> list[Arrival]:
    """A list of files that was left."""
    from factory.transfer.warehouse.arrivals import read

    with place.store.open(place.path) as file:
        return read(file.read())


def keep(folder: Place) -> None:
    """Keep the lists as they are now: those of another listing take no place among them."""
    store, path = folder.below(LOADED)
    store.delete_below(path)
    for name in _lists(folder.below(LISTED)):
        store.copy(name, folder.below(LOADED, name.rpartition("/")[2]).path)


def left(folder: Place, which: str = LISTED) -> list[Arrival]:
    """All files that were listed, or of those lists that were kept.

    :raises FileNotFoundError: no list is there any more.
    """
    place = folder.below(which)
    if not (names := _lists(place)):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place.path)
    return [file for name in names for file in listed(Place(place.store, name))]


def _lists(place: Place) -> list[str]:
    return sorted(file.path for page in place.store.list(place.path) for file in page.files)


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
