"""Templates as Airflow reads them: what lint says is what Jinja and Airflow do."""

from __future__ import annotations

import subprocess
import sys

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.lint.jinja import Wrong, interval, params, wrong
from factory.lint.jinja.parsed import environment


def place(text: str, one: Wrong) -> int:
    """Where a finding points."""
    at = -1
    for _ in range(one.nth + 1):
        at = text.find(one.part, at + 1)
    return at


@pytest.mark.parametrize(
    "text",
    [
        "{{ ds }}",
        "{{ds}} {{- ti.task_id -}}",
        "{{ data_interval_start | ds_nodash }}",
        "{{ params.x | default('a') | upper }}",
        "{% if params.n > 3 %}{{ ds }}{% endif %}",
        "{% for x in range(3) %}{{ x }}{{ loop.index }}{% endfor %}",
        "{% set a = 1 %}{{ a }}",
        "{% do params.update({'a': 1}) %}",
        "{{ maybe | default('x') }} {% if other is defined %}{{ other }}{% endif %}",
        "{% raw %}{{.Names}} ${#a} {# {% endraw %}",
        "{# a comment #} {{ macros.ds_add(ds, -1) }}",
        "{{ '{#' }}",
        "{{ tasks.a.output - 1 }} {{ (tasks['a-b'].output | int) - try_number }} {{ 3 - 2 }}",
        "{{ var.value.get('a', 'b') }} {{ conn.x.host }}",
        "{ {ds} } %} }}",
    ],
)
def test_what_is_right(text: str) -> None:
    assert wrong(text) == ()


@pytest.mark.parametrize(
    ("text", "part", "at", "said", "hint"),
    [
        (
            "echo ${#files[@]}",
            "{#",
            6,
            "`{#` opens a comment",
            "{% raw %}$${#files[@]}{% endraw %}",
        ),
        ("a {# b", "{#", 2, "which nothing ends", "{% raw %}"),
        ("{{ tasks.load-x.output }}", "tasks.load", 3, "as a minus", "write `tasks['load-x']`"),
        ("{{ tasks.a-b-c.output + 1 }}", "tasks.a", 3, "as a minus", "write `tasks['a-b-c']`"),
        ("{# a #} {# b", "{#", 8, "which nothing ends", "{% raw %}"),
        ("${#a} #}", "{#", 1, "would be lost", "{% raw %}$${#a}{% endraw %}"),
        ("{{ ds }} '{{.Names}}'", "{{.Names}}", 10, "unexpected '.'", "{% raw %}{{.Names}}{%"),
        ("{{ ds }\n", "{{ ds }", 0, "unexpected '}'", "{% raw %}"),
        ("\n{{ ds }} {% if %}", "{% if %}", 10, "Expected an expression", "{% raw %}"),
        ("{% nope %}", "{% nope %}", 0, "unknown tag 'nope'", "{% raw %}"),
        ("{{ dss }}", "dss", 3, "know no 'dss'", "did you mean 'ds'?"),
        ("ds {{ ds }} {{ ds_nodas }}", "ds_nodas", 15, "know no", "'ds_nodash'"),
        (
            "execution_date {{ execution_date }}",
            "execution_date",
            18,
            "Airflow 3",
            "`logical_date`",
        ),
        ("{{ next_ds_nodash }}", "next_ds_nodash", 3, "3 has no", "data_interval_end | ds_nodash"),
        ("{{ data_interval.start }}", "data_interval", 3, "know no", "did you mean 'interval'?"),
        ("{{ matrix.table }}", "matrix", 3, "know no 'matrix'", "written `${matrix.…}`"),
        ("{{ vars.day }}", "vars", 3, "know no 'vars'", "written `${vars.…}`"),
        ("{{ environment }}", "environment", 3, "know no", "written `${environment}`"),
        ("{{ dag_id }}", "dag_id", 3, "know no", "written `${dag_id}`"),
        ("{{ yesterday_ds }}", "yesterday_ds", 3, "Airflow 3 has no", "macros.ds_add(ds, -1)"),
        ("{{ ds | ts_nodsh }}", "ts_nodsh", 8, "no filter 'ts_nodsh'", "'ts_nodash'"),
        ("{{ params.mode = 'a' }}", "{{ params.mode = 'a' }}", 0, "got '='", "`==` compares"),
        ("{{ 1 if ds is definde }}", "definde", 14, "no test 'definde'", "'defined'"),
    ],
)
def test_what_is_wrong_and_where(text: str, part: str, at: int, said: str, hint: str) -> None:
    (found,) = wrong(text)
    assert (found.part, place(text, found)) == (part, at)
    assert said in found.message
    assert hint in found.hint
    assert found.sure


