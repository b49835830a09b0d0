"""What a `wait` step becomes, and what lint tells of it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from factory.errors import BuildError
from factory.kinds import wait
from factory.plan.kind import Step


def step(what: dict[str, Any], **more: Any) -> Step:
    given = msgspec.convert({"for": what, **more}, wait.Arguments)
    return Step(id="x", uses="wait", arguments=given, dag_id="d")


def test_durations_are_seconds_for_the_operator() -> None:
    what = {"type": "pipeline", "pipeline": "orders", "offset": "1d"}
    (task,) = wait.compile(step(what, poll_interval="5m", timeout="2h")).tasks
    assert task.arguments == {
        "what": {"type": "pipeline", "pipeline": "orders", "offset": 86400.0},
        "poll_interval": 300.0,
        "timeout": 7200.0,
        "on_timeout": "fail",
        "do_xcom_push": False,
    }


@pytest.mark.parametrize("what", [{}, {"after": "5m", "until": "2024-01-01"}])
def test_a_time_is_one_moment(what: dict[str, Any]) -> None:
    with pytest.raises(BuildError, match="`after`") as error:
        wait.compile(step({"type": "time", **what}))
    assert (error.value.step, error.value.part) == ("x", ("with", "for"))


def test_what_lint_tells(tmp_path: Path) -> None:
    query = {"type": "sql", "conn_id": "x", "sql": "ready.sql"}
    (problem,) = wait.inspect(step(query), tmp_path)
    assert (problem.path, problem.code) == (("for", "sql"), "file")
    (problem,) = wait.inspect(step({"type": "time", "after": "7h"}), tmp_path)
    assert (problem.path, problem.message) == (("for", "after"), "7h is longer than the timeout")
    assert list(wait.inspect(step({"type": "time", "after": "7h"}, timeout="8h"), tmp_path)) == []


@pytest.mark.parametrize("path", ["/data/x", "data", "file://x", "memory://x/y", "file:/x"])
def test_a_file_is_a_uri_of_a_file(path: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        step({"type": "file", "path": path})


@pytest.mark.parametrize("path", ["acme://box/x", "file:///x", "{{ params.where }}/x"])
def test_a_file_is_in_a_store_that_is_there(path: str, acme: None, tmp_path: Path) -> None:
    assert list(wait.inspect(step({"type": "file", "path": path}), tmp_path)) == []


def test_a_file_in_no_store(acme: None, tmp_path: Path) -> None:
    (problem,) = wait.inspect(step({"type": "file", "path": "acne://box/x"}), tmp_path)
    assert (problem.path, problem.hint) == (("for", "path"), "did you mean 'acme'?")
    assert (
        problem.expected
        == "an address that begins with file:/// or gs:// or s3:// or sftp:// or acme://"
    )
