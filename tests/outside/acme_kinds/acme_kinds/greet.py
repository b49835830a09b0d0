"""Say hello."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from factory.fields import Strict
from factory.plan.kind import Fragment, Step, single


class Arguments(Strict, frozen=True, kw_only=True):
    """Greet somebody in the task's log."""

    name: Annotated[str, Meta(description="Who is greeted.", examples=["world"], min_length=1)]


def compile(step: Step) -> Fragment:
    """One BashOperator."""
    return single(
        step,
        "airflow.providers.standard.operators.bash.BashOperator",
        {"bash_command": "echo Hello $NAME", "env": {"NAME": step.arguments.name}},
    )
