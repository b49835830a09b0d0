"""A real Airflow for the tests: one home and one migrated SQLite database for the session.

A test that runs pipelines asks for `pipelines`:

    def test_it(pipelines: Pipelines) -> None:
        pipelines.connect("warehouse", conn_type="postgres", host="127.0.0.1", …)
        pipelines.write("team/daily.yaml", "…")     # below the configuration root
        run = pipelines.run("daily")                # YAML → plan → DAG → `dag.test()`
        assert run.states == {"clean": "success"}
        assert run.xcom("clean") == 5
        assert "what the task said" in run.log

`web` is a real web server whose answers the test gives. `root` and `write` are for tests that build
DAGs without running them.
"""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if "airflow" in sys.modules:
    raise RuntimeError("Airflow was imported before its home was set: see tests/in_airflow")

_HOME = Path(tempfile.mkdtemp(prefix="airflow-"))
_DAGS = _HOME / "dags"
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

# before anything imports Airflow: it writes its configuration where this says
os.environ["AIRFLOW_HOME"] = str(_HOME)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
# alerts link to it, and to no address of the loopback
os.environ["AIRFLOW__API__BASE_URL"] = "https://airflow.example.org"
# a test may change the DAG of the test before it
os.environ["AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL"] = "0"

from tests.web import Web, serving  # noqa: E402

from ..outside.installed import acme  # noqa: E402
from .pipelines import Pipelines  # noqa: E402

__all__ = ["acme"]

Write = Callable[[str, str], Path]
LOADER = Path(__file__).parents[2] / "dags" / "pipelines.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty configuration root."""
    folder = tmp_path / "dag_factory_configs"
    folder.mkdir()
    return folder


@pytest.fixture
def write(root: Path) -> Write:
    """Write a file below the configuration root."""

    def write(name: str, text: str) -> Path:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


@pytest.fixture(scope="session")
def airflow_database() -> Path:
    """Airflow's home, with a migrated database and our loader in its DAGs folder."""
    from airflow.utils.db import initdb

    _DAGS.mkdir()
    shutil.copy(LOADER, _DAGS)
    initdb()
    return _HOME


@pytest.fixture
def pipelines(
    airflow_database: Path,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Pipelines:
    """An empty configuration root whose pipelines run in a real Airflow."""
    monkeypatch.setenv("FACTORY_CONFIGS", str(root))
    monkeypatch.setenv("FACTORY_STAGE", (root.parent / "stage").as_uri())
    return Pipelines(root, monkeypatch, capfd, caplog)


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server that answers as the test says."""
    with serving() as web:
        yield web
