"""Rules over all pipelines: one module a family; each rule yields warnings or errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from factory.diagnostics import Diagnostic
from factory.lint.rules import (
    assets,
    branches,
    comments,
    dates,
    endings,
    files,
    groups,
    kinds,
    layers,
    moved,
    operators,
    outputs,
    references,
    secrets,
    sizes,
    templates,
    turns,
    waits,
    writers,
)
from factory.lint.rules.scope import Scope

Rule = Callable[[Scope], Iterable[Diagnostic]]

RULES: tuple[Rule, ...] = (
    assets.never_updated,
    assets.two_names,
    assets.refused,
    assets.texts,
    branches.never_joined,
    branches.undecided,
    comments.within_texts,
    dates.cut_days,
    dates.of_asset_runs,
    dates.skipping,
    dates.without_interval,
    endings.hidden_failures,
    files.taken_for_names,
    files.unfilled,
    files.unnamed,
    groups.driven_twice,
    kinds.captured,
    kinds.deprecated,
    kinds.outside,
    layers.covered,
    layers.without_pipelines,
    layers.unknown_kinds,
    layers.unused_vars,
    moved.import_paths,
    operators.unknown,
    operators.unknown_trigger,
    outputs.read,
    references.unknown_pipelines,
    secrets.in_yaml,
    sizes.too_many_assets,
    sizes.too_many_tasks,
    templates.unreadable,
    turns.at_once,
    waits.never_met,
    writers.replaced_twice,
    writers.taken_from_an_append,
)

__all__ = ["RULES", "Rule", "Scope"]
