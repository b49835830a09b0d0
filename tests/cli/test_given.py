"""`--param`, held against what a pipeline declares."""

from __future__ import annotations

from typing import Any

import pytest

from factory.cli import given
from factory.errors import UsageError

DECLARED: dict[str, Any] = {
    "full": False,
    "tables": {"type": "array", "items": {"type": "string"}, "default": []},
    "code": {"type": "string", "default": "007"},
    "day": {"type": "string", "format": "date", "default": "2024-01-01"},
    "size": {"enum": ["small", "large"], "default": "small"},
    "limits": {"low": 1},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("full=true", True),
        ("full=yes", "yes"),
        ('tables=["a", "b"]', ["a", "b"]),
        ("code=008", "008"),
        ("code=5", "5"),
        ("code=", ""),
        ("code=a=b", "a=b"),
        ("day=2024-02-29", "2024-02-29"),
        ("size=large", "large"),
        ('limits={"low": 2}', {"low": 2}),
    ],
)
def test_values(text: str, value: object) -> None:
    assert given.values([text], DECLARED) == {text.partition("=")[0]: value}


def test_the_last_of_one_name_counts() -> None:
    assert given.values(["code=1", "full=true", "code=2"], DECLARED) == {"code": "2", "full": True}


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("full", "gives no value", "NAME=VALUE"),
        ("ful=true", "has no param 'ful'", "full"),
        ("x=1", "has no param 'x'", "there is one of full, tables"),
        ("size=huge", "is not one of ['small', 'large']", None),
        ("tables=a", "is not of type 'array'", None),
        ("day=2024-02-30", "is not a 'date'", None),
    ],
)
def test_refused(text: str, told: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as error:
        given.values([text], DECLARED)
    assert told in error.value.message
    assert hint is None or hint in error.value.hint


def test_of_a_pipeline_without_any() -> None:
    with pytest.raises(UsageError) as error:
        given.values(["a=1"], {})
    assert error.value.hint == "it declares none under `params:`"
