"""The trigger by itself, on real files, in an event loop of the test."""

import asyncio
import socket
import time
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from airflow.models.trigger import Trigger

from factory.in_airflow.triggers.poll import Poll


def missing(folder: Path) -> dict[str, Any]:
    return {"type": "file", "path": f"{folder.as_uri()}/x.csv"}


def fire(trigger: Poll) -> Any:
    async def first() -> Any:
        return [event async for event in trigger.run()]

    (event,) = asyncio.run(first())
    return event.payload


def test_it_goes_on_from_its_own_state(tmp_path: Path) -> None:
    """As Airflow does it: stored as JSON, made again in another process."""
    deadline = time.time() + 100
    trigger = Poll(missing(tmp_path), 1.5, deadline, "nothing yet")
    kept = Trigger.from_object(trigger)
    again = resolve_name(kept.classpath)(**kept.kwargs)
    assert again.serialize() == trigger.serialize()
    (tmp_path / "x.csv").touch()
    again.poll_interval = 0.01
    assert fire(again) == {"state": "met", "detail": f"there is {tmp_path}/x.csv"}


def test_it_stops_at_its_deadline(tmp_path: Path) -> None:
    trigger = Poll(missing(tmp_path), 0.02, time.time() + 0.1)
    expected = f"there is no file {tmp_path.as_uri()}/x.csv"
    assert fire(trigger) == {"state": "timeout", "detail": expected}


def test_it_looks_once_when_it_starts_after_its_deadline(tmp_path: Path) -> None:
    (tmp_path / "x.csv").touch()
    assert fire(Poll(missing(tmp_path), 60, time.time() - 1))["state"] == "met"
    assert fire(Poll(missing(tmp_path / "none"), 60, time.time() - 1))["state"] == "timeout"


def test_a_look_that_fails_ends_it() -> None:
    event = fire(Poll({"type": "file", "path": "s3://bucket/x"}, 0.01, time.time() + 60))
    assert event["state"] == "error"
    assert "expected an URI that begins with file:///" in event["detail"]


def test_the_event_loop_is_free_while_it_looks(tmp_path: Path) -> None:
    async def both() -> tuple[Any, int]:
        looked = asyncio.ensure_future(anext(Poll(missing(tmp_path), 0.01, time.time() + 1).run()))
        turns = 0
        while not looked.done():
            await asyncio.sleep(0.01)
            turns += 1
        return looked.result().payload, turns

    payload, turns = asyncio.run(both())
    assert payload["state"] == "timeout"
    assert turns > 3


def test_a_look_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AIRFLOW_CONN_SILENT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        what = {"type": "http", "conn_id": "silent", "timeout": 3.0, "expect": {}}
        event = fire(Poll(what, 0.01, time.time() + 0.1, "what was seen before"))
    assert event == {
        "state": "timeout",
        "detail": "the last look did not come back; before it: what was seen before",
    }
