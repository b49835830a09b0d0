"""Parameter contexts: read, set values."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from factory.nifi import errors, model
from factory.nifi.flow import Flow, Pause, Request, ask, get
from factory.nifi.model import Context, Parameter

_LOOK = 0.2
_REVISIONS = 4


def read(context_id: str) -> Flow[Context]:
    """A context with what it inherits."""
    params = {"includeInheritedParameters": "true"}
    return model.context((yield from get(f"/parameter-contexts/{context_id}", params)))


def update(context: Context, changes: Sequence[Mapping[str, Any]], timeout: float) -> Flow[None]:
    """Change parameters; NiFi stops and restarts what uses them. Changes as `setting` makes."""
    current = context
    for last in (False,) * (_REVISIONS - 1) + (True,):
        try:
            return (yield from _update(current, changes, timeout))
        except errors.StaleRevision:
            if last:
                raise
        current = yield from read(context.id)
    return None


def _update(context: Context, changes: Sequence[Mapping[str, Any]], timeout: float) -> Flow[None]:
    path = f"/parameter-contexts/{context.id}/update-requests"
    listed = [{"parameter": dict(each)} for each in changes]
    component = {"id": context.id, "name": context.name, "parameters": listed}
    body = {"id": context.id, "revision": dict(context.revision), "component": component}
    until = time.monotonic() + timeout
    told = (yield from ask(Request("POST", path, json=body)))["request"]
    request = f"{path}/{told['requestId']}"
    while not told["complete"] and time.monotonic() < until:
        yield Pause(_LOOK)
        told = (yield from get(request))["request"]
    # also what is not complete: NiFi then gives it up
    yield from ask(Request("DELETE", request, repeat=True))
    if not told["complete"] or told.get("failureReason"):
        why = told.get("failureReason") or f"after {timeout:.0f} s: {told.get('state')}"
        raise errors.ParametersRefused(
            f"the parameter context {context.name!r} was not updated: {why}",
            "See the parameters and what uses them in NiFi",
        )


def setting(context: Context, name: str, value: str) -> dict[str, Any]:
    """The change that gives a parameter of the context a value."""
    known = {each.name: each for each in context.parameters}
    if name not in known:
        raise errors.UnknownParameter(
            f"the parameter context {context.name!r} has no parameter {name!r}",
            errors.suggestion(name, known),
            near=errors.nearest(name, known),
        )
    return {**_same(known[name]), "value": value}


def restoring(old: Parameter) -> dict[str, Any]:
    """The change that gives a parameter back what it was; a sensitive one can't be."""
    if old.inherited:  # set here, it hid what it inherits
        return {"name": old.name}
    if old.value is None:
        return {**_same(old), "valueRemoved": True}
    return {**_same(old), "value": old.value}


def _same(parameter: Parameter) -> dict[str, Any]:
    # without `sensitive`, NiFi takes it for a change of that
    kept: dict[str, Any] = {"name": parameter.name, "sensitive": parameter.sensitive}
    return kept if parameter.description is None else {**kept, "description": parameter.description}
