from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.project import Project
from factory.spec.schedule import cron_error
from factory.spec.validator import validator
from tests.spec.yaml_text import TASKS


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of each sort."""

    number: int = 0
    ratio: float = 0.0
    word: Annotated[str, msgspec.Meta(pattern="^[a-z]+$")] = "a"
    either: Annotated[str, msgspec.Meta(pattern="^(a|b$|c)$")] = "a"
    flag: bool = False
    many: Annotated[list[int], msgspec.Meta(max_length=3)] = msgspec.field(default_factory=list)
    named: dict[str, int] = msgspec.field(default_factory=dict)
    maybe: int | None = None


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1.0, -0.0, 1e20, "a", "a\n", "ä", "A", "", "b", "\u0661"]),
)
ENTRIES = st.one_of(LEAVES, st.lists(LEAVES, max_size=4), st.dictionaries(st.text(), LEAVES))


@given(st.dictionaries(st.sampled_from([*Sample.__struct_fields__, "other"]), ENTRIES))
def test_what_is_valid_becomes_a_struct_and_what_is_not_is_told(value: dict[str, Any]) -> None:
    problems = validator(Sample).problems(value)
    assert all(problem.code != "schema" for problem in problems)
    if not problems:
        assert isinstance(msgspec.convert(value, Sample), Sample)


@pytest.mark.parametrize("line", ["retries: 1.0", "pool_slots: 2.0", "priority_weight: -0.0"])
def test_a_whole_number_has_no_point(tmp_path: Path, line: str) -> None:
    (tmp_path / "spec.yaml").write_text(f"{TASKS}defaults:\n  {line}\n")
    (found,) = Project(tmp_path, "dev").outcomes()
    (entry,) = found.diagnostics
    assert (entry.line, entry.message) == (5, "this is a number with a decimal point")


def test_at_most_a_hundred_problems(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(TASKS + "".join(f"k{i}: 1\n" for i in range(500)))
    (found,) = Project(tmp_path, "dev").outcomes()
    *told, tail = found.diagnostics
    assert len(told) == 100
    assert (tail.code, tail.message) == (
        "more-problems",
        "this file has at least 400 more problems, not told here",
    )


FIELDS = st.from_regex(r"(\*|[0-9]{1,2}(-[0-9]{1,2})?)(/[0-9]{1,2})?(,[0-9]{1,2})?", fullmatch=True)


@given(st.lists(FIELDS, min_size=5, max_size=5))
def test_both_readers_of_cron_agree(fields: list[str]) -> None:
    from croniter import croniter

    expression = " ".join(fields)
    try:
        croniter.expand(expression)
        croniter(expression).get_next()
        fine = True
    except (ValueError, KeyError):
        fine = False
    assert (cron_error(expression) == "") == fine
