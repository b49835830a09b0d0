"""What a run here will really send and do, said before it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from factory.plan.alerts import every
from factory.plan.model import Alert, Pipeline
from factory.project import DEFAULT_ENVIRONMENT


def alerts(plan: Pipeline, wanted: bool) -> str:
    """Who is told of this run, or that nobody is; empty for a pipeline without alerts."""
    found = list(dict.fromkeys(_alert(alert) for alert in every(plan)))
    if not found:
        return ""
    named = ", ".join(found)
    return f"alerts: {named}" if wanted else f"alerts are off ({named}): --alerts sends them"


def lines(plan: Pipeline, environment: str, address_of: Callable[[str], str]) -> Iterator[str]:
    """What a run in an environment that is not a laptop's touches."""
    if environment == DEFAULT_ENVIRONMENT:
        return
    yield f"this is not a rehearsal: it runs for real, in the environment {environment}"
    named = [found.conn_id for step in plan.steps for found in step.connections]
    connections = [_with(conn_id, address_of(conn_id)) for conn_id in dict.fromkeys(named)]
    for word, values in (
        ("connections", connections),
        ("reads", [name for step in plan.steps for name in step.reads]),
        ("writes", [name for step in plan.steps for name in step.writes]),
        ("starts", [found.dag_id for step in plan.steps for found in step.pipelines]),
    ):
        if values:
            yield f"  {word}: {', '.join(dict.fromkeys(values))}"


def _with(conn_id: str, address: str) -> str:
    return f"{conn_id} ({address})" if address else conn_id


def _alert(alert: Alert) -> str:
    kind = alert.notifier.rpartition(".")[2]
    to = alert.arguments.get("to") or alert.arguments.get("conn_id") or ""
    return f"{kind} to {', '.join(to) if isinstance(to, list | tuple) else to}"
