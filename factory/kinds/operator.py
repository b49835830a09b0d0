"""Any operator by its import path: `uses: airflow.providers.…BashOperator`.

`{$call: datetime.timedelta, with: {minutes: 5}}` in an argument makes an object and
`{$ref: package.name}` imports one, both when the DAG is built, never in lint.
"""

from __future__ import annotations

from typing import Any

import msgspec

from factory.plan.kind import Fragment, Step, single
from factory.plan.model import Call, Ref


class Arguments(msgspec.Struct, frozen=True):
    """The operator's own arguments, as its documentation names them."""


def compile(step: Step) -> Fragment:
    """One task of the operator that `uses` names; `step.arguments` is a plain mapping."""
    return single(step, step.uses, {key: _mark(value) for key, value in step.arguments.items()})


def _mark(value: Any) -> Any:
    if isinstance(value, list):
        return [_mark(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$call"), str) and set(value) <= {"$call", "with"}:
        return Call(value["$call"], {k: _mark(v) for k, v in (value.get("with") or {}).items()})
    if isinstance(value.get("$ref"), str) and len(value) == 1:
        return Ref(value["$ref"])
    return {key: _mark(entry) for key, entry in value.items()}
