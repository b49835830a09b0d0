"""The rules over all pipelines, each on files that break it and on files that do not."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from factory import registry
from factory.fields import DagId
from factory.lint.lint import lint_project
from factory.lint.report import merge
from factory.plan import kind as kinds
from factory.plan.kind import Fragment, Step, single
from factory.plan.model import Dated, Driven
from factory.project import Project

from .conftest import Lint

TASK = "tasks: [{id: a, run: echo}]\n"


def test_a_layer_without_pipelines(lint: Lint) -> None:
    files = {"a/x.yaml": TASK, "a/_defaults.yaml": "", "_defaults.yaml": "", "b/_defaults.yaml": ""}
    assert lint(files) == [
        "unused-layer b/_defaults.yaml:1:1 no pipeline is in this folder or below it"
    ]
    assert lint(files, "a") == []


def test_defaults_of_an_unknown_kind(lint: Lint) -> None:
    found = lint(
        {
            "x.yaml": TASK + "kinds: {bsh: {output: true}}\n",
            "_defaults.yaml": "kinds: {bash: {output: true}}\n",
            "environments/dev.yaml": "override: {kinds: {acme.Operator: {}, sqll: {}}}\n",
        }
    )
    nothing = "these defaults apply to nothing"
    assert found == [
        f"unknown-kind environments/dev.yaml:2:39 there is no kind 'sqll': {nothing}",
        f"unknown-kind x.yaml:3:9 there is no kind 'bsh': {nothing}",
    ]


def test_variables_that_nothing_reads(lint: Lint) -> None:
    files = {
        "x.yaml": "vars: {here: 1, old: 2}\n"
        "tasks: [{id: a, run: 'echo ${vars.here} ${ vars.up.x }'}]\n",
        "_defaults.yaml": "vars: {up: {x: 1}, gone: 3, mid: four, also: '${vars.mid}'}\n",
        "environments/dev.yaml": "vars: {up: {x: 2}}\noverride: {owner: '${vars.also}'}\n",
    }
    found = lint(files)
    assert found == [
        "unused-var _defaults.yaml:2:20 nothing reads ${vars.gone}",
        "unused-var x.yaml:2:17 nothing reads ${vars.old}",
    ]
    assert lint(files, "x.yaml") == ["unused-var x.yaml:2:17 nothing reads ${vars.old}"]


SQL = "tasks: [{id: a, uses: sql, with: {conn_id: w, sql: q/a.sql}}]\n"


def test_variables_that_a_file_reads(lint: Lint) -> None:
    files = {
        "t/x.yaml": "vars: {table: a, old: b}\n" + SQL,
        "_defaults.yaml": "vars: {schema: c, gone: d}\n",
        "t/q/a.sql": "SELECT * FROM ${vars.schema}.${vars.table} -- $${vars.old}\n",
    }
    assert lint(files) == [
        "unused-var _defaults.yaml:2:19 nothing reads ${vars.gone}",
        "unused-var t/x.yaml:2:18 nothing reads ${vars.old}",
    ]


def test_what_cannot_be_filled_in_in_a_file(lint: Lint) -> None:
    files = {
        "t/x.yaml": "vars: {schema: a, both: [a, b]}\n" + SQL,
        "t/q/a.sql": "FROM ${vars.shema}.x,\n  ${matrix.region}, ${vars.both} ${HOME} $${x}$$\n",
    }
    assert lint(files) == [
        # the first line is "version: 1"
        "unknown-placeholder t/q/a.sql:2:6 ${vars.shema} is not known",
        "unknown-placeholder t/q/a.sql:3:3 ${matrix.region} is not known",
        "placeholder-type t/q/a.sql:3:21 ${vars.both} is a list",
        "unused-var t/x.yaml:2:8 nothing reads ${vars.schema}",
    ]


def test_what_is_near_to_a_name_in_a_sql_file_is_told(lint: Lint) -> None:
    files = {
        "t/a.yaml": "vars: {day: monday}\n" + SQL,
        "t/q/a.sql": "SELECT '${var.day}', '${day}',\n '${hiveconf:day}', '${HOME}', '$${day}'",
    }
    assert lint(files) == [
        "unused-var t/a.yaml:2:8 nothing reads ${vars.day}",
        "placeholder-left t/q/a.sql:2:9 ${var.day} stays as it is: no spec has that name",
        "placeholder-left t/q/a.sql:2:23 ${day} stays as it is: no spec has that name",
    ]


def test_of_a_large_sql_file_nothing_is_filled_in(lint: Lint) -> None:
    files = {"t/a.yaml": SQL, "t/q/a.sql": "-- ${vars.day}\n" + " " * 1024 * 1024}
    assert lint(files) == [
        "too-large t/q/a.sql:1:1 the file has 1.0 MiB: no `${…}` in it is filled in"
    ]


LANDING = """\
start_date: 2024-01-01
stage: file:///stage
%s
tasks:
  - id: a
    uses: ingest
    with:
      source: {type: file, path: "file:///in/*.csv", format: csv, when_done: delete%s}
      target: {type: postgres, conn_id: w, table: raw.a}
      write: {mode: append}
