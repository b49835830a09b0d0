"""The six-task pipeline of `specs` as a person writes it with `airflow.sdk`."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable


def shop(number: int) -> DAG:
    """One pipeline; its tasks have the arguments that ours have."""
    folder = f"/data/shop_{number}"
    description = f"Orders of shop {number}, one file a day, cleaned and counted."
    with DAG(
        f"shop_{number}",
        description=description,
        doc_md=f"{description}\n\nOwner: **shops**\n\nEnvironment: **dev**",
        tags=["shop", "orders"],
        schedule=CronDataIntervalTimetable("0 6 * * *", "UTC"),
        start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
        catchup=False,
        fail_fast=False,
        default_args={"owner": "shops"},
    ) as dag:
        fetch = BashOperator(
            task_id="fetch",
            bash_command=f"fetch --date {{{{ ds }}}} --to {folder}",
            append_env=True,
            do_xcom_push=False,
            skip_on_exit_code=99,
            retries=3,
            retry_delay=timedelta(minutes=5),
        )
        unpack = BashOperator(
            task_id="unpack",
            bash_command=f"unpack {folder}/{{{{ ds }}}}.gz",
            append_env=True,
            do_xcom_push=False,
            skip_on_exit_code=99,
            retries=3,
            retry_delay=timedelta(minutes=5),
        )
        clean = BashOperator(
            task_id="clean",
            bash_command=f"clean {folder}/{{{{ ds }}}}.csv",
            append_env=True,
            do_xcom_push=False,
            skip_on_exit_code=99,
            retries=3,
            retry_delay=timedelta(minutes=5),
            execution_timeout=timedelta(hours=1),
        )
        count = BashOperator(
            task_id="count",
            bash_command=f"count {folder}/{{{{ ds }}}}.csv",
            append_env=True,
            do_xcom_push=False,
            skip_on_exit_code=99,
            retries=3,
            retry_delay=timedelta(minutes=5),
        )
        load = BashOperator(
            task_id="load",
            bash_command=f"load {folder}/{{{{ ds }}}}.csv",
            append_env=True,
            do_xcom_push=False,
            skip_on_exit_code=99,
            retries=3,
            retry_delay=timedelta(minutes=5),
            pool="warehouse",
        )
        tell = BashOperator(
            task_id="tell",
            bash_command=f"tell shop_{number}",
            append_env=True,
            do_xcom_push=False,
            skip_on_exit_code=99,
            retries=3,
            retry_delay=timedelta(minutes=5),
            trigger_rule="none_failed",
        )
        fetch >> unpack >> clean >> [count, load] >> tell
    return dag
