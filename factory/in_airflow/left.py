"""What a run left that was cleared since: results of tasks that it no longer has, or skips now.

Airflow removes what a task returned when it runs again. A copy that the list of a `for_each` has no
item for any more, and a task that is skipped this time, do not: what reads them would get what the
run of before had returned, and succeed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_OVER = frozenset({"removed", "skipped", "upstream_failed"})
"""States of tasks that have returned nothing in this try of the run."""


def may_be(context: Mapping[str, Any]) -> bool:
    """Whether the run was cleared, in part or as a whole."""
    return bool(getattr(context.get("dag_run"), "clear_number", 0))


def without(ti: Any, task_id: str, *, own: bool) -> Iterator[Any]:
    """What a task of the run, or each of its copies, has returned; None of one that is over.

    :param own: only that of the reader's own copy.
    """
    states = ti.get_task_states(
        dag_id=ti.dag_id,
        map_index=ti.map_index if own else None,
        task_ids=[task_id],
        run_ids=[ti.run_id],
    ).get(ti.run_id, {})
    found = {_index(name, task_id): str(state) for name, state in states.items()}
    if found and not own and -1 not in found and _OVER.isdisjoint(found.values()):
        yield from ti.xcom_pull(task_ids=[task_id])  # at once: each of many copies may ask
        return
    for index in sorted(found):
        if found[index] in _OVER:
            yield None
        else:
            yield ti.xcom_pull(task_ids=task_id, map_indexes=index)


def _index(name: str, task_id: str) -> int:
    """Of a copy Airflow puts its number behind the id."""
    return -1 if name == task_id else int(name.removeprefix(f"{task_id}_"))
