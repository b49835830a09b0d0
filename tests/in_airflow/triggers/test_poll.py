"""The trigger by itself, on real files, in an event loop of the test."""

import asyncio
import socket
import threading
import time
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from airflow.models.trigger import Trigger

from factory.in_airflow.probes import Seen, look
from factory.in_airflow.triggers import together
from factory.in_airflow.triggers.poll import Poll
from factory.in_airflow.triggers.together import looks
from factory.stores import open_uri
from factory.stores.model import PAGE, File, pages


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


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.csv", True),
        ("a/*/x.csv", True),
        ("a/b/?.csv", True),
        ("a/*", False),  # a folder
        ("*/.hidden/*", True),
        ("*/*/*.txt", False),  # what is hidden is still written
        ("a/**/.*.txt", True),
        ("[b]/x.csv", False),
    ],
)
def test_patterns(pattern: str, found: bool, tmp_path: Path) -> None:
    for name in ("a/b/x.csv", "a/.hidden/y.txt", "a/b/.z.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    what = {"type": "file", "path": f"{tmp_path.as_uri()}/{pattern}"}
    assert look(what).state == ("met" if found else "not_yet")


def test_it_stops_at_the_first_page(
    acme: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = open_uri("acme://box/x")
    given = (File(f"in/{number}.csv", 1, 0.0, "1") for number in range(10 * PAGE))
    monkeypatch.setattr(type(box.store), "list", lambda *_, **__: pages(given))
    assert look({"type": "file", "path": "acme://box/in/*.csv"}).state == "met"
    assert len([*given]) == 9 * PAGE


def test_a_store_that_cannot_be_asked_is_asked_again(
    acme: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(type(open_uri("acme://box/x").store), "file", gone)
    seen = look({"type": "file", "path": "acme://box/x"})
    assert seen == ("not_yet", "acme://box/x cannot be looked for: no route")


def test_a_look_that_fails_ends_it() -> None:
    event = fire(Poll({"type": "file", "path": "nowhere://bucket/x"}, 0.01, time.time() + 60))
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


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a folder was listed."""
    store = type(open_uri("file:///x").store)
    real, moments = store.list, []

    def counted(*given: Any, **more: Any) -> Any:
        moments.append(time.monotonic())
        found = [*real(*given, **more)]
        time.sleep(0.1)
        return iter(found)

    monkeypatch.setattr(store, "list", counted)
    return moments


def test_all_that_wait_for_the_same_share_a_look(tmp_path: Path, asked: list[float]) -> None:
    what = {"type": "file", "path": f"{tmp_path.as_uri()}/*.csv"}

    async def wait() -> list[Any]:
        waits = [Poll(what, 1, time.time() + 60) for _ in range(200)]
        firing = [asyncio.ensure_future(anext(wait.run())) for wait in waits]
        await asyncio.sleep(1.5)
        (tmp_path / "x.csv").touch()
        firing[0].cancel()
        return [event.payload["state"] for event in await asyncio.gather(*firing[1:])]

    assert asyncio.run(wait()) == ["met"] * 199
    assert len(asked) < 20  # of 400


def test_a_look_that_began_before_is_not_what_was_asked_for(
    tmp_path: Path, asked: list[float]
) -> None:
    what = {"type": "file", "path": f"{tmp_path.as_uri()}/*.csv"}
    (tmp_path / "x.csv").touch()

    async def wait() -> tuple[Seen, Seen]:
        with looks(what) as shared:
            first = asyncio.ensure_future(shared.seen(60))
            await asyncio.sleep(0.05)
            (tmp_path / "x.csv").unlink()
            second = await shared.seen(60)
            return await first, second

    first, second = asyncio.run(wait())
    assert (first.state, second.state, len(asked)) == ("met", "not_yet", 2)


def test_a_look_that_is_lost_keeps_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(together, "_LOST", 0.2)
    hanging = [threading.Event()]

    def stuck(what: object) -> Seen:
        if hanging:
            hanging.pop().wait(2)
        return Seen("met", "there it is")

    monkeypatch.setattr(together, "look", stuck)

    async def wait() -> Seen:
        with looks(missing(tmp_path)) as shared:
            lost = asyncio.ensure_future(shared.seen(0))
            await asyncio.sleep(0.1)
            begun = time.monotonic()
            found = await shared.seen(0)
            assert time.monotonic() - begun < 1.5
            await lost
            return found

    assert asyncio.run(wait()).state == "met"
