"""Short ways to write what looks find, and a wait that is told them all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from factory.nifi.model import Bulletin, Counters, Load
from factory.nifi.wait import Missed, Rules, Sample, State, Verdict, step
from factory.nifi.wait.state import first

EXPECTED = 4
MISSED = Missed("refused")


def at(queued: int = 0, threads: int = 0, moved: int = 0, out: int = 0, **options: Any) -> Sample:
    counters = Counters(flow_files_moved=moved, flow_files_out=out, bytes_out=out * 10)
    load = Load(queued, queued * 10, threads, 0, counters)
    return Sample(**{"running": EXPECTED, "invalid": 0, "load": load, **options})


def bulletin(number: int, message: str = "no space left", level: str = "ERROR") -> Bulletin:
    return Bulletin(number, level, message, source="Put")


def begin(**options: Any) -> State:
    given: dict[str, Any] = {"counters": Counters(), "marks": {}, "expected": EXPECTED, **options}
    return first(now=0.0, **given)


def wait(
    samples: Sequence[Sample | Missed],
    rules: Rules,
    state: State | None = None,
    *,
    through_json: bool = False,
) -> tuple[list[State], Verdict | None]:
    """Looks at a poll interval each; the states after each, and the verdict if there is one."""
    current = state or begin()
    states = []
    for number, sample in enumerate(samples, 1):
        if through_json:
            current = State.from_dict(json.loads(json.dumps(current.to_dict())))
        current, verdict = step(
            rules, current, sample, current.started + number * rules.poll_interval
        )
        states.append(current)
        if verdict:
            return states, verdict
    return states, None
