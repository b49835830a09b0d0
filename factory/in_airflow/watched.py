"""An event outside, as Airflow watches it: an asset with a trigger, which its triggerer runs."""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger

from factory.errors import BuildError, is_fault
from factory.in_airflow import importing
from factory.in_airflow.importing import reason
from factory.in_airflow.objects import asset
from factory.plan.model import Watched


def watched(event: Watched) -> Asset:
    """The asset of an event.

    :raises BuildError: its trigger cannot be imported or made, or Airflow could not keep it.
    """
    place = ("schedule", "event")
    name = event.uses.rpartition(".")[2]
    try:
        made = importing.load(event.uses)
    except BaseException as error:
        if not is_fault(error):
            raise
        raise BuildError("", (*place, "uses"), *importing.why(event.uses, error)) from error
    if not isinstance(made, type) or not issubclass(made, BaseEventTrigger):
        message = f"{name} is no trigger that Airflow can watch for"
        hint = "name a subclass of Airflow's BaseEventTrigger, one for event-driven scheduling"
        raise BuildError("", (*place, "uses"), message, hint)
    try:
        trigger = made(**event.arguments)
        BaseEventTrigger.hash(*trigger.serialize())  # so the Dag processor tells triggers apart
    except BaseException as error:
        if not is_fault(error):
            raise
        message = f"{name} refuses its arguments: {reason(error)}"
        raise BuildError("", (*place, "with"), message) from error
    found = asset(event.uri)
    return Asset(name=found.name, uri=found.uri, watchers=[AssetWatcher("event", trigger)])
