"""Tables of looks, and how the wait ends; one look every 10 seconds."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from factory.nifi.model import Counters
from factory.nifi.wait import Missed, Rules, Sample, State
from factory.nifi.wait.state import first
from tests.nifi.wait.looks import EXPECTED, MISSED, at, begin, bulletin, wait

RULES = Rules(
    poll_interval=10,
    grace=50,
    stall_timeout=60,
    timeout=1000,
    unreachable_timeout=60,
    start_timeout=30,
)
WORK = [at(threads=1), at(queued=2, threads=1, moved=2, out=0), at(moved=3, out=2)]
REST = at(moved=3, out=2)

_AWAY_AGAIN: list[Sample | Missed] = [*[MISSED] * 5, at(queued=1, moved=3)]

Looks = Sequence[Sample | Missed]

ENDS: dict[str, tuple[Looks, str | None]] = {
    "work, then three looks at rest": ([*WORK, REST, REST, REST], "succeeded"),
    "only two looks at rest since the last rise": ([*WORK, REST, REST], None),
    "a queue between the looks at rest": ([*WORK, REST, REST, at(queued=1, moved=3), REST], None),
    "a thread between the looks at rest": ([*WORK, REST, REST, at(threads=1, moved=3), REST], None),
    "short tasks between looks: only the counters rise": (
        [at(moved=number) for number in range(1, 9)],
        None,
    ),
    "a window that falls is no work": (
        [*WORK, at(moved=2, out=2), at(moved=1, out=1), at()],
        "succeeded",
    ),
    "nothing at all": ([at()] * 4, None),
    "nothing at all until the grace time": ([at()] * 5, "no_activity"),
    "a source that works longer than the grace time": ([at(threads=1)] * 9, None),
    "one thread at the first look is a processor that starts": (
        [at(threads=1), *[at()] * 4],
        "no_activity",
    ),
    "all work done before the first look": ([at(moved=9)] * 4, "succeeded"),
    "not everything runs yet": ([at(running=3)] * 2, None),
    "not everything runs after the start time": ([at(running=3)] * 3, "not_started"),
    "a processor is stopped": ([at(queued=1), *[at(queued=1, running=3)] * 2], "stopped"),
    "a processor restarts": (
        [at(queued=1), at(queued=1, running=3), at(queued=1), at(queued=1, running=3)],
        None,
    ),
    "a processor turns invalid": (
        [at(queued=1), *[at(queued=1, running=3, invalid=1)] * 2],
        "invalid",
    ),
    "done while something does not run": ([*WORK, REST, REST, at(running=3, moved=3)], None),
    "an error": ([at(queued=1, bulletins=(bulletin(0),))], "bulletin"),
    "an error right after the start": ([at(running=3, bulletins=(bulletin(0),))], "bulletin"),
    "a warning": ([at(queued=1, bulletins=(bulletin(0, level="WARNING"),))], None),
    "a failed flow file": (
        [*WORK, *[at(queued=1, moved=3, left=(("failed", 1),))] * 3],
        "failure_connection",
    ),
    "a failed flow file while others work": (
        [*WORK, *[at(queued=2, moved=3, left=(("failed", 1),))] * 3],
        None,
    ),
    "a queue that is stuck": ([at(queued=5)] * 7, "stalled"),
    "a queue that is slow": ([at(queued=9 - number) for number in range(9)], None),
    "a queue that is stuck while a thread works": ([at(queued=5, threads=1)] * 20, None),
    "back-pressure: full, and drained one by one": (
        [at(queued=100, moved=number) for number in range(20)],
        None,
    ),
    "a source that never ends": ([at(queued=1, moved=number) for number in range(100)], "timeout"),
    "NiFi is away for a moment": ([*WORK, MISSED, MISSED, REST, REST, REST], "succeeded"),
    "looks before NiFi was away do not count": ([*WORK, REST, REST, MISSED, REST, REST], None),
    "NiFi is away for too long": ([*WORK, *[MISSED] * 7], "unreachable"),
    "NiFi is away again and again": ([*WORK, *_AWAY_AGAIN * 6], None),
    "NiFi comes back and starts the flow": (
        [*WORK, MISSED, at(running=0), at(running=2), at(), at(), at()],
        "succeeded",
    ),
    "NiFi comes back and does not start the flow": (
        [*WORK, MISSED, *[at(running=0)] * 4],
        "not_started",
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_ends(name: str) -> None:
    looks, word = ENDS[name]
    states, verdict = wait(looks, RULES)
    assert (verdict.word if verdict else None) == word
    assert len(states) == len(looks)


@pytest.mark.parametrize("name", ENDS)
def test_goes_on_in_another_process(name: str) -> None:
    looks, _ = ENDS[name]
    assert wait(looks, RULES) == wait(looks, RULES, through_json=True)


def test_who_did_not_start_the_flow_is_told() -> None:
    looks, _ = ENDS["NiFi comes back and does not start the flow"]
    _, verdict = wait(looks, RULES)
    assert verdict
    assert "only 0 of 4 components run 0:00:30 after NiFi came back" in verdict.message


def test_phases() -> None:
    looks = [at(running=1), at(), *WORK, REST]
    states, _ = wait(looks, RULES)
    phases = " ".join(each.phase for each in states)
    assert phases == "starting waiting waiting active active idle"


def test_no_activity_may_be_right() -> None:
    rules = Rules(poll_interval=10, grace=20, no_activity="succeed")
    _, verdict = wait([at()] * 3, rules)
    assert verdict
    assert verdict.ok
    assert verdict.word == "no_activity"


def test_what_an_earlier_run_left_in_the_window_is_no_activity() -> None:
    before = begin(counters=Counters(flow_files_moved=100))
    _, verdict = wait([at(moved=moved) for moved in (100, 90, 50, 0, 0)], RULES, before)
    assert verdict
    assert verdict.word == "no_activity"


def test_a_rise_from_a_fallen_window_is_activity() -> None:
    before = begin(counters=Counters(flow_files_moved=100))
    _, verdict = wait([at(moved=moved) for moved in (40, 45, 45, 45, 45)], RULES, before)
    assert verdict
    assert verdict.word == "succeeded"


class TestSources:
    rules = Rules(poll_interval=10, source_time=30, timeout=1000, grace=50)

    def test_is_stopped_when_its_time_is_over(self) -> None:
        begun = begin(sources="running")
        looks = [at(queued=1, moved=number) for number in range(1, 6)]
        states, _ = wait(looks, self.rules, begun)
        assert [each.stop_sources for each in states] == [False, False, False, True, True]

    def test_a_pause_of_the_source_is_not_the_end(self) -> None:
        _, verdict = wait([at(moved=1)] * 3, self.rules, begin(sources="running"))
        assert verdict is None

    def test_drains(self) -> None:
        begun = begin(sources="running")
        looks = [*[at(queued=2, moved=2)] * 4, at(queued=1, running=3, sources_stopped=1)]
        looks += [at(running=3)] * 3
        states, verdict = wait(looks, self.rules, begun)
        assert verdict
        assert verdict.word == "succeeded"
        assert states[4].phase == "draining"
        assert not any(each.stop_sources for each in states[4:])


class TestBulletins:
    @pytest.mark.parametrize(("what", "ends"), [("fail", True), ("warn", False), ("ignore", False)])
    def test_what_they_mean(self, what: str, ends: bool) -> None:
        rules = Rules(bulletins=what)  # type: ignore[arg-type]
        states, verdict = wait([at(queued=1, bulletins=(bulletin(7),))], rules)
        assert bool(verdict) == ends
        assert states[-1].warnings == (what != "ignore")

    @pytest.mark.parametrize(
        ("pattern", "level", "ends"),
        [("space", "ERROR", True), ("S3", "ERROR", False), ("", "WARNING", False)],
    )
    def test_which_matter(self, pattern: str, level: str, ends: bool) -> None:
        rules = Rules(bulletin_pattern=pattern)
        _, verdict = wait([at(queued=1, bulletins=(bulletin(7, level=level),))], rules)
        assert bool(verdict) == ends

    def test_a_lower_level(self) -> None:
        rules = Rules(bulletin_level="WARNING")
        _, verdict = wait([at(bulletins=(bulletin(7, level="WARN"),))], rules)
        assert verdict
        assert verdict.message.startswith("Put reports WARN: no space left")

    def test_are_told_at_the_end(self) -> None:
        looks = [at(queued=1, moved=1, bulletins=(bulletin(0),)), *[at(moved=1)] * 3]
        _, verdict = wait(looks, Rules(bulletins="warn"))
        assert verdict
        assert verdict.ok
        assert "1 bulletin, the last: no space left" in verdict.message

    def test_are_seen_once(self) -> None:
        state = begin(marks={"": (4, "")})
        listed = [bulletin(number) for number in (4, 5, 6)]
        assert state.unseen(listed) == tuple(listed[1:])
        (state,), _ = wait([at(bulletins=state.unseen(listed))], Rules(bulletins="warn"), state)
        assert state.unseen(listed) == ()

    def test_ids_begin_anew_with_nifi(self) -> None:
        state = begin(marks={"": (40, "07:00:00 UTC")})
        assert state.unseen([bulletin(0)]) == (bulletin(0),)
        another = replace(bulletin(40), time="07:30:00 UTC")
        assert state.unseen([another]) == (another,)
        assert state.unseen([replace(another, time="07:00:00 UTC")]) == ()

    def test_ids_are_those_of_a_node(self) -> None:
        state = first(
            now=0,
            expected=EXPECTED,
            counters=Counters(),
            marks={"one:8443": (9, ""), "two:8443": (2, "")},
        )
        listed = [replace(bulletin(number), node="two:8443") for number in (2, 3)]
        assert state.unseen(listed) == (listed[1],)


class TestExpectations:
    rules = Rules(poll_interval=10, min_flow_files_out=3)

    def test_too_little(self) -> None:
        _, verdict = wait([*WORK, *[REST] * 3], self.rules)
        assert verdict
        assert not verdict.ok
        assert "delivered too little: 0 flow files in, 2 out" in verdict.message
        assert "expected at least 3 flow files" in verdict.message

    def test_enough(self) -> None:
        _, verdict = wait([*WORK, *[at(moved=3, out=3)] * 4], self.rules)
        assert verdict
        assert verdict.ok

    def test_bytes(self) -> None:
        _, verdict = wait([*WORK, *[REST] * 3], Rules(poll_interval=10, min_bytes_out=21))
        assert verdict
        assert "expected at least 21 bytes" in verdict.message


SENTENCES = {
    "stalled": "5 flow files (50 bytes) did not move for 0:01:00 and nothing ran",
    "failure_connection": "flow files failed: 1 in failed. They are still there",
    "timeout": "the flow was not done in 0:16:40: active: 1 flow file queued",
    "unreachable": "NiFi did not answer for 0:01:00: refused. Nobody knows whether",
    "not_started": "only 3 of 4 components run 0:00:30 after the start",
    "stopped": "only 3 of 4 components still run: somebody stopped the others",
    "invalid": "1 component of the flow turned invalid while it ran",
    "no_activity": "the flow runs, and in 0:00:50 nothing came from its source",
    "succeeded": "at 3 looks in a row its queues were empty and nothing ran",
}


@pytest.mark.parametrize("word", SENTENCES)
def test_sentences(word: str) -> None:
    looks = next(looks for looks, end in ENDS.values() if end == word)
    _, verdict = wait(looks, RULES)
    assert verdict
    assert SENTENCES[word] in verdict.message


def test_threads_that_hang_are_told() -> None:
    _, verdict = wait([at(queued=5, threads=1)] * 100, RULES)
    assert verdict
    assert "1 thread" in verdict.message
    assert "For 0:16:30 threads ran without moving a flow file" in verdict.message
    _, verdict = wait([at(queued=5, threads=1, moved=number) for number in range(100)], RULES)
    assert verdict
    assert "A source that never ends" in verdict.message


def test_a_detail_is_told() -> None:
    looks = [at(queued=1), *[at(queued=1, running=3, detail="'Put' (7) is stopped")] * 2]
    _, verdict = wait(looks, RULES)
    assert verdict
    assert "stopped the others: 'Put' (7) is stopped. Run again" in verdict.message


def test_rules_travel() -> None:
    assert Rules.from_dict(RULES.to_dict()) == RULES


@pytest.mark.parametrize(
    "options", [{"idle_polls": 0}, {"bulletin_level": "BAD"}, {"bulletin_pattern": "("}]
)
def test_rules_that_make_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(Exception, match=r"expected|unterminated"):
        Rules(**options)  # type: ignore[arg-type]


def test_states_travel() -> None:
    states, _ = wait(ENDS["NiFi is away for a moment"][0], RULES)
    for each in states:
        assert State.from_dict(each.to_dict()) == each


class TestLongRuns:
    """Looks that happen to find no queue and no thread, for longer than NiFi's window."""

    def _looks(self, poll: int, done: Callable[[int], int], seconds: int) -> list[Sample]:
        """`done`: how much was moved by a second."""
        return [
            at(moved=done(now) - done(max(now - 300, 0))) for now in range(poll, seconds + 1, poll)
        ]

    @pytest.mark.parametrize("poll", [1, 5, 7, 30])
    def test_a_steady_source_is_never_done(self, poll: int) -> None:
        looks = self._looks(poll, lambda now: 2 * now, 3600)
        _, verdict = wait(looks, replace(RULES, poll_interval=poll, timeout=1e9))
        assert verdict is None

    @pytest.mark.parametrize("poll", [1, 5, 7, 30])
    def test_its_end_is_seen_at_once(self, poll: int) -> None:
        looks = self._looks(poll, lambda now: 2 * min(now, 2400), 3600)
        states, verdict = wait(looks, replace(RULES, poll_interval=poll, timeout=1e9))
        assert verdict
        assert verdict.ok
        assert len(states) <= 2400 // poll + 5
