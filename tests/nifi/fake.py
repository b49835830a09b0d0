"""A stand-in for NiFi 2 that follows recorded facts of the real one, and misbehaves when told to.

It keeps to what was seen: 400 for a wrong password and for a stale revision, the cookie of a login
and the 403 for a change that sends it back, the invalid processor that is left STARTING and starts
by itself, the service that is left ENABLING, 409 for a start while something is STARTING, counts
that include the groups below, bulletins five at a time with ids from 0. What it does with flow
files is a script: `Group.curve` says what a look finds.
"""

from __future__ import annotations

import itertools
import re
import secrets
import ssl
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

from tests.nifi.http_server import Call, HttpServer, Reply

USER, PASSWORD = "labuser", "labpassword-123"
COOKIE = "__Secure-Authorization-Bearer"
NO_KEY_YET = Reply(409, "JSON Web Signature Signer not configured")
"""To a login, for seconds after a 1.18.0 came up; a token of before is taken meanwhile."""


@dataclass(frozen=True)
class Load:
    """What a look finds; counters as NiFi shows them, of the last five minutes."""

    queued: int = 0
    threads: int = 0
    moved: int = 0
    received: int = 0
    sent: int = 0
    bytes_sent: int = 0
    size: int = 100

    def snapshot(self) -> dict[str, Any]:
        return {
            "flowFilesQueued": self.queued,
            "bytesQueued": self.queued * self.size,
            "queuedCount": f"{self.queued:,}",
            "activeThreadCount": self.threads,
            "terminatedThreadCount": 0,
            "statelessActiveThreadCount": 0,
            "flowFilesTransferred": self.moved,
            "bytesTransferred": self.moved * self.size,
            "flowFilesReceived": self.received,
            "bytesReceived": self.received * self.size,
            "flowFilesSent": self.sent,
            "bytesSent": self.bytes_sent or self.sent * self.size,
        }


Curve = Callable[[int, float], Load]
"""(looks since the start, seconds since the start) → what the look finds."""


def by_looks(loads: Sequence[Load]) -> Curve:
    """One after the other; the last one for ever."""
    return lambda looks, _: loads[min(looks, len(loads) - 1)]


def by_time(moments: Sequence[tuple[float, Load]]) -> Curve:
    """Each from its moment on."""
    return lambda _, seconds: [load for when, load in moments if seconds >= when][-1]


WORK = by_looks(
    [
        Load(threads=1),
        Load(queued=3, threads=1, moved=3, received=3),
        Load(queued=1, threads=1, moved=5, received=3, sent=2),
        Load(moved=6, received=3, sent=3),
    ]
)
"""Three flow files come and go."""


@dataclass
class Component:
    """A processor or a service."""

    id: str
    name: str
    group: str
    state: str
    errors: list[str] = field(default_factory=list)
    version: int = 1
    threads: int = 0
    once: int = 0
    kind: str = "processors"
    stuck: bool = False
    """A service that never gets from ENABLING to ENABLED."""
    client: str = ""

    @property
    def revision(self) -> dict[str, Any]:
        client = {"clientId": self.client} if self.client else {}
        return {**client, "version": self.version}

    def is_current(self, revision: Mapping[str, Any]) -> bool:
        """The same client may name an old one."""
        same = bool(self.client) and revision.get("clientId") == self.client
        return same or revision.get("version") == self.version

    def changed(self, revision: Mapping[str, Any] | None = None) -> None:
        self.version += 1
        if revision is not None:
            self.client = revision.get("clientId") or ""


@dataclass
class Connection:
    id: str
    name: str
    source: str
    destination: str
    group: str
    queued: int = 0
    files: list[FlowFile] = field(default_factory=list)
    in_hand: list[int] = field(default_factory=list)
    """How many a processor holds, at one listing after the other; then none."""


@dataclass
class FlowFile:
    """One in a queue, `age` and `waited` in seconds at the listing."""

    age: float
    waited: float = 0.0
    size: int = 10
    attributes: dict[str, str] = field(default_factory=dict)
    uuid: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass
class Group:
    id: str
    name: str
    parent: str
    curve: Curve = WORK
    looks: int = 0
    started: float | None = None
    before: Load = field(default_factory=Load)
    context: str | None = None
    lingering: int = 0
    """Looks after a stop that still find a thread; -1: until it is terminated."""
    readable: bool = True


