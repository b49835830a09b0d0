"""The names that lint takes for given are those that Airflow gives."""

from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS

from factory.kinds.python.source import CONTEXT

# set by other operators, or only in callbacks
ELSEWHERE = {
    "exception",
    "expanded_ti_count",
    "reason",
    "start_date",
    "templates_dict",
    "test_mode",
    "try_number",
}
SINCE_3_3 = {"asset_state_store", "partition_date", "partition_key", "task_state_store"}


def test_the_context() -> None:
    assert KNOWN_CONTEXT_KEYS - ELSEWHERE | SINCE_3_3 == CONTEXT
