"""Draw flows on a real NiFi, over its REST API."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from factory_embedded.services.nifi import flows
from factory_embedded.services.nifi.server import Server

STANDARD = "org.apache.nifi.processors.standard."
SOURCE, WORK, PUT = STANDARD + "GenerateFlowFile", STANDARD + "DebugFlow", STANDARD + "PutFile"
NOTE = "org.apache.nifi.processors.attributes.UpdateAttribute"
POOL = "org.apache.nifi.dbcp.DBCPConnectionPool"
_NEW: Mapping[str, Any] = {"version": 0}


@dataclass(frozen=True)
class Group:
    """A process group that a test draws."""

    api: httpx.Client
    id: str
    name: str

    def group(self, name: str) -> Group:
        """A group in it."""
        made = self._make("process-groups", name=name)
        return Group(self.api, made["id"], name)

    def processor(
        self, kind: str, name: str, *ended: str, every: str = "0 sec", **properties: str
    ) -> str:
        """A processor's id. What leaves it on a relationship in `ended` goes nowhere."""
        config = {
            "properties": {key.replace("_", " "): value for key, value in properties.items()},
            "autoTerminatedRelationships": list(ended),
            "schedulingPeriod": every,
        }
        return str(self._make("processors", type=kind, name=name, config=config)["id"])

    def service(self, kind: str, name: str, **properties: str) -> str:
        """A controller service's id; it is disabled."""
        named = {key.replace("_", " "): value for key, value in properties.items()}
        return str(self._make("controller-services", type=kind, name=name, properties=named)["id"])

    def connect(self, source: str, to: str, *relationships: str, full_at: int = 10_000) -> str:
        """A connection's id; without relationships, that of `success`."""
        ends = {
            end: {"id": each, "groupId": self.id, "type": "PROCESSOR"}
            for end, each in (("source", source), ("destination", to))
        }
        named = list(relationships or ["success"])
        made = self._make(
            "connections", selectedRelationships=named, backPressureObjectThreshold=full_at, **ends
        )
        return str(made["id"])

    def run(self, processor_id: str, state: str) -> None:
        """RUNNING, STOPPED, RUN_ONCE or DISABLED."""
        path = f"/processors/{processor_id}"
        body = {"revision": self.get(path)["revision"], "state": state}
        self.api.put(f"{path}/run-status", json=body).raise_for_status()

    def change(self, processor_id: str, **config: Any) -> None:
        """Change its configuration, as a person does."""
        path = f"/processors/{processor_id}"
        body = {
            "revision": {**self.get(path)["revision"], "clientId": str(uuid.uuid4())},
            "component": {"id": processor_id, "config": config},
        }
        self.api.put(path, json=body).raise_for_status()

    def states(self) -> dict[str, str]:
        """Of the processors, by name."""
        told = self.get(f"/process-groups/{self.id}/processors?includeDescendantGroups=true")
        return {
            each["component"]["name"]: each["component"]["state"] for each in told["processors"]
        }

    def load(self) -> dict[str, Any]:
        """What is under way: `flowFilesQueued`, `activeThreadCount` …"""
        told = self.get(f"/flow/process-groups/{self.id}/status")
        snapshot: dict[str, Any] = told["processGroupStatus"]["aggregateSnapshot"]
        return snapshot

    def get(self, path: str) -> Any:
        return self.api.get(path).raise_for_status().json()

    def _make(self, what: str, **component: Any) -> dict[str, Any]:
        place = {"position": {"x": 0.0, "y": 0.0}} if what != "connections" else {}
        made = self.api.post(
            f"/process-groups/{self.id}/{what}",
            json={"revision": _NEW, "component": {**place, **component}},
        )
        assert made.is_success, made.text
        told: dict[str, Any] = made.json()
        return told


@contextmanager
def root(server: Server) -> Iterator[Group]:
    """The root group."""
    with flows.rest(server) as api:
        yield Group(api, "root", "")
