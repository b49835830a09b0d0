"""Drive the example's flow by hand, over REST."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.patience import until

DEFINITION = Path(__file__).parents[2] / "examples" / "nifi" / "table_to_s3.json"


@dataclass(frozen=True)
class Group:
    """A process group."""

    api: httpx.Client
    id: str

    def services(self, state: str) -> None:
        self._put(f"/flow/process-groups/{self.id}/controller-services", state)
        until(lambda: all(one["state"] == state for one in self._services()))

    def start(self) -> None:
        self._put(f"/flow/process-groups/{self.id}", "RUNNING")

    def start_once(self, source: str) -> None:
        """Start all but the source, which runs once."""
        for one in self._get(f"/process-groups/{self.id}/processors")["processors"]:
            state = "RUN_ONCE" if one["component"]["name"] == source else "RUNNING"
            body = {"revision": one["revision"], "state": state}
            self.api.put(f"/processors/{one['id']}/run-status", json=body).raise_for_status()

    def stop(self) -> None:
        self._put(f"/flow/process-groups/{self.id}", "STOPPED")
        until(lambda: self._snapshot()["activeThreadCount"] == 0)

    def queued(self) -> dict[str, int]:
        """Flow files in each connection, by name."""
        found = self._get(f"/process-groups/{self.id}/connections")["connections"]
        return {
            one["component"]["name"]: one["status"]["aggregateSnapshot"]["flowFilesQueued"]
            for one in found
        }

    def entered(self, name: str) -> int:
        """How many flow files a connection has taken."""
        found = self._get(f"/process-groups/{self.id}/connections")["connections"]
        (one,) = (one for one in found if one["component"]["name"] == name)
        return int(one["status"]["aggregateSnapshot"]["flowFilesIn"])

    def counts(self) -> tuple[int, int, int]:
        """Running, stopped and invalid components."""
        group = self._get(f"/process-groups/{self.id}")
        return group["runningCount"], group["stoppedCount"], group["invalidCount"]

    def bulletins(self) -> list[str]:
        found = self._get(f"/flow/bulletin-board?groupId={self.id}")["bulletinBoard"]["bulletins"]
        return [one["bulletin"]["message"] for one in found]

    def parameters(self) -> dict[str, str | None]:
        context = self._get(f"/process-groups/{self.id}")["component"]["parameterContext"]["id"]
        found = self._get(f"/parameter-contexts/{context}")["component"]["parameters"]
        return {one["parameter"]["name"]: one["parameter"].get("value") for one in found}

    def delete(self) -> None:
        self.stop()
        self.services("DISABLED")
        request = self.api.post(f"/process-groups/{self.id}/empty-all-connections-requests").json()
        drop = f"/process-groups/{self.id}/empty-all-connections-requests/"
        drop += request["dropRequest"]["id"]
        until(lambda: self._get(drop)["dropRequest"]["finished"])
        self.api.delete(drop).raise_for_status()
        version = self._get(f"/process-groups/{self.id}")["revision"]["version"]
        deleted = self.api.delete(f"/process-groups/{self.id}", params={"version": version})
        deleted.raise_for_status()

    def _services(self) -> list[dict[str, Any]]:
        found = self._get(f"/flow/process-groups/{self.id}/controller-services")
        return [one["component"] for one in found["controllerServices"]]

    def _snapshot(self) -> dict[str, Any]:
        status = self._get(f"/flow/process-groups/{self.id}/status")["processGroupStatus"]
        found: dict[str, Any] = status["aggregateSnapshot"]
        return found

    def _get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(path).raise_for_status().json()
        return found

    def _put(self, path: str, state: str) -> None:
        self.api.put(path, json={"id": self.id, "state": state}).raise_for_status()
