"""A landing zone: files go when their rows are published, through a real Airflow and PostgreSQL."""

from pathlib import Path
from typing import Any

import pytest

from factory.in_airflow.operators.ingest.when_done import WhenDone
from factory.stores import open_uri

from ...stores.contract import put
from ..pipelines import Run
from .test_ingest import Shop, shop

__all__ = ["shop"]

STATES = ["list_files", "to_parquet", "load", "move_files", "clean_up", "done"]


def run(shop: Shop, drop: Path, path: str, when_done: str) -> Run:
    source = f'{{type: file, path: "{drop.as_uri()}/{path}", format: csv, when_done: {when_done}}}'
    return shop.run(source=source)


def fall(drop: Path, name: str, *ids: int) -> None:
    put(open_uri(f"{drop.as_uri()}/{name}"), "".join(f"{n}\n" for n in ("id", *ids)).encode())


def names(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def test_files_move_when_they_are_loaded(shop: Shop, tmp_path: Path) -> None:
    drop, archive = tmp_path / "drop", tmp_path / "archive"
    fall(drop, "a/1.csv", 1, 2)
    fall(drop, "b/1.csv", 3)
    move = f'{{move_to: "{archive.as_uri()}/{{{{ ds }}}}"}}'
    done = run(shop, drop, "*/*.csv", move)
    assert done.states == {f"orders.{name}": "success" for name in STATES}
    assert names(drop) == []
    assert names(archive) == ["2024-01-02/a/1.csv", "2024-01-02/b/1.csv"]
    assert "2 files, 12 bytes, moved to" in done.log
    assert shop.staged() == []
    fall(drop, "a/1.csv", 9)
    done = run(shop, drop, "*/*.csv", move)
    assert done.states["orders.list_files"] == "failed"
    assert "there is another file at" in done.log
    assert [row[0] for row in shop.rows()] == [1, 2, 3]
    assert names(drop) == ["a/1.csv"]


def test_files_of_an_address_that_a_template_left_unclear_are_not_loaded(
    shop: Shop, tmp_path: Path
) -> None:
    drop = tmp_path / "drop"
    fall(drop, "1.csv", 1)
    done = run(shop, drop, "{{ params.get('x', '') }}/*.csv", "delete")
    assert done.states["orders.list_files"] == "failed"
    assert "has an empty part, `.` or `..`: nothing was loaded" in done.log
    assert names(drop) == ["1.csv"]


def test_a_file_that_changed_since_the_load_stays(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = tmp_path / "drop"
    fall(drop, "1.csv", 1)
    fall(drop, "2.csv", 2)
    take = WhenDone.execute

    def execute(self: WhenDone, context: Any) -> Any:
        fall(drop, "2.csv", 3)
        return take(self, context)

    monkeypatch.setattr(WhenDone, "execute", execute)
    done = run(shop, drop, "*.csv", "delete")
    assert done.state == "success"
    assert done.xcom("orders.delete_files") == {"files": 1, "bytes": 5, "gone": 0, "stayed": 1}
    assert "2.csv stays: it has changed since" in done.log
    assert [row[0] for row in shop.rows()] == [1, 2]
    assert names(drop) == ["2.csv"]


def fails_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files do not go at the first try."""
    take, failed = WhenDone.execute, list[int]()

    def execute(self: WhenDone, context: Any) -> Any:
        if not failed:
            failed.append(1)
            raise OSError("the archive is away")
        return take(self, context)

    monkeypatch.setattr(WhenDone, "execute", execute)


def test_a_file_that_a_later_listing_found_stays(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = tmp_path / "drop"
    fall(drop, "1.csv", 1)
    fall(drop, "2.csv", 2)
    fails_once(monkeypatch)
    done = run(shop, drop, "*.csv", "delete")
    assert done.states["orders.delete_files"] == "failed"
    fall(drop, "2.csv", 22)
    fall(drop, "3.csv", 3)
    assert shop.pipelines.again(done, "orders.list_files").states["orders.list_files"] == "success"
    done = shop.pipelines.again(done, "orders.delete_files")
    assert done.states["orders.delete_files"] == "success"
    assert names(drop) == ["2.csv", "3.csv"]
    assert [row[0] for row in shop.rows()] == [1, 2]


def test_files_of_a_load_that_was_marked_a_success_stay(shop: Shop, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    fall(drop, "1.csv", 1)
    source = f'{{type: file, path: "{drop.as_uri()}/*.csv", format: csv, when_done: delete}}'
    done = shop.run(source=source, checks="[{type: row_count, min: 5}]")
    assert done.states["orders.load"] == "failed"
    done = shop.pipelines.again(done, "orders.delete_files")
    assert done.states["orders.delete_files"] == "failed"
    assert "orders.load has handed nothing on" in done.log
    assert names(drop) == ["1.csv"]


def test_files_stay_when_the_load_fails(shop: Shop, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    fall(drop, "1.csv", 1)
    source = f'{{type: file, path: "{drop.as_uri()}/1.csv", format: csv, when_done: delete}}'
    done = shop.run(source=source, checks="[{type: row_count, min: 5}]")
    assert done.states["orders.load"] == "failed"
    assert names(drop) == ["1.csv"]
    assert shop.run(source=source).state == "success"
    assert names(drop) == []
