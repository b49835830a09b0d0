"""Assets by which pipelines wait for each other."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from factory.diagnostics import Diagnostic, Path
from factory.lint.rules.scope import Scope
from factory.problem import Problem
from factory.spec import assets
from factory.spec.resolve import Resolved
from factory.spec.validate import diagnose


class _Made(NamedTuple):
    """An asset that an operator's own arguments make: where, by what name, for which address."""

    resolved: Resolved
    path: Path
    name: str
    uri: str
    updated: bool


def never_updated(scope: Scope) -> Iterator[Diagnostic]:
    """A wait for an asset that nothing updates, where one of nearly the same name is updated.

    What is updated outside of this root is not known: only a near name is worth a word.
    """
    complete = scope.whole and all(outcome.specs for outcome in scope.outcomes)
    updated = _Updated(_updated(scope), complete)
    for outcome in scope.outcomes:
        for resolved in outcome.specs:
            waits = assets.of_schedule(resolved.value.get("schedule"))
            if found := list(_never(waits, updated)):
                yield from diagnose(resolved, found)


class _Updated:
    """The assets that are updated; those near another are found without comparing with all.

    :param complete: all of them, so that another one may be a mistyped one.
    """

    def __init__(self, uris: set[str], complete: bool) -> None:
        self.uris = uris
        self.complete = complete

    @cached_property
    def _spellings(self) -> dict[assets.Folded, str]:
        return {assets.folded(uri): uri for uri in sorted(self.uris, reverse=True)}

    @cached_property
    def _slips(self) -> dict[tuple[str, ...], list[str]]:
        found: dict[tuple[str, ...], list[str]] = {}
        for uri in sorted(self.uris):
            for key in assets.slips(uri):
                found.setdefault(key, []).append(uri)
        return found

    def near(self, uri: str) -> str | None:
        """The one that was most likely meant."""
        if spelled := self._spellings.get(assets.folded(uri)):
            return spelled
        keys = assets.slips(uri) if self.complete else ()
        near = (
            other
            for key in keys
            for other in self._slips.get(key, ())[:_MOST]
            if assets.is_near(uri, other)
        )
        return min(near, default=None)


_MOST = 100


def _never(waits: Iterable[tuple[Path, str]], updated: _Updated) -> Iterator[Problem]:
    for path, written in waits:
        uri = assets.normalized(written)
        if uri not in updated.uris and (near := updated.near(uri)):
            yield Problem(
                path,
                "asset-never-updated",
                f"no pipeline updates {uri!r}",
                expected="an asset that a task updates",
                hint=f"did you mean {near!r}?",
                severity="warning",
            )


def _updated(scope: Scope) -> set[str]:
    found = {
        uri
        for outcome in scope.outcomes
        for plan in outcome.plans
        for task in plan.tasks
        for uri in task.outlets
    }
    return found | {made.uri for made in _all_made(scope) if made.updated}


def two_names(scope: Scope) -> Iterator[Diagnostic]:
    """An address with two names, or a name for two addresses: Airflow activates one of them.

    A task that updates the other fails, in whichever pipeline.
    """
    names: dict[str, str] = {uri: uri for uri in _plain(scope)}
    uris: dict[str, str] = dict(names)
    for made in _all_made(scope):
        if made.name == made.uri:
            continue
        name, uri = names.setdefault(made.uri, made.name), uris.setdefault(made.name, made.uri)
        if name != made.name:
            said = f"the asset {made.uri!r} is named {name!r} elsewhere, and {made.name!r} here"
        elif uri != made.uri:
            said = f"{made.name!r} is the name of {uri!r} elsewhere, and of {made.uri!r} here"
        else:
            continue
        problem = Problem(
            (*made.path[:-1], "name"),
            "asset-named-twice",
            f"{said}: tasks that update one of them fail",
            expected="one name for one address",
            hint="leave `name` out: then the address is the name",
        )
        yield from diagnose(made.resolved, [problem])


def _plain(scope: Scope) -> Iterator[str]:
    """Assets whose name is their address."""
    for outcome in scope.outcomes:
        for plan in outcome.plans:
            for task in plan.tasks:
                yield from task.outlets
        for resolved in outcome.specs:
            for _, uri in assets.of_schedule(resolved.value.get("schedule")):
                yield assets.normalized(uri)
    yield from (made.uri for made in _all_made(scope) if made.name == made.uri)


def refused(scope: Scope) -> Iterator[Diagnostic]:
    """An asset that Airflow refuses: in an operator's arguments, or by a provider's rules."""
    for outcome in scope.outcomes:
        for resolved in outcome.specs:
            waits = assets.of_schedule(resolved.value.get("schedule"))
            made = ((path, uri) for path, _, uri, _ in _calls(resolved))
            places = itertools.chain(waits, made)
            if found := list(assets.problems(places, assets.require_provided)):
                yield from diagnose(resolved, found)


def _all_made(scope: Scope) -> Iterator[_Made]:
    for outcome in scope.outcomes:
        for resolved in outcome.specs:
            for path, name, uri, updated in _calls(resolved):
                try:
                    kept = assets.normalized(uri)
                    named = kept if assets.normalized(name) == kept else name
                except assets.Refused:
                    continue
                yield _Made(resolved, path, named, kept, updated)


def texts(scope: Scope) -> Iterator[Diagnostic]:
    """An operator's outlet that is a text: Airflow takes it, and updates no asset."""
    for outcome in scope.outcomes:
        for resolved in outcome.specs:
            found = [_no_asset(path) for path, entry in _entries(resolved) if _is_text(path, entry)]
            if found:
                yield from diagnose(resolved, found)


def _is_text(path: Path, entry: Any) -> bool:
    mark = isinstance(entry, dict) and {"$call", "$ref"} & set(entry)
    return path[3] == "outlets" and entry is not None and not mark


def _no_asset(path: Path) -> Problem:
    return Problem(
        path,
        "no-effect",
        "this is no asset: Airflow updates none",
        expected="`{$call: airflow.sdk.Asset, with: {uri: …}}`",
        severity="warning",
    )


def _entries(resolved: Resolved) -> Iterator[tuple[Path, Any]]:
    """What stands in the `outlets` and `inlets` of operators."""
    for index, task in enumerate(resolved.value["tasks"]):
        given = task.get("with")
        for key in ("outlets", "inlets") if "." in task["uses"] else ():
            listed: Any = given.get(key) if isinstance(given, dict) else None
            path: Path = ("tasks", index, "with", key)
            if isinstance(listed, list):
                yield from (((*path, place), entry) for place, entry in enumerate(listed))
            else:
                yield path, listed


def _calls(resolved: Resolved) -> Iterator[tuple[Path, str, str, bool]]:
    """Each `$call` of an asset: its place, name and address, and whether it is updated."""
    for path, entry in _entries(resolved):
        for word, name, uri in _asset(entry):
            yield (*path, "with", word), name, uri, path[3] == "outlets"


def _asset(entry: Any) -> Iterator[tuple[str, str, str]]:
    if not isinstance(entry, dict) or not str(entry.get("$call", "")).endswith(".Asset"):
        return
    given = entry.get("with")
    name, uri = (given.get("name"), given.get("uri")) if isinstance(given, dict) else (None, None)
    name, uri = name or uri, uri or name
    if isinstance(name, str) and isinstance(uri, str):
        yield "uri" if "uri" in entry["with"] else "name", name, uri
