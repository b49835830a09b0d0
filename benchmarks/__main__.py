"""Run parts (default: all), print a line for each figure; exit 1 when one is short of its bound."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import benchmarks
from benchmarks.measure import Line

NOT_PARTS = {
    "__main__",
    "measure",
    "specs",
    "hand_written",
    "transfers",
    "trips",
    "plans",
    "objects",
    "gateway",
}


def parts() -> list[str]:
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name for name in found if name not in NOT_PARTS)


def main(arguments: Sequence[str]) -> int:
    known = parts()
    unknown = [name for name in arguments if name not in known]
    if unknown:
        print(f"there is no part {unknown[0]!r}; there is {', '.join(known)}", file=sys.stderr)
        return 2
    short = 0
    for name in arguments or known:
        print(f"{name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
            for line in importlib.import_module(f"benchmarks.{name}").lines(Path(folder)):
                print(_shown(line), flush=True)
                short += not line.holds
    return 1 if short else 0


def _shown(line: Line) -> str:
    verdict = "" if line.bound is None else "ok" if line.holds else "SHORT"
    return f"  {line.name:<62} {line.figure:>16}  {line.bound_text:<8} {verdict:<5}  {line.detail}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
