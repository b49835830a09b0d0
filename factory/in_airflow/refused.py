"""What Airflow and the operators refuse of the pipelines of a project: every DAG is built."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from factory.diagnostics import Diagnostic
from factory.in_airflow.journal import Journal
from factory.in_airflow.loader import Builder
from factory.in_airflow.net import Net
from factory.project import Outcome, Project


def refused(project: Project, outcomes: Sequence[Outcome]) -> Iterator[tuple[Path, Diagnostic]]:
    """Each refusal with the file that it is of; nothing of what the loader remembers is touched."""
    builder = Builder(project, Net(Journal(None)))
    for outcome in outcomes:
        if outcome.plans:
            for _, _, found in builder.dags(outcome):
                yield from ((outcome.path, entry) for entry in found)
            builder.net.tidy()
