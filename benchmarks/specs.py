"""The same six-task pipeline in our YAML and in dag-factory's; `hand_written` has it in Python."""

from __future__ import annotations

from pathlib import Path

_OURS = """\
# yaml-language-server: $schema=../schemas/pipeline.schema.json
version: 1
description: Orders of shop {number}, one file a day, cleaned and counted.
owner: shops
tags: [shop, orders]
schedule: "0 6 * * *"
start_date: 2024-01-01
vars:
  folder: /data/shop_{number}
defaults: {{retries: 3, retry_delay: 5m}}
tasks:
  - id: fetch
    run: fetch --date {{{{ ds }}}} --to ${{vars.folder}}
  - id: unpack
    run: unpack ${{vars.folder}}/{{{{ ds }}}}.gz
    needs: [fetch]
  - id: clean
    run: clean ${{vars.folder}}/{{{{ ds }}}}.csv
    needs: [unpack]
    execution_timeout: 1h
  - id: count
    run: count ${{vars.folder}}/{{{{ ds }}}}.csv
    needs: [clean]
  - id: load
    run: load ${{vars.folder}}/{{{{ ds }}}}.csv
    needs: [clean]
    pool: warehouse
  - id: tell
    run: tell shop_{number}
    needs: [count, load]
    trigger_rule: none_failed
"""

_OPERATOR = "airflow.providers.standard.operators.bash.BashOperator"
_COMMON = """\
      operator: {operator}
      append_env: true
      do_xcom_push: false
"""
_DAG_FACTORY = """\
shop_{number}:
  description: Orders of shop {number}, one file a day, cleaned and counted.
  doc_md: "Orders of shop {number}, one file a day, cleaned and counted.\\n\\nOwner: **shops**"
  tags: [shop, orders]
  schedule: "0 6 * * *"
  catchup: false
  default_args:
    owner: shops
    start_date: 2024-01-01
    retries: 3
    retry_delay: {{__type__: datetime.timedelta, minutes: 5}}
  tasks:
    - task_id: fetch
{common}
      bash_command: "fetch --date {{{{ ds }}}} --to /data/shop_{number}"
    - task_id: unpack
{common}
      bash_command: "unpack /data/shop_{number}/{{{{ ds }}}}.gz"
      dependencies: [fetch]
    - task_id: clean
{common}
      bash_command: "clean /data/shop_{number}/{{{{ ds }}}}.csv"
      execution_timeout: {{__type__: datetime.timedelta, hours: 1}}
      dependencies: [unpack]
    - task_id: count
{common}
      bash_command: "count /data/shop_{number}/{{{{ ds }}}}.csv"
      dependencies: [clean]
    - task_id: load
{common}
      bash_command: "load /data/shop_{number}/{{{{ ds }}}}.csv"
      pool: warehouse
      dependencies: [clean]
    - task_id: tell
{common}
      bash_command: "tell shop_{number}"
      trigger_rule: none_failed
      dependencies: [count, load]
"""


def write_ours(root: Path, count: int) -> Path:
    """A configuration root with `count` pipelines in folders of 100."""
    for number in range(count):
        folder = root / f"team_{number // 100}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"shop_{number}.yaml").write_text(_OURS.format(number=number))
    return root


def write_dag_factory(folder: Path, count: int) -> Path:
    """A folder with the same pipelines in dag-factory's YAML, one a file."""
    folder.mkdir(parents=True)
    common = _COMMON.format(operator=_OPERATOR).rstrip()
    for number in range(count):
        text = _DAG_FACTORY.format(number=number, common=common)
        (folder / f"shop_{number}.yaml").write_text(text)
    return folder
