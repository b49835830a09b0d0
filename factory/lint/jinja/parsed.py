"""The second gear: a template as Jinja parses it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from factory.diagnostics import MAX_TOLD, did_you_mean, nearest, one_of, quoted, shortened
from factory.intervals import NAMES as NAMES_OF_INTERVAL
from factory.lint.jinja.parts import FILTERS, ITEM, NAMES, OPENS, PATHS, VAR, Read, Wrong, is_gone

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

REMOVED = {
    "conf": "dag_run.conf",
    "execution_date": "logical_date",
    "next_ds": "data_interval_end | ds",
    "next_ds_nodash": "data_interval_end | ds_nodash",
    "next_execution_date": "data_interval_end",
    "prev_ds": "prev_data_interval_start_success | ds",
    "prev_ds_nodash": "prev_data_interval_start_success | ds_nodash",
    "prev_execution_date": "prev_data_interval_start_success",
    "prev_execution_date_success": "prev_data_interval_start_success",
    "tomorrow_ds": "macros.ds_add(ds, 1)",
    "tomorrow_ds_nodash": "macros.ds_add(ds, 1) | replace('-', '')",
    "triggering_dataset_events": "triggering_asset_events",
    "yesterday_ds": "macros.ds_add(ds, -1)",
    "yesterday_ds_nodash": "macros.ds_add(ds, -1) | replace('-', '')",
}
"""Names of Airflow 2, and today's way."""
RAW = "what is not for Airflow stands between {% raw %} and {% endraw %}"


def raw(text: str) -> str:
    """A text that Airflow leaves as it is."""
    return f"{{% raw %}}{text}{{% endraw %}}"


@lru_cache(maxsize=256)
def found(text: str, also: tuple[str, ...] = ()) -> tuple[Wrong, ...]:
    """Everything that is wrong with a template."""
    try:
        return tuple(islice(_found(text, also), MAX_TOLD))
    except RecursionError:
        return (Wrong("this template is nested too deeply to be read", "", 0),)


def _found(text: str, also: tuple[str, ...]) -> Iterator[Wrong]:
    from jinja2 import TemplateSyntaxError

    env = environment()
    try:
        tree = env.parse(text)
    except TemplateSyntaxError as error:
        yield _unparsed(text, error, env)
        return
    if (length := _LENGTH.search(_without_raw(text))) is not None:
        yield _comment(text, length.start() + 1)
        return
    if dashed := _dashed(tree):
        yield from (_dash(text, *each) for each in dashed)
        return
    unknown = [*_unknown_filters(text, tree, env)]
    yield from unknown or _unknown_names(text, tree, also, {*env.globals, *_INNER})
    yield from _gone(text, tree)


def _dashed(tree: nodes.Template) -> list[tuple[str, str, int]]:
    """`tasks.load-x`, which Jinja reads as a difference: `load`, `load-x`, and the line."""
    from jinja2 import nodes

    found = []
    inside: set[int] = set()
    for node in tree.find_all(nodes.Sub):
        names = _difference(node)
        if names and id(node) not in inside:
            found.append((names[0], "-".join(names), node.lineno))
        inside.add(id(node.left))
    return found


def _difference(node: Any) -> list[str]:
    """The names on both sides of each `-`, of a step first; nothing where it is none."""
    from jinja2 import nodes

    if isinstance(node, nodes.Sub):
        left, right = _difference(node.left), node.right
        while isinstance(right, nodes.Getattr):
            right = right.node
        return [*left, right.name] if left and isinstance(right, nodes.Name) else []
    is_step = isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name)
    return [node.attr] if is_step and node.node.name == "tasks" else []


def _dash(text: str, first: str, name: str, line: int) -> Wrong:
    message = "a template reads this `-` as a minus"
    return Wrong(message, *_place(text, f"tasks.{first}", line), hint=f"write `tasks[{name!r}]`")


_INNER = ("self", "caller", "varargs", "kwargs")


@cache
def environment() -> Environment:
    """As Airflow's, of which only the names of the filters are ours."""
    from jinja2.sandbox import SandboxedEnvironment

    env = SandboxedEnvironment(extensions=["jinja2.ext.do"], cache_size=0)
    env.filters.update(dict.fromkeys(FILTERS, str))
    return env


_COMMENT = re.compile(r"\{#.*?(?:#\}|\Z)", re.DOTALL)
_LENGTH = re.compile(r"\$\{#[^}\s]*\}?")
_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}.*?(?:\{%[-+]?\s*endraw\s*[-+]?%\}|\Z)", re.DOTALL)


def _without_raw(text: str) -> str:
    return _RAW.sub(lambda match: " " * len(match[0]), text)


