"""`factory run`: a real run of one pipeline, here and now, in this process."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from factory import intervals
from factory.amounts import counted, spent
from factory.cli import dry_run, given, options, stakes, terminal
from factory.diagnostics import did_you_mean, one_of
from factory.errors import BuildError, FactoryError, SpecError, UsageError
from factory.plan.alerts import without
from factory.plan.outputs import Outputs
from factory.plan.runs import bounds, runs
from factory.review import spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from factory.cli.progress import Failure, Progress
    from factory.in_airflow.failure import Told
    from factory.in_airflow.run import Result
    from factory.lint.reporters import Paint
    from factory.plan.model import Pipeline
    from factory.spec.resolve import Resolved

HELP = """\
Tasks run one after the other, and one that fails is not tried again. Connections are read from
AIRFLOW_CONN_… variables. The run uses an empty Airflow database of its own; set AIRFLOW_HOME
to run with your Airflow's connections, variables and history instead. Alerts are not sent unless
--alerts asks for them. In another environment than dev it says what it will touch.

With --dry-run no task is run, and nothing is written: each statement for BigQuery is sent to be
read by it, which costs nothing, with what the run's templates give. AIRFLOW_HOME is left alone:
connections are those of AIRFLOW_CONN_….

for example:
  factory run yellow_taxi_ingest --date 2024-01-01
  factory run yellow_taxi_ingest --task report
  factory run report --dry-run
  factory run orders --param full=true --param 'tables=["a", "b"]'
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    options.add_dag(parser)
    parser.add_argument(
        "--date",
        metavar="DATE",
        help="a date in what the run is of, such as 2024-01-31 or 2024-01-31T06:00 (default: the "
        "newest that is over, or the pipeline's last)",
    )
    options.with_completer(
        parser.add_argument(
            "--task",
            metavar="ID",
            default="",
            help="only this task or group; the others count as done",
        ),
        _complete_task,
    )
    given.add_argument(parser)
    options.add_root(parser)
    options.add_environment(parser)
    parser.add_argument(
        "--alerts", action="store_true", help="send the pipeline's alerts (default: none is sent)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="run nothing: ask BigQuery how much each statement would read",
    )
    parser.add_argument("--verbose", action="store_true", help="show Airflow's own log, too")


def run(args: Namespace) -> int:
    """Run it; 1 when it fails."""
    from factory.cli.progress import Progress
    from factory.cli.quiet import cleaned, quiet
    from factory.in_airflow import run as real
    from factory.in_airflow.hiding import redacted
    from factory.lint.paths import shown_path

    project = options.project(args)
    spec = options.spec(project, args.dag)
    plan = options.plan(project, spec.dag_id)
    moment, said = _what(plan, args.date)
    _require_task(plan, args.task)
    params = given.values(args.param, plan.params)
    log = _log_file(real.cache(), plan)
    if args.dry_run:
        return dry_run.run(plan, project.root, moment, args.task, params, log)
    with ExitStack() as stack:
        stack.enter_context(real.terminable())
        prints = cleaned(redacted) if args.verbose else quiet(log, redacted)
        out = stack.enter_context(prints)
        paint = terminal.painter("auto", out)
        print(f"{paint('strong', plan.dag_id)} for {said}", file=out, flush=True)
        progress = Progress(out, paint, log, _names(plan))
        with progress, real.airflow_home(log):
            for line in _beforehand(plan, project.environment, args.alerts):
                progress.say(redacted(line))
            told = plan if args.alerts else without(plan)
            where = (project.root, moment, args.task)
            try:
                result = real.run(told, *where, progress.show, params=params)
            except BuildError as error:
                raise SpecError(project.place(spec, _of_step(error))) from error
            for event in result.not_run:
                progress.show(event)
        for failure in progress.failures:
            for line in _why(failure, plan, spec, None if args.verbose else log, paint):
                print(redacted(line), file=out)
        print(f"\n{_summary(result, progress, paint)}", file=out)
        if not args.verbose and (progress.warnings or not result.succeeded):
            print(f"the whole log: {shown_path(log)}", file=out)
    if result.stopped:
        raise result.stopped
    return 0 if result.succeeded else 1


def _names(plan: Pipeline) -> list[str]:
    """What its tasks are called as they run: one of several copies with its number."""
    outputs = Outputs(plan)
    copied = {one.id for one in plan.tasks if one.id in outputs.mapped or outputs.around(one.id)}
    return [f"{task.id}[0]" if task.id in copied else task.id for task in plan.tasks]


def _beforehand(plan: Pipeline, environment: str, alerts: bool) -> Iterator[str]:
    from factory.diagnostics import printable
    from factory.in_airflow.failure import address_of

    yield from map(printable, stakes.lines(plan, environment, address_of))
    if said := stakes.alerts(plan, alerts):
        yield f"  {printable(said)}"


def _of_step(error: BuildError) -> BuildError:
    said = f"step {error.step!r}: {error.message}" if error.step else error.message
    return BuildError(error.step, error.part, said, error.hint, at_key=error.at_key)


def _what(plan: Pipeline, chosen: str | None) -> tuple[str, str]:
    """The logical date (ISO, with its zone), and what the run is of, in words.

    :raises UsageError: it is no date, or the pipeline has no runs then.
    """
    moment, its = _moment(plan, chosen), runs(plan)
    if its is None:
        _require_bounds(plan, moment, chosen)
        return moment.isoformat(), moment.isoformat()
    interval = its.holding(moment, datetime.now(moment.tzinfo))
    start = interval.start.astimezone(moment.tzinfo)
    _require_bounds(plan, start, chosen)
    return start.isoformat(), spans.said(its, interval)