"""


def test_runs_at_once_that_find_the_same_files(lint: Lint) -> None:
    assert lint({"x.yaml": LANDING % ("", "")}) == [
        "runs-at-once x.yaml:9:67 two runs at once both find these files, and append their rows "
        "twice"
    ]
    assert lint({"x.yaml": LANDING % ("max_active_runs: 1", "")}) == []
    assert lint({"x.yaml": LANDING % ("", ", only_new: true")}) == []
    merged = (LANDING % ("", "")).replace("append", "merge, key: [id]")
    assert lint({"x.yaml": merged}) == []


LOAD = (
    "tasks: [{{id: a, uses: ingest, with: {{"
    "source: {{type: file, path: 'file:///x.csv', format: csv}}, "
    "target: {{type: postgres, conn_id: w, table: {}}}, write: {{mode: {}}}}}}}]\n"
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Operators of a package that must not be imported: it would end the test."""
    folder = tmp_path / "lib" / "acme_lazy"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('imported')\n")
    (folder / "base.py").write_text(
        "class BaseOperator:\n    def __init__(self, *, task_id, params=None, **kwargs): ...\n"
    )
    (folder / "ops.py").write_text(
        "from acme_lazy.base import BaseOperator\n"
        "class Copy(BaseOperator):\n"
        "    def __init__(self, *, source, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "class Odd(Copy):\n"
        "    def __init__(self, **kwargs):\n"
        "        self.more = kwargs.pop('more')\n"
        "        super().__init__(**kwargs)\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "lib")


OTHERWISE = {
    "decorated class": "@dataclass\nclass A(BaseOperator):\n    x: str = ''\n",
    "decorated": "class A(BaseOperator):\n    @taking('x')\n    def __init__(self, **kw): ...\n",
    "two classes": "try:\n    class A(BaseOperator): pass\n"
    "except ImportError:\n    class A(BaseOperator):\n        def __init__(self, x): ...\n",
    "by condition": "class A(BaseOperator):\n    if OLD:\n        def __init__(self, x): ...\n",
    "assigned": "class A(BaseOperator):\n    __init__ = of_x\n",
    "assigned later": "class A(BaseOperator): pass\nA.__init__ = of_x\n",
    "__new__": "class A(BaseOperator):\n    def __new__(cls, x): ...\n",
    "metaclass": "class A(BaseOperator, metaclass=OfX): pass\n",
    "a helper": "class A(BaseOperator):\n    def __init__(self, **kw): of_x(self, **kw)\n",
    "no name": "globals()['A'] = BaseOperator\n",
}


@pytest.mark.parametrize("source", OTHERWISE.values(), ids=OTHERWISE)
def test_nothing_is_said_of_an_operator_that_takes_its_arguments_in_another_way(
    source: str, lint: Lint, package: None, tmp_path: Path
) -> None:
    name = f"otherwise_{[*OTHERWISE.values()].index(source)}"
    (tmp_path / f"lib/acme_lazy/{name}.py").write_text(
        f"from acme_lazy.base import BaseOperator\n{source}"
    )
    step = f"tasks: [{{id: a, uses: acme_lazy.{name}.A, with: {{x: y}}}}]\n"
    assert lint({"spec.yaml": step}) == []


def test_operators_that_are_not_there_and_arguments_that_they_do_not_take(
    lint: Lint, package: None
) -> None:
    step = "tasks: [{{id: a, uses: {}, with: {{{}}}}}]\n"
    files = {
        "class.yaml": step.format("acme_lazy.ops.Copi", "source: x"),
        "argument.yaml": step.format("acme_lazy.ops.Copy", "sorce: x, retries: 2, params: {}"),
        "unsure.yaml": step.format("acme_lazy.ops.Odd", "more: x, source: y"),
        "elsewhere.yaml": step.format("not_here.ops.Copy", "x: y"),
    }
    assert lint(files) == [
        "unknown-key argument.yaml:2:50 Copy has no argument 'sorce'",
        "unknown-operator class.yaml:2:23 the module acme_lazy.ops has no 'Copi'",
    ]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("wait_for_completion: true, poke_interval: 5", ""),
        (
            "wait_for_completion: flase",
            "type x.yaml:4:52 'flase' is text: TriggerDagRunOperator wants `bool`",
        ),
        (
            "poke_interval: '5'",
            "type x.yaml:4:46 '5' is text: TriggerDagRunOperator wants `int`",
        ),
        ("trigger_run_id: '5', conf: text", ""),
    ],
)
def test_texts_where_an_operator_wants_a_number(lint: Lint, given: str, found: str) -> None:
    operator = "airflow.providers.standard.operators.trigger_dagrun.TriggerDagRunOperator"
    spec = f"tasks:\n  - id: a\n    with: {{trigger_dag_id: x, {given}}}\n    uses: {operator}\n"
    assert lint({"x.yaml": spec}) == ([found] if found else [])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("bash_command: report.sh", ""),
        ("bash_command: echo report.txt", ""),
        ("bash_command: \"bash repotr{{ '.sh' }}\"", ""),
        ("bash_command: 'echo a.sh '", ""),
        ("bash_command: repotr.sh", "file x.yaml:4:26 there is no file 'repotr.sh' beside this"),
        ("bash_command: bash report.sh", "file x.yaml:4:26 there is no file 'bash report.sh'"),
        ("bash_command: a, env: {A: a.sh}", "file x.yaml:4:38 there is no file 'a.sh' beside"),
        ("bash_command: a, cwd: /scripts/a.sh", "file x.yaml:4:34 there is no file '/scripts/a."),
        ("bash_command: a, output_encoding: a.sh", ""),
        ("bash_command: /report.sh", ""),  # Jinja looks beside the spec, too
    ],
)
def test_texts_of_an_operator_that_airflow_takes_for_a_file(
    lint: Lint, given: str, found: str
) -> None:
    operator = "airflow.providers.standard.operators.bash.BashOperator"
    spec = f"tasks:\n  - id: a\n    with: {{{given}}}\n    uses: {operator}\n"
    told = lint({"x.yaml": spec, "report.sh": ""})
    assert [entry[: len(found)] for entry in told] == ([found] if found else [])


@pytest.mark.parametrize(
    ("bases", "body", "told"),
    [
        ("BashOperator", "pass", 1),
        ("BashOperator", 'template_fields = (*BashOperator.template_fields, "more")', 1),
        ("BashOperator", 'template_fields = tuple(set(BashOperator.template_fields) - {"env"})', 0),
        ("BashOperator", "template_fields = FIELDS", 0),
        ("NoFiles, BashOperator", "pass", 0),
    ],
)
def test_a_file_lacks_only_where_the_operator_s_source_tells_that_it_is_one(
    lint: Lint, package: None, tmp_path: Path, bases: str, body: str, told: int
) -> None:
    name = f"sh_{abs(hash((bases, body)))}"
    (tmp_path / f"lib/acme_lazy/{name}.py").write_text(
        "from airflow.providers.standard.operators.bash import BashOperator\n"
        "FIELDS = (*BashOperator.template_fields,)\n"
        f"class NoFiles:\n    template_ext = ()\nclass Mine({bases}):\n    {body}\n"
    )
    with_ = "{bash_command: echo, env: {S: /opt/run.sh}}"
    spec = f"tasks: [{{id: a, uses: acme_lazy.{name}.Mine, with: {with_}}}]\n"
    assert len(lint({"spec.yaml": spec})) == told