def _comment(text: str, start: int) -> Wrong:
    """`{#` that opens a comment where none is meant, such as the shell's `${#name}`."""
    nth = text.count("{#", 0, start)
    length = _LENGTH.match(text, start - 1) if start else None
    if length is None:
        message = "`{#` opens a comment of Jinja, which nothing ends"
        return Wrong(message, "{#", nth, "`{# … #}`", RAW)
    message = "`{#` opens a comment of Jinja: what follows would be lost"
    return Wrong(message, "{#", nth, hint=f"write `{raw('$' + length[0])}`")


def _unparsed(text: str, error: Any, env: Environment) -> Wrong:
    if "end of comment" in str(error.message):
        return _comment(text, [*_COMMENT.finditer(text)][-1].start())
    start = _culprit(text, error.lineno, env)
    tag = re.match(r"[^\n]{2}.*?(?:\}\}|%\}|(?=\n)|\Z)", text[start:])
    part = tag[0] if tag else ""
    reason = str(error.message).rstrip(".")
    hint = f"for another program than Airflow write `{raw(part)}`" if _is_other(part) else RAW
    if reason.endswith("got '='"):
        hint = "`==` compares"
    return Wrong(
        f"Airflow cannot read this as a template: {shortened(reason, 200)}",
        part,
        text.count(part, 0, start) if part else 0,
        "`{{ name }}`, `{% if … %}` or `{# … #}`",
        hint,
    )


def _is_other(tag: str) -> bool:
    """Whether it looks like a template of another program, such as Go's `{{.Names}}`."""
    return len(tag) <= 60 and tag.startswith("{{") and tag.endswith("}}")


_MAX_TAGS = 20
_LONGEST_LINE = 4_000


def _culprit(text: str, line: int, env: Environment) -> int:
    """Where the tag begins that does not parse, as far as it can be told."""
    from jinja2 import TemplateSyntaxError

    lines = text.split("\n")
    before = sum(len(each) + 1 for each in lines[: line - 1])
    after = before + len(lines[line - 1]) if line <= len(lines) else len(text)
    opened = [match.start() for match in OPENS.finditer(text, before, after)]
    if after - before > _LONGEST_LINE:
        return opened[0] if opened else before
    for start, end in zip(opened[:_MAX_TAGS], [*opened[1:], after], strict=False):
        try:
            env.parse(text[before:end])
        except TemplateSyntaxError as error:
            if not str(error.message).startswith("Unexpected end of template"):
                return start
    earlier = [match.start() for match in OPENS.finditer(text, 0, after)]
    return opened[-1] if opened else (earlier or [0])[-1]


def _unknown_filters(text: str, tree: nodes.Template, env: Environment) -> Iterator[Wrong]:
    from jinja2 import nodes

    for kind, known, sort in (
        (nodes.Filter, env.filters, "filter"),
        (nodes.Test, env.tests, "test"),
    ):
        for node in tree.find_all(kind):
            name = getattr(node, "name", "")
            if name not in known:
                hint = did_you_mean(name, [*known])
                message = f"Airflow's templates have no {sort} {quoted(name)}"
                yield Wrong(message, *_place(text, name, node.lineno), hint=hint)


def _unknown_names(
    text: str, tree: nodes.Template, also: tuple[str, ...], own: set[str]
) -> Iterator[Wrong]:
    from jinja2 import nodes
    from jinja2.meta import find_undeclared_variables

    known = (*NAMES, *also)
    names = find_undeclared_variables(tree) - own.union(known)
    guarded = {*_guarded(tree)}
    lines = {node.name: node.lineno for node in reversed([*tree.find_all(nodes.Name)])}
    sure = {*_always(tree)}
    compared = {*_compared(tree)}
    for name in sorted(names - guarded, key=lambda name: lines.get(name, 0)):
        place = _place(text, name, lines.get(name, 1))
        otherwise = f"a text stands in quotes: `'{name}'`" if name in compared else RAW
        yield _unknown_name(name, place, otherwise, known, certain=name in sure)


def _compared(tree: nodes.Template) -> Iterator[str]:
    """Names that something is compared with, as if they were texts."""
    from jinja2 import nodes

    for node in tree.find_all(nodes.Operand):
        if isinstance(node.expr, nodes.Name):
            yield node.expr.name


_OURS = {"data_interval": "interval"}
"""What others call our names."""
_WHEN_READ = ("vars", "matrix", "environment", "dag_id")


