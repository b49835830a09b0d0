"""What a run is asked to do, and what its preflight found; plain data between tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from factory.nifi.model import Context, Counters, Parameter
from factory.nifi.wait.state import Mark, read_marks


@dataclass(frozen=True)
class Job:
    """One group to drive.

    :param group: its id, or its path from the root, such as `Lake/Orders`.
    :param parameters: values for parameters of the group's context, by name.
    :param queue_before: what flow files of an earlier run mean.
    :param services: `enable` the group's controller services, or `leave` them.
    :param source: `run_once`: the processors in `sources` are triggered one time each, after the
        rest has started; `drain`: they are stopped before the end is awaited; `none`: the flow ends
        by itself; `always_on`: the group runs all the time, and is handed work.
    :param failure_connections: that must be empty at the end: ids, names, or `processor/name`.
    """

    group: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    queue_before: Literal["fail", "drop", "accept"] = "fail"
    services: Literal["enable", "leave"] = "enable"
    source: Literal["none", "run_once", "drain", "always_on"] = "none"
    sources: tuple[str, ...] = ()
    failure_connections: tuple[str, ...] = ()


@dataclass(frozen=True)
class Patience:
    """How long steps may take, in seconds."""

    start: float = 60.0
    services: float = 60.0
    validation: float = 15.0
    parameters: float = 120.0
    drop: float = 60.0
    stop: float = 30.0
    terminate: float = 30.0
    look: float = 1.0
    """Between two looks."""


PATIENCE = Patience()


@dataclass(frozen=True)
class Prepared:
    """What the preflight found.

    :param sources: ids, by name.
    :param revisions: of the processors at rest, by id, where some run once: to start the others,
        and to know which have run, for NiFi counts a revision up with each change.
    :param failures: failure connections: (id, label).
    :param context: with the parameters that the run changes, as they were; None without such.
    :param counters: of the last five minutes; `marks`: the last bulletin of each node.
    :param since: of a group that is always on: NiFi's clock before it was handed anything;
        `running`: its components that ran then.
    """

    group_id: str
    name: str
    link: str = ""
    context: Context | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failures: tuple[tuple[str, str], ...] = ()
    counters: Counters = field(default_factory=Counters)
    marks: Mapping[str, Mark] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    since: float = 0.0
    running: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for XCom. No secrets: a sensitive parameter's value is not known."""
        return {**asdict(self), "failures": [list(pair) for pair in self.failures]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Prepared:
        """The opposite of `to_dict`."""
        return cls(
            **{
                **data,
                "failures": tuple((each, label) for each, label in data["failures"]),
                "context": _context(data["context"]),
                "counters": Counters(**data["counters"]),
                "marks": read_marks(data["marks"]),
                "notes": tuple(data["notes"]),
            }
        )


def _context(data: Mapping[str, Any] | None) -> Context | None:
    if data is None:
        return None
    return Context(
        **{**data, "parameters": tuple(Parameter(**each) for each in data["parameters"])}
    )
