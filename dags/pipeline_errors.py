"""Shows broken specs as an import error in Airflow's UI; holds no DAG of its own.

It builds every pipeline once more, in a process of its own: two Dag files share nothing, and only
building shows what an operator refuses. That is about a fifth of what Airflow takes to parse
`pipelines.py`, most of which is its own serializing.
"""

from factory.in_airflow.loader import problems

if found := problems(__file__):
    raise found  # this file is in order: what is wrong stands below