def _unknown_name(
    name: str, place: tuple[str, int], otherwise: str, known: tuple[str, ...], *, certain: bool
) -> Wrong:
    if name in REMOVED:
        message = f"Airflow 3 has no {quoted(name)} in templates"
        return Wrong(message, *place, hint=f"write `{REMOVED[name]}`", sure=certain)
    message = f"Airflow's templates know no {quoted(name)}"
    if name == ITEM:
        message = "`item` is known in a step or a group with `for_each`, and not here"
        return Wrong(message, *place, expected="`for_each:` beside `with:`")
    if name in _WHEN_READ:
        fields = "" if name in ("environment", "dag_id") else ".…"
        hint = f"what is known when the file is read is written `${{{name}{fields}}}`"
        return Wrong(message, *place, hint=hint, sure=certain)
    meant = _OURS.get(name, name)
    near = nearest(meant, known)
    return Wrong(
        message, *place, hint=did_you_mean(meant, known) or otherwise, sure=certain and bool(near)
    )


def _gone(text: str, tree: nodes.Template) -> Iterator[Wrong]:
    """Attributes that Airflow 2 had, and `{{ var.name }}`."""
    from jinja2 import nodes

    for node in tree.find_all(nodes.Getattr):
        if not isinstance(node.node, nodes.Name) or not is_gone(node.node.name, node.attr):
            continue
        path = f"{node.node.name}.{node.attr}"
        meant = nearest(node.attr, VAR) or f"value.{node.attr}"
        today = PATHS.get(path, f"var.{meant}")
        message = f"Airflow 3 has no `{path}` in templates"
        yield Wrong(message, *_place(text, path, node.lineno), hint=f"write `{today}`", sure=False)
    for node in tree.find_all(nodes.Getattr):
        step = node.node
        if node.attr != "output" or not isinstance(step, nodes.Getattr):
            continue
        if isinstance(step.node, nodes.Name) and step.node.name == "task":
            message = f"`task` is the task itself, and has no {quoted(step.attr)}"
            hint = f"write `tasks.{step.attr}.output`"
            yield Wrong(message, *_place(text, "task", node.lineno), hint=hint, sure=False)


@lru_cache(maxsize=256)
def asked_of(text: str, name: str, said: str, known: tuple[str, ...]) -> tuple[Wrong, ...]:
    """What a template asks of a mapping, such as `params`, that is not among the known keys.

    :param said: what has not that key, for people.
    """
    from jinja2 import TemplateSyntaxError

    try:
        tree = environment().parse(text)
    except (TemplateSyntaxError, RecursionError):
        return ()  # told elsewhere
    return tuple(islice(_unknown_keys(text, tree, name, said, known), MAX_TOLD))


def _unknown_keys(
    text: str, tree: nodes.Template, mapping: str, said: str, known: tuple[str, ...]
) -> Iterator[Wrong]:
    from jinja2 import nodes

    kinds = (nodes.Getattr, nodes.Getitem)
    guarded = {id(inner) for guard in _guards(tree) for inner in (guard, *guard.find_all(kinds))}
    for path in tree.find_all(kinds):
        of: Any = path.node  # type: ignore[attr-defined]
        name = _key(path)
        if not name or name in known or id(path) in guarded or hasattr(dict, name):
            continue
        if isinstance(of, nodes.Name) and of.name == mapping:
            message = f"{said} {quoted(name)}"
            hint = did_you_mean(name, known)
            place = _place(text, name, path.lineno, _of(mapping))
            yield Wrong(message, *place, one_of([*known]), hint, sure=False)


_ASKED = {
    "date": "`interval.day`",
    "ds": "`interval.day`",
    "ds_nodash": "`interval.start | ds_nodash`",
    "hour": "`interval.start.strftime('%H')`",
    "start_date": "`interval.start`",
    "end_date": "`interval.end`",
}
"""What others ask of an interval, and how it is written."""


@lru_cache(maxsize=256)
def asked_of_interval(text: str) -> tuple[Wrong, ...]:
    """What a template asks of `interval` that it has not."""
    found = asked_of(text, "interval", "an interval has no", NAMES_OF_INTERVAL)
    if found and "interval" in _own(text):
        return ()
    return tuple(one._replace(sure=True, hint=_interval_hint(one)) for one in found)


def _own(text: str) -> set[str]:
    """The names that a template gives itself: by `set`, by `for`."""
    from jinja2 import nodes

    names = environment().parse(text).find_all(nodes.Name)
    return {node.name for node in names if node.ctx != "load"}


def _interval_hint(one: Wrong) -> str:
    meant = _ASKED.get(one.part)
    return f"write {meant}" if meant else one.hint or "`interval.start` is a date-time of Python's"


@lru_cache(maxsize=256)
def steps_of(text: str) -> tuple[Read, ...]:
    """What a template reads of `tasks`, by names that stand in it."""
    from jinja2 import TemplateSyntaxError

    try:
        tree = environment().parse(text)
        return () if _dashed(tree) else tuple(islice(_steps(text, tree), MAX_TOLD))
    except (TemplateSyntaxError, RecursionError):
        return ()  # told elsewhere


