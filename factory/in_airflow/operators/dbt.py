"""The task of a `dbt` step."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after 3.1
from airflow.sdk import BaseOperator

from factory.account import say
from factory.in_airflow import each
from factory.in_airflow.storage import folder, step_folder
from factory.spec import links

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.dbt.profile import Profile
    from factory.dbt.run import Run
    from factory.stores.model import Place

log = logging.getLogger(__name__)


class RunDbt(BaseOperator):
    """Runs a command of dbt on a project, in the environment that dbt is installed in.

    Its result: how many models, tests, … have come to each status, the names of those that failed,
    and where the files are that dbt left.

    :param project: a folder, relative to the DAG's folder or absolute.
    :param command: `build`, `run`, `test`, `seed`, `snapshot` or `source freshness`.
    :param conn_id: the connection that a profile is made of; or else:
    :param profiles_dir: a folder with a `profiles.yml`, as `project`.
    :param freshness: first see how fresh the sources are.
    :param timeout: seconds for one command.
    :param artifacts: address of a folder that keeps what dbt left; None: the step's on the stage.
    """

    consequence = (
        "what dbt had built before stays built; a model that failed is as it was, unless its own "
        "SQL is in several steps"
    )
    template_fields: Sequence[str] = (
        *("conn_id", "schema", "select", "exclude", "vars", "target", "artifacts", "stage"),
    )

    def __init__(
        self,
        *,
        project: str,
        command: str = "build",
        conn_id: str | None = None,
        schema: str = "",
        profiles_dir: str | None = None,
        target: str | None = None,
        threads: int = 4,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        vars: Mapping[str, Any] | None = None,
        full_refresh: bool = False,
        freshness: bool = False,
        indirect: str | None = None,
        executable: str | None = None,
        timeout: float,
        artifacts: str | None = None,
        stage: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project = project
        self.command = command
        self.conn_id = conn_id
        self.schema = schema
        self.profiles_dir = profiles_dir
        self.target = target
        self.threads = threads
        self.select = select
        self.exclude = exclude
        self.vars = vars
        self.full_refresh = full_refresh
        self.freshness = freshness
        self.indirect = indirect
        self.executable = executable
        self.timeout = timeout
        self.artifacts = artifacts
        self.stage = stage
        self._run: Run | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run it; return what became of it."""
        from factory.dbt import results, run
        from factory.dbt.process import found

        place = self._place(context)
        self._run = run.Run(found(self.executable), self.timeout, lambda left: _keep(left, place))
        command = run.Command(
            word=self.command,
            project=self._beside(context, self.project),
            profile=self._profile(context),
            select=self.select,
            exclude=self.exclude,
            vars=self.vars or {},
            full_refresh=self.full_refresh,
            target=self.target,
            threads=self.threads,
            indirect=self.indirect,
        )
        if self.freshness:
            self._run(run.freshness(command))
        done = self._run(command)
        return {**results.plain(done), "artifacts": place.uri}

    def on_kill(self) -> None:
        """Let dbt cancel its queries."""
        if self._run is not None:
            self._run.end()

    def _profile(self, context: Context) -> Profile | Path:
        from airflow.sdk import Connection

        from factory.dbt.profile import profile
        from factory.in_airflow.hiding import hide

        if self.profiles_dir is not None:
            return self._beside(context, self.profiles_dir)
        made = profile(Connection.get(str(self.conn_id)), self.schema, self.threads)
        hide(*made.secrets.values())
        return made

    def _beside(self, context: Context, name: str) -> Path:
        """A folder beside the spec, or anywhere when its path is absolute."""
        dag = context["dag"]
        path = Path(dag.folder) / name
        root = getattr(dag, "spec_root", "")
        if not Path(name).is_absolute() and root and links.leads_outside(path, Path(root)):
            raise AirflowFailException(f"{name}: {links.MESSAGE}")
        if not path.is_dir():
            raise AirflowFailException(f"there is no folder {path}")
        return path

    def _place(self, context: Context) -> Place:
        """Where this try's files are kept: what an earlier one left stays."""
        task = context["task_instance"]
        step, _, name = task.task_id.partition(".")
        stage = step_folder(self.stage, context)
        step += each.key(context)
        above = folder(self.artifacts).below(step) if self.artifacts else stage
        return above.below(*filter(None, [name]), f"try-{task.try_number}")


def _keep(left: Iterable[Path], place: Place) -> None:
    """What dbt has done counts, also where its files cannot be kept."""
    try:
        for path in left:
            with place.store.writer(place.below(path.name).path) as out:
                out.write(path.read_bytes())
    except OSError as error:
        log.warning("dbt's files cannot be kept in %s: %s", place.uri, error)
    else:
        say("dbt's files are in %s", place.uri)
