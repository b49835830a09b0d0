"""Nothing is started that is not valid.

NiFi 1.x leaves invalid processors out in silence. 2.x keeps them STARTING: they start by
themselves once they become valid, even after the group was stopped.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NoReturn

from factory.nifi import errors
from factory.nifi.calls import groups, processors, services
from factory.nifi.flow import Flow, Pause
from factory.nifi.job import Patience
from factory.nifi.model import Group, Processor, Service

_SHOWN = 500


def await_valid(group: Group, patience: Patience) -> Flow[Group]:
    """Look until nothing is invalid: NiFi validates in the background."""
    until = time.monotonic() + patience.validation
    while group.invalid and time.monotonic() < until:
        yield Pause(patience.look)
        group = yield from groups.look(group.id)
    if group.invalid:
        refuse_invalid(group, (yield from processors.within(group.id)))
    return group


def refuse_invalid(group: Group, known: Sequence[Processor]) -> NoReturn:
    """Raise with every invalid processor and what it lacks."""
    invalid = [each for each in known if each.validation == "INVALID" and each.state != "DISABLED"]
    others = group.invalid - len(invalid)
    ports = f"\n  {others} ports or others: see NiFi" if others > 0 else ""
    raise errors.InvalidProcessors(
        f"not valid:{processors.listed(invalid, _told)}{ports}\n"
        f"{group.invalid} components of {group.name!r} ({group.id}) are not valid, so nothing was "
        "started",
        "Correct or disable them in NiFi; started as they are, NiFi would start them by itself "
        "later",
    )


def enable_services(group_id: str, patience: Patience) -> Flow[bool]:
    """Enable the group's services and wait until they are; whether there was anything to do.

    NiFi takes invalid ones too, and leaves them ENABLING: these are refused before.
    """
    found = yield from services.within(group_id)
    if all(each.state == "ENABLED" for each in found):
        return False
    _refuse_invalid(found)
    yield from services.enable(group_id)
    until = time.monotonic() + patience.services
    while True:
        found = yield from services.within(group_id)
        if all(each.state == "ENABLED" for each in found):
            return True
        if time.monotonic() >= until:
            raise _not_enabled(found, f" in {patience.services:.0f} s")
        yield Pause(patience.look)


def _refuse_invalid(found: tuple[Service, ...]) -> None:
    faulty = [each for each in found if each.state != "ENABLED" and _own_errors(each)]
    if faulty:
        raise _not_enabled(faulty)


def _not_enabled(found: Sequence[Service], after: str = "") -> errors.ServicesNotEnabled:
    waiting = [each for each in found if each.state != "ENABLED"]
    listed = "".join(f"\n  {each} is {each.state}: {_why(each)}" for each in waiting)
    return errors.ServicesNotEnabled(
        f"not enabled:{listed}\n{len(waiting)} controller services were not enabled{after}",
        "Correct them in NiFi (passwords are not part of an exported flow), or enable them there "
        "and say `services: leave`",
    )


def _own_errors(service: Service) -> list[str]:
    # one that uses another is not valid as long as the other is disabled
    return [each for each in service.errors if "disabled" not in each]


def _told(processor: Processor) -> str:
    return f"{processor}: {'; '.join(processor.errors) or 'no reason told'}"


def _why(service: Service) -> str:
    told = "; ".join(service.errors or service.reports[:1])
    return told[:_SHOWN] or "no reason told; see its bulletins"