@dataclass
class Fault:
    """What happens to the next `times` calls that match, instead of or after an answer."""

    method: str
    path: str
    reply: Reply
    times: int = 1
    after: bool = False
    """The call is carried out first, only its answer is changed."""


class FakeNiFi:
    """The state of one NiFi. Tests change it at will between calls."""

    def __init__(self) -> None:
        self.groups: dict[str, Group] = {"root": Group("root", "NiFi Flow", "")}
        self.children: dict[str, list[Group]] = defaultdict(list)
        self.processors: dict[str, Component] = {}
        self.members: dict[str, list[Component]] = defaultdict(list)
        self.services: dict[str, Component] = {}
        self.connections: dict[str, Connection] = {}
        self.contexts: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.bulletins: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.cookies: list[str] = []
        self.faults: list[Fault] = []
        self.user, self.password = USER, PASSWORD
        self.skew = 0.0
        """Seconds that its clock is ahead of ours."""
        self.disconnected = False
        self.forbidden = False
        self.certificate_login = False
        self._ids = itertools.count(1)
        self._bulletin_ids = itertools.count(0)
        self._started = 0.0

    # what tests say

    def group(self, name: str, parent: str = "root", **options: Any) -> Group:
        group = Group(self._id(), name, parent, **options)
        self.groups[group.id] = group
        self.children[parent].append(group)
        return group

    def processor(self, group: Group, name: str, *errors: str, state: str = "STOPPED") -> Component:
        made = Component(self._id(), name, group.id, state, list(errors))
        self.processors[made.id] = made
        self.members[group.id].append(made)
        return made

    def port(self, group: Group, name: str, kind: str = "input-ports") -> Component:
        made = self.processor(group, name)
        made.kind = kind
        return made

    def service(self, group: Group, name: str, *errors: str, state: str = "DISABLED") -> Component:
        made = Component(self._id(), name, group.id, state, list(errors))
        self.services[made.id] = made
        return made

    def connection(self, group: Group, source: str, name: str, to: str) -> Connection:
        made = Connection(self._id(), name, source, to, group.id)
        self.connections[made.id] = made
        return made

    def parameters(self, group: Group, sensitive: Sequence[str] = (), **values: str | None) -> str:
        listed = {
            name: {"name": name, "value": value, "sensitive": name in sensitive}
            for name, value in values.items()
        }
        group.context = self._id()
        self.contexts[group.context] = {"version": 1, "parameters": listed}
        return group.context

    def bulletin(self, group: Group, message: str, level: str = "ERROR", source: str = "") -> None:
        number = next(self._bulletin_ids)
        told = {"id": number, "groupId": group.id, "sourceName": "Put", "level": level}
        told["sourceId"] = source
        told["timestamp"] = time.strftime("%H:%M:%S UTC", time.gmtime(self._started + number))
        entity = {"id": number, "groupId": group.id, "bulletin": {**told, "message": message}}
        self.bulletins.append(entity)

    def fault(
        self, method: str, path: str, reply: Reply, times: int = 1, after: bool = False
    ) -> None:
        self.faults.append(Fault(method, path, reply, times, after))

    def expire_tokens(self) -> None:
        self.tokens.clear()

    def restarted(self) -> None:
        """Tokens, bulletins and counters are gone; flow files and states are kept."""
        self.tokens.clear()
        self.bulletins.clear()
        self._bulletin_ids = itertools.count(0)
        self._started += 3600

    def validate(self, processor: Component) -> None:
        """Correct it. What is STARTING then starts by itself."""
        processor.errors.clear()
        if processor.state == "STARTING":
            processor.state = "RUNNING"

    def count(self, method: str = "", path: str = "") -> int:
        return sum(m.startswith(method) and bool(re.search(path, p)) for m, p in self.calls)

    # what NiFi does

    def handle(self, call: Call) -> Reply:
        path = call.path.removeprefix("/nifi-api")
        self.calls.append((call.method, path))
        if "cookie" in call.headers:
            self.cookies.append(call.headers["cookie"])
        fault = self._fault(call.method, path)
        if fault and not fault.after:
            return fault.reply
        reply = self._refusal(call, path) or self._route(call, path)
        date = formatdate(time.time() + self.skew, usegmt=True)
        return fault.reply if fault else replace(reply, headers={**reply.headers, "Date": date})

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == method and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return None

    def _refusal(self, call: Call, path: str) -> Reply | None:
        if path == "/access/token":
            return None
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens and not self.certificate_login:
            return Reply(401, "Unauthorized")
        change = call.method != "GET"
        if change and COOKIE in call.headers.get("cookie", ""):
            return Reply(403, "<html><h2>HTTP ERROR 403 Forbidden</h2></html>")
        if change and self.forbidden:
            return Reply(403, "Unable to modify the process group. Contact the administrator.")
        if change and self.disconnected and not _acknowledged(call):
            return Reply(
                400,
                "This node is disconnected from its configured cluster. The requested change will "
                "only be allowed if the flag to acknowledge the disconnected node is set.",
            )
        return None

    def _route(self, call: Call, path: str) -> Reply:
        for method, pattern, name in _ROUTES:
            match = re.fullmatch(pattern, path)
            if method == call.method and match:
                try:
                    reply: Reply = getattr(self, name)(call, *match.groups())
                    return reply
                except KeyError as error:
                    return Reply(404, f"Unable to locate component with id {error}.")
        return Reply(404, f"no such resource: {path}")

    def _token(self, call: Call) -> Reply:
        if call.headers.get("content-type") != "application/x-www-form-urlencoded":
            return Reply(415, "Unsupported Media Type")
        form = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        if (form.get("username"), form.get("password")) != (self.user, self.password):
            return Reply(400, "The supplied username and password are not valid.")
        token = secrets.token_hex(16)
        self.tokens.add(token)
        cookie = f"{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"
        return Reply(201, token, {"Set-Cookie": cookie})

    def _about(self, _: Call) -> Reply:
        return Reply(body={"about": {"version": "2.3.0"}})

    def _cluster(self, _: Call) -> Reply:
        joined = {"clustered": True, "connectedToCluster": not self.disconnected}
        return Reply(
            body={"clusterSummary": {**joined, "connectedNodeCount": 2, "totalNodeCount": 3}}
        )

    def _flow(self, _: Call, group_id: str) -> Reply:
        self.groups[group_id]
        listed = [self._entity(each) for each in self.children[group_id]]
        return Reply(body={"processGroupFlow": {"flow": {"processGroups": listed}}})

    def _group(self, _: Call, group_id: str) -> Reply:
        group = self.groups[group_id]
        entity = self._entity(group)
        if group.started is not None:
            group.looks += 1
        return Reply(body=entity)

    def _status(self, call: Call, group_id: str) -> Reply:
        group = self.groups[group_id]
        snapshot = {**self._load(group).snapshot(), "id": group_id}
        if call.params.get("recursive") == "true":
            snapshot |= self._details(group)
        return Reply(body={"processGroupStatus": {"aggregateSnapshot": snapshot}})

    def _list(self, _: Call, connection_id: str) -> Reply:
        connection = self.connections[connection_id]
        in_hand = connection.in_hand.pop(0) if connection.in_hand else 0
        listed = [
            {
                "uuid": each.uuid,
                "size": each.size,
                "lineageDuration": round(each.age * 1000),
                "queuedDuration": round(each.waited * 1000),
            }
            for each in connection.files
        ]
        size = {"objectCount": len(listed) + in_hand, "byteCount": 0}
        number = self._id()
        told = {"id": number, "finished": False, "queueSize": size}
        done = {**told, "finished": True, "flowFileSummaries": listed[:100]}
        self.requests[number] = {"listingRequest": done}
        return Reply(202, body={"listingRequest": told})

    def _flow_file(self, _: Call, connection_id: str, uuid: str) -> Reply:
        found = {each.uuid: each for each in self.connections[connection_id].files}
        return Reply(body={"flowFile": {"uuid": uuid, "attributes": found[uuid].attributes}})

    def _details(self, group: Group) -> dict[str, Any]:
        own = [each for each in self.connections.values() if each.group == group.id]
        below = self.children[group.id]
        return {
            "connectionStatusSnapshots": [
                {"id": each.id, "connectionStatusSnapshot": _connection(each)} for each in own
            ],
            "inputPortStatusSnapshots": self._ports(group, "input-ports"),
            "outputPortStatusSnapshots": self._ports(group, "output-ports"),
            "processGroupStatusSnapshots": [
                {"processGroupStatusSnapshot": {"id": each.id, **self._details(each)}}
                for each in below
            ],
        }

    def _ports(self, group: Group, kind: str) -> list[dict[str, str]]:
        return [{"id": each.id} for each in self.members[group.id] if each.kind == kind]

    def _schedule(self, call: Call, group_id: str) -> Reply:
        group = self.groups[group_id]
        if call.json.get("id") != group_id:
            return Reply(400, "The process group id must equal the id of the request.")
        wanted, chosen = call.json["state"], call.json.get("components")
        runs = ("RUNNING", "RUN_ONCE")
        below = [
            each
            for each in self._below(group)
            # of all, only those that the change concerns are counted up
            if (each.id in chosen if chosen else (each.state in runs) == (wanted == "STOPPED"))
        ]
        for each in below:
            if chosen and not each.is_current(chosen[each.id]):
                return Reply(400, f"[{each.id}] is not the most up-to-date revision.")
        for each in below:
            each.changed(chosen[each.id] if chosen else None)
        if wanted == "RUNNING":
            return self._run(group, below)
        for each in below:
            if each.state in runs:
                each.state = "STOPPED"
        group.before = self._load(group)
        group.started = None
        return Reply(body=call.json)

    def _run(self, group: Group, below: Sequence[Component]) -> Reply:
        trapped = [each for each in below if each.state == "STARTING"]
        if trapped:
            return Reply(
                409,
                f"{trapped[0].id} cannot be started because it is not stopped. Current state is "
                "STARTING",
            )
        for each in below:
            if each.state == "STOPPED":
                each.state = "STARTING" if each.errors else "RUNNING"
        if group.started is None:
            group.started, group.looks = time.monotonic(), 0
        return Reply(body={"id": group.id, "state": "RUNNING"})

    def _processors(self, _: Call, group_id: str) -> Reply:
        all_of_them = self._below(self.groups[group_id])
        below = [each for each in all_of_them if each.kind == "processors"]
        return Reply(body={"processors": [self._processor_entity(each) for each in below]})

    def _processor(self, _: Call, processor_id: str) -> Reply:
        return Reply(body=self._processor_entity(self.processors[processor_id]))

    def _run_status(self, call: Call, processor_id: str) -> Reply:
        processor = self.processors[processor_id]
        revision = call.json.get("revision") or {}
        if not processor.is_current(revision):
            return Reply(
                400,
                f"[{revision.get('version')}, null, {processor_id}] is not the most up-to-date "
                "revision. This component appears to have been modified. Retrieve the most "
                "up-to-date revision and try again.",
            )
        if call.json["state"] == "RUN_ONCE":
            if processor.state != "STOPPED":
                return Reply(409, f"{processor_id} cannot be started because it is not stopped.")
            processor.once += 1
        else:
            processor.state = call.json["state"]
        processor.changed(revision)
        return Reply(body=self._processor_entity(processor))

    def _terminate(self, _: Call, processor_id: str) -> Reply:
        processor = self.processors[processor_id]
        processor.threads = 0
        group: Group | None = self.groups[processor.group]
        while group:
            group.lingering = 0
            group.before = Load(group.before.queued, moved=group.before.moved)
            group = self.groups.get(group.parent)
        return Reply(body=self._processor_entity(processor))

    def _services(self, _: Call, group_id: str) -> Reply:
        ids = {each.id for each in self._groups_below(self.groups[group_id])}
        listed = [
            {**_service_entity(each), "bulletins": self._newest({each.id}, "sourceId")}
            for each in self.services.values()
            if each.group in ids
        ]
        return Reply(body={"controllerServices": listed})

    def _enable(self, call: Call, group_id: str) -> Reply:
        ids = {each.id for each in self._groups_below(self.groups[group_id])}
        for service in self.services.values():
            if service.group in ids and service.state == "DISABLED":
                enabling = service.errors or service.stuck
                service.state = "ENABLING" if enabling else "ENABLED"
        if all(each.state == "ENABLED" for each in self.services.values()):
            for processor in self.processors.values():
                processor.errors = [each for each in processor.errors if "disabled" not in each]
        return Reply(body=call.json)

    def _context(self, _: Call, context_id: str) -> Reply:
        context = self.contexts[context_id]
        listed = [
            {"parameter": {**each, "value": "********" if each["sensitive"] else each["value"]}}
            for each in context["parameters"].values()
        ]
        component = {"id": context_id, "name": "orders", "parameters": listed}
        revision = {"version": context["version"]}
        return Reply(body={"id": context_id, "revision": revision, "component": component})

    def _update(self, call: Call, context_id: str) -> Reply:
        context = self.contexts[context_id]
        if call.json["revision"].get("version") != context["version"]:
            return Reply(400, f"[{context_id}] is not the most up-to-date revision.")
        changes = [each["parameter"] for each in call.json["component"]["parameters"]]
        for each in changes:
            old = context["parameters"].get(each["name"])
            if old and old["sensitive"] and not each.get("sensitive"):
                return Reply(409, "Cannot update Parameters: sensitive to not sensitive")
        context["version"] += 1
        for each in changes:
            _change(context["parameters"], each)
        return self._request("request", {"requestId": self._id(), "complete": False})

    def _drop(self, _: Call, group_id: str) -> Reply:
        group = self.groups[group_id]
        dropped = group.before.queued
        group.before = Load(moved=group.before.moved)
        told = {"id": self._id(), "finished": False, "droppedCount": dropped}
        return Reply(202, self._request("dropRequest", told).body)

    def _request(self, kind: str, told: dict[str, Any]) -> Reply:
        self.requests[told.get("requestId") or told["id"]] = {kind: told}
        return Reply(body={kind: dict(told)})

    def _poll(self, _: Call, __: str, request_id: str) -> Reply:
        """Requests are complete at the first look."""
        told = self.requests[request_id]
        (inner,) = told.values()
        inner.update(complete=True, finished=True)
        return Reply(body=told)

    def _forget(self, _: Call, __: str, request_id: str) -> Reply:
        return Reply(body=self.requests.pop(request_id))

    def _board(self, call: Call) -> Reply:
        pattern = re.compile(call.params.get("groupId", ".*"))
        after = int(call.params.get("after", "-1"))
        found = [
            each
            for each in self.bulletins
            if each["id"] > after and pattern.fullmatch(each["groupId"])
        ]
        return Reply(body={"bulletinBoard": {"bulletins": found}})

    # how things look

    def _entity(self, group: Group) -> dict[str, Any]:
        if not group.readable:
            return {"id": group.id, "permissions": {"canRead": False}, "status": {"name": group.id}}
        below = {each.id for each in self._groups_below(group)}
        context = {"id": group.context} if group.context else None
        component = {"id": group.id, "name": group.name, "parentGroupId": group.parent}
        return {
            "id": group.id,
            "revision": {"version": 1},
            "component": {**component, "parameterContext": context},
            "parameterContext": context,
            "status": {"name": group.name, "aggregateSnapshot": self._load(group).snapshot()},
            "bulletins": self._newest(below, "groupId"),
            **self._counts(group),
        }

    def _newest(self, ids: Collection[str], key: str) -> list[dict[str, Any]]:
        """Those of services come with the services, not with the group."""
        told = [each["bulletin"] for each in self.bulletins]
        found = [
            {**each, "bulletin": each}
            for each in told
            if each[key] in ids and (key == "sourceId" or each["sourceId"] not in self.services)
        ]
        return found[:-6:-1]

    def _counts(self, group: Group) -> dict[str, int]:
        states: Counter[str] = Counter()
        for each in self._below(group):
            if each.state == "RUNNING":
                states["runningCount"] += 1
            elif each.state == "DISABLED":
                states["disabledCount"] += 1
            else:
                states["invalidCount" if each.errors else "stoppedCount"] += 1
        names = ("runningCount", "stoppedCount", "invalidCount", "disabledCount")
        return {name: states[name] for name in names}

    def _load(self, group: Group) -> Load:
        if group.started is None:
            if group.lingering:
                group.lingering -= group.lingering > 0
                return Load(group.before.queued, 2, group.before.moved)
            return Load(group.before.queued, 0, group.before.moved, sent=group.before.sent)
        return group.curve(group.looks, time.monotonic() - group.started)

    def _groups_below(self, group: Group) -> Iterator[Group]:
        yield group
        for each in self.children[group.id]:
            yield from self._groups_below(each)

    def _below(self, group: Group) -> list[Component]:
        return [one for each in self._groups_below(group) for one in self.members[each.id]]

    def _processor_entity(self, each: Component) -> dict[str, Any]:
        lingering = self.groups[each.group].lingering
        component = {
            "name": each.name,
            "parentGroupId": each.group,
            # what is STARTING tells that it is stopped
            "state": "STOPPED" if each.state == "STARTING" else each.state,
            "validationStatus": "INVALID" if each.errors else "VALID",
            "validationErrors": each.errors or None,
        }
        threads = each.threads or (2 if lingering else 0)
        status = {"aggregateSnapshot": {"activeThreadCount": threads}}
        return {"id": each.id, "revision": each.revision, "component": component, "status": status}

    def _id(self) -> str:
        return f"00000000-0000-1000-0000-{next(self._ids):012x}"


