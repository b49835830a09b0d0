"""Assets by which pipelines wait for each other."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from factory.diagnostics import Diagnostic, Path
from factory.kinds.operator import assets_of, entries
from factory.lint.rules.scope import Linted, Scope
from factory.plan.model import Call, Ref
from factory.problem import Problem
from factory.spec import assets


class _Made(NamedTuple):
    """An asset that an operator's own arguments make: where, by what name, for which address."""

    linted: Linted
    place: Path
    name: str
    uri: str


def never_updated(scope: Scope) -> Iterator[Diagnostic]:
    """A wait for an asset that nothing updates, where one of nearly the same name is updated.

    What is updated outside of this root is not known: only a near name is worth a word.
    """
    complete = scope.whole and all(outcome.specs for outcome in scope.outcomes)
    updated = _Updated(_updated(scope), complete)
    for linted in scope.linted():
        yield from linted.diagnose(_never(linted.waits(), updated))


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
    return {uri for linted in scope.linted() for step in linted.plan.steps for uri in step.writes}


def two_names(scope: Scope) -> Iterator[Diagnostic]:
    """An address with two names, or a name for two addresses: Airflow activates one of them.

    A task that updates the other fails, in whichever pipeline.
    """
    all_made = [*_all_made(scope)]
    names: dict[str, str] = {uri: uri for uri in _plain(scope, all_made)}
    uris: dict[str, str] = dict(names)
    for made in all_made:
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
            (*made.place[:-1], "name"),
            "asset-named-twice",
            f"{said}: tasks that update one of them fail",
            expected="one name for one address",
            hint="leave `name` out: then the address is the name",
        )
        yield from made.linted.diagnose([problem])


def _plain(scope: Scope, all_made: Iterable[_Made]) -> Iterator[str]:
    """Assets whose name is their address."""
    for linted in scope.linted():
        for task in linted.plan.tasks:
            yield from task.outlets
        if linted.plan.waits:
            yield from linted.plan.waits.every
    yield from (made.uri for made in all_made if made.name == made.uri)


def refused(scope: Scope) -> Iterator[Diagnostic]:
    """An asset that Airflow refuses: in an operator's arguments, or by a provider's rules."""
    for linted in scope.linted():
        made = (
            (linted.place(step, asset.place), asset.uri)
            for step, arguments in _operators(linted)
            for asset in assets_of(arguments)
        )
        updates = assets.of_steps(linted.resolved.value["tasks"])
        places = itertools.chain(linted.waits(), updates, made)
        yield from linted.diagnose(assets.problems(places, assets.require_provided))


def _all_made(scope: Scope) -> Iterator[_Made]:
    for linted in scope.linted():
        for step, arguments in _operators(linted):
            for place, name, uri, _ in assets_of(arguments):
                try:
                    kept = assets.normalized(uri)
                    named = kept if assets.normalized(name) == kept else name
                except assets.Refused:
                    continue
                yield _Made(linted, linted.place(step, place), named, kept)


def _operators(linted: Linted) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The steps that name an operator by its import path, and what they give it."""
    for task in linted.plan.tasks:
        if task.uses == task.operator:
            yield task.step, task.arguments


def texts(scope: Scope) -> Iterator[Diagnostic]:
    """An operator's outlet that is a text: Airflow takes it, and updates no asset."""
    for linted in scope.linted():
        yield from linted.diagnose(
            _no_asset(linted.place(step, place))
            for step, arguments in _operators(linted)
            for place, entry in entries(arguments)
            if place[0] == "outlets" and not isinstance(entry, Call | Ref | None)
        )


def _no_asset(path: Path) -> Problem:
    return Problem(
        path,
        "no-effect",
        "this is no asset: Airflow updates none",
        expected="`{$call: airflow.sdk.Asset, with: {uri: …}}`",
        severity="warning",
    )
