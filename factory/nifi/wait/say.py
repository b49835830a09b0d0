"""The sentences of verdicts: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from factory.amounts import counted, size
from factory.nifi.model import Bulletin
from factory.nifi.wait.rules import MOST, Rules
from factory.nifi.wait.sample import Missed, Sample
from factory.nifi.wait.state import State
from factory.nifi.wait.verdict import Verdict


def succeeded(rules: Rules, state: State, now: float) -> Verdict:
    """Done."""
    if state.always_on:
        return Verdict(
            True,
            "succeeded",
            f"what was handed over is through after {_span(now - state.started)}: at "
            f"{rules.idle_polls} looks in a row nothing that old was in the group{_warned(state)}",
        )
    return Verdict(
        True,
        "succeeded",
        f"the flow is done after {_span(now - state.started)}: at {rules.idle_polls} looks in a "
        f"row its queues were empty and nothing ran; {_out(state)}{_warned(state)}",
    )


def no_activity(rules: Rules, state: State) -> Verdict:
    """Nothing came."""
    what = f"the flow runs, and in {_span(rules.grace)} nothing came from its source"
    if rules.no_activity == "succeed":
        return Verdict(True, "no_activity", f"{what}; there was nothing to do{_warned(state)}")
    return Verdict(
        False,
        "no_activity",
        f"{what}. Look at the source's schedule and its bulletins in NiFi; where an empty source "
        f"is right, say `no_activity: succeed`; where it is slow, raise the grace time"
        f"{_warned(state)}",
    )


def bulletin(found: Sequence[Bulletin]) -> Verdict:
    """NiFi says that something went wrong."""
    first = found[0]
    more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
    return Verdict(
        False,
        "bulletin",
        f"{first.source or 'NiFi'} reports {first.level}: {first.message[:MOST]}{more}. Correct "
        "the flow or what it reaches; `bulletins: warn` goes on all the same",
    )


def invalid(sample: Sample) -> Verdict:
    """A processor turned invalid while the flow ran."""
    return Verdict(
        False,
        "invalid",
        f"{counted(sample.invalid, 'component')} of the flow turned invalid while it ran"
        f"{_detail(sample)}. Correct it in NiFi, then run again",
    )


def stopped(state: State, sample: Sample) -> Verdict:
    """Someone stopped a processor."""
    return Verdict(
        False,
        "stopped",
        f"only {sample.running} of {state.expected} components still run: somebody stopped the "
        f"others{_detail(sample)}. Run again when the flow may run",
    )


def not_started(state: State, sample: Sample, rules: Rules) -> Verdict:
    """Not everything came up."""
    since = "the start" if state.starting == state.started else "NiFi came back"
    return Verdict(
        False,
        "not_started",
        f"only {sample.running} of {state.expected} components run "
        f"{_span(rules.start_timeout)} after {since}{_detail(sample)}. See their bulletins in "
        "NiFi, and whether the user may operate them",
    )


def failure_connection(sample: Sample) -> Verdict:
    """Flow files failed."""
    listed = ", ".join(f"{number} in {label}" for label, number in sample.left)
    return Verdict(
        False,
        "failure_connection",
        f"the flow is done, and flow files failed: {listed}. They are still there: look at them "
        "in NiFi (list queue), then empty the connection",
    )


def too_little(rules: Rules, state: State) -> Verdict:
    """Empty queues, and nothing delivered."""
    wanted = [
        f"{least} {what}"
        for least, what in (
            (rules.min_flow_files_out, "flow files"),
            (rules.min_bytes_out, "bytes"),
        )
        if least
    ]
    return Verdict(
        False,
        "too_little",
        f"the flow emptied its queues and delivered too little: {_out(state)}, expected at least "
        f"{' and '.join(wanted)}. A relationship of a failure may be auto-terminated: connect it, "
        "and name it in `failure_connections`",
    )


def stalled(rules: Rules, state: State, sample: Sample) -> Verdict:
    """The queue is stuck."""
    listed = ", ".join(f"{number} in {label}" for label, number in sample.left)
    return Verdict(
        False,
        "stalled",
        f"{counted(state.queued, 'flow file')} ({size(state.queued_bytes)}) did not move for "
        f"{_span(rules.stall_timeout or 0)} and nothing ran"
        f"{f'; of them {listed}' if listed else ''}. In NiFi, see what the next processor waits "
        "for: back-pressure further on, a penalty, a schedule, a service",
    )


def unreachable(rules: Rules, missed: Missed) -> Verdict:
    """NiFi is gone."""
    return Verdict(
        False,
        "unreachable",
        f"NiFi did not answer for {_span(rules.unreachable_timeout)}: {missed.reason}. Nobody "
        "knows whether the flow still runs: look when NiFi is back",
    )


def timeout(rules: Rules, state: State, now: float) -> Verdict:
    """It takes too long."""
    endless = _BUSY if state.always_on else _ENDLESS
    return Verdict(
        False,
        "timeout",
        f"the flow was not done in {_span(rules.timeout)}: {progress(state)}. "
        f"{_hang(rules, state, now) or endless}; else raise the time-out",
    )


_ENDLESS = "A source that never ends must be stopped first or run once (`source`)"

_BUSY = (
    "NiFi lists a hundred flow files of a queue, and none that a processor has in hand: of a flow "
    "that is never at rest the end is not seen. Let it tell its end itself, and `wait` for that"
)


def _hang(rules: Rules, state: State, now: float) -> str:
    """A thread may work for long on one flow file; so it is told at the end only."""
    still = now - state.moved
    runs = state.threads and state.missed is None
    if not runs or still < (rules.stall_timeout or rules.timeout):
        return ""
    return (
        f"For {_span(still)} threads ran without moving a flow file: in NiFi, see what the "
        "processors with active threads wait for, such as a server that does not answer"
    )


def progress(state: State) -> str:
    """One line for the log."""
    if state.missed is not None:
        return "NiFi does not answer"
    if state.always_on:
        return (
            f"{state.phase}: {counted(state.queued, 'flow file')} ({size(state.queued_bytes)}) as "
            "old as what was handed over, or in hand, are in the group"
        )
    return (
        f"{state.phase}: {counted(state.queued, 'flow file')} queued "
        f"({size(state.queued_bytes)}), {counted(state.threads, 'thread')}; {_out(state)}"
    )


def _out(state: State) -> str:
    sums = state.totals.sums
    least = "" if state.totals.exact else "at least "
    return (
        f"{least}{counted(sums.flow_files_in, 'flow file')} in, "
        f"{sums.flow_files_out:,} out ({size(sums.bytes_out)})"
    )


def _warned(state: State) -> str:
    if not state.warnings:
        return ""
    return f"; {counted(state.warnings, 'bulletin')}, the last: {state.last_warning}"


def _detail(sample: Sample) -> str:
    return f": {sample.detail}" if sample.detail else ""


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
