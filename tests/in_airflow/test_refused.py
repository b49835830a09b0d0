"""What `factory lint --build` finds, and where."""

from collections.abc import Callable
from pathlib import Path

import pytest

from factory.in_airflow.refused import refused
from factory.lint.lint import lint_project
from factory.project import Project

Write = Callable[[str, str], Path]
BASH = "airflow.providers.standard.operators.bash.BashOperator"
PYTHON = "airflow.providers.standard.operators.python.PythonOperator"


@pytest.fixture(autouse=True)
def _dev(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACTORY_ENV", raising=False)


def built(root: Path) -> list[str]:
    report = lint_project(Project(root), build=refused)
    found = [finding.diagnostic for finding in report.findings]
    return [
        f"{d.file.partition('/')[2]}:{d.line}:{d.column}: {d.message}"
        + (f" | {d.hint}" if d.hint else "")
        for d in found
    ]


INSTALL = "install the package that has it, or correct the path"


@pytest.mark.parametrize(
    ("step", "at", "told"),
    [
        (
            f"uses: {BASH}x",
            BASH,
            "the module airflow.providers.standard.operators.bash has no 'BashOperatorx'"
            " | did you mean 'BashOperator'?",
        ),
        (
            "uses: airflow.providers.standard.operators.bsh.BashOperator",
            "airflow",
            "there is no module airflow.providers.standard.operators.bsh | did you mean 'bash'?",
        ),
        (
            "uses: airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator",
            "airflow",
            "there is no module airflow.providers.cncf"
            " | install apache-airflow-providers-cncf-kubernetes, or correct the path",
        ),
        ("uses: acme_no.ops.Load", "acme_no", f"there is no module acme_no | {INSTALL}"),
        (
            f"uses: {BASH}, with: {{bash_comand: x}}",
            "bash_comand",
            "BashOperator has no argument 'bash_comand' | did you mean 'bash_command'?",
        ),
        (
            f"uses: {BASH}",
            "{id",
            "BashOperator refuses its arguments: missing keyword argument 'bash_command'",
        ),
        (
            f"uses: {PYTHON}, with: {{python_callable: dumps}}",
            "dumps",
            "PythonOperator refuses its arguments: `python_callable` param must be callable",
        ),
        (
            f"uses: {PYTHON}, with: {{python_callable: {{$ref: json.dumpz}}}}",
            "json.dumpz",
            "the module json has no 'dumpz' | did you mean 'dump'?",
        ),
        (
            f"uses: {PYTHON}, with: {{python_callable: {{$ref: json.dumps}},"
            " op_args: [{$ref: jzon.x}]}",
            "jzon.x",
            f"there is no module jzon | {INSTALL}",
        ),
        (
            f"uses: {BASH}, with: {{bash_command: x, env: {{A: {{$call: datetime.date,"
            " with: {year: 1}}}}",
            "datetime.date",
            "datetime.date refuses its arguments: ",
        ),
    ],
)
def test_a_refusal_stands_at_its_place(
    step: str, at: str, told: str, root: Path, write: Write
) -> None:
    line = f"  - {{id: a, {step}}}"
    write("p.yaml", f"version: 1\ntasks:\n{line}\n")
    (found,) = built(root)
    assert found.startswith(f"p.yaml:3:{line.index(at) + 1}: {told}")


def test_all_steps_of_all_files_are_told_and_what_is_fine_is_fine(root: Path, write: Write) -> None:
    step = f"uses: {PYTHON}, with: {{python_callable: x}}"
    write("a.yaml", f"version: 1\ntasks:\n  - {{id: a, {step}}}\n  - {{id: b, {step}}}\n")
    write("b.yaml", "version: 1\ntasks: [{id: a, run: echo}]\n")
    write("c.yaml", "version: 1\ntasks: [{id: a, uses: own}]\n")
    write("_defaults.yaml", f"version: 1\nkinds:\n  own: {{{step}}}\n")
    report = lint_project(Project(root), build=refused)
    places = [(f.diagnostic.file.partition("/")[2], f.diagnostic.line) for f in report.findings]
    assert places == [("_defaults.yaml", 3), ("a.yaml", 3), ("a.yaml", 4)]
    assert report.findings[0].pipelines == ("c",)
    assert report.fine == ("b",)


def test_only_the_files_that_are_named_are_built(root: Path, write: Write) -> None:
    write("bad.yaml", "version: 1\ntasks: [{id: a, uses: acme_no.operators.Load}]\n")
    good = write("good.yaml", "version: 1\ntasks: [{id: a, run: echo}]\n")
    report = lint_project(Project(root), [good], refused)
    assert (report.findings, report.fine) == ((), ("good",))
