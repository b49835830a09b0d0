"""What every load begins and ends with, whatever its target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import AirflowException

from factory.in_airflow import each, left
from factory.in_airflow.operators.ingest.staged import Staged, keep, load_name

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.definitions.checks import Check
    from factory.definitions.writes import Write
    from factory.stores.model import Store


class Load(Staged):
    """The staged Parquet files → a target.

    :param staged: what the conversion returned; a list when several tasks converted.
    :param write: the write mode, and the checks, as they stand in the spec.
    :param keep_list: the source's files are still needed: the list of those that are loaded is
        kept from any other listing.
    """

    consequence = "nothing was published: the target is as it was"

    template_fields: Sequence[str] = ("staged", "stage", "write", "checks")

    def __init__(
        self,
        *,
        staged: Any,
        write: Mapping[str, Any],
        checks: Sequence[Mapping[str, Any]] = (),
        keep_list: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.staged = staged
        self.write = write
        self.checks = checks
        self.keep_list = keep_list

    def files(self, context: Context) -> tuple[Store, list[str]]:
        """What the conversion, or each of several, says that it left: paths in a store."""
        folder = self._folder(context)
        if self.keep_list:
            keep(folder)
        if isinstance(self.staged, Mapping):
            given = [self.staged]
        else:
            given = self._of_now(context, list(self.staged or ()))
            self._refuse_gaps(context, len(given))
        paths = [folder.below(one["path"]).path for one in given]
        missing = [path for path in paths if folder.store.file(path) is None]
        if missing or not paths:
            raise AirflowException(
                f"there is no staged file {missing[0] if missing else folder}: clear the whole "
                "group of this task, so that it is made again; workers on several machines need a "
                "`stage` that all of them see"
            )
        return folder.store, paths

    def _of_now(self, context: Context, given: list[Any]) -> list[Any]:
        """Without what copies returned that there were before the run was cleared."""
        several = [one.task_id for one in self.upstream_list if isinstance(one, MappedOperator)]
        if len(several) != 1 or not left.may_be(context):
            return given
        every = left.without(context["task_instance"], several[0], own=False)
        return [one for one in every if one is not None]

    def _refuse_gaps(self, context: Context, staged: int) -> None:
        """Each task before this one left something: one that a person marks a success leaves none.

        (A task that is skipped, or that has become one too many, is meant to leave nothing.)
        """
        task = context["task_instance"]
        group = self.task_group.children if self.task_group else {}
        for before in sorted(self.get_flat_relative_ids(upstream=True)):
            if before not in group:
                continue
            done = task.get_ti_count(
                dag_id=task.dag_id,
                map_index=each.own_index(context),
                task_ids=[before],
                run_ids=[task.run_id],
                states=["success"],
            )
            if done not in (1, staged):
                raise AirflowException(
                    f"{done} tasks of {before} succeeded, but {staged} have handed something on: "
                    "one that is marked a success has not done its work. Clear the whole group of "
                    "this task, so that it is made again"
                )

    def given(self) -> tuple[Write, list[Check]]:
        """The write mode and the checks, once their templates are filled in."""
        from factory.definitions import checks, writes

        return writes.parse(self.write), [checks.parse(check) for check in self.checks]

    def named(self, context: Context, run: str) -> str:
        """The load's name, by which a repeated one is known; `run` is what tells runs apart."""
        return load_name(context, context["task_instance"].task_id, run)

    @contextmanager
    def telling_checks(self, context: Context) -> Iterator[None]:
        """What failed checks have found is told, too."""
        from factory.transfer.errors import ChecksFailed

        try:
            yield
        except ChecksFailed as error:
            found = [result.plain() for result in error.results]
            context["task_instance"].xcom_push("checks", found)
            if error.earlier:
                self.consequence = (
                    "nothing was published now: the target is as it was before, and this load had "
                    f"published there: {error.earlier}"
                )
            raise

    def tell(self, context: Context, rows: int, **more: int) -> None:
        """Tell those who wait for what is updated."""
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"rows": rows, **more}
