"""What the checks of a load found, kept with the ledger's note of it.

A try whose answer is lost has asked its checks, and published. The next one tells what they found
then: the rows are not as they were when they were asked, and the checks may be others by now.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from factory.definitions.checks import Check, Sql
from factory.definitions.checks.parts import EXAMPLES
from factory.transfer.warehouse.audit import Result
from factory.transfer.warehouse.parts import Noted

_NAME = "check"
_LONGEST = 200_000  # characters: a statement that notes them has a longest length


@dataclass(frozen=True)
class Known:
    """What is known of checks from a try that has published; see `known`."""

    checks: Sequence[Check]
    noted: Noted | None
    kept: Mapping[str, Result] | None  # None: it has kept nothing, being of an older version

    @property
    def left(self) -> list[Check]:
        """Those that it had not asked, and that the rows alone can answer late.

        A person's SQL may ask the table, too, which is not as it was.
        """
        left = (check for check in self.checks if self._found(check) is None)
        return [check for check in left if not isinstance(check, Sql)]

    def results(self, late: Sequence[Result] = ()) -> tuple[Result, ...]:
        """One of each check, and of those that are no more; `late` are of those that are left."""
        asked = {_digest(c): found for c, found in zip(self.left, late, strict=False)}
        today = [
            self._found(check) or _as(check, asked) or self._not_asked(check)
            for check in self.checks
        ]
        names = {_digest(check) for check in self.checks}
        gone = (result for name, result in (self.kept or {}).items() if name not in names)
        return (*today, *gone)

    def _found(self, check: Check) -> Result | None:
        return _as(check, self.kept or {})

    def _not_asked(self, check: Check) -> Result:
        when = f" at {self.noted.when}" if self.noted else ""
        said = f"not asked: the rows were published{when} by an earlier try "
        new = "before this check was added or changed"
        said += new if self.kept is not None else "that kept no results"
        return Result(check.word, check.severity, False, said, columns=check.about, asked=False)


def _as(check: Check, results: Mapping[str, Result]) -> Result | None:
    """The check's result, as its severity of today has it."""
    found = results.get(_digest(check))
    return replace(found, severity=check.severity) if found else None


def written(checks: Sequence[Check], results: Sequence[Result]) -> str:
    """The results of these checks, one each, without what a warehouse's logs are not to show."""
    kept = [_to_keep(check, result) for check, result in zip(checks, results, strict=True)]
    text = json.dumps(kept, default=str)
    return text if len(text) <= _LONGEST else brief(text)


def _to_keep(check: Check, result: Result) -> dict[str, Any]:
    """Examples are rows; a person's SQL may hold a Variable of Airflow."""
    plain = replace(result, message=result.message.partition(EXAMPLES)[0]).plain()
    if isinstance(check, Sql):
        plain.pop("message")
    return {_NAME: _digest(check), **plain}


def brief(text: str) -> str:
    """The same, without what was measured and said."""
    short = (_NAME, "type", "severity", "passed")
    return json.dumps([{name: each[name] for name in short} for each in json.loads(text)])


def known(checks: Sequence[Check], noted: Noted | None) -> Known:
    """What the ledger tells of these checks."""
    if noted is None or not noted.checks:
        return Known(checks, noted, None)
    kept = json.loads(noted.checks)
    return Known(checks, noted, {each[_NAME]: _result(each) for each in kept})


def _result(kept: Mapping[str, Any]) -> Result:
    said = "passed" if kept["passed"] else "failed"
    return Result(
        *(kept["type"], kept["severity"], kept["passed"]),
        message=kept.get("message", f"{said} before the rows were published"),
        measured=kept.get("measured", {}),
        columns=tuple(kept.get("columns", ())),
    )


def _digest(check: Check) -> str:
    """By what a check asks, whatever follows from its answer."""
    asked = {**msgspec.to_builtins(check)}
    asked.pop("severity", None)
    text = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