def _moment(plan: Pipeline, chosen: str | None) -> datetime:
    zone = ZoneInfo(plan.timezone)
    _, last = bounds(plan)
    now = datetime.now(zone)
    if chosen is None:
        today = now if plan.covers != "none" else now.replace(hour=0, minute=0, second=0)
        return min(today.replace(microsecond=0), last) if last else today.replace(microsecond=0)
    try:
        moment = intervals.moment(chosen, plan.timezone)
    except ValueError:
        raise UsageError(
            f"{chosen!r} is not a date", "write it as 2024-01-31 or 2024-01-31T06:00"
        ) from None
    if moment > now:
        raise UsageError(f"{moment:%Y-%m-%d %H:%M} is in the future: Airflow would wait for it")
    return moment.astimezone(zone)


def _require_bounds(plan: Pipeline, date: datetime, chosen: str | None) -> None:
    """Airflow starts no task of a run whose date is outside."""
    first, last = bounds(plan)
    of = f"{date:%Y-%m-%d %H:%M}, where what {chosen or 'the newest run'} is in begins, is"
    if chosen and intervals.moment(chosen, plan.timezone) == date:
        of = f"{chosen} is"
    if first and date < first:
        raise UsageError(f"{of} before the pipeline's start_date, {plan.start_date}")
    if chosen and last and date > last:
        raise UsageError(f"{of} after the pipeline's end_date, {plan.end_date}")


def _require_task(plan: Pipeline, wanted: str) -> None:
    known = [*(group.id for group in plan.groups), *(task.id for task in plan.tasks)]
    if wanted and wanted not in known:
        raise UsageError(
            f"{plan.dag_id} has no task {wanted!r}",
            did_you_mean(wanted, known) or f"there is {one_of(known)}",
        )


def _log_file(cache: Path, plan: Pipeline) -> Path:
    """The log of the last run of a DAG."""
    log = cache / "logs" / f"{plan.dag_id}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch(mode=0o600)
        log.write_bytes(b"")
    except OSError as error:
        raise FactoryError(
            f"{log} cannot be written: {error.strerror}", "set XDG_CACHE_HOME to another folder"
        ) from None
    return log


def _why(
    failure: Failure, plan: Pipeline, spec: Resolved, log: Path | None, paint: Paint
) -> Iterator[str]:
    """A task's own error: what happened, last output, place, what it means, what to do."""
    from factory.cli import failure as reason
    from factory.diagnostics import printable
    from factory.in_airflow import failure as words
    from factory.in_airflow.hiding import redacted
    from factory.lint.paths import shown_path

    base = spec.document.path.parents[spec.document.name.count("/")]
    every = words.step_lines(spec, plan, failure.task)
    place = words.as_text([(shown_path(base / file), line) for file, line in every])
    said = _said(failure, plan, place)
    # as a whole: a secret may end in a line break
    lines = redacted(said.what).splitlines()
    yield ""
    yield f"{paint('error', f'{failure.task} failed:')} {printable(lines[0])}"
    yield from (f"    {printable(line)}" for line in lines[1:20])
    if code := words.user_code(failure.error):
        module, number, function, source = code
        yield f"  in {function}, {shown_path(Path(module))}:{number}"
        yield f"    {printable(source)}"
    shown = reason.output(log, failure.start) if log else []
    if shown:
        yield f"  {paint('faint', 'its last output:')}"
        yield from (f"    {printable(line)}" for line in shown)
    yield from (f"  {printable(line)}" for line in said.lines())
    if reason.needs_others(failure.error) and "AIRFLOW_HOME" not in os.environ:
        yield f"  {paint('note', 'hint:')} a run here knows no other pipeline: set AIRFLOW_HOME to"
        yield "    run with your own Airflow, or leave this task out with --task"
    if name := words.missing_connection(failure.error):
        address = reason.example_address(plan, failure.task, name)
        yield f"    export AIRFLOW_CONN_{name.upper()}='{address}'"


def _said(failure: Failure, plan: Pipeline, place: str) -> Told:
    """What the task's boundary said; of an operator that has none, what can be told here."""
    from msgspec.structs import replace

    from factory.in_airflow import failure as words

    step = words.step_of(plan, failure.task)
    place += f", step {step}" if step else ""
    known = getattr(failure.error, words.ATTRIBUTE, None)
    if isinstance(known, words.Told):
        return replace(known, place=place)
    named = [each.conn_id for one in plan.steps if one.id == step for each in one.connections]
    return words.told(failure.error, place=place, conn_ids=named)


def _summary(result: Result, progress: Progress, paint: Paint) -> str:
    counts = progress.counts
    words = {"success": "succeeded", "failed": "failed", "stopped": "stopped", "skipped": "skipped"}
    parts = [f"{counts[state]} {word}" for state, word in words.items() if counts[state]]
    if counts["upstream_failed"]:
        parts.append(f"{counts['upstream_failed']} not run")
    if progress.warnings:
        parts.append(counted(progress.warnings, "warning"))
    style, word = ("good", "success") if result.succeeded else ("error", "failed")
    if result.stopped:
        word = "stopped"
    tasks = counted(sum(counts.values()), "task")
    return f"{paint(style, word)} after {spent(progress.seconds)}, {tasks}: {', '.join(parts)}"


def _complete_task(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    plan = options.plan(options.project(parsed_args), parsed_args.dag)
    return [*(group.id for group in plan.groups), *(task.id for task in plan.tasks)]
