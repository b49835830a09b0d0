"""A `nifi` step: how soon it knows that a flow is done, a thousand waits in one process, requests
of a run, imports; against the tests' stand-in for NiFi in a process of its own."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from benchmarks.measure import Line, Side, cost, work
from tests.nifi import certificates, driving, fake

INTERVAL, IDLE_POLLS = 1.0, 3
ENDING = 20
"""Flows that end one after the other within an interval: the worst of them counts."""
MANY = int(os.environ.get("BENCH_WAITS", 1000))  # fewer, to try the part itself
MANY_INTERVAL, MANY_SECONDS = 10.0, 65.0
ROUNDS = 5
EXAMPLE = """
version: 1
schedule: null
tasks:
  - id: move
    uses: nifi
    with:
      conn_id: nifi
      group: Orders
      parameters: {day: "{{ ds }}"}
      source: {type: run_once, processors: [start]}
      failure_connections: [failure]
      expect: {min_flow_files_out: 1}
      wait: {poll_interval: 1s}
"""
"""The step of `orders_to_s3.yaml`."""

_LOADER = Path(__file__).parents[1] / "dags/pipelines.py"
_IMPORTS = """
import json, sys, time
begin = time.perf_counter()
import airflow.sdk
sdk, processor = time.perf_counter(), time.process_time()
import airflow.providers.standard.operators.empty
import factory.in_airflow.operators.nifi.preflight
import factory.in_airflow.operators.nifi.start
import factory.in_airflow.operators.nifi.stop
import factory.in_airflow.operators.nifi.wait
import factory.in_airflow.hooks.nifi
import factory.in_airflow.triggers.nifi
import factory.nifi.client
import factory.nifi.run.hold
import httpx
spent = [sdk - begin, time.perf_counter() - sdk, time.process_time() - processor]
with open(sys.argv[1], "a") as file:
    print(json.dumps(spent), file=file)