@pytest.mark.parametrize("template", ["{{ item }}", "{{ tasks.x.output }}"])
def test_a_template_in_an_argument_that_is_not_taken_is_told_once(
    lint: Lint, template: str
) -> None:
    spec = (
        "tasks:\n  - {id: x, run: echo, with: {output: true}}\n  - id: y\n    needs: x\n"
        "    for_each: [1]\n    uses: airflow.providers.standard.operators.bash.BashOperator\n"
        f"    with: {{bash_command: echo, environment: '{template}'}}\n"
    )
    assert lint({"x.yaml": spec}) == [
        "unknown-key x.yaml:8:32 BashOperator has no argument 'environment'"
    ]


def test_a_table_that_two_pipelines_replace(lint: Lint) -> None:
    files = {
        "x.yaml": LOAD.format("raw.x", "replace"),
        "y.yaml": LOAD.format("raw.x", "replace"),
        "z.yaml": LOAD.format("raw.x", "append"),
        "other.yaml": LOAD.format("raw.y", "replace"),
    }
    found = [entry for entry in lint(files) if entry.startswith("two-writers")]
    assert found == [
        "two-writers y.yaml:2:162 table://w/raw/x is replaced by 'a' of the pipeline 'x', too: "
        "each removes what the other has loaded"
    ]


def test_an_append_into_a_table_that_is_written_by_intervals(lint: Lint) -> None:
    files = {
        "x.yaml": LOAD.format("raw.x", "append"),
        "y.yaml": LOAD.format("raw.x", "partition, column: d, start: 2024-01-01, end: 2024-01-02"),
        "z.yaml": LOAD.format("raw.y", "append"),
        "merged.yaml": LOAD.format("raw.y", "merge, key: [id]"),
    }
    found = [entry for entry in lint(files) if entry.startswith("two-writers")]
    assert found == [
        "two-writers x.yaml:2:162 'a' of the pipeline 'y' writes table://w/raw/x by `partition`: "
        "this, once repeated, does not load what that took away"
    ]


def test_a_text_that_is_cut_by_a_comment(lint: Lint) -> None:
    files = {
        "x.yaml": "description: Ticket #42\nowner: me # why\n"
        "tasks:\n  - {id: a, run: echo, description: 'a #1'} #2\n"
        "  - id: b #first\n    run: |\n      echo #3\n",
    }
    message = "what follows ` #` is a comment: the text ends before it"
    assert lint(files) == [f"cut-text x.yaml:2:21 {message}", f"cut-text x.yaml:6:11 {message}"]


def test_a_broken_pipeline_may_be_the_reader(lint: Lint) -> None:
    files = {"x.yaml": "tasks: [{id: a, rn: '${vars.a}'}]\n", "_defaults.yaml": "vars: {a: 1}\n"}
    assert not [entry for entry in lint(files) if entry.startswith("unused-var")]


def test_unknown_pipelines(lint: Lint) -> None:
    step = "  - {{id: {0}, uses: {1}, with: {2}}}\n"
    steps = [
        ("a", "trigger", "{pipeline: other}"),
        ("b", "trigger", "{pipeline: many__x}"),
        ("c", "trigger", "{pipeline: many__z}"),
        ("d", "trigger", "{pipeline: '{{ params.other }}'}"),
        ("e", "wait", "{for: {type: pipeline, pipeline: othr}}"),
        ("f", "acme.TriggerDagRunOperator", "{trigger_dag_id: nowhere}"),
    ]
    found = lint(
        {
            "x.yaml": "tasks:\n" + "".join(step.format(*entry) for entry in steps),
            "other.yaml": TASK,
            "many.yaml": TASK + "matrix: {m: [x, y]}\n",
        },
        "x.yaml",
    )
    assert found == [
        "unknown-pipeline x.yaml:5:45 there is no pipeline 'many__z' in configs/",
        "unknown-pipeline x.yaml:7:64 there is no pipeline 'othr' in configs/",
        "unknown-pipeline x.yaml:8:70 there is no pipeline 'nowhere' in configs/",
    ]


@pytest.mark.parametrize(
    ("line", "is_secret"),
    [
        ("password: hunter2", True),
        ("API_TOKEN: abc", True),
        ("db-passwd: abc", True),
        ("client_secret: abc", True),
        ("aws_secret_access_key: abc", True),
        ("url: postgres://me:hunter2@host/db", True),
        ("password: '{{ conn.x.password }}'", False),
        ("password: $PASSWORD", False),
        ("password: ''", False),
        ("tokens: many", False),
        ("passwordless: 'yes'", False),
        ("secret_name: vault/path", False),
        ("url: postgres://me@host/db", False),
        ("url: 'postgres://me:{{ var.value.x }}@host/db'", False),
    ],
)
def test_secrets(line: str, is_secret: bool, lint: Lint) -> None:
    found = lint(
        {"x.yaml": f"tasks:\n  - id: a\n    run: echo\n    with:\n      env:\n        {line}\n"}
    )
    assert [entry.split()[0] for entry in found] == ["secret"] * is_secret
    assert not [entry for entry in found if "hunter2" in entry or "abc" in entry]


DRIVE = "tasks: [{{id: lake, uses: nifi, with: {{conn_id: {0}, group: {1}}}}}]\n"


def test_a_group_that_two_pipelines_drive(lint: Lint) -> None:
    found = lint(
        {
            "a.yaml": DRIVE.format("nifi", "Lake/Orders"),
            "b.yaml": DRIVE.format("nifi", "Lake/Orders"),
            "c.yaml": DRIVE.format("nifi", "Lake/Orders/Archive"),
            "other_nifi.yaml": DRIVE.format("test", "Lake/Orders"),
            "other_group.yaml": DRIVE.format("nifi", "Lake/Orders2"),
            "template.yaml": DRIVE.format("nifi", "'{{ params.group }}'"),
        }
    )
    told = "the task 'lake' of a drives {} too: of two runs at once, one is refused"
    assert found == [
        f"group-driven-twice b.yaml:2:61 {told.format('it')}",
        f"""group-driven-twice c.yaml:2:61 {told.format("'Lake/Orders'")}""",
    ]


