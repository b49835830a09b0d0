"""What loading all pipelines costs, against the time that Airflow gives and the memory there is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from factory.in_airflow.doctor.finding import Finding, error, ok, shortened, warning
from factory.in_airflow.doctor.installation import Installation
from factory.in_airflow.doctor.measure import Cost
from factory.in_airflow.doctor.specs import problems
from factory.in_airflow.doctor.storage import remote_executors

_SLOWEST = 10
_MOST = 0.5  # of a limit: a busy machine takes twice as long
_GIB = 1024**3


def check(found: Installation) -> Iterator[Finding]:
    """Load them once, as Airflow does."""
    from airflow.configuration import conf

    from factory.in_airflow.loader import NO_TIME  # imports Airflow

    if found.root is None or not found.outcomes:
        return
    limit = conf.getfloat("core", "dagbag_import_timeout", fallback=30.0)
    whole = conf.getfloat("dag_processor", "dag_file_processor_timeout", fallback=50.0)
    cost, why = _measured(found.root, limit, whole)
    if cost is None:
        yield error(f"loading all pipelines ends its process: {why}", "`factory lint`, then look")
        return
    known = {wrong for outcome in found.outcomes for wrong in problems(outcome)}
    late = [line for line in cost.refused if NO_TIME[0] in line]
    if refused := [line for line in cost.refused if line not in {*known, *late}]:
        yield error(
            f"{len(refused)} pipelines are well written, and cannot be built in this Airflow",
            "Airflow's UI shows the same under pipeline_errors.py",
            shortened(refused),
        )
    yield _imported(cost, limit, late)
    yield _limit("storing them, too,", cost.stored, whole, "[dag_processor]", _PROCESSOR)
    slowest = sorted(cost.pipelines.items(), key=lambda item: -item[1])[:_SLOWEST]
    if slowest:
        lines = [f"{1000 * seconds:8,.0f} ms  {name}" for name, seconds in slowest]
        yield ok("what costs the most (the first of all also pays for what others share)", lines)
    if found.home is not None and not remote_executors():
        yield _memory(cost)


_PROCESSOR = "dag_file_processor_timeout"


def _measured(root: Path, limit: float, whole: float) -> tuple[Cost | None, str]:
    command = [sys.executable, "-m", "factory.in_airflow.doctor.measure", str(root), str(limit)]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=60 + 2 * whole, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return None, f"it was not done after {60 + 2 * whole:.0f} s"
    try:
        return msgspec.json.decode(done.stdout, type=Cost), ""
    except msgspec.DecodeError:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return None, f"exit code {done.returncode}, {''.join(last) or 'nothing was said'}"


def _imported(cost: Cost, limit: float, late: list[str]) -> Finding:
    """In time or not; `late` are those that the loader itself left out, to end before Airflow."""
    if late or not cost.done:
        return error(
            f"loading all pipelines is not done after {limit:.0f} s, where Airflow ends it: what "
            "is left is not there",
            "raise [core] dagbag_import_timeout, or mend what is slow",
            shortened(late),
        )
    return _limit("loading all pipelines", cost.imported, limit, "[core]", "dagbag_import_timeout")


def _limit(what: str, took: float, limit: float, section: str, name: str) -> Finding:
    text = f"{what} takes {took:.1f} s here, and Airflow gives {limit:.0f} s ({name})"
    if limit and took > _MOST * limit:
        return warning(text, f"raise {section} {name}: a busy machine takes longer")
    return ok(text)


def _memory(cost: Cost) -> Finding:
    """Whether as many tasks as may run at once fit beside each other, idle as they are."""
    from airflow.configuration import conf

    tasks = conf.getint("core", "parallelism", fallback=32)
    each, there = cost.memory, memory()
    text = (
        f"up to {tasks} tasks at once (parallelism), each a process of {each / 1024**2:.0f} MiB "
        f"before it does anything: {tasks * each / _GIB:.1f} of {there / _GIB:.1f} GiB, on "
        f"{os.cpu_count()} processors"
    )
    if tasks * each > there:
        return warning(text, "lower [core] parallelism, or give the machine more memory")
    return ok(text)


def memory() -> int:
    """Bytes that this machine, or this container, has."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            limit = Path("/sys/fs/cgroup", name).read_text("ascii").strip()
        except OSError:
            continue
        if limit.isdigit():
            found = min(found, int(limit))
    return found