"""


def lines(folder: Path) -> Iterator[Line]:
    """Seconds, memory, requests, imports."""
    pem = certificates.write(folder)
    yield _ending(folder, pem)
    yield from _many(folder, pem)
    yield _requests(folder, pem)
    yield _imports(folder)


def _ending(folder: Path, pem: certificates.Files) -> Line:
    bound = (IDLE_POLLS + 1) * INTERVAL + 2
    ends = [3 + number * INTERVAL / ENDING for number in range(ENDING)]
    with standing_in("flows", pem, ends) as nifi:
        waits = {"groups": nifi.given, "interval": INTERVAL, "seconds": 60.0, "ends": True}
        found = nifi.watch("wait", folder, waits)
        seen = nifi.tell()
    took = [found["ended"][each] - moments["empty"] for each, moments in seen.items()]
    return Line(
        name="from the last flow file to the trigger's event, poll interval 1 s",
        value=max(took),
        unit="s",
        bound=bound,
        detail=f"the worst of {ENDING} flows, the best {min(took):.2f}; {IDLE_POLLS} idle polls",
    )


def _many(folder: Path, pem: certificates.Files) -> Iterator[Line]:
    with standing_in("flows", pem, [None] * MANY) as nifi:
        waits = {"groups": nifi.given, "interval": MANY_INTERVAL, "seconds": MANY_SECONDS}
        found = nifi.watch("wait", folder, {**waits, "ends": False})
        seen = nifi.tell()
    # the last is not followed by another, only by the end
    polls = [[*moments["polls"], found["end"]] for moments in seen.values()]
    gaps = [later - earlier for moments in polls for earlier, later in pairwise(moments)]
    yield Line(
        name=f"peak memory of {MANY:,} waits over TLS, above `import airflow.sdk`",
        value=found["megabytes"],
        unit="MB",
        bound=300,
        detail="one process, one event loop",
    )
    between = [later - earlier for each in polls for earlier, later in pairwise(each[:-1])]
    yield Line(
        name="  longest time between two polls of a flow, against the interval",
        value=max(gaps) / MANY_INTERVAL,
        bound=2,
        detail=f"{max(gaps):.1f} s against {MANY_INTERVAL:.0f}, median "
        f"{statistics.median(between):.1f}; {len(gaps):,} polls in {MANY_SECONDS:.0f} s",
    )


def _requests(folder: Path, pem: certificates.Files) -> Line:
    with standing_in("example", pem, []) as nifi:
        nifi.watch("example", folder, {})
        calls = [(method, path) for method, path in nifi.tell()["calls"]]
    rest = driving.without_polls(calls)
    logins = [number for number, (_, path) in enumerate(rest) if path == "/access/token"]
    tasks = [end - begin for begin, end in pairwise([*logins, len(rest)])]
    return Line(
        name="requests of a whole run of the example, without polls",
        value=len(rest),
        unit="",
        bound=20,
        detail=f"in preflight, start, wait, stop: {tasks}; and {len(calls) - len(rest)} polls: is "
        "it set, enabled, valid, running, done, stopped",
    )


def _imports(folder: Path) -> Line:
    told = folder / "imports"
    side = Side(code=_IMPORTS, arguments=(str(told),))
    for _ in range(1 + ROUNDS):
        cost(side, folder)
    rounds = [json.loads(line) for line in told.read_text().splitlines()[1:]]  # the first warms
    sdk, own, processor = (1000 * statistics.median(each) for each in zip(*rounds, strict=True))
    return Line(
        name="import what a worker needs, on top of `import airflow.sdk`",
        value=processor,
        unit="ms",
        bound=120,
        detail=f"processor time; {own:.0f} ms by the clock, on top of {sdk:.0f}",
    )


# the stand-in


@dataclass(frozen=True)
class StandIn:
    """A fake NiFi in another process. `given`: names of groups → ids."""

    url: str
    given: Mapping[str, str]
    process: subprocess.Popen[str]
    authority: str

    def tell(self) -> Any:
        """What it has seen."""
        print(file=_pipe(self.process.stdin), flush=True)
        return json.loads(_pipe(self.process.stdout).readline())

    def watch(self, function: str, folder: Path, arguments: Mapping[str, Any]) -> Any:
        """A function of this module in a fresh process with a connection to it; what it says."""
        login = {"conn_type": "nifi", "login": fake.USER, "password": fake.PASSWORD}
        connection = {**login, "host": self.url, "extra": {"verify": self.authority}}
        task, told = folder / "task.json", folder / "told.json"
        task.write_text(json.dumps({**arguments, "folder": str(folder)}))
        told.unlink(missing_ok=True)
        # what Airflow itself takes is not of the work
        code = f"import airflow.sdk; from benchmarks import nifi; nifi.called(nifi.{function})"
        found = cost(
            Side(
                code=code,
                arguments=(str(task), str(told)),
                env={"AIRFLOW_CONN_NIFI": json.dumps(connection)},
            ),
            folder,
        )
        return {**json.loads(told.read_text()), "megabytes": found.megabytes}


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe
    return pipe


@contextmanager
def standing_in(scene: str, pem: certificates.Files, ends: list[Any]) -> Iterator[StandIn]:
    code = "import sys; from benchmarks import nifi; nifi.serve(*sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, scene, pem.server, json.dumps(ends)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        told = json.loads(_pipe(process.stdout).readline())
        yield StandIn(told["url"], told["groups"], process, pem.authority)
    finally:
        process.terminate()
        process.communicate()


def serve(scene: str, certificate: str, ends: str) -> None:
    """Stand in for NiFi; tell what was seen for each line that comes."""
    with fake.serving(fake.tls(certificate)) as running:
        nifi = running.nifi
        if scene == "example":
            example_flow(nifi)
            flows = {}
        else:
            flows = _flows(nifi, json.loads(ends))
        groups = {each.name: each.id for each in nifi.groups.values()}
        print(json.dumps({"url": running.url, "groups": groups}), flush=True)
        for _ in sys.stdin:
            seen: dict[str, Any] = {name: each.seen() for name, each in flows.items()}
            print(json.dumps(seen or {"calls": nifi.calls}), flush=True)


@dataclass
class Work:
    """What a flow does: flow files until so many seconds after the first look, or for ever."""

    lasts: float | None
    polls: list[float] = field(default_factory=list)

    def __call__(self, _: int, __: float) -> fake.Load:
        self.polls.append(time.time())
        worked = self.polls[-1] - self.polls[0]
        lasts = math.inf if self.lasts is None else self.lasts
        moved = 1 + int(100 * min(worked, lasts))
        busy = worked < lasts
        return fake.Load(queued=busy, threads=busy, moved=moved, received=moved, sent=moved - busy)

    def seen(self) -> dict[str, Any]:
        return {"polls": self.polls, "empty": self.lasts and self.polls[0] + self.lasts}


def _flows(nifi: fake.FakeNiFi, ends: list[float | None]) -> dict[str, Work]:
    """Groups that run already."""
    flows = {f"flow {number}": Work(lasts) for number, lasts in enumerate(ends)}
    for name, flow in flows.items():
        group = nifi.group(name, curve=flow, started=time.monotonic())
        for processor in ("Query", "Put"):
            nifi.processor(group, processor, state="RUNNING")
    return flows


def example_flow(nifi: fake.FakeNiFi) -> None:
    """As `table_to_s3.json` is after it was uploaded."""
    group = nifi.group("Orders", curve=Work(3.0))
    disabled = "'Controller Service' validated against 'x' is invalid: it is disabled"
    nifi.processor(group, "start")
    nifi.processor(group, "read", disabled)
    nifi.processor(group, "name")
    nifi.processor(group, "write")
    for name in ("database", "csv"):
        nifi.service(group, name)
    for source, name, to in (
        ("start", "orders to read", "read"),
        ("read", "rows", "name"),
        ("name", "objects", "write"),
        ("read", "not read", "Funnel"),
        ("write", "not written", "Funnel"),
        ("Funnel", "failure", "Funnel"),
    ):
        nifi.connection(group, source, name, to)
    nifi.parameters(group, ("jdbc_password",), day="2000-01-01", table="t", jdbc_password="x")


# what waits


def called(function: Any) -> None:
    """Run it with what the first argument names, write what it says where the second does."""
    task, told = map(Path, sys.argv[1:])
    with work():
        found = function(json.loads(task.read_text()))
    told.write_text(json.dumps(found))


def wait(task: Mapping[str, Any]) -> dict[str, Any]:
    """Wait as a triggerer does, for all groups at once; when each ended, and when all did."""
    return asyncio.run(_wait(task))


async def _wait(task: Mapping[str, Any]) -> dict[str, Any]:
    from factory.in_airflow.triggers.nifi import NiFiWait

    class Alone(NiFiWait):
        """Without a triggerer, which would keep how far it is."""

        async def _xcom(self, what: str, **arguments: Any) -> Any:
            return None

    ended: dict[str, float] = {}

    async def one(name: str, trigger: Alone) -> None:
        async for event in trigger.run():
            ended[name] = time.time()
            verdict = event.payload.get("verdict", {}).get("word")
            assert verdict == "succeeded", event.payload

    names = [name for name in task["groups"] if name.startswith("flow")]
    waits = [
        asyncio.ensure_future(one(name, Alone(**_given(name, task, time.time())))) for name in names
    ]
    done, running = await asyncio.wait(waits, timeout=task["seconds"])
    end = time.time()
    for each in running:
        each.cancel()
        with suppress(asyncio.CancelledError):
            await each
    for each in done:
        each.result()
    assert len(done) == (len(names) if task["ends"] else 0), f"{len(done)} waits ended"
    return {"ended": ended, "end": end}


def _given(name: str, task: Mapping[str, Any], now: float) -> dict[str, Any]:
    """What the step's `wait` gives to its trigger, of a flow that has just been started."""
    from factory.nifi.job import Prepared
    from factory.nifi.model import Counters
    from factory.nifi.wait import Rules
    from factory.nifi.wait.state import first

    rules = Rules(poll_interval=task["interval"], idle_polls=IDLE_POLLS)
    return {
        "conn_id": "nifi",
        "prepared": Prepared(task["groups"][name], name).to_dict(),
        "rules": rules.to_dict(),
        "state": first(now=now, expected=2, counters=Counters(), marks={}).to_dict(),
        "hold": {},
        "stop": "always",
        "place": {"dag_id": "flows", "run_id": name, "task_id": "move.wait"},
    }


def example(task: Mapping[str, Any]) -> dict[str, Any]:
    """One run of the example by Airflow, all of its tasks in this process."""
    from airflow.utils.db import initdb

    from factory.in_airflow.render import render
    from factory.project import Project

    root, dags = (Path(task["folder"]) / name for name in ("dag_factory_configs", "airflow/dags"))
    for folder in (root, dags):
        folder.mkdir(parents=True)
    (root / "orders.yaml").write_text(EXAMPLE)
    shutil.copy(_LOADER, dags)  # the run needs its DAG in a bundle
    os.environ["FACTORY_CONFIGS"] = str(root)
    initdb()
    run = render(Project(root).plan("orders"), root).test()
    assert str(run.state) == "success", run.state
    return {}