def test_a_group_that_two_tasks_drive(lint: Lint) -> None:
    text = (
        "tasks:\n"
        "  - {id: a, uses: nifi, with: {conn_id: nifi, group: Lake}}\n"
        "  - {id: between, needs: [a], run: echo}\n"
        "  - {id: b, needs: [between], uses: nifi, with: {conn_id: nifi, group: Lake}}\n"
    )
    assert lint({"x.yaml": text}) == []
    assert lint({"x.yaml": text.replace("[between]", "[]")}) == [
        "group-driven-twice x.yaml:5:65 the task 'a' drives it too: of two runs at once, one is "
        "refused"
    ]


NIFI = "{id: a, uses: nifi, with: {conn_id: n, group: G}, updates: [%s]}"
EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"


def updating(uri: str) -> str:
    return f"tasks: [{NIFI % uri}]\n"


def waiting(*uris: str) -> str:
    return f"schedule: {{assets: [{', '.join(uris)}]}}\n{TASK}"


def making(made: str) -> str:
    call = f"$call: airflow.sdk.Asset, with: {{{made}}}"
    return f"tasks: [{{id: a, uses: {EMPTY}, with: {{outlets: [{{{call}}}]}}}}]\n"


@pytest.mark.parametrize(
    ("waits", "updates"),
    [
        ("s3://lake/orders", "s3://lake/orders"),
        ("s3://lake/orders/", "s3://lake/orders"),
        ("S3://lake/orders", "s3://lake/orders#x"),
        ("s3://lake/invoices", "s3://lake/orders"),  # from outside
        ("s3://lake/orders_2024", "s3://lake/orders_2023"),
    ],
)
def test_a_wait_for_an_asset(lint: Lint, waits: str, updates: str) -> None:
    assert lint({"x.yaml": waiting(waits), "y.yaml": updating(updates)}) == []


@pytest.mark.parametrize("waits", ["s3://lake/Orders", "s3://lake//orders", "s3://lake/order"])
@pytest.mark.parametrize(
    "updates", [updating("s3://lake/orders"), making("uri: s3://lake/orders/")]
)
def test_a_wait_for_what_nothing_updates(lint: Lint, waits: str, updates: str) -> None:
    files = {"x.yaml": waiting("s3://else/where", waits), "y.yaml": updates}
    assert lint(files) == [f"asset-never-updated x.yaml:2:38 no pipeline updates {waits!r}"]


def test_what_a_broken_pipeline_updates_is_not_known(lint: Lint) -> None:
    files = {"x.yaml": waiting("s3://lake/order"), "y.yaml": updating("s3://lake/orders")}
    assert [e for e in lint({**files, "z.yaml": "tasks: 5\n"}) if e.startswith("asset")] == []
    assert lint(files, "x.yaml") == []


def test_an_address_with_two_names(lint: Lint) -> None:
    named = making("uri: s3://lake/orders/, name: orders")
    found = lint({"x.yaml": waiting("s3://lake/orders"), "y.yaml": named})
    assert found == [
        "asset-named-twice y.yaml:2:162 the asset 's3://lake/orders' is named 's3://lake/orders' "
        "elsewhere, and 'orders' here: tasks that update one of them fail"
    ]


def test_a_name_for_two_addresses(lint: Lint) -> None:
    files = {name: making(f"uri: s3://lake/{name}, name: orders") for name in ("x", "y")}
    (found,) = lint({f"{name}.yaml": text for name, text in files.items()})
    assert "'orders' is the name of 's3://lake/x' elsewhere, and of 's3://lake/y' here" in found


def test_one_name_for_one_address(lint: Lint) -> None:
    made = making("uri: s3://lake/x, name: orders")
    assert lint({"x.yaml": made, "y.yaml": made, "z.yaml": making("uri: S3://lake/z/")}) == []


def test_an_asset_that_airflow_refuses(lint: Lint) -> None:
    files = {"x.yaml": waiting("postgres://h/raw/orders"), "y.yaml": making("uri: airflow://x")}
    assert lint(files) == [
        "asset x.yaml:2:21 an address with postgres:// names a host, a database, a schema and a "
        "table",
        "asset y.yaml:2:137 Airflow keeps the scheme of 'airflow://x' for itself",
    ]


@pytest.mark.parametrize("schedule", ["{assets: [s3://lake/x]}", "'@daily'"])
def test_dates_that_runs_of_assets_do_not_have(lint: Lint, schedule: str) -> None:
    load = "source: {type: file, path: file:///x.csv, format: csv}, target: {type: postgres, "
    load += "conn_id: w, table: x}, write: "
    text = f"""\
schedule: {schedule}
tasks:
  - {{id: a, uses: wait, with: {{for: {{type: pipeline, pipeline: y}}}}}}
  - {{id: b, uses: wait, with: {{for: {{type: time, after: 1h}}}}}}
  - {{id: c, uses: ingest, with: {{{load}{{mode: partition, column: day}}}}}}
  - {{id: d, uses: ingest, with: {{{load}{{mode: replace}}}}}}
"""
    said = "a run that assets start has no date, so {} is not known: this task fails"
    found = [
        "no-date x.yaml:4:37 " + said.format("the other run of the same date"),
        "no-date x.yaml:6:145 " + said.format("the interval"),
    ]
    assert lint({"x.yaml": text, "y.yaml": TASK}) == (found if "assets" in schedule else [])


@pytest.mark.parametrize("outlets", ["s3://lake/x", "[s3://lake/x]", "[{uri: s3://lake/x}]"])
def test_an_outlet_that_is_no_asset(lint: Lint, outlets: str) -> None:
    text = f"tasks:\n  - id: a\n    uses: {EMPTY}\n    with: {{inlets: [x], outlets: {outlets}}}\n"
    column = 34 + outlets.startswith("[")
    said = f"no-effect x.yaml:5:{column} this is no asset: Airflow updates none"
    assert lint({"x.yaml": text}) == [said]


def test_an_outlet_that_is_made_elsewhere(lint: Lint) -> None:
    text = f"tasks: [{{id: a, uses: {EMPTY}, with: {{outlets: [{{$ref: acme.assets.orders}}]}}}}]\n"
    assert lint({"x.yaml": text}) == []


