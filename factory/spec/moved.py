"""Import paths of Airflow 2 and of older providers, and what Airflow 3 has in their place."""

from __future__ import annotations

from typing import NamedTuple

_STANDARD = "airflow.providers.standard"
_SQL = "airflow.providers.common.sql"
_AWS = "airflow.providers.amazon.aws"
_GOOGLE = "airflow.providers.google.cloud"


class Moved(NamedTuple):
    """Today's path, empty when there is none; `still`: Airflow 3 still follows the old one."""

    path: str
    still: bool
    kind: str = ""


def moved(path: str) -> Moved | None:
    """Where an import path of Airflow 2 leads today; None when it is none."""
    module, _, name = path.rpartition(".")
    if path in _ONE:
        return Moved(_ONE[path], False, _KINDS.get(name, ""))
    found = _todays(module, name)
    if found:
        still = module in _FOLLOWED and name not in _RENAMED
        return Moved(found, still, _KINDS.get(name, ""))
    is_gone = path.startswith(_GONE) and not path.startswith(_KEPT) and module not in _FOLLOWED
    return Moved("", False) if is_gone else None


def named(name: str) -> Moved | None:
    """A class of an operator or a sensor by its name alone; None when it is not known here."""
    todays = _RENAMED.get(name, name)
    for module, names in (*_CLASSES.items(), *_MORE.items()):
        if name in names or todays in names:
            return Moved(f"{module}.{todays}", False, _KINDS.get(name, ""))
    return None


def _todays(module: str, name: str) -> str:
    for start in _GONE:
        if module.startswith(start):
            rest = module.removeprefix(start).removeprefix("operators.").removeprefix("sensors.")
            word = rest.removesuffix("_operator").removesuffix("_sensor")
            for todays, names in _CLASSES.items():
                if name in names and word in names[name].split():
                    return f"{todays}.{_RENAMED.get(name, name)}"
    return ""


_GONE = ("airflow.operators.", "airflow.sensors.", "airflow.contrib.", "airflow.hooks.")
_KEPT = ("airflow.hooks.base.", "airflow.sensors.base.", "airflow.operators.smooth.")
_FOLLOWED = frozenset(
    f"airflow.operators.{name}"
    for name in (
        *("bash", "branch", "datetime", "email", "empty", "generic_transfer", "latest_only"),
        *("python", "trigger_dagrun", "weekday"),
    )
) | frozenset(
    f"airflow.sensors.{name}"
    for name in (
        *("bash", "date_time", "external_task", "filesystem", "python", "time_delta"),
        *("time_sensor", "weekday"),
    )
)
"""Old modules that Airflow 3 still leads to the new ones, with a warning in its log."""

