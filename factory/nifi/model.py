"""What NiFi tells, as frozen data. Every field that a user may not read has a neutral value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Counters:
    """What a group moved in the last five minutes: a rolling window, so the numbers fall too.

    `in` is what came from outside NiFi or by an input port, `out` what was sent out of NiFi or by
    an output port, `moved` what passed any connection. Sizes are in bytes.
    """

    flow_files_in: int = 0
    bytes_in: int = 0
    flow_files_out: int = 0
    bytes_out: int = 0
    flow_files_moved: int = 0
    bytes_moved: int = 0
    bytes_read: int = 0
    bytes_written: int = 0

    def rose(self, before: Counters) -> bool:
        """Something moved since then, for certain: in the window, only new work adds."""
        return any(
            getattr(self, each.name) > getattr(before, each.name) for each in fields(Counters)
        )


NOTHING = Counters()


@dataclass(frozen=True)
class Load:
    """What is under way in a group and those below."""

    queued: int = 0
    queued_bytes: int = 0
    threads: int = 0
    terminated: int = 0
    counters: Counters = NOTHING


@dataclass(frozen=True)
class Bulletin:
    """One entry of the bulletin board. Ids count up from 0, on each node, since its start.

    `time` is that of the day, such as `07:12:04 UTC`.
    """

    id: int
    level: str
    message: str
    source: str = ""
    source_id: str = ""
    group_id: str = ""
    node: str = ""
    time: str = ""


@dataclass(frozen=True)
class Group:
    """A process group as one look at it tells. Counts and load include the groups below.

    `generation` is 1 or 2, that of NiFi.
    """

    id: str
    name: str
    parent_id: str | None = None
    running: int = 0
    stopped: int = 0
    invalid: int = 0
    disabled: int = 0
    load: Load | None = None
    context_id: str | None = None
    bulletins: tuple[Bulletin, ...] = ()
    readable: bool = True
    generation: int = 2


@dataclass(frozen=True)
class Processor:
    """`state` is RUNNING, STOPPED, DISABLED …; `validation` VALID, INVALID or VALIDATING."""

    id: str
    name: str
    group_id: str
    state: str
    validation: str
    errors: tuple[str, ...]
    threads: int
    revision: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.name!r} ({self.id})"


@dataclass(frozen=True)
class Service:
    """A controller service; `state` is ENABLED, ENABLING, DISABLED, DISABLING.

    `reports` are the messages of its bulletins, newest first; they don't come with its group.
    """

    id: str
    name: str
    group_id: str
    state: str
    errors: tuple[str, ...]
    reports: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name!r} ({self.id})"


@dataclass(frozen=True)
class Connection:
    """A connection and its queue. NiFi names it by its relationships where nobody named it."""

    id: str
    name: str
    group_id: str
    source: str
    destination: str
    queued: int
    queued_bytes: int
    flow_files_in: int
    bytes_in: int
    flow_files_out: int
    bytes_out: int
    percent_full: int

    def __str__(self) -> str:
        return f"{self.source} → {self.destination} ({self.name})"


@dataclass(frozen=True)
class Queued:
    """A flow file in a queue; `began` is the earliest moment at which it, or the oldest that it
    was made of, may have come into NiFi, `came` the latest at which it may have come into this
    queue, in seconds since 1970 by NiFi's clock. `node` is its node of a cluster.
    """

    uuid: str
    size: int
    began: float
    came: float
    penalized: bool = False
    node: str = ""


@dataclass(frozen=True)
class Listing:
    """A queue at one moment. `hidden` are flow files that NiFi counts and does not list: those
    that a processor has in hand, and all but the first hundred.
    """

    files: tuple[Queued, ...]
    hidden: int


@dataclass(frozen=True)
class Parameter:
    """`value` is None where there is none, and for a sensitive one."""

    name: str
    value: str | None
    sensitive: bool
    description: str | None = None
    inherited: bool = False
    provided: bool = False


@dataclass(frozen=True)
class Context:
    """A parameter context."""

    id: str
    name: str
    revision: Mapping[str, Any]
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Cluster:
    """`connected` of `total` nodes; `member` is false when the node asked has left."""

    clustered: bool
    member: bool
    connected: int
    total: int


def group(entity: Mapping[str, Any]) -> Group:
    """From a `ProcessGroupEntity`, alone or in a listing."""
    component = entity.get("component") or {}
    context = entity.get("parameterContext") or component.get("parameterContext") or {}
    snapshot = (entity.get("status") or {}).get("aggregateSnapshot") or {}
    return Group(
        id=entity["id"],
        name=component.get("name") or (entity.get("status") or {}).get("name") or entity["id"],
        parent_id=component.get("parentGroupId"),
        running=entity.get("runningCount") or 0,
        stopped=entity.get("stoppedCount") or 0,
        invalid=entity.get("invalidCount") or 0,
        disabled=entity.get("disabledCount") or 0,
        load=load(snapshot),
        context_id=context.get("id"),
        bulletins=tuple(bulletins(entity.get("bulletins") or ())),
        readable=bool(component),
        generation=2 if "statelessActiveThreadCount" in snapshot else 1,  # 1.x has none
    )


def load(snapshot: Mapping[str, Any] | None) -> Load | None:
    """From an `aggregateSnapshot`; only its integers, its texts are for display."""
    if not snapshot or "flowFilesQueued" not in snapshot:
        return None
    return Load(
        queued=snapshot["flowFilesQueued"],
        queued_bytes=snapshot.get("bytesQueued") or 0,
        threads=_sum(snapshot, "activeThreadCount", "statelessActiveThreadCount"),
        terminated=_sum(snapshot, "terminatedThreadCount"),
        counters=Counters(
            flow_files_in=_sum(snapshot, "flowFilesReceived", "flowFilesIn"),
            bytes_in=_sum(snapshot, "bytesReceived", "bytesIn"),
            flow_files_out=_sum(snapshot, "flowFilesSent", "flowFilesOut"),
            bytes_out=_sum(snapshot, "bytesSent", "bytesOut"),
            flow_files_moved=_sum(snapshot, "flowFilesTransferred"),
            bytes_moved=_sum(snapshot, "bytesTransferred"),
            bytes_read=_sum(snapshot, "bytesRead"),
            bytes_written=_sum(snapshot, "bytesWritten"),
        ),
    )


def bulletins(entities: Any) -> Iterator[Bulletin]:
    """From `BulletinEntity` objects; those that the user may not read are left out."""
    for entity in entities:
        told = entity.get("bulletin")
        if told:
            yield Bulletin(
                id=entity["id"],
                level=(told.get("level") or "").upper(),
                message=told.get("message") or "",
                source=told.get("sourceName") or "",
                source_id=told.get("sourceId") or "",
                group_id=told.get("groupId") or "",
                node=entity.get("nodeAddress") or told.get("nodeAddress") or "",
                time=told.get("timestamp") or "",
            )


def processor(entity: Mapping[str, Any]) -> Processor:
    """From a `ProcessorEntity`."""
    component = entity.get("component") or {}
    status = entity.get("status") or {}
    snapshot = status.get("aggregateSnapshot") or {}
    return Processor(
        id=entity["id"],
        name=component.get("name") or status.get("name") or entity["id"],
        group_id=component.get("parentGroupId") or status.get("groupId") or "",
        state=component.get("state") or (status.get("runStatus") or "").upper(),
        validation=component.get("validationStatus") or "",
        errors=tuple(component.get("validationErrors") or ()),
        threads=_sum(snapshot, "activeThreadCount"),
        revision=entity["revision"],
    )


def service(entity: Mapping[str, Any]) -> Service:
    """From a `ControllerServiceEntity`."""
    component = entity.get("component") or {}
    return Service(
        id=entity["id"],
        name=component.get("name") or entity["id"],
        group_id=component.get("parentGroupId") or entity.get("parentGroupId") or "",
        state=component.get("state") or (entity.get("status") or {}).get("runStatus") or "",
        errors=tuple(component.get("validationErrors") or ()),
        reports=tuple(each.message for each in bulletins(entity.get("bulletins") or ())),
    )


def connections(snapshot: Mapping[str, Any]) -> Iterator[Connection]:
    """All connections of a recursive group status, those of the groups below included."""
    for entity in snapshot.get("connectionStatusSnapshots") or ():
        each = entity.get("connectionStatusSnapshot")
        if each:
            yield _connection(each)
    for entity in snapshot.get("processGroupStatusSnapshots") or ():
        yield from connections(entity.get("processGroupStatusSnapshot") or {})


def context(entity: Mapping[str, Any]) -> Context:
    """From a `ParameterContextEntity`."""
    component = entity.get("component") or {}
    listed = (each["parameter"] for each in component.get("parameters") or ())
    return Context(
        id=entity["id"],
        name=component.get("name") or entity["id"],
        revision=entity["revision"],
        parameters=tuple(_parameter(each) for each in listed),
    )


def cluster(summary: Mapping[str, Any]) -> Cluster:
    """From a `clusterSummary`."""
    return Cluster(
        clustered=bool(summary.get("clustered")),
        member=bool(summary.get("connectedToCluster")),
        connected=summary.get("connectedNodeCount") or 0,
        total=summary.get("totalNodeCount") or 0,
    )


def listing(told: Mapping[str, Any], asked: float, answered: float) -> Listing:
    """From a `listingRequest`, asked for and answered then; NiFi tells ages in milliseconds."""
    files = tuple(
        Queued(
            uuid=each["uuid"],
            size=each.get("size") or 0,
            began=asked - each["lineageDuration"] / 1000,
            came=answered - each["queuedDuration"] / 1000,
            penalized=bool(each.get("penalized")),
            node=each.get("clusterNodeId") or "",
        )
        for each in told.get("flowFileSummaries") or ()
    )
    size = told["queueSize"]["objectCount"]
    return Listing(files, max(size - len(files), 0))


def _connection(each: Mapping[str, Any]) -> Connection:
    return Connection(
        id=each["id"],
        name=each.get("name") or "",
        group_id=each.get("groupId") or "",
        source=each.get("sourceName") or "",
        destination=each.get("destinationName") or "",
        queued=_sum(each, "flowFilesQueued"),
        queued_bytes=_sum(each, "bytesQueued"),
        flow_files_in=_sum(each, "flowFilesIn"),
        bytes_in=_sum(each, "bytesIn"),
        flow_files_out=_sum(each, "flowFilesOut"),
        bytes_out=_sum(each, "bytesOut"),
        percent_full=max(_sum(each, "percentUseCount"), _sum(each, "percentUseBytes")),
    )


def _parameter(each: Mapping[str, Any]) -> Parameter:
    sensitive = bool(each.get("sensitive"))
    return Parameter(
        name=each["name"],
        value=None if sensitive else each.get("value"),
        sensitive=sensitive,
        description=each.get("description"),
        inherited=bool(each.get("inherited")),
        provided=bool(each.get("provided")),
    )


def _sum(snapshot: Mapping[str, Any], *names: str) -> int:
    return sum(snapshot.get(name) or 0 for name in names)
