"""Put a flow definition into a NiFi, ready to be driven."""

from __future__ import annotations

import copy
import json
import ssl
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from factory_embedded.patience import Patience
from factory_embedded.service import ServiceError
from factory_embedded.services.nifi.server import Server

_SECONDS = 60.0
_PAUSE = 0.1


def install(
    server: Server,
    definition: Path,
    name: str,
    *,
    parameters: Mapping[str, str] | None = None,
    parent: str = "root",
) -> str:
    """Upload a flow definition as the process group ``name``, and return the group's id.

    Its parameter context gets the group's name, so that several groups of one definition do not
    share values, and the ``parameters``, secrets among them. Nothing is enabled or started.
    Raises `ServiceError`.
    """
    flow = _named(json.loads(definition.read_text("utf-8")), name)
    with rest(server) as api:
        upload = {
            "groupName": name,
            "positionX": "0",
            "positionY": "0",
            "clientId": str(uuid.uuid4()),
        }
        made = _ok(
            api.post(
                f"/process-groups/{parent}/process-groups/upload",
                data=upload,
                files={"file": (definition.name, json.dumps(flow), "application/json")},
            )
        )
        group = str(made["id"])
        if parameters:
            context = made["component"].get("parameterContext")
            if context is None:
                raise ServiceError(f"{definition} has no parameter context, so no parameters")
            _set_parameters(api, str(context["id"]), parameters, definition)
    return group


@contextmanager
def rest(server: Server) -> Iterator[httpx.Client]:
    """A client of NiFi's REST API that is logged in; paths are below `/nifi-api`."""
    with httpx.Client(
        base_url=f"{server.base_url}/nifi-api",
        verify=ssl.create_default_context(cafile=str(server.ca_file)),
        trust_env=False,
        timeout=60,
    ) as api:
        form = {"username": server.user, "password": server.password}
        answer = api.post("/access/token", data=form)
        if answer.status_code != httpx.codes.CREATED:
            raise ServiceError(f"NiFi refuses the login: {answer.status_code} {answer.text}")
        # the login's cookie would make NiFi ask for a token against forged requests
        api.cookies.clear()
        api.headers["Authorization"] = f"Bearer {answer.text}"
        yield api


def _named(flow: dict[str, Any], name: str) -> dict[str, Any]:
    """The definition, with its one parameter context renamed."""
    flow = copy.deepcopy(flow)
    contexts = flow.get("parameterContexts") or {}
    if len(contexts) == 1:
        ((before, context),) = contexts.items()
        context["name"] = name
        flow["parameterContexts"] = {name: context}
        _rename(flow["flowContents"], before, name)
    return flow


def _rename(group: dict[str, Any], before: str, name: str) -> None:
    if group.get("parameterContextName") == before:
        group["parameterContextName"] = name
    for child in group.get("processGroups", ()):
        _rename(child, before, name)


def _set_parameters(
    api: httpx.Client, context_id: str, values: Mapping[str, str], definition: Path
) -> None:
    context = _ok(api.get(f"/parameter-contexts/{context_id}"))
    known = {
        entry["parameter"]["name"]: entry["parameter"]
        for entry in context["component"]["parameters"]
    }
    if missing := sorted(set(values) - set(known)):
        raise ServiceError(
            f"{definition} has no parameter {missing[0]!r}",
            hint=f"its parameters are {', '.join(sorted(known))}",
        )
    changed = [
        {"parameter": {"name": name, "value": value, "sensitive": known[name]["sensitive"]}}
        for name, value in values.items()
    ]
    base = f"/parameter-contexts/{context_id}/update-requests"
    body = {
        "revision": context["revision"],
        "id": context_id,
        "component": {"id": context_id, "parameters": changed},
    }
    request = _ok(api.post(base, json=body))["request"]
    try:
        patience = Patience(_SECONDS)
        while not request["complete"]:
            if patience.is_over:
                raise ServiceError(f"NiFi has not set the parameters in {patience.waited:.0f} s")
            time.sleep(_PAUSE)
            request = _ok(api.get(f"{base}/{request['requestId']}"))["request"]
        if request.get("failureReason"):
            raise ServiceError(f"NiFi does not set the parameters: {request['failureReason']}")
    finally:
        api.delete(f"{base}/{request['requestId']}")


def _ok(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise ServiceError(f"NiFi answers {asked} with {answer.status_code}: {answer.text}")
    content: dict[str, Any] = answer.json()
    return content
