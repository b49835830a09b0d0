"""`factory verify`: try what is promised of a warehouse, on one that a connection names."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TextIO

from factory.amounts import counted, spent
from factory.cli import terminal
from factory.definitions.warehouses import Capabilities
from factory.diagnostics import did_you_mean, one_of, printable
from factory.ends.targets import BUILT_IN
from factory.errors import UsageError, words
from factory.fields import word_of

if TYPE_CHECKING:
    from factory.in_airflow.verify.bench import Bench
    from factory.lint.reporters import Paint

HELP = """\
It makes tables of names of its own in the schema, loads a few rows in each way, reads them
back, and drops all that it made, whatever happens. What is there stays as it is; the loads'
own tables (_factory_loads, …) are made where they are missing, and stay. The connection is
read from AIRFLOW_CONN_….

exit code: 0 when all holds, 1 when something does not.

for example:
  factory verify postgres --conn-id warehouse --schema scratch
  factory verify bigquery --conn-id google --schema scratch --option via=gs://bucket/tmp/
"""
_LONGEST = 160


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("warehouse", help=f"its type as a target: {one_of([*known()])}")
    parser.add_argument("--conn-id", required=True, metavar="ID", help="its Airflow connection")
    parser.add_argument(
        "--schema", "--dataset", metavar="NAME", help="where tables may be made (default: its own)"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another field of the target, such as via=gs://bucket/tmp/",
    )
    parser.add_argument("--stage", default="", metavar="URI", help="where files wait")


def known() -> dict[str, Capabilities]:
    """The warehouses that may be verified, by their words."""
    found = {word_of(target): target.takes.holds for target in BUILT_IN}
    return {word: holds for word, holds in found.items() if isinstance(holds, Capabilities)}


def _knows_files(word: str) -> bool:
    """Whether the target of this word is asked which files are in a table."""
    return any(target.takes.ledger for target in BUILT_IN if word_of(target) == word)


def run(args: Namespace) -> int:
    """Try each promise; 1 when one does not hold."""
    from factory.cli.quiet import quiet
    from factory.in_airflow import run as real
    from factory.in_airflow.hiding import redacted

    can, options = _chosen(args.warehouse), dict(map(_option, args.option))
    log = real.cache() / "logs" / "verify.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch(mode=0o600)
    log.write_bytes(b"")
    with ExitStack() as stack:
        stack.enter_context(real.terminable())
        folder = stack.enter_context(TemporaryDirectory(prefix="factory-verify-"))
        out = stack.enter_context(quiet(log, redacted))
        paint = terminal.painter("auto", out)
        os.environ.pop("AIRFLOW_HOME", None)  # its own, where nothing is left
        stack.enter_context(real.airflow_home(log))
        bench = _bench(args, can, options, Path(folder))
        broken = _tried(bench, can, out, paint)
        said = f"{broken} did not hold; the whole log: {log}" if broken else "all of it holds"
        print(f"\n{paint('error' if broken else 'good', said)}", file=out)
    return 1 if broken else 0


def _chosen(word: str) -> Capabilities:
    if word not in (there := known()):
        hint = did_you_mean(word, there) or f"there is {one_of([*there])}"
        raise UsageError(f"there is no warehouse {word!r}", hint)
    return there[word]


def _option(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(f"{text!r} is no option", "write it as KEY=VALUE")
    return key, value


def _bench(args: Namespace, can: Capabilities, options: Mapping[str, Any], folder: Path) -> Bench:
    from factory.in_airflow.verify.bench import Bench, Place

    schema = args.schema if args.schema is not None else can.default_schema
    return Bench(Place(args.warehouse, args.conn_id, schema, options, args.stage), folder)


def _tried(bench: Bench, can: Capabilities, out: TextIO, paint: Paint) -> int:
    """Try all, and drop all; how many do not hold."""
    from factory.in_airflow.verify import promises

    place = bench.place
    where = f"{place.conn_id}, schema {place.schema}" if place.schema else place.conn_id
    print(f"{paint('strong', can.name)} at {where}", file=out, flush=True)
    if not _holds("it can be reached", partial(_reached, bench), out, paint):
        return 1
    broken = 0
    try:
        for said, holds in promises.of(can.modes, knows_files=_knows_files(place.word)):
            broken += not _holds(said, partial(holds, bench), out, paint)
    finally:
        broken += not _holds("what was made is dropped", partial(_dropped, bench), out, paint)
    return broken


def _holds(said: str, tried: Callable[[], str], out: TextIO, paint: Paint) -> bool:
    """Whether a promise holds, and a line about it."""
    from factory.in_airflow.hiding import redacted

    started = time.monotonic()
    try:
        found, good = tried(), True
    except Exception as error:  # whatever a driver or a server says, the next is tried
        found, good = words(error, 2000), False
    seconds = spent(time.monotonic() - started)
    mark = paint("good", "✓") if good else paint("error", "✗")
    shown = printable(redacted(found))
    if good and len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]}…"
    print(f"  {mark} {said} ({seconds})\n      {shown}", file=out, flush=True)
    return good


def _reached(bench: Bench) -> str:
    from factory.in_airflow.verify.clean import reached

    return reached(bench.place.conn_id)


def _dropped(bench: Bench) -> str:
    from factory.in_airflow.verify.bench import Failed
    from factory.in_airflow.verify.clean import drop

    if left := drop(bench.place.conn_id, bench.tables):
        raise Failed(f"drop them yourself: {', '.join(left)}")
    return counted(len(bench.tables), "table")