class Follows(msgspec.Struct, frozen=True):
    """Arguments of a kind of another package."""

    others: list[DagId] = []


def follow(step: Step) -> Fragment:
    """Drives one queue, and asks for a date."""
    return msgspec.structs.replace(
        single(step, "acme.Follow", {}),
        drives=(Driven("queues", ("one",), ("others",)),),
        dates=(Dated("the day", "another kind", ("others", 0)),),
    )


@pytest.fixture
def follows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(
        sys.modules, "acme_follows", SimpleNamespace(Arguments=Follows, compile=follow)
    )
    monkeypatch.setattr(registry, "outside", lambda group: {"follows": ("acme_follows",)})
    kinds.find.cache_clear()
    yield
    kinds.find.cache_clear()


@pytest.mark.usefixtures("follows")
def test_rules_hold_for_what_another_package_compiles(lint: Lint) -> None:
    tasks = "schedule: {assets: [s3://a/b]}\ntasks:\n"
    one = "  - {id: a, uses: follows, with: {others: [y, nowhere]}}\n"
    found = lint({"x.yaml": tasks + one, "y.yaml": tasks + one.replace(", nowhere", "")})
    no_date = "a run that assets start has no date, so the day is not known: this task fails"
    assert found == [
        f"no-date x.yaml:4:44 {no_date}",
        "unknown-pipeline x.yaml:4:47 there is no pipeline 'nowhere' in configs/",
        "group-driven-twice y.yaml:4:43 the task 'a' of x drives it too: of two runs at once, "
        "one is refused",
        f"no-date y.yaml:4:44 {no_date}",
    ]


FORMS = r"""tasks:
  - id: block
    run: |
      files=(*)
      echo "$${#files[@]}" {{ ds }}
  - {id: quoted, run: "echo \"{{ ds }}\" {{.Names}}"}
  - id: folded
    run: >-
      echo {{ ds }}
      and {{ dss }}
  - {id: twice, run: "echo ds {{ ds }} {{ tomorrow_ds }} {{ ds | tss }}"}
"""


def test_a_template_is_told_where_it_is_wrong(lint: Lint) -> None:
    found = [" ".join(line.split(" ")[:2]) for line in lint({"x.yaml": FORMS})]
    assert (
        found
        == [
            "template x.yaml:6:15",
            "template x.yaml:7:42",
            "template x.yaml:11:14",
            "template x.yaml:12:66",
        ]
        or found == []
    )


RENDERED = """tasks:
  - id: a
    uses: airflow.providers.standard.operators.bash.BashOperator
    with: {bash_command: "{{ x", env: {A: "{{ y"}, output_encoding: "{{ z"}
  - {id: b, uses: acme.Unknown, with: {text: "{{ x"}}
  - {id: c, uses: python, with: {callable: json.dumps, args: {obj: [{a: "{{ x"}]}}}
  - {id: d, uses: http, with: {conn_id: api, body: {a: ["{{ x"]}}}
  - {id: e, description: "{{ x", run: echo}
"""


def test_only_what_airflow_fills_in_is_a_template(lint: Lint) -> None:
    found = [" ".join(line.split(" ")[:2]) for line in lint({"x.yaml": RENDERED})]
    assert found == [
        "template x.yaml:5:27",
        "template x.yaml:5:44",
        "template x.yaml:7:74",
        "template x.yaml:8:58",
    ]


def test_a_template_of_a_layer_and_of_a_variable(lint: Lint) -> None:
    files = {
        "x.yaml": "tasks: [{id: a, run: 'echo ${vars.name}'}]\n",
        "_defaults.yaml": "vars: {name: '{{ nmae }} {{ dss }}'}\nkinds: {bash: {env: {A: '{{'}}}\n",
    }
    assert [line.partition(" ")[2].split(" ")[0] for line in lint(files)] == [
        "_defaults.yaml:3:26",
        "x.yaml:2:22",
        "x.yaml:2:22",
    ]


def test_a_template_of_a_sql_file(lint: Lint, tmp_path: Path) -> None:
    text = "tasks: [{id: a, uses: sql, with: {conn_id: w, sql: report.sql}}]\n"
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/report.sql").write_text("SELECT '{{ ds }}'\nFROM x\nWHERE {{ dss }}")
    assert lint({"x.yaml": text}) == [
        "template x.yaml:2:52 line 3 of report.sql: Airflow's templates know no 'dss'"
    ]


def test_a_template_of_an_alert(lint: Lint) -> None:
    text = """tasks: [{id: a, run: echo}]
alerts:
  on_failure:
    - {type: webhook, conn_id: x, message: "{{ message }} {{ dag }}: {{ messag }} {{ event }}"}
    - {type: email, to: [a@b.org], subject: "{{ event"}
"""
    found = lint({"x.yaml": text})
    assert [line.partition(" ")[2].split(" ")[0] for line in found] == [
        "x.yaml:5:73",
        "x.yaml:6:46",
    ]


def test_a_path_of_airflow_2(lint: Lint) -> None:
    text = """tasks:
  - {id: a, uses: airflow.operators.bash_operator.BashOperator, with: {bash_command: echo}}
  - {id: b, uses: airflow.operators.bash.BashOperator, with: {bash_command: echo}}
  - id: c
    uses: acme.Operator
    with: {x: [{$call: airflow.datasets.Dataset, with: {uri: "s3://a/b"}}]}
"""
    path = "airflow.operators.bash_operator.BashOperator"
    assert lint({"x.yaml": text}) == [
        f"moved x.yaml:3:19 {path} is a path of Airflow 2",
        "moved x.yaml:4:19 airflow.operators.bash.BashOperator is a path of Airflow 2, which "
        "Airflow 3 follows for now",
        "moved x.yaml:7:24 airflow.datasets.Dataset is a path of Airflow 2",
    ]


def test_a_hint_never_gives_the_same_error_again(tmp_path: Path) -> None:
    """What lint proposes for the shell's `${#…}` is followed, twice."""
    text = "version: 1\ntasks:\n  - {id: a, run: 'echo %s'}\n"
    file = tmp_path / "x.yaml"
    for written in ("${#files[@]}", "$${#files[@]}"):
        file.write_text(text % written)
        (finding,) = lint_project(Project(tmp_path)).findings
        hint = finding.diagnostic.hint.rpartition("write ")[2].strip("`")
        file.write_text(text % hint)
        assert lint_project(Project(tmp_path)).findings == ()
        (task,) = Project(tmp_path).plan("x").tasks
        assert task.arguments["bash_command"] == "echo {% raw %}${#files[@]}{% endraw %}"