@pytest.mark.parametrize(
    "text",
    [
        "{{ acme }}",
        "{{ var.name }}",
        "{{ dag_run.execution_date }}",
        "{{ ti.execution_date | ds }}",
        "{% if params.x %}{{ next_ds }}{% endif %}",
        "{{ dss if params.x else ds }}",
    ],
)
def test_what_may_be_right_is_a_warning(text: str) -> None:
    (found,) = wrong(text)
    assert not found.sure


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{ var.valu.x }}", "write `var.value`"),
        ("{{ var.jsn.x }}", "write `var.json`"),
        ("{{ task.b.output }}", "write `tasks.b.output`"),
        ("{{ params.mode == full }}", "a text stands in quotes: `'full'`"),
    ],
)
def test_a_hint_of_what_was_meant(text: str, hint: str) -> None:
    (found,) = wrong(text)
    assert (found.hint, found.sure) == (hint, False)


PIECES = (
    *("{{", "}}", "{%", "%}", "{#", "#}", "ds", " ", "\n", "$", "-", ".", "|", "if", "endif"),
    *("raw", "endraw", "'", "x", "params.n", "ts", "(", ")", "{{ ds }}", "{% raw %}"),
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(TEXTS)
def test_it_agrees_with_jinja(text: str) -> None:
    """What is said to be unreadable is, and nothing that is unreadable passes."""
    found = wrong(text)
    try:
        environment().from_string(text)
    except jinja2.TemplateSyntaxError:
        assert [one.sure for one in found] == [True]
    else:
        assert not any("cannot read" in one.message for one in found)
    for one in found:
        assert text.count(one.part) > one.nth or not one.part


def test_names_that_are_known_besides() -> None:
    assert len(wrong("{{ event }} {{ message | upper }}")) == 2
    assert wrong("{{ event }} {{ message | upper }}", ("event", "message")) == ()
    (found,) = wrong("a var.name {{ var.name }}")
    assert (found.part, found.nth, found.hint) == ("var.name", 1, "write `var.value.name`")


@pytest.mark.parametrize("asked", ["params.flga", "params['flga']", "1 if not params.flga else 2"])
def test_a_param_that_is_not_there(asked: str) -> None:
    (found,) = params(f"flga {{{{ {asked} }}}}", ("flag", "mode"))
    assert (found.part, found.nth, found.expected) == ("flga", 1, "one of flag, mode")
    assert (found.hint, found.sure) == ("did you mean 'flag'?", False)


@pytest.mark.parametrize(
    "asked",
    [
        "params.flag",
        "params.x | default(1)",
        "params.x is defined",
        "params.get('x')",
        "x.params.y",
    ],
)
def test_a_param_that_may_be_there(asked: str) -> None:
    assert params(f"params.x {{{{ {asked} }}}}", ("flag", "mode")) == ()


def test_known_names_need_no_jinja() -> None:
    text = "{{ ds }} {{ ti.xcom_pull }} {{ ts | ts_nodash }} {{ params.full }}"
    program = (
        "import sys; from factory.lint.jinja import params, wrong; "
        f"assert not wrong({text!r}) and not params({text!r}, ('full',))"
    )
    subprocess.run(
        [sys.executable, "-c", f"{program}; assert 'jinja2' not in sys.modules"], check=True
    )


@pytest.mark.parametrize(
    ("asked", "part", "hint"),
    [
        ("interval.dya", "dya", "did you mean 'day'?"),
        ("interval.date", "date", "write `interval.day`"),
        ("interval['hour']", "hour", "write `interval.start.strftime('%H')`"),
        ("interval.start_date | ds", "start_date", "write `interval.start`"),
        ("interval.zone", "zone", "`interval.start` is a date-time of Python's"),
    ],
)
def test_what_an_interval_has_not(asked: str, part: str, hint: str) -> None:
    text = f"at > {{{{ interval.start }}}} - interval.{part} {{{{ {asked} }}}}"
    (found,) = interval(text)
    assert (found.part, found.nth, found.sure) == (part, 1, True)
    assert (found.message, found.hint) == (f"an interval has no {part!r}", hint)


def test_it_is_told_where_the_interval_is_asked() -> None:
    (found,) = interval("{{ item.hour ~ interval['hour'] }}")
    assert (found.part, found.nth) == ("hour", 1)


@pytest.mark.parametrize(
    "text",
    [
        "{{ interval.start.hour }} {{ interval['day'] }} {{ interval[params.which] }}",
        "SELECT interval.date WHERE at > {{ interval.end }} - interval '1 day'",
        "{% set interval = params %}{{ interval.date }}",
        "{% for interval in params.all %}{{ interval.hour }}{% endfor %}",
        "{{ interval.hour | default('') }}{{ x.interval.hour }}",
        "{{ interval.hour",  # told as what it is
    ],
)
def test_what_an_interval_may_have(text: str) -> None:
    assert interval(text) == ()
