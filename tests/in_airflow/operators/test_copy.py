"""The kinds `copy` and `delete`, from YAML through a real Airflow."""

from pathlib import Path

from factory.stores import open_uri

from ...stores.contract import put
from ..pipelines import Pipelines

SPEC = """
version: 1
start_date: 2024-01-01
schedule: "@daily"
tasks:
  - id: move
    uses: copy
    with:
      from: "{root}/in/*.csv"
      to: acme://box/{{{{ ds }}}}/
      move: true
      on_missing: {missing}
  - id: clear
    uses: delete
    needs: [move]
    with: {{path: "{root}/tmp/", max_objects: {most}}}
"""


def test_files_move_to_another_store_and_a_folder_is_cleared(
    pipelines: Pipelines, tmp_path: Path, acme: None
) -> None:
    for name in ("in/a.csv", "in/b.csv", "in/c.txt", "tmp/x", "tmp/y/z"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    spec = {"root": tmp_path.as_uri(), "missing": "fail"}
    pipelines.write("moves.yaml", SPEC.format(**spec, most=1))
    run = pipelines.run("moves")
    assert run.states == {"move": "success", "clear": "failed"}
    assert run.xcom("move") == {"files": 2, "bytes": 16, "there": 0, "kept": 0, "removed": 2}
    assert "2 files, 16 bytes, to acme://box/2024-01-02/, 2 removed at the source" in run.log
    assert "means more than 1 file: none was removed" in run.log
    with open_uri("acme://box/2024-01-02/a.csv").store.open("2024-01-02/a.csv") as copied:
        assert copied.read() == b"in/a.csv"
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["c.txt"]
    run = pipelines.run("moves")
    assert run.states == {"move": "failed", "clear": "upstream_failed"}
    assert "files that a run before has moved are at the target" in run.log
    put(open_uri(f"{tmp_path.as_uri()}/in/a.csv"), b"in/a.csv")
    pipelines.write("moves.yaml", SPEC.format(**spec, most=2))
    run = pipelines.run("moves")
    assert run.states == {"move": "success", "clear": "success"}
    assert run.xcom("move") == {"files": 0, "bytes": 0, "there": 1, "kept": 0, "removed": 1}
    assert run.xcom("clear") == {"files": 2, "bytes": 12, "stayed": 0}
    assert not (tmp_path / "tmp").exists()
    pipelines.write("moves.yaml", SPEC.format(**spec | {"missing": "skip"}, most=2))
    assert pipelines.run("moves").states == {"move": "skipped", "clear": "skipped"}