@pytest.mark.parametrize(
    "text",
    [
        "docker ps --format {{.Names}}",
        "gh api --jq {{ d s }}",
        "echo {{ execution_date }}",
        "echo {{ tomorrow_ds_nodash }}",
        "echo {{ ds_nodahs }}",
        "echo {{ var.name }}",
        "echo {{ 'a' | uper }}",
    ],
)
def test_a_hint_on_a_template_is_right(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.yaml"
    head = "version: 1\ntasks:\n  - id: a\n    run: "
    file.write_text(head + text)
    (finding,) = lint_project(Project(tmp_path)).findings
    found = finding.diagnostic
    start, end = found.column - 10, found.column - 10 + found.width
    (meant,) = re.findall(r"(?:write `|mean ')(.+)(?:`|'\?)$", found.hint)
    file.write_text(head + text[:start] + meant + text[end:])
    assert lint_project(Project(tmp_path)).findings == ()


WAIT = """schedule: "%s"
tasks: [{id: a, uses: wait, with: {for: {type: pipeline, pipeline: other%s}%s}}]
"""
OTHER = 'schedule: "%s"\ntasks: [{id: a, run: echo}]\n'


@pytest.mark.parametrize(
    ("mine", "theirs", "given", "severity", "expected"),
    [
        ("0 6 * * *", "0 5 * * *", "", "error", "`offset: 1h`"),
        ("0 5 * * *", "0 6 * * *", "", "error", "`offset: 23h`"),
        ("0 6 * * *", "0 5 * * *", ", offset: 30m", "error", "`offset: 1h`"),
        ("0 6 * * *", "0 6 * * *", ", offset: 1h", "error", "no `offset`"),
        ("@weekly", "@daily", ", offset: 90m", "error", "no `offset`"),
        ("0 6 15 * *", "0 6 1 * *", "", "error", "`offset: 14d`"),
        ("30 * * * *", "@daily", "", "error", "a schedule whose runs have dates of the other's"),
        ("@hourly", "@daily", "", "warning", "a schedule whose runs have dates of the other's"),
        ("0 6 * * *", "0 6 * * 1-5", "", "warning", "a schedule whose runs have"),
    ],
)
def test_a_wait_for_a_run_that_there_never_is(
    tmp_path: Path, mine: str, theirs: str, given: str, severity: str, expected: str
) -> None:
    (tmp_path / "other.yaml").write_text("version: 1\n" + OTHER % theirs)
    (tmp_path / "this.yaml").write_text("version: 1\n" + WAIT % (mine, given, ""))
    (finding,) = lint_project(Project(tmp_path)).findings
    found = finding.diagnostic
    assert (found.code, found.line, found.severity) == ("never-met", 3, severity)
    assert f"this runs at `{mine}`, and that at `{theirs}`" in found.message
    assert expected in found.expected
    alone = lint_project(Project(tmp_path), [tmp_path / "this.yaml"]).findings
    assert [one.diagnostic for one in alone] == [found]
    if "offset: " in found.expected:  # what is proposed is right
        mended = WAIT % (mine, f", {found.expected.strip('`')}", "")
        (tmp_path / "this.yaml").write_text("version: 1\n" + mended)
        assert lint_project(Project(tmp_path)).findings == ()


@pytest.mark.parametrize(
    ("mine", "theirs", "rest"),
    [
        ("0 6 * * *", "0 5 * * *", ", offset: 1h|"),
        ("@daily", "@hourly", "|"),
        ("0 6 * * *", "0 6 * * 1-5", "|, on_timeout: skip"),
        ("0 6 * * MON#1", "0 5 * * *", "|"),
        ("@once", "0 5 * * *", "|"),
        ("0 6 * * *", "@continuous", "|"),
    ],
)
def test_a_wait_that_may_be_met(lint: Lint, mine: str, theirs: str, rest: str) -> None:
    files = {"this.yaml": WAIT % (mine, *rest.split("|")), "other.yaml": OTHER % theirs}
    assert lint(files) == []


def test_runs_that_assets_start_have_no_date(lint: Lint) -> None:
    other = "schedule: {assets: ['s3://a/b']}\ntasks: [{id: a, run: echo}]\n"
    found = lint({"this.yaml": WAIT % ("0 6 * * *", "", ""), "other.yaml": other})
    assert found == [
        "never-met this.yaml:3:68 the runs of 'other' that assets start have no date: none is found"
    ]


@pytest.mark.parametrize(
    "schedule",
    ["null", "{every: 1h}", "'0 6 * * *'\ntimezone: Asia/Tokyo"],
)
def test_nothing_is_said_of_runs_that_are_not_known(lint: Lint, schedule: str) -> None:
    this = WAIT % ("0 6 * * *", "", "")
    other = f"schedule: {schedule}\ntasks: [{{id: a, run: echo}}]\n"
    found = lint({"this.yaml": this, "other.yaml": other})
    assert bool(found) == ("Tokyo" in schedule)
    zone = this.replace('"\n', '"\ntimezone: Asia/Tokyo\n', 1)
    found = lint({"this.yaml": zone, "other.yaml": other})
    assert found == []


BY_DAY = """\
start_date: 2024-01-01
tasks:
  - id: a
    uses: ingest
    with:
      source:
        type: file
        path: "file:///a-{{ interval.day }}.csv"
        format: {type: csv, columns: {day: TYPE}}
      target: {type: postgres, conn_id: warehouse, table: raw.a}
      write: {mode: partition, column: day}
"""


@pytest.mark.parametrize(
    ("schedule", "column", "told"),
    [
        ('"0 6 * * *"', "date", "the time since the last run, which ends at 06:00"),
        ('{cron: "0 0,12 * * *", covers: since_last_run}', "date", "which ends at 12:00"),
        ("{every: 15m}", "date", "the time since the last run"),
        ('{cron: "5 * * * *", covers: previous_hour}', "date", "an hour"),
        ('"0 6 * * *"', "timestamp", ""),
        ('"@daily"', "date", ""),
        ('"0 0 1 * *"', "date", ""),
        ("{every: 1d}", "date", ""),
        ('{cron: "0 6 * * *", covers: previous_day}', "date", ""),
        ('{cron: "0 6 2 * *", covers: previous_month}', "date", ""),
        ("{covers: previous_day}", "date", ""),
    ],
)
def test_runs_that_cut_the_days_of_a_partition(
    schedule: str, column: str, told: str, lint: Lint
) -> None:
    found = lint({"x.yaml": f"schedule: {schedule}\n{BY_DAY.replace('TYPE', column)}"})
    assert [entry.partition(" ")[0] for entry in found] == (["cut-days"] if told else [])
    assert all(told in entry for entry in found)


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ('{cron: "0 6 * * *", covers: none}', True),
        ("null", True),
        ('"0 6 * * *"', False),
        ("{covers: previous_day}", False),
    ],
)
def test_a_table_that_is_read_by_intervals_needs_some(
    schedule: str, told: bool, lint: Lint
) -> None:
    task = """\
tasks:
  - id: a
    uses: ingest
    with:
      source: {type: postgres, conn_id: shop, table: orders, incremental: {column: changed}}
      target: {type: postgres, conn_id: warehouse, table: raw.orders}
      write: {mode: merge, key: [id]}
"""
    found = lint({"x.yaml": f"start_date: 2024-01-01\nschedule: {schedule}\n{task}"})
    assert [entry[:20] for entry in found] == (["no-interval x.yaml:8"] if told else [])


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("{event: {uses: acme.Trigger}}", "no-interval"),
        ("{event: {uses: acme.Trigger}, covers: previous_day}", ""),
        ("{event: {uses: acme.Trigger}, assets: [s3://lake/x]}", "no-date"),
        ("{cron: '0 0 * * *', assets: [s3://lake/x]}", ""),
        ("{cron: '0 0 * * *', assets: [s3://lake/x], covers: none}", "no-interval"),
        ("{every: 1d, assets: [s3://lake/x]}", ""),
    ],
)
def test_the_interval_of_a_run_that_assets_or_an_event_start(
    lint: Lint, schedule: str, said: str
) -> None:
    found = lint({"x.yaml": f"schedule: {schedule}\n{BY_DAY.replace('TYPE', 'date')}"})
    assert {entry.partition(" ")[0] for entry in found} == ({said} if said else set())


