"""Each check, with an installation that is right and with one that is wrong."""

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from factory.in_airflow.doctor import (
    cost,
    database,
    loaded,
    named,
    packages,
    patiently,
    settings,
    specs,
    storage,
)
from factory.in_airflow.doctor.finding import Finding
from factory.in_airflow.doctor.installation import Check, Installation, look
from factory_embedded.services.postgres import Server
from tests.stores import sftp_server
from tests.web import Web

from ..pipelines import Pipelines

DAGS = Path(__file__).parents[3] / "dags"
BASH = "version: 1\ntasks: [{id: a, run: echo}]\n"
SQL = "version: 1\ntasks: [{id: a, uses: sql, with: {conn_id: warehouse, sql: SELECT 1}}]\n"
HTTP = "version: 1\ntasks: [{id: a, uses: http, with: {conn_id: api, endpoint: /x}}]\n"
LOAD = """\
version: 1
tasks:
  - id: load
    uses: ingest
    with:
      source: {type: http, url: "http://127.0.0.1/x.csv", format: csv}
      target: {type: postgres, conn_id: warehouse, table: t}
      write: {mode: append}
"""
Write = Callable[[str, str], Path]
Seen = Callable[..., list[Finding]]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FACTORY_ENV", "FACTORY_CONFIGS", "FACTORY_STAGE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def seen(root: Path, airflow_database: Path) -> Seen:
    """What a check finds in the root, as it is then."""

    def seen(check: Check, *, connect: bool = False) -> list[Finding]:
        return list(check(look(root, None, connect=connect)))

    return seen


def one(found: list[Finding], level: str) -> Finding:
    (finding,) = [finding for finding in found if finding.level == level]
    return finding


def test_an_installation_has_an_airflow_and_its_home(root: Path, airflow_database: Path) -> None:
    found = look(root, None, connect=False)
    assert (found.home, bool(found.airflow)) == (airflow_database, True)


def test_the_extras_that_pipelines_need_are_those_of_their_tasks_and_alerts(
    root: Path, write: Write
) -> None:
    alerts = "alerts: {on_failure: [{type: email, to: [a@example.org]}]}\n"
    write("mail.yaml", BASH + alerts)
    write("sql.yaml", SQL)
    write("load.yaml", LOAD)
    write("lake.yaml", LOAD + "stage: s3://lake/stage\n")
    needed = packages.needed(look(root, None, connect=False))
    assert needed["smtp"] == ["mail"]
    assert needed["s3"] == ["lake"]
    assert needed["sql"] == ["sql"]
    for name in ("files", "http", "postgres"):
        assert needed[name] == ["lake", "load"]
    assert "nifi" not in needed


def distribution(folder: Path, name: str, version: str, package: str) -> None:
    """A distribution, as pip leaves one."""
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "RECORD").write_text(f"{package}/__init__.py,,\n")
    (about / "top_level.txt").write_text(f"{package}\n")


