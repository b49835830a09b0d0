"""What becomes a DAG can be stored, and its first run made: by Airflow, in a real PostgreSQL.

A value that it refuses ends the Dag processor or the scheduler, whose own calls these are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from factory_embedded.services import postgres
from tests.in_airflow.test_net import EMPTY
from tests.patience import seconds

CASES = Path(__file__).parents[1] / "cases/valid"

STORE = """
import json, sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.collection import update_dag_parsing_results_in_db
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from factory.in_airflow.loader import build

with create_session(scoped=False) as session:
    initdb(session=session)
    DagBundlesManager().sync_bundles_to_db(session=session)

def required(dag):
    return [name for name in dag.params if not dag.params.get_param(name).has_value]

def store(root, day):  # many cases are one dag_id: each has a day of its own
    now = datetime(2024, 1, 2, tzinfo=timezone.utc) + timedelta(days=day)
    dags = [dag for _, dag, _ in build(root) if dag is not None]
    for dag in dags:
        dag.relative_fileloc = "pipelines.py"
    lazy = [LazyDeserializedDAG.from_dag(dag) for dag in dags]
    errors = {}
    with create_session(scoped=False) as session:
        update_dag_parsing_results_in_db("dags-folder", None, lazy, errors, 0.1, set(), session)
        session.commit()
        for dag in dags:
            stored = SerializedDagModel.get_dag(dag.dag_id, session=session)
            run = stored.create_dagrun(
                run_id=f"{root.parent.name}-{root.name}", logical_date=now,
                data_interval=(now, now), run_after=now,
                run_type=DagRunType.MANUAL, triggered_by=DagRunTriggeredByType.TEST,
                state=DagRunState.RUNNING, session=session,
                conf=dict.fromkeys(required(dag), '2024-01-01'),
            )
            run.dag = stored
            run.verify_integrity(dag_version_id=run.created_dag_version_id, session=session)
            run.update_state(session=session)
            session.commit()
            session.expunge_all()
    return [sorted(dag.dag_id for dag in dags), [str(error) for error in errors.values()]]

found = {}
for day, folder in enumerate(map(Path, sys.argv[1:])):
    try:
        found[str(folder)] = store(folder, day)
    except Exception as error:
        found[str(folder)] = f"{type(error).__name__}: {str(error)[:500]}"
print("FOUND" + json.dumps(found))
"""

TASKS = "tasks: [{id: a, run: x}]\n"
ASSET = "file:///data/x"
random = Random(7)  # what compresses well would fit an index that it would not fit as it is


def noise(length: int) -> str:
    return "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


ODD = {
    "long_asset": f"version: 1\nschedule: {{assets: ['s3x://{noise(1290)}']}}\n{TASKS}",
    "long_names": f"version: 1\nowner: {noise(500)}\ndescription: {noise(4000)}\n"
    f"tags: [{noise(100)}]\n{TASKS}",
    "asset_twice": f"version: 1\nschedule: {{assets: ['{ASSET}', '{ASSET}']}}\n{TASKS}",
    "any_asset": f"version: 1\nschedule: {{assets: {{any: ['{ASSET}', '{ASSET}/']}}}}\n{TASKS}",
    "tags": f"version: 1\ntags: [a, a, A, 'ä', '{'t' * 100}']\n{TASKS}",
    "unicode": f'version: 1\ndescription: "\\U0001F600 \\x01 \\x7f \\u2028"\n'
    f"owner: 'ö, ü'\n{TASKS}",
    "params": f"version: 1\nparams: {{a: 9223372036854775807, b: 1.7e+308, c: {{}}}}\n{TASKS}",
    "ticks": f"version: 1\nschedule: {{every: 1s}}\nstart_date: 1900-01-01\n{TASKS}",
    "late": f"version: 1\nschedule: '@yearly'\nstart_date: 2999-12-31\ncatchup: true\n{TASKS}",
    "far": f"version: 1\ntimezone: Pacific/Kiritimati\nschedule: '0 0 29 2 *'\n"
    f"start_date: 1900-01-01\nend_date: 2999-12-31\ncatchup: true\n{TASKS}",
    "operator": f"version: 1\ntasks:\n  - {{id: a, uses: {EMPTY}, with: {{pool: {'p' * 256}, "
    f"queue: {'q' * 256}, owner: {'o' * 500}, task_display_name: {'t' * 2000}, "
    "pool_slots: 2147483647, priority_weight: 100000, retries: 100}}\n",
    "weights": "version: 1\ndefaults: {priority_weight: -100000}\ntasks:\n  - {id: t0, run: x}\n"
    + "".join(f"  - {{id: t{n}, run: x, needs: [t{n - 1}]}}\n" for n in range(1, 1000)),
    "many_assets": "version: 1\nschedule:\n  assets:\n"
    + "".join(f"    - x://a/{n}\n" for n in range(500))
    + TASKS,
    "matrix": f"version: 1\nmatrix: {{x: [{'m' * 200}, b]}}\n{TASKS}",
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Each valid case, and what is odd, as Airflow stores it: dag_ids, or what it ends with."""
    folder = tmp_path_factory.mktemp("stored")
    odd = folder / "odd"
    odd.mkdir()
    for name, text in ODD.items():
        (odd / f"{name}.yaml").write_text(text)
    roots = [path for path in sorted(CASES.glob("*/*")) if path.is_dir()]
    with postgres.running(folder / "postgres") as server:
        env = {
            **os.environ,
            "AIRFLOW_HOME": str(folder / "home"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.uri.replace(
                "postgresql://", "postgresql+psycopg://"
            ),
            "FACTORY_ENV": "dev",
        }
        command = [sys.executable, "-c", STORE, *map(str, [odd, *roots])]
        limit = seconds(1200)
        answer = subprocess.run(command, capture_output=True, text=True, env=env, timeout=limit)
    assert answer.returncode == 0, answer.stderr[-3000:]
    found: dict[str, object] = json.loads(answer.stdout.rpartition("FOUND")[2])
    return {Path(name).name if name == str(odd) else name: what for name, what in found.items()}


def test_what_is_odd_is_stored_and_run(stored: dict[str, object]) -> None:
    found = stored["odd"]
    assert isinstance(found, list), found
    names, errors = found
    assert errors == []
    assert set(names) >= set(ODD) - {"matrix"}


def test_every_valid_case_is_stored_and_run(stored: dict[str, object]) -> None:
    wrong = {name: what for name, what in stored.items() if not isinstance(what, list) or what[1]}
    assert wrong == {}
    assert len(stored) > 50