def test_a_trigger_that_its_module_lacks(lint: Lint) -> None:
    path = "airflow.providers.standard.triggers.file.FileDeletedTrigger"
    (told,) = lint({"x.yaml": f"schedule: {{event: {{uses: {path}}}}}\n{TASK}"})
    assert told.startswith("unknown-operator x.yaml:2:26 the module airflow.providers.standard")


BRANCH = """
tasks:
  - {id: pick, uses: airflow.providers.standard.operators.python.BranchPythonOperator, with: CALL}
  - {id: a, needs: pick, run: ls}
  - {id: b, needs: a, run: ls}
  - {id: c, needs: pick, run: ls}
"""


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ("{id: d, needs: [b, c], run: ls}", True),
        ("{id: d, needs: [b, c], trigger_rule: none_failed_min_one_success, run: ls}", False),
        ("{id: d, needs: b, run: ls}", False),
        ("{id: d, needs: [pick, b], run: ls}", False),  # Airflow follows what is behind `a`, too
        ("{id: d, tasks: [{id: e, needs: c, run: ls}, {id: f, needs: [e, b], run: ls}]}", True),
    ],
)
def test_where_the_ways_of_an_operator_that_branches_meet(
    lint: Lint, last: str, told: bool
) -> None:
    call = "{python_callable: {$ref: os.getcwd}}"
    found = lint({"x.yaml": f"{BRANCH.lstrip().replace('CALL', call)}  - {last}\n"})
    said = "this is skipped unless 'pick' follows both "
    assert [entry.partition(" ")[0] for entry in found] == ["always-skipped"] * told
    assert all(said in entry for entry in found)


@pytest.mark.parametrize("name", ["BranchPythonOperator", "ShortCircuitOperator"])
def test_an_operator_that_skips_decides_nothing_in_copies(lint: Lint, name: str) -> None:
    path = f"airflow.providers.standard.operators.python.{name}"
    decides = f"{{id: a, uses: {path}, with: {{python_callable: {{$ref: os.getcwd}}}}}}"
    group = f"tasks:\n  - id: g\n    MANY\n    tasks: [{decides}, {{id: b, needs: a, run: ls}}]\n"
    (told,) = lint({"x.yaml": group.replace("MANY", "for_each: [1, 2]")})
    assert told.startswith(f"for-each x.yaml:5:27 {name} skips nothing in a group")
    assert lint({"x.yaml": group.replace("MANY", "matrix: {n: [1, 2]}")}) == []


@pytest.mark.parametrize(
    ("trigger", "given", "told"),
    [
        (
            "standard.triggers.file.FileDeleteTrigger",
            "{filpath: /a, pokeinterval: 3}",
            [
                "unknown-key x.yaml:5:12 FileDeleteTrigger has no argument 'filpath'",
                "unknown-key x.yaml:5:25 FileDeleteTrigger has no argument 'pokeinterval'",
            ],
        ),
        ("standard.triggers.file.FileDeleteTrigger", "{filepath: /a, poke_interval: 3}", []),
        (
            "amazon.aws.triggers.sqs.SqsSensorTrigger",
            "{max_messages: 3}",
            ["missing-key x.yaml:5:5 SqsSensorTrigger needs the argument 'sqs_queue'"],
        ),
        ("common.messaging.triggers.msg_queue.MessageQueueTrigger", "{any: thing}", []),
        ("http.triggers.http.HttpEventTrigger", "{response_check_path: a.b, method: GET}", []),
    ],
)
def test_the_arguments_of_a_trigger(lint: Lint, trigger: str, given: str, told: list[str]) -> None:
    event = f"  event:\n    uses: airflow.providers.{trigger}\n    with: {given}\n"
    assert lint({"x.yaml": f"schedule:\n{event}{TASK}"}) == told


