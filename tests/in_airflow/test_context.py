"""The names that lint takes for given are those that Airflow gives."""

from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS

from factory.context import CONTEXT

# set by other operators, or only in callbacks
ELSEWHERE = {
    "exception",
    "expanded_ti_count",
    "reason",
    "templates_dict",
    "test_mode",
    "try_number",
}


def test_the_context() -> None:
    assert CONTEXT - {"interval"} == KNOWN_CONTEXT_KEYS - ELSEWHERE
