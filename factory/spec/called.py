"""What was meant by a `uses` that is no kind: a class of Airflow without its path, another word."""

from __future__ import annotations

from collections.abc import Iterable

from factory.diagnostics import did_you_mean, nearest
from factory.spec.moved import named


def meant(uses: str, ours: Iterable[str], kinds: Iterable[str]) -> str:
    """What to write in place of it, or nothing.

    :param ours: the project's own names, the nearest of which goes before what Airflow has.
    """
    if nearest(uses, ours):
        return did_you_mean(uses, ours)
    if word := _WORDS.get(uses.lower().replace("-", "_")):
        return word
    if found := named(uses):
        kind = f"`{found.kind}`, or " if found.kind else ""
        return f"write {kind}`uses: {found.path}`"
    return did_you_mean(uses, kinds)


def _kind(name: str, *words: str) -> dict[str, str]:
    return dict.fromkeys(words, f"write `uses: {name}`")


def _operator(name: str, *words: str) -> dict[str, str]:
    found = named(name)
    return dict.fromkeys(words, f"write `uses: {found.path}`") if found else {}


_HAS_WORK = "`if:` tells whether a step has work: two opposite ones are a branch"
_WORDS = {
    **dict.fromkeys(("cmd", "command", "script", "shell"), "write `run:`"),
    **dict.fromkeys(
        ("branch", "branchpythonoperator", "condition", "short_circuit", "shortcircuitoperator"),
        _HAS_WORK,
    ),
    **dict.fromkeys(("group", "task_group"), "a group has `tasks:` in place of `uses:`"),
    **_kind("check", "data_quality", "quality", "validate"),
    **_kind("copy", "gcs", "move", "s3", "sftp"),
    **_kind("http", "api", "request", "rest"),
    **_kind("ingest", "copy_into", "extract", "load", "transfer"),
    **_kind("sql", "athena", "bigquery", "mysql", "postgres", "query", "redshift", "snowflake"),
    **_kind("trigger", "trigger_dag", "trigger_dag_run"),
    **_kind("wait", "sensor", "wait_for"),
    **_operator("DatabricksRunNowOperator", "databricks"),
    **_operator("DockerOperator", "docker"),
    **_operator("EmailOperator", "email", "mail"),
    **_operator("EmptyOperator", "dummy", "empty", "noop"),
    **_operator("EmrAddStepsOperator", "emr"),
    **_operator("GlueJobOperator", "glue"),
    **_operator("KubernetesPodOperator", "container", "k8s", "kubernetes", "pod"),
    **_operator("LambdaInvokeFunctionOperator", "lambda"),
    **_operator("SlackAPIPostOperator", "slack"),
    **_operator("SparkSubmitOperator", "spark", "spark_submit"),
    **_operator("SSHOperator", "ssh"),
}
"""What others call a kind, or what an operator does."""

__all__ = ["meant"]
