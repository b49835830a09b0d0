"""What lint tells of a project's own kinds, beside the cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import SpecError
from factory.lint.lint import lint_project
from factory.lint.report import Report
from factory.project import Project

KIND = """\
version: 1
deprecated: load@2 counts the rows, too
params: {table: {type: string}}
tasks: [{id: show, run: "echo ${params.table} ${vars.said}"}]
"""
GOOD = "version: 1\nvars: {said: x}\ntasks: [{id: a, uses: load, with: {table: b}}]\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "configs"
    (root / "_kinds").mkdir(parents=True)
    (root / "_kinds/load.yaml").write_text(KIND)
    (root / "one.yaml").write_text(GOOD)
    (root / "other.yaml").write_text("version: 1\ntasks: [{id: a, run: ls}]\n")
    return root


def told(report: Report) -> list[tuple[str, str, str]]:
    found = (finding.diagnostic for finding in report.findings)
    return [(f"{one.file}:{one.line}", one.code, one.called) for one in found]


def test_a_deprecated_kind_is_told_at_each_call(root: Path) -> None:
    report = lint_project(Project(root))
    assert told(report) == [("configs/one.yaml:3", "deprecated-kind", "")]
    assert "load@2 counts the rows, too" in report.findings[0].diagnostic.message


def test_a_mistake_in_a_kind_is_told_once_with_a_line_that_calls_it(root: Path) -> None:
    (root / "_kinds/load.yaml").write_text(KIND.replace("run:", "needs: nope, run:"))
    (root / "two.yaml").write_text(GOOD)
    report = lint_project(Project(root))
    assert told(report) == [("configs/_kinds/load.yaml:4", "unknown-task", "configs/one.yaml:3")]
    assert report.findings[0].pipelines == ("one", "two")
    assert report.fine == ("other",)


def test_who_calls_a_kind_in_which_a_rule_finds_a_mistake_is_not_fine(root: Path) -> None:
    (root / "_kinds/load.yaml").write_text(KIND.replace("echo", "echo {{ item }}"))
    (root / "two.yaml").write_text(GOOD)
    report = lint_project(Project(root))
    assert ("configs/_kinds/load.yaml:4", "template", "configs/one.yaml:3") in told(report)
    assert [one.pipelines for one in report.errors] == [("one", "two")]
    assert report.fine == ("other",)


def test_kinds_that_call_each_other_are_told_once_whoever_calls_them(root: Path) -> None:
    for name, other in (("load", "b"), ("b", "c"), ("c", "load")):
        text = f"version: 1\ntasks: [{{id: x, uses: {other}}}]\n"
        (root / f"_kinds/{name}.yaml").write_text(text)
    for name in ("load", "b", "c"):
        text = f"version: 1\ntasks: [{{id: a, uses: {name}}}]\n"
        (root / f"of_{name}.yaml").write_text(text)
    (root / "one.yaml").unlink()
    report = lint_project(Project(root))
    (found,) = report.findings
    assert found.diagnostic.message.endswith("in a circle: b → c → load → b")
    assert (found.diagnostic.file, found.diagnostic.line) == ("configs/_kinds/load.yaml", 2)
    assert found.pipelines == ("of_b", "of_c", "of_load")


def test_a_file_with_the_name_of_a_kind_of_ours_is_none(root: Path) -> None:
    (root / "_kinds/sql.yaml").write_text("version: 1\ntasks: [{id: a, rnu: ls}]\n")
    query = "{id: a, uses: sql, with: {conn_id: w, sql: SELECT 1}}"
    (root / "two.yaml").write_text(f"version: 1\ntasks: [{query}]\n")
    project = Project(root)
    (found,) = lint_project(project).errors
    assert (found.diagnostic.file, found.diagnostic.code) == (
        "configs/_kinds/sql.yaml",
        "kind-name",
    )
    assert found.pipelines == ()
    assert [task.id for task in project.plan("two").tasks] == ["a"]


def test_what_a_call_gives_and_a_step_refuses_is_told_at_the_value(root: Path) -> None:
    kind = "{id: a, uses: sql, with: {conn_id: w, sql: SELECT 1, output: '${params.output}'}}"
    (root / "_kinds/load.yaml").write_text(f"params: {{output: {{}}}}\ntasks:\n  - {kind}\n")
    (root / "_kinds/outer.yaml").write_text(
        "params: {said: {}}\ntasks: [{id: b, uses: load, with: {output: '${params.said}'}}]\n"
    )
    (root / "one.yaml").write_text(
        "version: 1\ntasks:\n  - id: a\n    uses: outer\n    with:\n      said: 7\n"
    )
    (found,) = (one.diagnostic for one in lint_project(Project(root)).errors)
    assert (found.file, found.line, found.column) == ("configs/one.yaml", 6, 13)
    assert found.read_in == "configs/_kinds/load.yaml:3, configs/_kinds/outer.yaml:2"
    assert found.called == ""


def test_an_output_that_is_not_known_yet_is_called_as_it_is_read(root: Path) -> None:
    hands = "tasks: [{id: show, run: ls, with: {output: true}}]\n"
    (root / "_kinds/load.yaml").write_text(
        f'{hands}outputs: {{rows: "{{{{ tasks.show.output }}}}"}}\n'
    )
    late = '{id: late, run: "echo {{ tasks.a.outputs.rows }}"}'
    (root / "one.yaml").write_text(f"version: 1\ntasks: [{{id: a, uses: load}}, {late}]\n")
    (found,) = lint_project(Project(root)).findings
    assert found.diagnostic.message.startswith("'a' does not come before this task")
    assert found.diagnostic.expected == "`needs: [a]`"


def test_what_a_call_gives_is_told_there_once(root: Path) -> None:
    twice = KIND.replace("${vars.said}", "${params.table}")
    (root / "_kinds/load.yaml").write_text(twice.replace("echo", "echo {{ tss }}"))
    outer = 'tasks: [{id: b, uses: load, with: {table: "x ${params.what}"}}]\n'
    (root / "_kinds/outer.yaml").write_text("params: {what: {type: string}}\n" + outer)
    call = '{id: a, uses: outer, with: {what: "a {{ dss }}"}}'
    (root / "one.yaml").write_text(f"version: 1\ntasks:\n  - {call}\n")
    report = lint_project(Project(root))
    assert [entry for entry in told(report) if entry[1] == "template"] == [
        (
            "configs/_kinds/load.yaml:4",
            "template",
            "configs/_kinds/outer.yaml:2, configs/one.yaml:3",
        ),
        ("configs/one.yaml:3", "template", ""),
    ]
    (found,) = (
        one.diagnostic for one in report.findings if one.diagnostic.file.endswith("one.yaml")
    )
    assert found.column == 5 + call.index("dss")
    assert report.fine == ("other",)


def test_a_parameter_in_a_template_is_a_warning_there(root: Path) -> None:
    (root / "_kinds/load.yaml").write_text(KIND.replace("${params.table}", "{{ params.table }}"))
    (found, _) = lint_project(Project(root)).findings
    assert (found.diagnostic.line, found.diagnostic.code) == (4, "template")
    assert found.diagnostic.severity == "warning"
    assert found.diagnostic.hint == "write `${params.table}`"


def test_a_kind_in_a_folder_of_the_folder_is_told(root: Path) -> None:
    (root / "_kinds/more").mkdir()
    (root / "_kinds/more/_rows.yaml").write_text("[]\n")  # `$file` may name it
    assert "file-name" not in {code for _, code, _ in told(lint_project(Project(root)))}
    (root / "_kinds/more/one.yaml").write_text("tasks: []\n")
    report = lint_project(Project(root))
    assert ("configs/_kinds/more:1", "file-name", "") in told(report)
    assert not report.errors


def test_a_kind_that_nothing_calls_is_looked_at(root: Path) -> None:
    (root / "one.yaml").unlink()
    (root / "_kinds/load.yaml").write_text(KIND.replace("params.table}", "params.tabel}"))
    assert told(lint_project(Project(root))) == [
        ("configs/_kinds/load.yaml:4", "unknown-placeholder", "")
    ]


def test_a_parameter_that_nothing_reads_is_a_warning_and_stops_nobody(root: Path) -> None:
    (root / "_kinds/load.yaml").write_text(KIND.replace("${params.table}", ""))
    report = lint_project(Project(root))
    assert ("configs/_kinds/load.yaml:3", "unused-var", "") in told(report)
    assert set(report.fine) == {"one", "other"}


def test_a_kinds_file_may_be_linted_alone(root: Path) -> None:
    report = lint_project(Project(root), [root / "_kinds/load.yaml"])
    assert report.files[0] == "configs/_kinds/load.yaml"
    assert {code for _, code, _ in told(report)} == {"deprecated-kind"}


def test_a_broken_kind_stops_only_who_calls_it(root: Path) -> None:
    (root / "_kinds/load.yaml").write_text("tasks: [{")
    project = Project(root)
    with pytest.raises(SpecError):
        project.plan("one")
    assert project.plan("other")


def test_the_names_of_layers_for_its_parameters_are_known(root: Path) -> None:
    (root / "_defaults.yaml").write_text("kinds: {load: {table: raw.all}}")
    (root / "one.yaml").write_text("version: 1\nvars: {said: x}\ntasks: [{id: a, uses: load}]\n")
    assert {code for _, code, _ in told(lint_project(Project(root)))} == {"deprecated-kind"}


def test_a_secret_in_a_kind_is_found(root: Path) -> None:
    text = KIND.replace("run: ", "env_password: hunter2secret, run: ")
    (root / "_kinds/load.yaml").write_text(text + "# postgres://u:hunter2secret@host/db\n")
    report = lint_project(Project(root))
    assert not any("hunter2secret" in str(f.diagnostic) for f in report.findings)


READS = """\
version: 1
params: {rows: {type: string}}
tasks:
  - id: count
    uses: bash
    with: {command: "echo ${params.rows} {{ tasks.READ.output }}", output: true}
  - {id: after, needs: count, run: "echo {{ tasks.count.output }} ${params.rows}"}