# today's module → class → the old modules that had it, without `_operator` and `_sensor`
_CLASSES: dict[str, dict[str, str]] = {
    f"{_STANDARD}.operators.bash": {"BashOperator": "bash"},
    f"{_STANDARD}.operators.python": dict.fromkeys(
        (
            "PythonOperator",
            "BranchPythonOperator",
            "ShortCircuitOperator",
            "PythonVirtualenvOperator",
            "ExternalPythonOperator",
            "BranchExternalPythonOperator",
            "BranchPythonVirtualenvOperator",
        ),
        "python",
    ),
    f"{_STANDARD}.operators.empty": {"EmptyOperator": "empty", "DummyOperator": "dummy"},
    f"{_STANDARD}.operators.latest_only": {"LatestOnlyOperator": "latest_only"},
    f"{_STANDARD}.operators.trigger_dagrun": {"TriggerDagRunOperator": "trigger_dagrun dagrun"},
    f"{_STANDARD}.operators.datetime": {"BranchDateTimeOperator": "datetime"},
    f"{_STANDARD}.operators.weekday": {"BranchDayOfWeekOperator": "weekday"},
    "airflow.sdk.bases.branch": {"BaseBranchOperator": "branch"},
    "airflow.providers.smtp.operators.smtp": {"EmailOperator": "email"},
    "airflow.providers.http.operators.http": {"SimpleHttpOperator": "http"},
    f"{_SQL}.operators.generic_transfer": {"GenericTransfer": "generic_transfer"},
    f"{_SQL}.operators.sql": {
        "SQLCheckOperator": "sql",
        "SQLValueCheckOperator": "sql",
        "SQLIntervalCheckOperator": "sql",
        "SQLThresholdCheckOperator": "sql",
        "BranchSQLOperator": "sql sql_branch",
        "CheckOperator": "check",
        "ValueCheckOperator": "check",
        "IntervalCheckOperator": "check",
        "ThresholdCheckOperator": "check",
        "PostgresOperator": "postgres",
        "MySqlOperator": "mysql",
        "MsSqlOperator": "mssql",
        "SqliteOperator": "sqlite",
        "OracleOperator": "oracle",
        "JdbcOperator": "jdbc",
        "SnowflakeOperator": "snowflake",
    },
    "airflow.providers.slack.operators.slack": {"SlackAPIPostOperator": "slack"},
    "airflow.providers.docker.operators.docker": {"DockerOperator": "docker"},
    "airflow.providers.apache.hive.operators.hive": {"HiveOperator": "hive"},
    "airflow.providers.apache.spark.operators.spark_submit": {
        "SparkSubmitOperator": "spark_submit"
    },
    "airflow.providers.apache.spark.operators.spark_sql": {"SparkSqlOperator": "spark_sql"},
    "airflow.providers.cncf.kubernetes.operators.pod": {"KubernetesPodOperator": "kubernetes_pod"},
    "airflow.providers.databricks.operators.databricks": {
        "DatabricksSubmitRunOperator": "databricks",
        "DatabricksRunNowOperator": "databricks",
    },
    "airflow.providers.ssh.operators.ssh": {"SSHOperator": "ssh"},
    "airflow.providers.sftp.operators.sftp": {"SFTPOperator": "sftp"},
    f"{_AWS}.operators.emr": {
        "EmrAddStepsOperator": "emr_add_steps",
        "EmrCreateJobFlowOperator": "emr_create_job_flow",
        "EmrTerminateJobFlowOperator": "emr_terminate_job_flow",
    },
    f"{_AWS}.operators.ecs": {"ECSOperator": "ecs"},
    f"{_AWS}.operators.athena": {"AWSAthenaOperator": "aws_athena"},
    f"{_AWS}.operators.s3": {"S3FileTransformOperator": "s3_file_transform"},
    f"{_GOOGLE}.operators.bigquery": {"BigQueryOperator": "bigquery"},
    f"{_GOOGLE}.transfers.gcs_to_bigquery": {"GoogleCloudStorageToBigQueryOperator": "gcs_to_bq"},
    f"{_STANDARD}.sensors.bash": {"BashSensor": "bash"},
    f"{_STANDARD}.sensors.python": {"PythonSensor": "python"},
    f"{_STANDARD}.sensors.external_task": {
        "ExternalTaskSensor": "external_task",
        "ExternalTaskMarker": "external_task",
    },
    f"{_STANDARD}.sensors.filesystem": {"FileSensor": "filesystem file"},
    f"{_STANDARD}.sensors.date_time": {
        "DateTimeSensor": "date_time",
        "DateTimeSensorAsync": "date_time",
    },
    f"{_STANDARD}.sensors.time": {"TimeSensor": "time", "TimeSensorAsync": "time"},
    f"{_STANDARD}.sensors.time_delta": {
        "TimeDeltaSensor": "time_delta",
        "TimeDeltaSensorAsync": "time_delta",
    },
    f"{_STANDARD}.sensors.weekday": {"DayOfWeekSensor": "weekday"},
    "airflow.providers.http.sensors.http": {"HttpSensor": "http"},
    f"{_SQL}.sensors.sql": {"SqlSensor": "sql"},
    f"{_AWS}.sensors.s3": {"S3KeySensor": "s3_key"},
}
# classes that Airflow 2 had at the same place, or not at all
_MORE: dict[str, tuple[str, ...]] = {
    f"{_AWS}.operators.athena": ("AthenaOperator",),
    f"{_AWS}.operators.batch": ("BatchOperator",),
    f"{_AWS}.operators.ecs": ("EcsRunTaskOperator",),
    f"{_AWS}.operators.emr": ("EmrServerlessStartJobOperator",),
    f"{_AWS}.operators.glue": ("GlueJobOperator",),
    f"{_AWS}.operators.glue_crawler": ("GlueCrawlerOperator",),
    f"{_AWS}.operators.lambda_function": ("LambdaInvokeFunctionOperator",),
    f"{_AWS}.operators.sns": ("SnsPublishOperator",),
    f"{_AWS}.operators.step_function": ("StepFunctionStartExecutionOperator",),
    f"{_GOOGLE}.operators.bigquery": ("BigQueryInsertJobOperator",),
    f"{_GOOGLE}.operators.dataproc": ("DataprocSubmitJobOperator",),
    f"{_GOOGLE}.sensors.gcs": ("GCSObjectExistenceSensor",),
    f"{_GOOGLE}.transfers.gcs_to_bigquery": ("GCSToBigQueryOperator",),
    f"{_SQL}.operators.sql": ("SQLExecuteQueryOperator", "SQLColumnCheckOperator"),
    "airflow.providers.cncf.kubernetes.operators.spark_kubernetes": ("SparkKubernetesOperator",),
    "airflow.providers.http.operators.http": ("HttpOperator",),
    "airflow.providers.slack.operators.slack_webhook": ("SlackWebhookOperator",),
    "airflow.providers.snowflake.transfers.copy_into_snowflake": (
        "CopyFromExternalStageToSnowflakeOperator",
    ),
    "airflow.providers.sftp.sensors.sftp": ("SFTPSensor",),
}
_EXECUTES_SQL = "SQLExecuteQueryOperator"
_RENAMED = {
    "DummyOperator": "EmptyOperator",
    "SimpleHttpOperator": "HttpOperator",
    "CheckOperator": "SQLCheckOperator",
    "ValueCheckOperator": "SQLValueCheckOperator",
    "IntervalCheckOperator": "SQLIntervalCheckOperator",
    "ThresholdCheckOperator": "SQLThresholdCheckOperator",
    "PostgresOperator": _EXECUTES_SQL,
    "MySqlOperator": _EXECUTES_SQL,
    "MsSqlOperator": _EXECUTES_SQL,
    "SqliteOperator": _EXECUTES_SQL,
    "OracleOperator": _EXECUTES_SQL,
    "JdbcOperator": _EXECUTES_SQL,
    "SnowflakeOperator": _EXECUTES_SQL,
    "ECSOperator": "EcsRunTaskOperator",
    "AWSAthenaOperator": "AthenaOperator",
    "BigQueryOperator": "BigQueryInsertJobOperator",
    "GoogleCloudStorageToBigQueryOperator": "GCSToBigQueryOperator",
}
# of providers, by the whole path
_ONE = {
    "airflow.providers.cncf.kubernetes.operators.kubernetes_pod.KubernetesPodOperator": (
        "airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator"
    ),
    "airflow.providers.http.operators.http.SimpleHttpOperator": (
        "airflow.providers.http.operators.http.HttpOperator"
    ),
    "airflow.datasets.Dataset": "airflow.sdk.Asset",
    "airflow.Dataset": "airflow.sdk.Asset",
    **{
        f"airflow.providers.{old}": f"{_SQL}.operators.sql.{_EXECUTES_SQL}"
        for old in (
            "postgres.operators.postgres.PostgresOperator",
            "mysql.operators.mysql.MySqlOperator",
            "sqlite.operators.sqlite.SqliteOperator",
            "oracle.operators.oracle.OracleOperator",
            "jdbc.operators.jdbc.JdbcOperator",
            "microsoft.mssql.operators.mssql.MsSqlOperator",
            "snowflake.operators.snowflake.SnowflakeOperator",
        )
    },
}
_KINDS = {
    "BashOperator": "run:",
    "PythonOperator": "uses: python",
    "TriggerDagRunOperator": "uses: trigger",
    "SimpleHttpOperator": "uses: http",
    "HttpOperator": "uses: http",
    _EXECUTES_SQL: "uses: sql",
    **{name: "uses: sql" for name, todays in _RENAMED.items() if todays == _EXECUTES_SQL},
    **dict.fromkeys(
        ("CopyFromExternalStageToSnowflakeOperator", "GCSToBigQueryOperator"), "uses: ingest"
    ),
    **dict.fromkeys(
        (
            *("ExternalTaskSensor", "HttpSensor", "SqlSensor", "FileSensor", "TimeDeltaSensor"),
            *("DateTimeSensor", "GCSObjectExistenceSensor", "S3KeySensor", "SFTPSensor"),
        ),
        "uses: wait",
    ),
}
"""What a spec may say in place of an operator."""
