"""What Airflow does with a DAG after its Dag file was read, done for each DAG by itself.

Airflow records what goes wrong there as an error of the loader, which stops the scheduling of
all its DAGs. So a DAG that would fail is refused beforehand.
"""

from __future__ import annotations

from airflow.sdk import DAG

from factory.errors import BuildError
from factory.plan.kind import builtin_names
from factory.plan.model import Pipeline


def require_fit(dag: DAG, plan: Pipeline) -> None:
    """Check what Airflow will check.

    :raises BuildError: Airflow would refuse the DAG.
    """
    try:
        dag.validate()  # type: ignore[no-untyped-call]
    except Exception as error:
        raise BuildError("", (), f"Airflow refuses the pipeline: {error}") from error
    for task in plan.tasks:
        executor = task.settings.get("executor", task.arguments.get("executor"))
        if executor:
            _require_executor(task.id, executor)
    if not all(task.uses in builtin_names() for task in plan.tasks):
        _require_serializable(dag)


def _require_executor(task_id: str, executor: str) -> None:
    from airflow.configuration import conf
    from airflow.executors.executor_loader import ExecutorLoader

    if conf.getboolean("core", "multi_team", fallback=False):
        return  # a team may have executors of its own, and a loader does not know its team
    try:
        ExecutorLoader.lookup_executor_name_by_str(executor)
    except Exception as error:
        raise BuildError(
            task_id.partition(".")[0],
            ("executor",),
            f"there is no executor {executor!r}",
            "add it to [core] executors in Airflow's configuration",
        ) from error


def _require_serializable(dag: DAG) -> None:
    """Only for DAGs with tasks of other packages: it takes longer than all the rest.

    Those of the built-in kinds are plain and typed.
    """
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    try:
        LazyDeserializedDAG.from_dag(dag)
    except Exception as error:
        cause = error.__cause__ or error
        raise BuildError("", (), f"Airflow cannot serialize the pipeline: {cause}") from error
