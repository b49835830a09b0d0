"""Data movement: plain functions that take clients and paths. No Airflow, nothing else of ours."""