def _steps(text: str, tree: nodes.Template) -> Iterator[Read]:
    from jinja2 import nodes

    paths = [*tree.find_all((nodes.Getattr, nodes.Getitem))]
    above = {id(path.node): path for path in paths}  # type: ignore[attr-defined]
    for path in paths:
        of: Any = path.node  # type: ignore[attr-defined]
        if isinstance(of, nodes.Name) and of.name == "tasks" and (step := _key(path)):
            what = above.get(id(path))
            output = above.get(id(what)) if what and _key(what) == "outputs" else None
            place = _place(text, step, path.lineno, _of("tasks"))
            read = Read(step, _key(what) if what else "", *place)
            read = read._replace(path=tuple(_path(path, above)))
            yield read._replace(output=_key(output)) if output else read


def _path(path: Any, above: Mapping[int, Any]) -> Iterator[str]:
    """The names that are asked of something, one of the other."""
    while (path := above.get(id(path))) is not None and (name := _key(path)):
        yield name


@lru_cache(maxsize=256)
def pulled_of(text: str) -> tuple[Read, ...]:
    """The tasks that `ti.xcom_pull` asks, where their ids stand there; not those of another run."""
    from jinja2 import TemplateSyntaxError

    try:
        return tuple(islice(_pulled(text, environment().parse(text)), MAX_TOLD))
    except (TemplateSyntaxError, RecursionError):
        return ()  # told elsewhere


_OF_OTHERS = {"dag_id", "run_id", "include_prior_dates"}


def _pulled(text: str, tree: nodes.Template) -> Iterator[Read]:
    from jinja2 import nodes

    for call in tree.find_all(nodes.Call):
        of = call.node
        if not isinstance(of, nodes.Getattr) or of.attr != "xcom_pull":
            continue
        is_own = isinstance(of.node, nodes.Name) and of.node.name in ("ti", "task_instance")
        given = {entry.key: entry.value for entry in call.kwargs}
        is_plain = len(call.args) < 2 and call.dyn_args is None and call.dyn_kwargs is None
        if not is_own or not is_plain or given.keys() & _OF_OTHERS:  # the second is a `dag_id`
            continue
        ids = call.args[0] if call.args else given.get("task_ids")
        every = ids.items if isinstance(ids, nodes.List | nodes.Tuple) else [ids]
        for one in every:
            if isinstance(one, nodes.Const) and isinstance(one.value, str):
                yield Read(one.value, "", *_place(text, one.value, one.lineno, "['\"]"))


def _key(path: Any) -> str:
    """The name that is asked for, where it stands there: `x.name`, `x['name']`."""
    from jinja2 import nodes

    if isinstance(path, nodes.Getattr):
        return path.attr
    key = path.arg.value if isinstance(path.arg, nodes.Const) else ""
    return key if isinstance(key, str) else ""


def _guarded(tree: nodes.Template) -> Iterator[str]:
    """Names that may be undefined."""
    from jinja2 import nodes

    for guard in _guards(tree):
        for inner in (guard, *guard.find_all(nodes.Name)):
            if isinstance(inner, nodes.Name):
                yield inner.name


def _guards(tree: nodes.Template) -> Iterator[nodes.Node]:
    """What may be undefined: `x is defined`, `x | default(…)`."""
    from jinja2 import nodes

    for node in tree.find_all((nodes.Filter, nodes.Test)):
        name = getattr(node, "name", "")
        if name in ("default", "d", "defined", "undefined") and node.node is not None:
            yield node.node


def _always(tree: nodes.Template) -> Iterator[str]:
    """Names that are looked up whatever the values are."""
    from jinja2 import nodes

    for node in tree.body:
        for each in node.nodes if isinstance(node, nodes.Output) else ():
            within = [each, *each.find_all((nodes.Name, nodes.CondExpr, nodes.And, nodes.Or))]
            if not any(isinstance(one, nodes.CondExpr | nodes.And | nodes.Or) for one in within):
                yield from (one.name for one in within if isinstance(one, nodes.Name))


def _place(text: str, name: str, line: int, before: str = "") -> tuple[str, int]:
    """A name inside a tag, from a line on: as a part of the text, and how many are before.

    :param before: a pattern of what stands before it, where others may stand there as well.
    """
    start = sum(len(each) + 1 for each in text.split("\n")[: line - 1])
    for way in (before, r"\b") if before else (r"\b",):
        one = rf"(?P<open>\{{[{{%]|[}}%]\}})|{way}(?P<name>{re.escape(name)})\b"
        inside = False
        for match in re.finditer(one, text[start:]):
            if match["open"]:
                inside = match["open"].startswith("{")
            elif inside:
                return name, text.count(name, 0, start + match.start("name"))
    return name, 0


def _of(name: str) -> str:
    """What stands before a name that is asked of another: `x.`, `x['`."""
    return rf"\b{re.escape(name)}\s*(?:\.\s*|\[\s*['\"])"
