"""What a run tells those after it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from factory.nifi.calls import groups
from factory.nifi.flow import Flow
from factory.nifi.job import Prepared
from factory.nifi.model import Connection
from factory.nifi.wait.state import State


@dataclass(frozen=True)
class Report:
    """Totals of the run in flow files and bytes; without `exact` they are the least possible.

    `connections`, by label, is what passed each in its last five minutes, and what is left in it.
    """

    seconds: float
    polls: int
    flow_files_in: int
    bytes_in: int
    flow_files_out: int
    bytes_out: int
    exact: bool
    warnings: int
    connections: dict[str, dict[str, int]]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for XCom."""
        return asdict(self)


def report(prepared: Prepared, state: State, now: float) -> Flow[Report]:
    """One request, at the end of the wait."""
    found = yield from groups.connections(prepared.group_id)
    sums = state.totals.sums
    return Report(
        seconds=round(now - state.started, 3),
        polls=state.polls,
        flow_files_in=sums.flow_files_in,
        bytes_in=sums.bytes_in,
        flow_files_out=sums.flow_files_out,
        bytes_out=sums.bytes_out,
        exact=state.totals.exact,
        warnings=state.warnings,
        connections=_by_label(found),
    )


def _by_label(found: tuple[Connection, ...]) -> dict[str, dict[str, int]]:
    labels = [str(each) for each in found]
    return {
        # two of one label are told apart by their ids
        label if labels.count(label) == 1 else f"{label} {each.id}": {
            "flow_files": each.flow_files_out,
            "bytes": each.bytes_out,
            "queued": each.queued,
        }
        for label, each in zip(labels, found, strict=True)
    }
