"""What templates read of other steps: `{{ tasks.x.output }}`, and of tasks, by `xcom_pull`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from factory.diagnostics import Diagnostic, Path, did_you_mean, nearest, one_of, quoted
from factory.lint import jinja
from factory.lint.rendered import rendered
from factory.lint.rules.scope import Linted, Scope
from factory.lint.rules.templates import Filled, conditions, file_text, of_groups
from factory.plan.model import Pipeline
from factory.plan.outputs import Outputs
from factory.problem import Problem


def read(scope: Scope) -> Iterator[Diagnostic]:
    """A step that is not there, does not come before, or hands nothing on."""
    for linted in scope.linted():
        yield from linted.diagnose(_problems(linted))


def _problems(linted: Linted) -> Iterator[Problem]:
    known = _Known(linted.plan)
    for step in linted.plan.steps:
        folder = linted.folder(step.id)
        filled = Filled(linted.tasks[step.id])
        for place, text in linted.texts(step.id):
            file = file_text(text, folder)
            found = jinja.steps(file or text)
            if found and text not in filled and _is_known(linted, step.id):
                if not filled.is_untaken(place):
                    yield _unfilled(place, found[0])
                continue
            asked = jinja.pulled(file or text)
            if asked and text not in filled:
                asked = ()
            for one, told in (
                *((one, known.problems(step.id, one, place)) for one in found),
                *((one, known.unknown_task(step.id, one, place)) for one in asked),
            ):
                yield from (_in_file(each, text, one, file) if file else each for each in told)
        for place, text in conditions(linted, step.id):
            group = linted.group_at(place)
            for one in jinja.steps(text):
                yield from known.problems(step.id, one, place, group)
    for place, text in of_groups(linted):
        within = f"{linted.resolved.groups[int(place[1])]['id']}."
        first = next(step.id for step in linted.plan.steps if step.id.startswith(within))
        for one in jinja.steps(text):
            yield from known.problems(first, one, place)


def _is_known(linted: Linted, step: str) -> bool:
    """Whether the sources of its operators tell what Airflow fills in."""
    return all(rendered(task.operator) for task in linted.tasks[step])


def _unfilled(place: Path, one: jinja.Read) -> Problem:
    message = f"Airflow fills in no template here: the output of {quoted(one.step)} is not known"
    return Problem(place, "template", message, "a value that is known when the file is read")


def _in_file(problem: Problem, name: str, one: jinja.Read, text: str) -> Problem:
    from msgspec.structs import replace

    message = f"line {jinja.line_of(text, one)} of {name}: {problem.message}"
    return replace(problem, message=message, part="")


class _Known:
    """The steps of a pipeline: their outputs, and which come before which."""

    def __init__(self, plan: Pipeline) -> None:
        self.plan = plan

    @cached_property
    def outputs(self) -> Outputs:
        return Outputs(self.plan)

    @cached_property
    def tasks(self) -> dict[str, None]:
        return {task.id: None for task in self.plan.tasks}

    @cached_property
    def before(self) -> Mapping[str, set[str]]:
        """The steps from which a task of another step leads on, and all that lead to those."""
        step_of = {task.id: task.step for task in self.plan.tasks}
        needs: dict[str, set[str]] = {step.id: set() for step in self.plan.steps}
        for first, second in self.plan.edges:
            if step_of[first] != step_of[second]:
                needs[step_of[second]].add(step_of[first])
        return {step: _above(step, needs) for step in needs}

    def problems(
        self, reader: str, one: jinja.Read, place: Path, group: str = ""
    ) -> Iterator[Problem]:
        """What is wrong with one thing that a step reads, or the condition of its `group`."""
        called = one.step  # a call of a kind, of which one step gives the output
        if given := self.outputs.given(one.step, reader):
            step = self.outputs.behind(one.step, one.output, reader)
            if not step:
                yield _no_such_output(one, given, place)
                return
            one = one._replace(step=step, what="output")
        steps = self.outputs.steps(one.step, reader)
        if not steps:
            yield self._unknown(reader, one, place)
            return
        if one.what != "output":
            yield _no_such(one, place)
        late = [step for step in steps if step not in self.before[reader]]
        if group and any(step.startswith(f"{group}.") for step in late):
            yield _inside(group, one, place)
        elif late:
            yield self._late(reader, late, one._replace(step=called), place)
        elif self.outputs.of(one.step, reader) is None:
            yield self._nothing(steps[0], one, place)

    def unknown_task(self, step: str, one: jinja.Read, place: Path) -> Iterator[Problem]:
        """A task that `xcom_pull` asks, which gives nothing of one that is not there."""
        if one.step in self.tasks:
            return
        others = [*self.tasks]
        hint = did_you_mean(one.step, others)
        if handed := self.outputs.of(one.step, step):
            is_id = one.step.isidentifier()
            name = f"tasks.{one.step}" if is_id else f"tasks[{one.step!r}]"
            hint = f"write `{{{{ {name}.output }}}}`, which asks {one_of(handed.tasks)}"
        yield Problem(
            place,
            "unknown-task",
            f"`xcom_pull` gets nothing: there is no task {quoted(one.step)}",
            expected=one_of(others),
            hint=hint,
            part=one.part,
            nth=one.nth,
        )

    def _unknown(self, reader: str, one: jinja.Read, place: Path) -> Problem:
        others = [name for name in self.outputs.names if name != reader]
        message, hint = f"there is no task {quoted(one.step)}", ""
        if within := self.outputs.within(one.step, reader):
            message = f"{quoted(one.step)} is a group, which hands nothing on itself"
            others, hint = within, _inner(one, within)
        return Problem(
            place,
            "unknown-task",
            message,
            expected=one_of(others) if others else "the id of another task",
            hint=hint if within else _meant(one, others),
            part=one.part,
            nth=one.nth,
        )

    def _late(self, reader: str, late: list[str], one: jinja.Read, place: Path) -> Problem:
        name = f'"{one.step}"' if "[" in one.step else one.step
        expected, hint = f"`needs: [{name}]`", ""
        message = f"{quoted(one.step)} does not come before this task: its output is not known yet"
        if reader in late:  # its copies are one another's as well
            message, expected = "the task reads its own output", "another task's"
        elif any(reader in self.before[step] for step in late):
            message = f"{quoted(one.step)} comes after this task: its output is not known yet"
            expected, hint = "a task that comes before", ""
        return Problem(place, "not-before", message, expected, hint, part=one.part, nth=one.nth)

    def _nothing(self, step: str, one: jinja.Read, place: Path) -> Problem:
        uses = next(each.uses for each in self.plan.steps if each.id == step)
        return Problem(
            place,
            "no-output",
            f"{quoted(one.step)} hands nothing on",
            expected="a task that has an output",
            hint=_way(uses),
            part=one.part,
            nth=one.nth,
        )


def _inside(group: str, one: jinja.Read, place: Path) -> Problem:
    message = f"{quoted(one.step)} is in the group {quoted(group)}, which is not begun before this"
    expected = "a task that comes before the group"
    return Problem(place, "not-before", message, expected, part=one.part, nth=one.nth)


def _inner(one: jinja.Read, within: list[str]) -> str:
    """The step of a group that was meant by `tasks.group.load.output`."""
    names = (".".join((one.step, *one.path[:length])) for length in range(1, len(one.path)))
    found = next((name for name in names if name in within), "")
    return f"write `tasks[{found!r}]`" if found else ""


def _meant(one: jinja.Read, others: list[str]) -> str:
    """The step in a group that was meant, or the nearest name, as a template says it."""
    inner = f"{one.step}.{one.what}"
    ends = (name for name in others if name.endswith(f".{one.step}"))
    found = inner if inner in others else next(ends, "") or nearest(one.step, others)
    if not found or found.isidentifier():
        return did_you_mean(one.step, others)
    return f"write `tasks[{found!r}]`"


def _above(step: str, needs: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    pending = [*needs[step]]
    while pending:
        if (one := pending.pop()) not in found:
            found.add(one)
            pending += needs[one]
    return found


def _no_such(one: jinja.Read, place: Path) -> Problem:
    what = f"no {quoted(one.what)}" if one.what else "no value of its own"
    return Problem(
        place,
        "template",
        f"a task has {what}",
        expected=f"`tasks.{one.step}.output`" if one.step.isidentifier() else "`.output` after it",
        part=one.what or one.part,
        nth=one.nth,
    )


def _no_such_output(one: jinja.Read, given: list[str], place: Path) -> Problem:
    """A call of a kind has outputs, each with a name."""
    has = f"no output {quoted(one.output)}" if one.output else "outputs, each with a name"
    return Problem(
        place,
        "no-output",
        f"{quoted(one.step)} has {has}",
        expected=one_of([f"`tasks.{one.step}.outputs.{name}`" for name in given]),
        hint=did_you_mean(one.output, given),
        part=one.output or one.part,
        nth=0 if one.output else one.nth,
    )


def _way(uses: str) -> str:
    """How a step of this kind would hand something on."""
    from factory.plan import kind as kinds

    if "." in uses:
        return "it says `do_xcom_push: false`"
    about = getattr(kinds.find(uses), "OUTPUT", "")
    return f"{uses} hands on: {about}" if about else f"{uses} has no output"
