"""Layers that apply to nothing, and what they cover."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from factory.diagnostics import Diagnostic, did_you_mean, one_of, quoted, shortened
from factory.diagnostics import Path as Place
from factory.lint.rules import files
from factory.lint.rules.scope import Scope
from factory.plan import kind as kinds
from factory.problem import Problem
from factory.spec import beside, discover, named
from factory.spec.diagnose import placed
from factory.spec.model import Pipeline
from factory.spec.read import Document
from factory.spec.validator import validator

_USE = re.compile(r"\$\{\s*vars(?:\.([^.{}\s]+))?")


def without_pipelines(scope: Scope) -> Iterator[Diagnostic]:
    """A `_defaults.yaml` in a folder that holds no pipeline."""
    layers = [layer for layer in scope.layers if layer.path.name == discover.DEFAULTS]
    if not layers or not scope.whole or not scope.outcomes:  # a new project
        return
    used = {
        folder
        for outcome in scope.outcomes
        for folder in discover.folders(scope.project.root, outcome.path)
    }
    for layer in layers:
        if layer.path.parent not in used:
            yield Diagnostic(
                file=layer.name,
                line=1,
                column=1,
                width=0,
                code="unused-layer",
                message="no pipeline is in this folder or below it",
                expected="a pipeline that these defaults apply to",
                severity="warning",
            )


def unknown_kinds(scope: Scope) -> Iterator[Diagnostic]:
    """Defaults for a kind that does not exist: they apply to no task."""
    ours = {name for _, _, given in _defaults(scope) for name in named.names(given)}
    written = scope.project.library or ()
    for document, prefix, given in _defaults(scope):
        for name in given:
            if "." in name or name in ours or name in written or _exists(name):
                continue
            known = [*written, *kinds.names()]
            problem = Problem(
                (*prefix, "kinds", name),
                "unknown-kind",
                f"there is no kind {quoted(name)}: these defaults apply to nothing",
                expected=one_of(known),
                hint=did_you_mean(name, known),
                at_key=True,
                severity="warning",
            )
            yield placed(document, problem.path, problem)


def _defaults(scope: Scope) -> Iterator[tuple[Document, tuple[str, ...], dict[str, Any]]]:
    """What stands under `kinds:`, with the document and the place above it."""
    for document in scope.documents():
        for prefix in ((), ("override",)):
            above = document.value.get("override") if prefix else document.value
            given = above.get("kinds") if isinstance(above, dict) else None
            if isinstance(given, dict):
                yield document, prefix, given


def unused_vars(scope: Scope) -> Iterator[Diagnostic]:
    """A variable that no pipeline reads. Told for layers only when the whole root is linted."""
    by_layers = _uses((*scope.layers, *scope.kinds))
    by_files = _uses_of_files(scope)
    own = [outcome.specs[0].document for outcome in scope.outcomes if outcome.specs]
    by_pipelines = set[str | None]().union(*by_files.values())
    for document in own:
        read = _uses([document])
        by_pipelines |= read
        yield from _unused(document, by_layers, read, by_files.get(document.path, set()))
    if scope.whole and len(own) == len(scope.outcomes):  # a broken pipeline may be the reader
        for layer in scope.layers:
            yield from _unused(layer, by_layers, by_pipelines)


def _unused(document: Document, *used: set[str | None]) -> Iterator[Diagnostic]:
    given = document.value.get("vars")
    if not isinstance(given, dict) or any(None in names for names in used):
        return  # None: ${vars} as a whole
    for name in given:
        if any(name in names for names in used):
            continue
        problem = Problem(
            ("vars", name),
            "unused-var",
            f"nothing reads ${{vars.{shortened(name)}}}",
            hint="remove it, or read it where it was meant",
            at_key=True,
            severity="warning",
        )
        yield placed(document, problem.path, problem)


def _uses(documents: Iterable[Document]) -> set[str | None]:
    found: set[str | None] = set()
    for document in documents:
        for text in document.texts():
            if "${" in text:
                found.update(match[1] for match in _USE.finditer(text))
    return found


def _uses_of_files(scope: Scope) -> dict[Path, set[str | None]]:
    """By the pipeline's file, what the files beside it read."""
    found: dict[Path, set[str | None]] = {}
    with beside.below(scope.project.root):
        for linted in scope.linted():
            for name in files.used_names(linted):
                group, *rest = name.split(".")
                if group == "vars":
                    used = found.setdefault(linted.resolved.document.path, set())
                    used.add(rest[0] if rest else None)
    return found


def _exists(name: str) -> bool:
    return name in kinds.builtin_names() or name in kinds.outside()


_OF_ITSELF = ("format", "not-a-choice", "out-of-bounds", "type", "unknown-key")
"""Codes of what is wrong in a file whatever stands over it."""


def covered(scope: Scope) -> Iterator[Diagnostic]:
    """What is wrong in a pipeline's file where the environment says something else.

    `dev` often tells nobody of a failure: a wrong alert would be seen in production first.
    """
    told = set()
    for linted in scope.linted():
        document, top = linted.resolved.document, linted.resolved.layers[-1]
        if top.document is document or document.path in told:
            continue
        told.add(document.path)
        under = {key: document.value[key] for key in top.value() if key in document.value}
        if under:
            found = validator(Pipeline).problems({**linted.resolved.value, **under})
            yield from linted.tell(
                placed(document, problem.path, problem)
                for problem in found
                if problem.code in _OF_ITSELF and not _is_open(under, problem.path)
            )


def _is_open(value: Any, path: Place) -> bool:
    """Whether what stands at a place is of another layer, or known only when it is filled in."""
    for part in path:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return True
    return isinstance(value, str) and "${" in value