def test_another_package_named_factory_is_told(
    seen: Seen, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.yaml", BASH)
    assert {finding.level for finding in seen(packages.check)} == {"ok"}
    distribution(tmp_path / "site", "factory-boy", "3.3.3", "factory")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    told = one(seen(packages.check), "error")
    assert told.what.startswith("factory-boy brings a package named `factory`")
    assert "pip uninstall factory-boy" in told.todo


def test_a_provider_that_is_too_old_or_missing_is_told_with_its_pipelines(
    seen: Seen, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("calls.yaml", HTTP)
    distribution(tmp_path / "site", "apache-airflow-providers-http", "1.0.0", "old")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    told = [finding.what for finding in seen(packages.check) if finding.level == "error"]
    assert any("apache-airflow-providers-http 1.0.0 is installed, >=5.3" in what for what in told)
    # nothing but the provider's metadata can be taken away here: the tests share one environment
    monkeypatch.setitem(
        packages.requirements(),
        "http",
        [SimpleNamespace(name="not-there", specifier=None)],
    )
    told = [finding.what for finding in seen(packages.check) if finding.level == "error"]
    assert "the extra 'http' is needed by calls, and lacks not-there" in told


def test_an_airflow_of_another_time_is_told(root: Path, airflow_database: Path) -> None:
    found = look(root, None, connect=False)
    old = Installation(root=root, environment="dev", airflow="2.11.0", home=found.home)
    assert "Airflow 2.11.0 is not supported: <4,>=3.1 is" in {f.what for f in packages.check(old)}


def test_broken_files_are_counted_and_named(seen: Seen, write: Write) -> None:
    write("good.yaml", BASH)
    write("bad.yaml", f"{BASH}shedule: x\n")
    told = one(seen(specs.check), "error")
    assert told.what == "1 of 2 files are broken, and their pipelines missing"
    assert told.details == ("dag_factory_configs/bad.yaml: the key 'shedule' is not known here",)


def test_an_environment_that_nobody_chose_is_told(
    seen: Seen, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("good.yaml", BASH)
    assert {finding.level for finding in seen(specs.check)} == {"ok"}
    write("environments/prod.yaml", "vars: {}\n")
    assert "builds the pipelines for the environment dev" in one(seen(specs.check), "warning").what
    monkeypatch.setenv("FACTORY_ENV", "prod")
    assert {finding.level for finding in seen(specs.check)} == {"ok"}
    monkeypatch.setenv("FACTORY_ENV", "pord")
    assert "there is no environment 'pord'" in one(seen(specs.check), "error").what


def test_a_folder_of_one_machine_is_no_stage_for_several(
    seen: Seen, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("load.yaml", LOAD)
    assert not [finding for finding in seen(storage.check_stage) if finding.level == "error"]
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    told = one(seen(storage.check_stage), "error")
    assert "tasks run on several machines (CeleryExecutor)" in told.what
    assert "FACTORY_STAGE" in told.todo
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("FACTORY_STAGE", (tmp_path / "stage").as_uri())
    found = [finding.what for finding in seen(storage.check_stage) if finding.level == "warning"]
    assert any("whether all have the same" in what for what in found)


def test_a_stage_that_cannot_be_written_is_told(
    seen: Seen, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("load.yaml", LOAD)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FACTORY_STAGE", "nope://x/y")
    assert "cannot be used" in one(seen(storage.check_stage), "error").what
    monkeypatch.setenv("FACTORY_STAGE", "file:///proc/stage")
    assert "cannot be written" in one(seen(storage.check_stage), "error").what


def test_a_stage_in_a_store_is_tried_where_that_is_asked_for(
    seen: Seen, write: Write, acme: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("load.yaml", LOAD)
    monkeypatch.setenv("FACTORY_STAGE", "acme://box/stage")
    assert "not tried" in one(seen(storage.check_stage), "ok").what
    found = seen(storage.check_stage, connect=True)
    assert "acme://box/stage of load can be written and read" in one(found, "ok").what
    monkeypatch.setenv("FACTORY_STAGE", "s3://no_such_connection@lake/stage")
    told = one(seen(storage.check_stage, connect=True), "error")
    assert "no_such_connection" in told.what


def test_a_stage_on_sftp_is_tried(
    seen: Seen,
    write: Write,
    real_sftp: sftp_server.Server,
    pipelines: Pipelines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("load.yaml", LOAD)
    pipelines.connect("drop", **real_sftp.connection)
    monkeypatch.setenv("FACTORY_STAGE", "sftp://drop/~/stage")
    found = seen(storage.check_stage, connect=True)
    assert "sftp://drop/~/stage of load can be written and read" in one(found, "ok").what
    pipelines.connect("drop", **{**real_sftp.connection, "password": "n0t-it"})
    told = one(seen(storage.check_stage, connect=True), "error")
    assert "refuses the login of the connection 'drop'" in told.what
    assert "its password or key" in told.todo


def test_the_temporary_folder_is_looked_at(seen: Seen) -> None:
    assert seen(storage.check_temporary)[0].level in ("ok", "warning")


def test_links_that_lead_nowhere_are_told(
    seen: Seen, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(base: str) -> str:
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
        return next(
            finding.level
            for finding in seen(settings.check)
            if "base_url" in finding.todo or "links" in finding.what
        )

    write("hook.yaml", BASH + "alerts: {on_failure: [{type: webhook, conn_id: hook}]}\n")
    assert told("http://localhost:8080") == "warning"
    assert told("") == "warning"
    assert told("airflow.example.org") == "error"
    assert told("https://airflow.example.org") == "ok"


def test_a_slow_parse_interval_is_told(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {finding.level for finding in seen(settings.check)} == {"ok"}
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL", "3600")
    assert "after about 3600 s" in one(seen(settings.check), "warning").what


def test_airflows_database_is_asked(seen: Seen) -> None:
    assert [finding.level for finding in seen(database.check)] == ["warning", "ok"]  # SQLite


def test_tables_of_another_version_are_told_from_a_database_that_does_not_answer(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow import settings as of_airflow
    from sqlalchemy import text

    engine: Any = of_airflow.engine
    with engine.begin() as asked:
        (newest,) = asked.execute(text("SELECT version_num FROM alembic_version")).one()
        asked.execute(text("UPDATE alembic_version SET version_num = 'b87d2135fa50'"))
    try:
        assert "has not the tables" in one(seen(database.check), "error").what
    finally:
        with engine.begin() as asked:
            asked.execute(text("UPDATE alembic_version SET version_num = :was"), {"was": newest})

    monkeypatch.setattr("airflow.utils.db.check_migrations", lambda _: time.sleep(5))
    monkeypatch.setattr(patiently.patiently, "__defaults__", (0.2,))
    assert "cannot be told: there was no answer" in one(seen(database.check), "error").what


def test_connections_are_found_missed_and_of_the_wrong_type(
    seen: Seen, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("sql.yaml", SQL)
    write("load.yaml", LOAD)
    told = one(seen(named.check_connections), "error")
    assert told.what == (
        "there is no connection 'warehouse' (of the type postgres), which load, sql names"
    )
    assert "AIRFLOW_CONN_WAREHOUSE" in told.todo
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "mysql://me:geheim@127.0.0.1/x")
    told = one(seen(named.check_connections), "error")
    assert "of the type 'mysql', and load, sql takes postgres" in told.what
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgresql://me:geheim@127.0.0.1/x")
    (good,) = seen(named.check_connections)
    assert good.details == ("warehouse: postgres, in a variable of the environment",)


def test_connections_in_airflows_database_are_found(seen: Seen, write: Write) -> None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    write("calls.yaml", HTTP.replace("api", "doctors_api"))
    with create_session() as session:
        session.add(Connection(conn_id="doctors_api", conn_type="http", host="127.0.0.1"))
    (good,) = seen(named.check_connections)
    assert good.details == ("doctors_api: http, in Airflow's database",)


def test_a_connection_is_tried_only_when_asked(
    root: Path, seen: Seen, write: Write, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("calls.yaml", HTTP)
    monkeypatch.setenv("AIRFLOW_CONN_API", f"http://127.0.0.1:{web.port}")
    assert [finding.level for finding in seen(named.check_connections)] == ["ok"]
    assert not web.asked
    found = list(named.check_connections(look(root, None, connect=True)))
    assert found[0].what.startswith("the connection 'api' works")
    assert web.asked


def test_a_connection_that_does_not_work_shows_no_password(
    root: Path, write: Write, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("sql.yaml", SQL)
    good = f"postgresql://{postgres.user}:@127.0.0.1:{postgres.port}/postgres"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", good)
    (first, _) = named.check_connections(look(root, None, connect=True))
    assert first.what == "the connection 'warehouse' works: Connection successfully tested"
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", f"postgresql://nobody:geheim77@127.0.0.1:{closed_port()}/x"
    )
    (first, _) = named.check_connections(look(root, None, connect=True))
    assert (first.level, "geheim77" in str(first)) == ("error", False)
    assert "does not work" in first.what


def closed_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that takes connections and never answers."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_system_that_never_answers_is_not_waited_for(
    root: Path, write: Write, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.in_airflow.doctor.trying.PATIENCE", 0.5)
    monkeypatch.setattr(patiently.patiently, "__defaults__", (0.5,))
    write("calls.yaml", HTTP)
    monkeypatch.setenv("AIRFLOW_CONN_API", f"http://127.0.0.1:{silent}")
    (first, _) = named.check_connections(look(root, None, connect=True))
    assert (first.level, "does not work" in first.what) == ("error", True)


def test_variables_and_pools_that_are_not_there_are_told(
    seen: Seen, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        "a.yaml",
        "version: 1\ntasks: [{id: a, run: 'echo {{ var.value.region }}', pool: narrow}]\n",
    )
    told = one(seen(named.check_variables), "error")
    assert told.what == "there is no Variable 'region', which a reads"
    monkeypatch.setenv("AIRFLOW_VAR_REGION", "eu")
    assert [finding.level for finding in seen(named.check_variables)] == ["ok"]
    assert one(seen(named.check_pools), "error").what.startswith("there is no pool 'narrow'")


@pytest.fixture
def bundle(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Airflow's Dag folder: our two files beside the root."""
    folder = tmp_path / "dags"
    shutil.copytree(DAGS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    given = [{"name": "ours", "classpath": local, "kwargs": {"path": str(folder)}}]
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(given))
    return folder


def test_the_dag_files_that_load_the_pipelines_are_found(
    seen: Seen, write: Write, bundle: Path
) -> None:
    write("a.yaml", BASH)
    (good,) = seen(loaded.check_files)
    assert good.what == f"{bundle / 'pipelines.py'} loads them, in the bundle 'ours'"
    (bundle / "pipeline_errors.py").unlink()
    assert "no Dag file shows broken pipelines" in one(seen(loaded.check_files), "warning").what
    (bundle / "pipelines.py").unlink()
    assert one(seen(loaded.check_files), "error").what.startswith("no Dag file of Airflow's loads")


def test_an_airflowignore_that_hides_the_loader_is_told(
    seen: Seen, write: Write, bundle: Path
) -> None:
    write("a.yaml", BASH)
    (bundle / ".airflowignore").write_text("pipelines.py\n")
    told = [finding.what for finding in seen(loaded.check_files) if finding.level == "error"]
    assert (
        told[0]
        == f"Airflow does not see {bundle / 'pipelines.py'}: an .airflowignore leaves it out"
    )
    assert told[1].startswith("no Dag file of Airflow's loads")


def test_functions_beside_specs_that_airflow_takes_for_dags_are_told(
    seen: Seen, write: Write, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.yaml", BASH)
    write("read.py", "# for the dag that airflow runs\n")
    assert {finding.level for finding in seen(loaded.check_files)} == {"ok"}  # not in the bundle
    above = json.loads(os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    above[0]["kwargs"]["path"] = str(bundle.parent)
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(above))
    told = one(seen(loaded.check_files), "warning")
    assert told.what.endswith("read.py")
    (line,) = [part for part in told.todo.split("`") if part.endswith("/")]
    (bundle.parent / ".airflowignore").write_text(f"{line}\n")
    assert {finding.level for finding in seen(loaded.check_files)} == {"ok"}


def test_two_dag_files_that_make_the_same_pipelines_are_told(
    seen: Seen, write: Write, bundle: Path
) -> None:
    write("a.yaml", BASH)
    write("b.yaml", BASH)
    shutil.copy(bundle / "pipelines.py", bundle / "pipelines_copy.py")
    told = one(seen(loaded.check_files), "error").what
    assert told.endswith(
        f"pipelines_copy.py makes the same DAGs as {bundle / 'pipelines.py'}: a, b"
    )


def test_dag_factory_beside_it_is_told(
    seen: Seen, write: Write, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.yaml", BASH)
    distribution(tmp_path / "site", "dag-factory", "1.1.0", "dagfactory")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert one(seen(loaded.check_files), "warning").what.startswith("dag-factory 1.1.0")


def test_airflow_knows_this_package(seen: Seen) -> None:
    assert {finding.level for finding in seen(loaded.check_registered)} == {"ok"}


def test_a_plugin_that_airflow_has_not_loaded_is_told() -> None:
    told = loaded._plugin("pipeline_factory", set(), {"x.py": "ImportError: no"})
    assert (told.level, "ImportError: no" in told.what) == ("error", True)


def test_what_each_pipeline_costs_is_measured(
    seen: Seen, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("quick.yaml", BASH)
    (slow := Path(os.environ["AIRFLOW_HOME"], "plugins")).mkdir(exist_ok=True)
    operator = "from airflow.sdk import BaseOperator\nclass Slow(BaseOperator):\n    pass\n"
    (slow / "doctor_slow.py").write_text(f"import time\ntime.sleep(1)\n{operator}")
    monkeypatch.setenv("PYTHONPATH", str(slow))
    write("slow.yaml", "version: 1\ntasks: [{id: a, uses: doctor_slow.Slow}]\n")
    found = seen(cost.check)
    table = next(finding for finding in found if finding.details).details
    assert table[0].endswith("slow.yaml")
    assert {line.split()[-1] for line in table} == {"slow.yaml", "quick.yaml"}
    monkeypatch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "0.2")
    assert "dagbag_import_timeout" in one(seen(cost.check), "error").todo


def test_what_lint_cannot_know_and_airflow_refuses_is_told(seen: Seen, write: Write) -> None:
    write("shed.yaml", f"{BASH}shedule: x\n")
    write("gone.yaml", "version: 1\ntasks: [{id: a, uses: airflow.providers.nope.Nope}]\n")
    (line,) = one(seen(cost.check), "error").details
    assert line.startswith("dag_factory_configs/gone.yaml: there is no module airflow.providers")


def test_a_pipeline_that_ends_the_process_is_told_and_ends_nothing_else(
    seen: Seen, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "doctor_dies.py").write_text("import os\nos._exit(9)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    write("dies.yaml", "version: 1\ntasks: [{id: a, uses: doctor_dies.Dies}]\n")
    assert "loading all pipelines ends its process" in one(seen(cost.check), "error").what


def test_more_tasks_than_the_memory_holds_are_told(
    seen: Seen, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.yaml", BASH)
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "1000000")
    told = [finding for finding in seen(cost.check) if "parallelism" in finding.todo]
    assert [finding.level for finding in told] == ["warning"]


def test_memory_is_that_of_the_machine_or_less() -> None:
    assert 0 < cost.memory() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert sys.platform == "linux"