def test_a_partition_with_bounds_of_its_own_is_not_the_run_s(lint: Lint) -> None:
    bounds = BY_DAY.replace("TYPE", "date").replace(
        "column: day}", "column: day, start: 2024-01-01, end: 2024-01-02}"
    )
    assert lint({"x.yaml": f'schedule: "0 6 * * *"\n{bounds}'}) == []


def test_a_file_that_is_not_utf_8_is_not_filled_in(lint: Lint, tmp_path: Path) -> None:
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "latin.sql").write_bytes(b"select 1,\n '\xe9' || '${vars.x}'")
    (folder / "plain.sql").write_bytes(b"select '\xe9'")
    step = "vars: {{x: y}}\ntasks: [{{id: a, uses: sql, with: {{conn_id: w, sql: {}.sql}}}}]\n"
    found = lint({"a.yaml": step.format("latin"), "b.yaml": step.format("plain")})
    told = [entry for entry in found if "utf-8" in entry]
    assert told == [
        "not-utf-8 latin.sql:2:3 the file is not UTF-8 here, so that nothing can be filled in"
    ]


def test_a_link_to_itself_hides_no_missing_file(lint: Lint, tmp_path: Path) -> None:
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "loop.sql").symlink_to("loop.sql")
    step = "tasks: [{id: a, uses: sql, with: {conn_id: w, sql: gone.sql}}]\n"
    assert any("there is no file 'gone.sql'" in entry for entry in lint({"a.yaml": step}))


CLUSTER = """tasks:
  - {id: cluster, run: create}
  - {id: work, run: work, needs: [cluster]}
"""


@pytest.mark.parametrize(
    ("last", "found"),
    {
        "all_done": (
            "  - {id: end, run: end, needs: [work], trigger_rule: all_done}",
            "hidden-failure x.yaml:5:40 when 'work' fails, the run ends as a success: `all_done` "
            "behind it hides that",
        ),
        "an operator's own": (
            "  - id: end\n"
            "    uses: airflow.providers.standard.operators.bash.BashOperator\n"
            "    needs: [work]\n"
            "    with: {bash_command: x, trigger_rule: one_failed}",
            "hidden-failure x.yaml:8:29 when 'work' fails, the run ends as a success: "
            "`one_failed` behind it hides that",
        ),
        "one of several": (
            "  - {id: more, run: more, needs: [cluster]}\n"
            "  - {id: end, run: end, needs: [work, more], trigger_rule: one_success}",
            "hidden-failure x.yaml:6:46 when 'work' fails, the run ends as a success: "
            "`one_success` behind it hides that",
        ),
        "a teardown": ("  - {id: end, run: end, teardown_for: [cluster]}", ""),
        "another that fails": (
            "  - {id: end, run: end, needs: [work], trigger_rule: all_done}\n"
            "  - {id: more, run: more, needs: [work]}",
            "",
        ),
        "one that needs all": (
            "  - {id: end, run: end, needs: [work], trigger_rule: all_done}\n"
            "  - {id: more, run: more, needs: [end, work]}",
            "",
        ),
        "a rule that fails": (
            "  - {id: end, run: end, needs: [work], trigger_rule: none_failed}",
            "",
        ),
    }.values(),
)
def test_failures_that_no_run_shows(lint: Lint, last: str, found: str) -> None:
    assert lint({"x.yaml": f"{CLUSTER}{last}\n"}) == ([found] if found else [])


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        (
            "all_done",
            "to end what 'begin' began, write `teardown_for: [begin]` in place of `needs` and "
            "`trigger_rule`; else let another task need 'work', without a trigger rule",
        ),
        ("one_failed", "let another task need 'work', without a trigger rule"),
    ],
)
def test_what_to_do_about_a_failure_that_no_run_shows(tmp_path: Path, rule: str, hint: str) -> None:
    (tmp_path / "x.yaml").write_text(
        "version: 1\ntasks:\n  - {id: begin, matrix: {of: [a, b]}, run: begin}\n"
        f"{_WORK}  - {{id: end, needs: work, trigger_rule: {rule}, run: end}}\n"
    )
    (found,) = lint_project(Project(tmp_path)).findings
    assert found.diagnostic.hint == hint


_WORK = "  - {id: work, needs: begin, run: work}\n"


COVERED = """\
alerts: {on_failure: [{type: teams, conn_id: t}], on_success: {type: email}}
defaults: {retries: 3}
schedule: "@daily"
tasks: [{id: a, run: b}]
"""


def test_what_an_environment_covers(lint: Lint) -> None:
    quiet = "override: {alerts: {on_failure: [], on_success: []}, defaults: {retries: 0}}\n"
    found = lint({"x.yaml": COVERED, "environments/dev.yaml": quiet})
    assert found == [
        "not-a-choice x.yaml:2:30 'teams' is not a choice here",
        "type x.yaml:2:63 this is a mapping",
    ]


def test_what_is_wrong_and_covered_is_told_once_in_all_environments(tmp_path: Path) -> None:
    root = tmp_path / "configs"
    (root / "environments").mkdir(parents=True)
    (root / "x.yaml").write_text(f"version: 1\nmatrix: {{t: [a, b]}}\n{COVERED}")
    quiet = "version: 1\noverride: {alerts: {on_failure: [], on_success: []}}\n"
    (root / "environments/dev.yaml").write_text(quiet)
    (root / "environments/prod.yaml").write_text("version: 1\n")
    found = merge(lint_project(Project(root, name)) for name in ("dev", "prod"))
    assert [(f.diagnostic.code, f.environments) for f in found.findings] == [
        ("not-a-choice", ("dev", "prod")),
        ("type", ("dev", "prod")),
    ]
    assert found.fine == ()


def test_what_an_environment_says_in_place_of_a_placeholder(lint: Lint) -> None:
    files = {
        "x.yaml": "alerts: {on_failure: '${vars.who}'}\nschedule: ${vars.when}\n"
        "vars: {who: [], when: null}\ntasks: [{id: a, run: b}]\n",
        "environments/dev.yaml": "override: {alerts: {on_failure: []}, schedule: '@daily'}\n",
    }
    assert [entry for entry in lint(files) if "unused-var" not in entry] == []