def _change(parameters: dict[str, dict[str, Any]], change: Mapping[str, Any]) -> None:
    if set(change) == {"name"}:
        parameters.pop(change["name"], None)
    else:
        value = change.get("value")
        kept = {"name": change["name"], "sensitive": change.get("sensitive", False)}
        parameters[change["name"]] = {**kept, "value": value}


def _connection(each: Connection) -> dict[str, Any]:
    return {
        "id": each.id,
        "groupId": each.group,
        "name": each.name,
        "sourceName": each.source,
        "destinationName": each.destination,
        "flowFilesQueued": each.queued,
        "flowFilesIn": 3,
        "flowFilesOut": 3 - each.queued,
    }


def _service_entity(each: Component) -> dict[str, Any]:
    component = {
        "name": each.name,
        "state": each.state,
        "parentGroupId": each.group,
        "validationErrors": each.errors or None,
    }
    return {"id": each.id, "revision": each.revision, "component": component}


def _acknowledged(call: Call) -> bool:
    if call.method == "DELETE":
        return call.params.get("disconnectedNodeAcknowledged") == "true"
    return call.json.get("disconnectedNodeAcknowledged") is True


_ROUTES = (
    ("POST", "/access/token", "_token"),
    ("GET", "/flow/about", "_about"),
    ("GET", "/flow/cluster/summary", "_cluster"),
    ("GET", "/flow/bulletin-board", "_board"),
    ("GET", "/flow/process-groups/([^/]+)", "_flow"),
    ("PUT", "/flow/process-groups/([^/]+)", "_schedule"),
    ("GET", "/flow/process-groups/([^/]+)/status", "_status"),
    ("GET", "/flow/process-groups/([^/]+)/controller-services", "_services"),
    ("PUT", "/flow/process-groups/([^/]+)/controller-services", "_enable"),
    ("GET", "/process-groups/([^/]+)", "_group"),
    ("GET", "/process-groups/([^/]+)/processors", "_processors"),
    ("POST", "/process-groups/([^/]+)/empty-all-connections-requests", "_drop"),
    ("GET", "/process-groups/([^/]+)/empty-all-connections-requests/([^/]+)", "_poll"),
    ("DELETE", "/process-groups/([^/]+)/empty-all-connections-requests/([^/]+)", "_forget"),
    ("POST", "/flowfile-queues/([^/]+)/listing-requests", "_list"),
    ("GET", "/flowfile-queues/([^/]+)/listing-requests/([^/]+)", "_poll"),
    ("DELETE", "/flowfile-queues/([^/]+)/listing-requests/([^/]+)", "_forget"),
    ("GET", "/flowfile-queues/([^/]+)/flowfiles/([^/]+)", "_flow_file"),
    ("GET", "/processors/([^/]+)", "_processor"),
    ("GET", "/(?:input|output)-ports/([^/]+)", "_processor"),
    ("PUT", "/processors/([^/]+)/run-status", "_run_status"),
    ("DELETE", "/processors/([^/]+)/threads", "_terminate"),
    ("GET", "/parameter-contexts/([^/]+)", "_context"),
    ("POST", "/parameter-contexts/([^/]+)/update-requests", "_update"),
    ("GET", "/parameter-contexts/([^/]+)/update-requests/([^/]+)", "_poll"),
    ("DELETE", "/parameter-contexts/([^/]+)/update-requests/([^/]+)", "_forget"),
)


@dataclass
class Running:
    """A fake that listens."""

    nifi: FakeNiFi
    http: HttpServer

    @property
    def url(self) -> str:
        return self.http.url

    def restart(self) -> None:
        self.http.stop()
        self.nifi.restarted()
        self.http.start()


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Running]:
    """A fake on a free port of the loopback; TLS with a context."""
    nifi = FakeNiFi()
    http = HttpServer(nifi.handle, context)
    http.start()
    try:
        yield Running(nifi, http)
    finally:
        http.end()


def tls(certificate: str, authority: str | None = None) -> ssl.SSLContext:
    """A server's context; with `authority` it wants a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if authority:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