"""
GIVES = """\
version: 1
tasks:
  - {id: NAME, uses: bash, with: {command: ls, output: true}}
  - {id: a, uses: reads, needs: NAME, with: {rows: "{{ tasks.NAME.output }}"}}
"""


def test_a_kind_reads_no_task_of_who_calls_it(root: Path) -> None:
    (root / "_kinds/reads.yaml").write_text(READS.replace("READ", "gives"))
    (root / "one.yaml").write_text(GIVES.replace("NAME", "gives"))
    assert told(lint_project(Project(root))) == [
        ("configs/_kinds/reads.yaml:6", "unknown-task", "")
    ]
    assert told(lint_project(Project(root), [root / "other.yaml"])) == []


def test_what_a_call_gives_may_read_tasks_of_its_own(root: Path) -> None:
    (root / "_kinds/reads.yaml").write_text(READS.replace(" {{ tasks.READ.output }}", ""))
    (root / "one.yaml").write_text(GIVES.replace("NAME", "gives"))
    assert told(lint_project(Project(root))) == []


def test_what_a_call_gives_would_read_a_task_of_the_kind(root: Path) -> None:
    (root / "_kinds/reads.yaml").write_text(READS.replace(" {{ tasks.READ.output }}", ""))
    (root / "one.yaml").write_text(GIVES.replace("NAME", "count"))
    assert ("configs/one.yaml:4", "duplicate-id", "") in told(lint_project(Project(root)))


def test_calls_that_multiply_and_lead_to_no_task_are_given_up(root: Path) -> None:
    for number in range(16):
        other = min(number + 1, 15)  # the last calls itself
        calls = "".join(f"  - {{id: s{place}, uses: k{other}}}\n" for place in range(8))
        (root / f"_kinds/k{number}.yaml").write_text(f"version: 1\ntasks:\n{calls}")
    (root / "one.yaml").write_text("version: 1\ntasks: [{id: a, uses: k0}]\n")
    codes = {code for _, code, _ in told(lint_project(Project(root), [root / "one.yaml"]))}
    assert codes == {"cycle", "more-problems"}


@pytest.mark.parametrize(
    ("of_format", "given", "is_told"),
    [
        ("date", "2024-02-30", True),
        ("date", "2024-02-29", False),
        ("date", "{{ interval.day }}", False),
        ("date", "{% if params.x %}2024-01-01{% endif %}", False),
        ("date-time", "2024-01-01T00:00:00", False),
        ("time", "13:30:00", False),
        ("regex", "(?P<x>a)", False),
        ("regex", "(", True),
        ("uri", "s3://x/y z", False),
        ("of_nobody", "x", False),
    ],
)
def test_a_call_is_held_to_formats_as_a_default_is(
    root: Path, of_format: str, given: str, is_told: bool
) -> None:
    kind = (
        "version: 1\nparams: {{x: {{type: string, format: {}{}}}}}\ntasks: [{{id: a, run: {}}}]\n"
    )
    said = f"default: '{given}'"
    (root / "_kinds/own.yaml").write_text(kind.format(of_format, "", "'echo ${params.x}'"))
    (root / "_kinds/told.yaml").write_text(
        kind.format(of_format, f", {said}", "'echo ${params.x}'")
    )
    (root / "one.yaml").write_text(
        "version: 1\nparams: {x: 1}\n"
        f"tasks: [{{id: a, uses: own, with: {{x: '{given}'}}}}, {{id: b, uses: told}}]\n"
    )
    (root / "_kinds/load.yaml").unlink()
    files = {(file.partition(":")[0], code) for file, code, _ in told(lint_project(Project(root)))}
    assert (("configs/one.yaml", "format") in files) == is_told
    if "{" not in given:  # what a template becomes, a default is asked for
        assert (("configs/_kinds/told.yaml", "param") in files) == is_told
