"""Shows broken specs as an import error in Airflow's UI; holds no DAG of its own."""

from factory.in_airflow.loader import report

report(__file__)
