"""Paths of Airflow 2, and today's."""

import ast
import re
from pathlib import Path

import pytest

from factory.kinds.python import source
from factory.plan import kind as kinds
from factory.spec import called
from factory.spec import moved as table
from factory.spec.moved import moved, named

STANDARD = "airflow.providers.standard"
SQL = "airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("airflow.operators.bash_operator.BashOperator", f"{STANDARD}.operators.bash.BashOperator"),
        (
            "airflow.operators.python_operator.BranchPythonOperator",
            f"{STANDARD}.operators.python.BranchPythonOperator",
        ),
        (
            "airflow.operators.dummy_operator.DummyOperator",
            f"{STANDARD}.operators.empty.EmptyOperator",
        ),
        ("airflow.operators.dummy.DummyOperator", f"{STANDARD}.operators.empty.EmptyOperator"),
        (
            "airflow.operators.http_operator.SimpleHttpOperator",
            "airflow.providers.http.operators.http.HttpOperator",
        ),
        (
            "airflow.operators.dagrun_operator.TriggerDagRunOperator",
            f"{STANDARD}.operators.trigger_dagrun.TriggerDagRunOperator",
        ),
        (
            "airflow.sensors.external_task_sensor.ExternalTaskSensor",
            f"{STANDARD}.sensors.external_task.ExternalTaskSensor",
        ),
        (
            "airflow.contrib.sensors.file_sensor.FileSensor",
            f"{STANDARD}.sensors.filesystem.FileSensor",
        ),
        ("airflow.contrib.operators.snowflake_operator.SnowflakeOperator", SQL),
        ("airflow.providers.postgres.operators.postgres.PostgresOperator", SQL),
        ("airflow.contrib.operators.acme_operator.AcmeOperator", ""),
        ("airflow.datasets.Dataset", "airflow.sdk.Asset"),
    ],
)
def test_what_is_gone(old: str, new: str) -> None:
    found = moved(old)
    assert found is not None
    assert (found.path, found.still) == (new, False)


@pytest.mark.parametrize(
    "path",
    [
        "airflow.operators.bash.BashOperator",
        "airflow.operators.email.EmailOperator",
        "airflow.sensors.time_sensor.TimeSensor",
    ],
)
def test_what_airflow_still_follows(path: str) -> None:
    found = moved(path)
    assert found is not None
    assert found.still


@pytest.mark.parametrize(
    "path",
    [
        f"{STANDARD}.operators.bash.BashOperator",
        "airflow.sdk.Asset",
        "airflow.hooks.base.BaseHook",
        "airflow.operators.python.get_current_context",
        "acme.operators.bash_operator.BashOperator",
    ],
)
def test_what_stays(path: str) -> None:
    assert moved(path) is None


def test_what_airflow_follows_is_what_it_says() -> None:
    """The redirects of the Airflow that is installed, read and not run."""
    followed = set()
    for room in ("operators", "sensors"):
        file = source.find(f"airflow.{room}")
        assert file is not None
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                names = ast.literal_eval(node.value)
                followed |= {f"airflow.{room}.{name}" for name in names}
    assert followed - {"airflow.sensors.base", "airflow.operators.smooth"} == table._FOLLOWED


TODAYS = sorted(
    {
        *table._ONE.values(),
        *(
            f"{module}.{table._RENAMED.get(name, name)}"
            for module, names in table._CLASSES.items()
            for name in names
        ),
        *(f"{module}.{name}" for module, names in table._MORE.items() for name in names),
    }
)


def test_todays_paths_exist_where_their_provider_is_installed() -> None:
    looked = [path for path in TODAYS if exists(path)]
    assert len(looked) > 30
    assert "airflow.providers.smtp.operators.smtp.EmailOperator" in looked


def exists(path: str) -> bool:
    """Whether it could be looked for; it must be there then."""
    module, _, name = path.rpartition(".")
    provider = ".".join(module.split(".")[: 4 if ".common." in module else 3])
    if source.find(provider) is None or not is_there(provider):
        return False
    file = source.find(module)
    assert file is not None, path
    assert f"class {name}(" in file.read_text() or name in file.read_text(), path
    return True


def is_there(provider: str) -> bool:
    file = source.find(provider)
    return file is not None and len([*Path(file).parent.iterdir()]) > 1


@pytest.mark.parametrize(
    ("name", "kind", "path"),
    [
        ("SSHOperator", "", "airflow.providers.ssh.operators.ssh.SSHOperator"),
        ("MySqlOperator", "uses: sql", SQL),
        ("SQLExecuteQueryOperator", "uses: sql", SQL),
        ("HttpOperator", "uses: http", "airflow.providers.http.operators.http.HttpOperator"),
        ("SimpleHttpOperator", "uses: http", "airflow.providers.http.operators.http.HttpOperator"),
        ("EmptyOperator", "", f"{STANDARD}.operators.empty.EmptyOperator"),
    ],
)
def test_a_class_by_its_name_alone(name: str, kind: str, path: str) -> None:
    assert named(name) == (path, False, kind)
    assert named(f"{name}s") is None


def test_other_words_lead_to_kinds_and_are_none_themselves() -> None:
    known = {*kinds.names()}
    assert not known & {*called._WORDS}
    for word, hint in called._WORDS.items():
        assert word == word.lower().replace("-", "_")
        uses = re.search(r"`uses: ([^`]+)`", hint)
        assert uses is None or "." in uses[1] or uses[1] in known, word
    assert "write `uses: sql`" in called._WORDS["athena"]
    assert called._WORDS["lambda"].endswith("LambdaInvokeFunctionOperator`")
