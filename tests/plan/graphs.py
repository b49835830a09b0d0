"""Small pipelines by chance: conditions, rules that wait, teardowns."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

RULES = ("none_failed_min_one_success", "none_failed")


def graph(
    chance: random.Random,
    runs: Sequence[str] = ("x",),
    conditions: Sequence[str] = ("{{ params }}",),
) -> Iterator[str]:
    """The tasks of one, as lines of its file; each runs one of `runs`."""
    count = chance.randint(3, 8)
    for number in range(count):
        needs = chance.sample(range(number), min(number, chance.choice([0, 1, 1, 2, 2, 3])))
        said = [f"id: t{number}", f"run: {chance.choice(runs)}"]
        if needs:
            said.append(f"needs: [{', '.join(f't{need}' for need in sorted(needs))}]")
        if chance.random() < 0.3:
            said.append(f"if: '{chance.choice(conditions)}'")
        # what needs a setup directly takes no rule
        if 0 not in needs and needs and chance.random() < 0.15:
            said.append(f"trigger_rule: {chance.choice(RULES)}")
        yield f"  - {{{', '.join(said)}}}"
    if count > 3 and chance.random() < 0.4:
        run = chance.choice(runs)
        yield f"  - {{id: t{count}, needs: t0, run: {run}}}"
        ended = chance.choice(["t0", "t0", "[t0, other]"])
        if ended != "t0":
            yield f"  - {{id: other, run: {run}}}"
            yield f"  - {{id: work, needs: other, run: {run}}}"
        yield f"  - {{id: end, teardown_for: {ended}, run: {run}{', needs: side' * (count % 2)}}}"
        if count % 2:
            yield f"  - {{id: side, run: {run}}}"
        if chance.random() < 0.5:
            yield f"  - {{id: behind, needs: [end], run: {run}}}"
