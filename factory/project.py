"""A configuration root: which passes run, in which order, for every file or for one.

The only place that knows the order: discover → read → resolve → validate → compile.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from factory.choices import Unusable
from factory.diagnostics import (
    MAX_TOLD,
    Diagnostic,
    did_you_mean,
    dotted,
    is_one_line,
    limited,
    one_of,
    printable,
)
from factory.errors import BuildError, FactoryError, SpecError, is_fault, said, words
from factory.plan import kind as kinds
from factory.plan.compile import arguments_of, compile, steps
from factory.plan.kind import Step
from factory.plan.model import Pipeline
from factory.problem import Problem, Problems
from factory.spec import beside, discover, secrets, validate
from factory.spec.diagnose import diagnose
from factory.spec.kind_files import Library
from factory.spec.layers import NO_KINDS, Layer
from factory.spec.parts import Incomplete, read_whole
from factory.spec.read import Document
from factory.spec.resolve import Context, Resolved, context, resolve
from factory.spec.text import text_of

ENVIRONMENT = "FACTORY_ENV"
CONFIGS = "FACTORY_CONFIGS"
FOLDER = "dag_factory_configs"
DEFAULT_ENVIRONMENT = discover.DEFAULT_ENVIRONMENT

_MAX_BROKEN = 20  # copies of one file: the others have the same problems


_OWN = frozenset(
    (
        *("cycle", "duplicate-id", "format", "import-path", "not-a-choice", "other-format"),
        *("out-of-bounds", "self-need", "two-commands", "type", "unknown-key", "unknown-kind"),
        "unknown-task",
    )
)
"""Codes of what is wrong in a file whatever its layers say."""
_OF_ONE_PLACE = _OWN - {"unknown-task"} | {"missing-key", "one-of", "schedule", "condition"}
"""Codes of what is wrong at a place whatever stands at others."""
_READ_ELSEWHERE = ("vars", "kinds", "matrix", "defaults", "params")
"""Keys of a pipeline whose values others read."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file: its plans and the specs behind them, or why there are none.

    `refused` are valid specs whose plan a kind refuses.
    """

    path: Path
    plans: tuple[Pipeline, ...] = ()
    specs: tuple[Resolved, ...] = ()
    refused: tuple[Resolved, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


class _Refused(SpecError):
    """Nothing is wrong with `specs` themselves, but a kind makes no plan of them."""

    def __init__(self, diagnostics: Iterable[Diagnostic], specs: Iterable[Resolved]) -> None:
        super().__init__(diagnostics)
        self.specs = tuple(specs)


class Project:
    """A configuration root with an environment. Layers are read once and kept.

    :raises FactoryError: the folder or the environment does not exist.
    """

    def __init__(self, root: Path, environment: str | None = None) -> None:
        self.root = root
        self.environment = environment or os.environ.get(ENVIRONMENT) or DEFAULT_ENVIRONMENT
        self.is_chosen = bool(environment or os.environ.get(ENVIRONMENT))
        self._contexts: dict[Path, Context | SpecError] = {}
        self._parts: dict[Path, tuple[Path, ...]] = {}
        self._layers: dict[Path, Layer | SpecError | None] = {}
        if not os.path.isdir(root):
            raise FactoryError(
                f"there is no configuration folder {root}",
                f"run in a project that has {FOLDER}/, or set {CONFIGS}",
            )
        if not is_one_line(str(root)):
            raise FactoryError(
                f"the path of the configuration folder is not UTF-8, or holds control characters: "
                f"{printable(str(root))}",
                "Airflow's database takes no such path: rename the folder",
            )
        self._require_environment()
        files = discover.kinds(root)
        self.library = Library(files, self._read, _is_kind) if files else None

    @property
    def unchosen(self) -> Diagnostic | None:
        """That nobody chose among several environments, which must not pass for production."""
        others = [] if self.is_chosen else discover.environments(self.root)
        if set(others) <= {self.environment}:
            return None
        return self._broken(
            self.root / discover.ENVIRONMENTS,
            "no-environment",
            f"{ENVIRONMENT} is not set: every pipeline is built for {self.environment}",
            f"set {ENVIRONMENT} to {one_of(others)} where Airflow's scheduler, DAG processor, "
            "triggerer and workers run",
        )

    def outcomes(self) -> Iterator[Outcome]:
        """Every file through every pass. One bad file is one bad outcome."""
        found = discover.discover(self.root)
        for problem in found.problems:
            yield Outcome(path=self.root.parent / problem.file, diagnostics=(problem,))
        yield from self._outcomes_of_kinds()
        for path in found.files:
            yield self.outcome(path)

    def _outcomes_of_kinds(self) -> Iterator[Outcome]:
        """Kinds of the project's own in which something is wrong, whoever calls them."""
        if self.library is not None:
            for name, file in self.library.files.items():
                if told := self.library.diagnostics(name):
                    yield Outcome(path=file, diagnostics=tuple(told))

    def outcome(self, path: Path) -> Outcome:
        """One file through every pass."""
        try:
            return self._outcome(path)
        except RecursionError:
            broken = self._broken(path, "too-deep", "the values need each other too deeply")
            return Outcome(path=path, diagnostics=(broken,))
        except BaseException as error:
            if not is_fault(error):
                raise
            # a defect that one file brings out, or a kind's, must not hide the others
            reason = said(error, 200)
            broken = self._broken(path, "internal", f"the factory fails on this file: {reason}")
            return Outcome(path=path, diagnostics=tuple(self.without_secrets([broken])))

    def _outcome(self, path: Path) -> Outcome:
        try:
            made = self._made(path)
        except _Refused as error:
            return Outcome(path=path, refused=error.specs, diagnostics=error.diagnostics)
        except Incomplete as error:
            beside = self._beside_holes(error)
            return Outcome(path=path, diagnostics=(*error.diagnostics, *beside))
        except SpecError as error:
            behind = self._behind_layers(path)
            return Outcome(path=path, diagnostics=(*error.diagnostics, *behind))
        plans, specs = tuple(plan for plan, _ in made), tuple(spec for _, spec in made)
        return Outcome(path=path, plans=plans, specs=specs)

    def _behind_layers(self, path: Path) -> Iterator[Diagnostic]:
        """Where a layer is broken: what is wrong in the file itself, not for want of the layer."""
        if not isinstance(self._contexts.get(path.parent), SpecError):
            return
        document = self._read(path)
        sound = self._make_context(path.parent, broken=False)
        found = [d for one in resolve(document, sound)[:1] for d in self.validate(one)]
        gaps = [d.path for d in found if d.code == "missing-key" and ".with" in d.path]
        for entry in self.without_secrets(found):
            within = any(entry.path.startswith(gap) for gap in gaps)
            if entry.file == document.name and entry.code in _OWN and not within:
                yield entry

    def _beside_holes(self, error: Incomplete) -> Iterator[Diagnostic]:
        """What is wrong in a file beside what it names and cannot be read."""
        document, path = error.document, error.document.path
        if not isinstance(document.value, dict):  # nothing stands beside it
            return
        codes = _OF_ONE_PLACE
        try:
            around = self._context(path.parent)
        except SpecError:
            around = self._make_context(path.parent, broken=False)
            codes = codes & _OWN
        holes = [dotted(hole) for hole in error.holes]
        if any(hole[:1] and hole[0] in _READ_ELSEWHERE for hole in error.holes):
            found = validate.validate_file(document)
        else:
            found = [d for one in resolve(document, around)[:1] for d in self.validate(one)]
        for entry in self.without_secrets(found):
            is_hole = any(
                entry.path == hole or entry.path.startswith(_below(hole)) for hole in holes
            )
            if entry.file == document.name and entry.code in codes and not is_hole:
                yield entry

    def plans(self, path: Path) -> list[Pipeline]:
        """The plans of one file.

        :raises SpecError: the file, or a layer under it, has problems.
        """
        return [plan for plan, _ in self._made(path)]

    def _made(self, path: Path, only: str | None = None) -> list[tuple[Pipeline, Resolved]]:
        found: dict[Diagnostic, None] = {}
        made: list[tuple[Pipeline, Resolved]] = []
        source = path.relative_to(self.root).as_posix()
        broken = 0
        refused: list[Resolved] = []
        for resolved in self.resolved(path, only):
            if broken >= _MAX_BROKEN:
                break
            found |= dict.fromkeys(self.validate(resolved))
            if found:
                broken += 1
                continue
            try:
                made.append((compile(resolved, source), resolved))
            except BuildError as error:
                found |= dict.fromkeys(self.place(resolved, error))
                refused.append(resolved)
        if found:
            raise _Refused(self.without_secrets(limited(found)), refused)
        return made

    def resolved(self, path: Path, only: str | None = None) -> list[Resolved]:
        """One file, read and resolved, not yet validated; `only` one of its DAGs.

        :raises SpecError: the file, or a layer under it, cannot be read.
        """
        return self.resolve(self._read(path), only)

    def resolve(self, document: Document, only: str | None = None) -> list[Resolved]:
        """A document as if it stood at its path, which need not be there yet.

        :raises SpecError: a layer under it cannot be read.
        """
        return resolve(document, self._context(document.path.parent), only)

    def validate(self, resolved: Resolved) -> list[Diagnostic]:
        """Everything that validation finds in one resolved spec."""
        problems = validate.validate(resolved, arguments_of, _KindNames())
        return diagnose(resolved, problems) if problems else []

    def place(self, resolved: Resolved, error: BuildError) -> list[Diagnostic]:
        """Where in the files that wrote it, as they were read, a spec's plan is refused."""
        ids = [task["id"] for task in resolved.value["tasks"]]
        problems = Problems()
        for each in (error, *error.others):
            above = ("tasks", ids.index(each.step)) if each.step in ids else ()
            path = (*above, *each.part)
            told = Problem(
                path, "not-built", each.message, each.expected, each.hint, at_key=each.at_key
            )
            problems.put([told])
        return self.without_secrets(diagnose(resolved, problems))

    def without_secrets(self, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """What is wrong, said without the passwords and tokens that stand in the files."""
        known: dict[str, frozenset[str]] = {}
        for entry in (told := [*found]):
            if entry.file not in known:
                text = self.text(self.root.parent / entry.file)
                known[entry.file] = secrets.secrets_of(text) | self._shared_secrets()
        return [secrets.cleaned(entry, known[entry.file]) for entry in told]

    def _shared_secrets(self) -> frozenset[str]:
        """Those of every layer that was read: a pipeline's error may repeat what a layer says."""
        shared = [*self._layers, *self._kind_files]
        parts = (part for path in shared for part in self._parts.get(path, ()))
        texts = (self.text(path) for path in (*shared, *parts, self._environment_file))
        return frozenset[str]().union(*map(secrets.secrets_of, texts))

    def secrets(self, path: Path) -> frozenset[str]:
        """The passwords and tokens that stand in a file or in a layer under it."""
        layers = [above / discover.DEFAULTS for above in discover.folders(self.root, path)]
        whole = (path, *layers, *self._kind_files, self._environment_file)
        files = [file for each in whole for file in (each, *self._parts.get(each, ()))]
        return frozenset[str]().union(*(secrets.secrets_of(self.text(file)) for file in files))

    @property
    def _kind_files(self) -> list[Path]:
        """Those that were read."""
        every = () if self.library is None else self.library.files.values()
        return [path for path in every if path in self._parts]

    def text(self, path: Path) -> str:
        """The text of a file of this root; empty when it has none."""
        try:
            return text_of(path, path.name, self.root)
        except SpecError:
            return ""

    def files_of(self, resolved: Resolved) -> list[Diagnostic]:
        """What the kinds find in files beside a valid spec: missing SQL, unknown functions.

        Never raises: what a kind's look at them brings out is told at its task.
        """
        problems = Problems()
        with beside.below(self.root):
            for index, (kind, step, _) in enumerate(steps(resolved)):
                folder = resolved.task_place[index].document.path.parent
                problems.put(_inspected(index, kind, step, folder))
                if problems.more:  # one is enough to know that there are others
                    break
        return diagnose(resolved, problems) if problems else []

    def find(self, dag_id: str) -> Path:
        """The file of a DAG.

        :raises FactoryError: no file has its name.
        """
        path = discover.find(self.root, dag_id)
        if path is None:
            names = [file.stem for file in discover.discover(self.root).files]
            raise FactoryError(
                f"there is no pipeline {dag_id!r} in {self.root.name}/", did_you_mean(dag_id, names)
            )
        return path

    def plan(self, dag_id: str) -> Pipeline:
        """The plan of one DAG; no other pipeline is read.

        :raises FactoryError: there is no such DAG; SpecError when its file has problems.
        """
        return self.planned(dag_id)[0]

    def planned(self, dag_id: str) -> tuple[Pipeline, Resolved]:
        """The plan of one DAG with the spec behind it.

        :raises FactoryError: there is no such DAG; SpecError when its file has problems.
        """
        path = self.find(dag_id)
        for made in self._made(path, dag_id):
            return made
        names = [plan.dag_id for plan in self.plans(path)]
        raise FactoryError(
            f"there is no pipeline {dag_id!r}", did_you_mean(dag_id, names) or one_of(names)
        )

    def _context(self, folder: Path) -> Context:
        known = self._contexts.get(folder)
        if known is None:
            try:
                known = self._make_context(folder)
            except SpecError as error:
                known = error
            self._contexts[folder] = known
        if isinstance(known, SpecError):
            raise known
        return known

    def _make_context(self, folder: Path, *, broken: bool = True) -> Context:
        """The layers of a folder; `broken`: one that is wrong is an error, not left out."""
        layers = []
        for above in discover.folders(self.root, folder / "x"):
            layer = self._layer(above / discover.DEFAULTS, environment=False, broken=broken)
            if layer is not None:
                layers.append(layer)
        top = self._layer(self._environment_file, environment=True, broken=broken)
        overrides = top.document if top else None
        return context(layers, self.environment, overrides, self.library or NO_KINDS)

    @property
    def _environment_file(self) -> Path:
        return self.root / discover.ENVIRONMENTS / f"{self.environment}.yaml"

    def _require_environment(self) -> None:
        file = self._environment_file
        if not discover.is_environment_name(self.environment):
            raise FactoryError(
                f"{self.environment!r} is not the name of an environment",
                f"{ENVIRONMENT} names a file in {discover.ENVIRONMENTS}/, without .yaml",
            )
        if self.environment == DEFAULT_ENVIRONMENT or os.path.lexists(file):
            return
        known = discover.environments(self.root)
        raise FactoryError(
            f"there is no environment {self.environment!r}: "
            f"{discover.ENVIRONMENTS}/{file.name} does not exist",
            did_you_mean(self.environment, known) or one_of(known),
        )

    def _layer(self, path: Path, *, environment: bool, broken: bool) -> Layer | None:
        if path not in self._layers:
            self._layers[path] = self._read_layer(path, environment)
        layer = self._layers[path]
        if isinstance(layer, SpecError):
            if broken:
                raise layer
            return None
        return layer

    def _read_layer(self, path: Path, environment: bool) -> Layer | SpecError | None:
        if not os.path.lexists(path):
            return None
        try:
            document = self._read(path)
        except SpecError as error:
            return error
        found = self.without_secrets(validate.validate_layer(document, environment=environment))
        return SpecError(found) if found else Layer(document)

    def _read(self, path: Path) -> Document:
        try:
            document = read_whole(path, discover.display(self.root, path), self.root)
        except SpecError as error:
            told = self.without_secrets(error.diagnostics)
            if isinstance(error, Incomplete):
                raise Incomplete(error.document, error.holes, told) from None
            raise SpecError(told) from None
        self._parts[path] = tuple(part.path for part in document.parts.values())
        return document

    def _broken(self, path: Path, code: str, message: str, hint: str = "") -> Diagnostic:
        return Diagnostic(
            file=discover.display(self.root, path),
            line=1,
            column=1,
            width=0,
            code=code,
            message=message,
            hint=hint,
        )


def _below(place: str) -> tuple[str, str]:
    return f"{place}.", f"{place}["


def _inspected(index: int, kind: kinds.Kind, step: Step, folder: Path) -> list[Problem]:
    """What one task's kind finds."""
    found = []
    try:
        for problem in islice(kinds.inspect(kind, step, folder), MAX_TOLD):
            above = () if problem.of_pipeline else ("tasks", index, "with")
            place = (*above, *problem.path)
            found.append(msgspec.structs.replace(problem, path=place))
    except KeyboardInterrupt:
        raise
    except Unusable as error:
        path = ("tasks", index, "with", *error.path)
        found.append(Problem(path, "not-built", error.message))
    except BaseException as error:
        found.append(_failed(index, step, error))
    return found


def _failed(index: int, step: Step, error: BaseException) -> Problem:
    """A file may be anything, and a kind of another package may fail in any way."""
    message = f"{kinds.called(step)} cannot check this task: {type(error).__name__}"
    found = words(error, 200)
    if found != type(error).__name__:
        message += f" ({found})"
    return Problem(("tasks", index, "uses"), "internal", message)


def _is_kind(name: str) -> bool:
    return name in kinds.builtin_names() or name in kinds.outside()


class _KindNames:
    """Names of the kinds, looked up only when an error needs them."""

    def __iter__(self) -> Iterator[str]:
        return iter(kinds.names())


def find_root(start: Path | None = None) -> Path:
    """The configuration root: `FACTORY_CONFIGS`, else the nearest `dag_factory_configs/` upwards.

    :raises FactoryError: there is none.
    """
    named = os.environ.get(CONFIGS)
    if named:
        return Path(named).absolute()
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        if folder.name == FOLDER:
            return folder
        if (folder / FOLDER).is_dir():
            return folder / FOLDER
    raise FactoryError(
        f"there is no {FOLDER}/ in {here} or above it",
        f"`factory init` makes a project here; or run this in one, or set {CONFIGS}",
    )


__all__ = ["Outcome", "Project", "find_root"]
