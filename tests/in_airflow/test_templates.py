"""What lint knows of Airflow's templates is what Airflow has."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
from airflow.providers.common.compat.sdk import AirflowOptionalProviderFeatureException
from airflow.sdk.definitions._internal.templater import FILTERS
from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS
from airflow.sdk.definitions.dag import DAG
from airflow.sdk.execution_time import macros

from factory.lint import signature
from factory.lint.jinja import parsed, parts, wrong
from factory.lint.rendered import rendered

OPERATORS = (
    "airflow.providers.amazon.aws.operators.athena.AthenaOperator",
    "airflow.providers.amazon.aws.operators.emr.EmrServerlessStartJobOperator",
    "airflow.providers.amazon.aws.operators.glue.GlueJobOperator",
    "airflow.providers.amazon.aws.operators.sns.SnsPublishOperator",
    "airflow.providers.amazon.aws.sensors.s3.S3KeySensor",
    "airflow.providers.common.sql.operators.sql.SQLCheckOperator",
    "airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator",
    "airflow.providers.http.operators.http.HttpOperator",
    "airflow.providers.slack.operators.slack.SlackAPIPostOperator",
    "airflow.providers.smtp.operators.smtp.EmailOperator",
    "airflow.providers.standard.operators.bash.BashOperator",
    "airflow.providers.standard.operators.empty.EmptyOperator",
    "airflow.providers.standard.operators.python.PythonOperator",
    "airflow.providers.standard.operators.python.PythonVirtualenvOperator",
    "airflow.providers.standard.operators.trigger_dagrun.TriggerDagRunOperator",
    "airflow.providers.standard.sensors.external_task.ExternalTaskSensor",
    "airflow.providers.standard.sensors.filesystem.FileSensor",
    "factory.in_airflow.operators.check.Check",
    "factory.in_airflow.operators.http.CallHttp",
    "factory.in_airflow.operators.ingest.download.Download",
    "factory.in_airflow.operators.ingest.load_mysql.LoadMysql",
    "factory.in_airflow.operators.ingest.load_postgres.LoadPostgres",
    "factory.in_airflow.operators.nifi.start.Start",
    "factory.in_airflow.operators.python.CallPython",
    "factory.in_airflow.operators.wait.Wait",
)


@pytest.mark.parametrize("operator", OPERATORS)
def test_what_an_operator_fills_in(operator: str) -> None:
    module, _, name = operator.rpartition(".")
    cls: Any = getattr(importlib.import_module(module), name)
    assert rendered(operator) == {*cls.template_fields}


@pytest.mark.parametrize("operator", OPERATORS)
def test_what_an_operator_takes(operator: str) -> None:
    module, _, name = operator.rpartition(".")
    cls: Any = getattr(importlib.import_module(module), name)
    inits = [above.__init__ for above in cls.__mro__ if "__init__" in vars(above)]
    takes = {word for init in inits for word in inspect.signature(init).parameters}
    found = signature.parameters(module, name, frozenset({"no_such_argument"}))
    assert found is None or takes - {"args", "kwargs", "context"} <= found
    assert name in (signature.classes(module) or [name])


def operators_of(provider: str) -> Iterator[tuple[str, Any]]:
    """Each operator and sensor of a provider, with its path."""
    package = importlib.import_module(f"airflow.providers.{provider}")
    for file in sorted(Path(package.__path__[0]).rglob("*.py")):
        parts = file.relative_to(package.__path__[0]).with_suffix("").parts
        if not {"operators", "sensors", "transfers"} & {*parts}:
            continue
        module = ".".join((package.__name__, *parts))
        try:
            names = vars(importlib.import_module(module))
        except (ImportError, AirflowOptionalProviderFeatureException):
            continue  # it wants a package that is not installed
        for name, cls in names.items():
            is_own = isinstance(cls, type) and cls.__module__ == module
            if is_own and name.endswith(("Operator", "Sensor")) and not name.startswith("_"):
                yield f"{module}.{name}", cls


@pytest.mark.parametrize(
    ("provider", "known"),
    [("amazon", 250), ("common", 10), ("http", 1), ("sftp", 1), ("snowflake", 5), ("standard", 10)],
)
def test_nothing_wrong_is_known_of_any_operator(provider: str, known: int) -> None:
    """What lint takes for unknown it may not refuse; of so many it knows all."""
    told = 0
    for path, cls in operators_of(provider):
        module, _, name = path.rpartition(".")
        fields = rendered(path)
        assert fields in (frozenset(), {*cls.template_fields}), path
        inits = [above.__init__ for above in cls.__mro__ if "__init__" in vars(above)]
        takes = {word for init in inits for word in inspect.signature(init).parameters}
        found = signature.parameters(module, name, frozenset({"no_such_argument"}))
        assert found is None or takes - {"args", "kwargs", "context"} <= found, path
        told += bool(fields) and found is not None
    assert told >= known


def test_the_arguments_of_airflows_own_operators_are_known() -> None:
    bash = "airflow.providers.standard.operators.bash"
    found = signature.parameters(bash, "BashOperator", frozenset({"bash_comand"}))
    assert found is not None
    assert {"bash_command", "retries", "outlets"} <= found
    assert "bash_comand" not in found


@pytest.mark.parametrize(
    "operator",
    [
        "airflow.providers.amazon.aws.operators.sns.SnsPublishOperator",  # its mixin is Generic
        "airflow.providers.amazon.aws.operators.emr.EmrServerlessStartJobOperator",
        "airflow.providers.amazon.aws.sensors.s3.S3KeySensor",
        "airflow.providers.google.cloud.transfers.gcs_to_bigquery.GCSToBigQueryOperator",
        "airflow.providers.sftp.operators.sftp.SFTPOperator",
    ],
)
def test_what_an_operator_of_a_provider_does_not_take_is_known(operator: str) -> None:
    assert signature.untaken(operator, frozenset({"task_id", "subjct"})) == {"subjct"}


def test_of_an_operator_that_is_not_there_nothing_is_known() -> None:
    assert rendered("acme.operators.Nothing") == frozenset()


def test_the_names_and_filters_are_those_of_airflow_and_interval() -> None:
    assert {*KNOWN_CONTEXT_KEYS, "events", "interval", "tasks"} == parts.NAMES
    assert {*parts.FILTERS} == {*FILTERS}
    assert not {*parsed.REMOVED} & KNOWN_CONTEXT_KEYS


@pytest.mark.parametrize("today", sorted({*parsed.REMOVED.values(), *parts.PATHS.values()}))
def test_what_is_proposed_can_be_filled_in(today: str) -> None:
    text = f"{{{{ {today} }}}}"
    assert wrong(text) == ()
    env = DAG("d").get_template_env()
    context = {"ds": "2024-01-31", "macros": macros}
    if "macros" in today:
        assert env.from_string(text).render(context) in {
            "2024-02-01",
            "2024-01-30",
            "20240201",
            "20240130",
        }


@pytest.mark.parametrize("text", ["{{ ds | nope }}", "{{ x", "{# x", "{% nope %}", "{{ .x }}"])
def test_what_is_refused_airflow_refuses(text: str) -> None:
    assert wrong(text)[0].sure
    with pytest.raises(jinja2.TemplateSyntaxError):
        DAG("d").get_template_env().from_string(text)
