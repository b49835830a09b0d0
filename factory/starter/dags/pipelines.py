"""Airflow DAGs from the YAML files in dag_factory_configs/ (see factory.in_airflow.loader)."""

from factory.in_airflow.loader import load

load(__file__, globals())
