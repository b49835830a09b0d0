"""The source's files go, when their rows are published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from factory.account import say
from factory.amounts import counted, size
from factory.in_airflow import each
from factory.in_airflow.operators.ingest.staged import LOADED, Staged, left
from factory.in_airflow.steps import step_of
from factory.in_airflow.storage import folder, places

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.transfer.warehouse.arrivals import Arrival


class WhenDone(Staged):
    """Moves or removes the files that the load has read, in the versions that it had of them.

    :param move_to: URI of a folder; None: they are removed.
    """

    consequence = "the rows are published; files that have not gone yet are where they were"
    template_fields: Sequence[str] = ("stage", "move_to")

    def __init__(self, *, move_to: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.move_to = move_to

    def execute(self, context: Context) -> dict[str, int]:
        """Let them go; return how many went, were gone, and stayed since they have changed."""
        from factory.transfer.landing import take_away

        files = self._files(context)
        store, paths = places([file.uri for file in files])
        target = None if self.move_to is None else folder(self.move_to)
        done = take_away(store, paths, files, target)
        more = {"gone before": done.gone, "changed since, and stay": done.stayed}
        words = "".join(f", {number} {what}" for what, number in more.items() if number)
        went = f"moved to {self.move_to}" if self.move_to else "deleted"
        say("%s, %s, %s%s", counted(done.files, "file"), size(done.bytes), went, words)
        return done._asdict()

    def _files(self, context: Context) -> list[Arrival]:
        load = f"{step_of(self.task_id)}.load"
        index = each.own_index(context)
        own: dict[str, Any] = {} if index is None else {"map_indexes": index}
        if context["task_instance"].xcom_pull(task_ids=load, **own) is None:
            raise AirflowException(
                f"{load} has handed nothing on: one that is marked a success has not done its "
                "work. Nothing was moved or deleted. Clear the whole group of this task, so that "
                "its files are loaded"
            )
        try:
            return left(self._folder(context), LOADED)
        except FileNotFoundError:
            raise AirflowException(
                "the list of the files that were loaded is not on the stage any more: nothing was "
                "moved or deleted. It goes when this task has succeeded; what is still there is "
                "taken by the next run"
            ) from None
