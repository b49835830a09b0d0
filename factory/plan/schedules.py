"""What starts the runs of a pipeline: moments, updated assets, an event that is watched."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from factory.fields import seconds
from factory.plan.model import Assets, Every, Watched
from factory.spec import assets, model, schedule


class Started(NamedTuple):
    """By what runs are started; `or_assets` stands beside moments."""

    schedule: str | Every | Assets | None
    or_assets: Assets | None


def planned(written: Any, dag_id: str) -> Started:
    """A valid schedule as the plan has it."""
    if not isinstance(written, dict):
        return Started(written if written is None else str(written), None)
    moments = Every(seconds(written["every"])) if "every" in written else schedule.moments(written)
    waited = _waited(written, dag_id)
    return Started(waited, None) if moments is None else Started(moments, waited)


def _waited(written: dict[str, Any], dag_id: str) -> Assets | None:
    """The assets and the event, each of which starts runs."""
    listed = _assets(written["assets"]) if "assets" in written else None
    if "event" not in written:
        return listed
    event = msgspec.convert(written["event"], model.Event)
    watched = Watched(assets.of_event(dag_id), event.uses, event.with_)
    return Assets((watched,)) if listed is None else Assets((watched, listed), any=True)


def _assets(given: Any) -> Assets:
    ((word, listed),) = given.items() if isinstance(given, dict) else [("all", given)]
    found = (_assets(one) if isinstance(one, dict) else assets.normalized(one) for one in listed)
    return Assets(tuple(dict.fromkeys(found)), any=word == "any")
