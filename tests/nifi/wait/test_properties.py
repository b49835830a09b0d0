"""What holds for any looks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.nifi.model import Counters
from factory.nifi.wait import Missed, Rules, Sample
from factory.nifi.wait.window import WINDOW, begin
from tests.nifi.wait.looks import EXPECTED, MISSED, at, bulletin, wait

few = st.integers(0, 2)
samples = st.builds(
    lambda queued, threads, moved, out, missing, invalid, bad, left: at(
        queued=queued,
        threads=threads,
        moved=moved,
        out=out,
        running=EXPECTED - missing,
        invalid=invalid,
        bulletins=(bulletin(bad, level="WARNING"),) if bad else (),
        left=(("failed", min(left, queued)),) if left and queued else (),
    ),
    few,
    few,
    few,
    few,
    st.integers(0, 1),
    st.integers(0, 1),
    few,
    few,
)
looks = st.lists(st.one_of(samples, samples, samples, st.just(MISSED)), max_size=40)
rules = st.builds(
    Rules,
    poll_interval=st.just(10.0),
    idle_polls=st.integers(3, 5),
    grace=st.sampled_from([20.0, 100.0]),
    stall_timeout=st.sampled_from([None, 50.0]),
    timeout=st.just(300.0),
    unreachable_timeout=st.sampled_from([30.0, 1000.0]),
    no_activity=st.sampled_from(["fail", "succeed"]),
)


@given(looks, rules)
@settings(max_examples=300, deadline=None)
def test_success_only_after_looks_in_a_row_that_found_nothing(
    looks: list[Sample | Missed], rules: Rules
) -> None:
    states, verdict = wait(looks, rules)
    if verdict and verdict.ok:
        for look in looks[: len(states)][-rules.idle_polls :]:
            if verdict.word == "succeeded":
                assert isinstance(look, Sample)
                assert (look.load.queued, look.load.threads) == (0, 0)
        if verdict.word == "no_activity":
            seen = [each for each in looks[: len(states)] if isinstance(each, Sample)]
            assert not any(each.load.queued for each in seen)


@given(looks, rules)
@settings(max_examples=300, deadline=None)
def test_another_process_goes_on_the_same(looks: list[Sample | Missed], rules: Rules) -> None:
    assert wait(looks, rules) == wait(looks, rules, through_json=True)


@given(looks, rules)
@settings(max_examples=300, deadline=None)
def test_the_time_out_always_ends_it(looks: list[Sample | Missed], rules: Rules) -> None:
    _, verdict = wait([*looks, *[at(queued=1, threads=1)] * 30], rules)
    assert verdict


@given(st.lists(samples, min_size=1, max_size=20), rules)
@settings(max_examples=200, deadline=None)
def test_a_flow_that_rests_in_the_end_ends(looks: list[Sample], rules: Rules) -> None:
    _, verdict = wait([*looks, *[at()] * 12], rules)
    assert verdict


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9)), min_size=1, max_size=80),
    st.integers(0, 50),
)
@settings(max_examples=300, deadline=None)
def test_totals_never_tell_too_much(events: list[tuple[int, int]], before: int) -> None:
    """A model of NiFi's window: each look comes some seconds after the last, with new work."""
    times, amounts = [-1.0], [before]
    totals = begin(Counters(flow_files_out=before), 0.0)
    now = 0.0
    for seconds, new in events:
        now += seconds
        times.append(now)
        amounts.append(new)
        window = sum(n for t, n in zip(times, amounts, strict=True) if t > now - WINDOW)
        totals = totals.add(Counters(flow_files_out=window), now)
        done = sum(amounts[1:])
        assert totals.sums.flow_files_out <= done
        if totals.exact:
            assert totals.sums.flow_files_out == done
