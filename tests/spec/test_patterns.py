from __future__ import annotations

import contextlib
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.spec.patterns import MAX_DEGREE, Refused, degree
from tests.patience import seconds

FINE = {
    "": 0,
    "a": 0,
    r"^\d{4}-\d{2}-\d{2}$": 0,
    r"^(?:25[0-5]|2[0-4]\d|[01]?\d\d?)(?:\.(?:25[0-5]|2[0-4]\d|[01]?\d\d?)){3}$": 0,
    r"^[0-9a-f]{64}$": 1,
    r"^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$": 1,
    r"^[a-z]+(\.[a-z]+)*$": 1,
    r"^[\w.+-]+@[\w-]+\.[\w.-]+$": 1,
    r"^\s*(\w+)\s*,\s*(\w+)\s*$": 1,
    r"^s3://[a-z0-9.-]+/.*$": 1,
    r"^(?!-)[a-z-]+$": 1,
    r"^(?=.*\d)(?=.*[a-z]).{8,}$": 1,
    r"^(a|ab)*$": 1,
    r"^[^ ]+$|\{\{": 1,
    r"(^[a-z]+|^[0-9]+)$": 1,
    r"(^[a-z]+|x)[0-9]*": 2,
    r"[a-z]+": 2,
    r"^.*a.*$": 2,
    r".*foo.*": 3,
}
ENDLESS = [
    r"(a+)+$",
    r"^(a|a)*$",
    r"(a*)*",
    r"(x+x+)+y",
    r"^(a|b|ab)*c",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"^((a{1,100}){1,100}){1,100}$",
    r"^(.*a){20}$",
    r"(a?){30}a{30}",
    "a?" * 30 + "a" * 30,
    r"(.*)(.*)(.*)(.*)(.*)x",
    r"^(\w+)\1$",
    r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}[a-z]{2,3}$",
]


@pytest.mark.parametrize("pattern", FINE)
def test_what_people_write_is_taken(pattern: str) -> None:
    assert degree(pattern) == FINE[pattern]


@pytest.mark.parametrize("pattern", [*ENDLESS, "[", "(" * 450, "(" * 200 + "a" + ")+" * 200])
def test_what_may_not_end_is_refused(pattern: str) -> None:
    with pytest.raises(Refused):
        degree(pattern)


def test_a_pattern_of_any_length_is_told_at_once() -> None:
    for pattern in ("a" * 1_000_000, "(" * 1_000_000, "(?:.b?){160}", ".b?" * 160, "(a|b.)*" * 70):
        with contextlib.suppress(Refused):
            degree(pattern)


PATTERNS = st.recursive(
    st.sampled_from(["a", "b", "[ab]", ".", r"\w", "^", "$", "ab", "(?=a)"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,3}", "{9,}", "+?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=12,
)

MATCH = """
import re, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for line in sys.stdin:
    pattern = re.compile(eval(line))
    for text in ("a" * 40, "b" * 40, "ab" * 20, "aab" * 13, "abb" * 13, "aaab" * 10):
        pattern.search(text + "!")
        pattern.fullmatch(text + "!")
"""


@settings(max_examples=300, deadline=None)
@given(st.lists(PATTERNS, min_size=1, max_size=30))
def test_no_pattern_stops_the_look_at_it(patterns: list[str]) -> None:
    for pattern in patterns:
        try:
            assert 0 <= degree(pattern) <= MAX_DEGREE
        except Refused:
            re.compile(pattern)  # it may be one: it only is not taken


def test_what_is_taken_ends() -> None:
    """Python's own matcher, with texts that repeat few letters, in a process that can be ended."""
    taken: set[str] = set()

    @settings(max_examples=600, deadline=None, database=None, derandomize=True)
    @given(PATTERNS)
    def collect(pattern: str) -> None:
        try:
            degree(pattern)
            taken.add(pattern)
        except Refused:
            pass

    collect()
    assert len(taken) > 100
    lines = "".join(f"{pattern!r}\n" for pattern in sorted(taken))
    child = [sys.executable, "-c", MATCH]
    subprocess.run(child, input=lines, text=True, check=True, timeout=seconds(120))
