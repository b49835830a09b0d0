"""Jobs by ids of our own: one that is begun twice runs once.

BigQuery takes an id once, and keeps it for half a year. So whoever begins a job anew, because an
answer was lost or a worker killed, is told that it is there, and waits for it. Only a job that has
finished, and failed, gives way to another, whose id has a number at its end.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from factory.amounts import size
from factory.transfer.bigquery import values
from factory.transfer.bigquery.api import Api, Facts, path, pauses
from factory.transfer.bigquery.errors import NOT_FOUND, TAKEN, Refused, Unseen, refused
from factory.transfer.errors import TransferError, Unavailable

log = logging.getLogger(__name__)

_FAILED_MOST = 50  # jobs of one name that have failed: then something else is wrong
_AGAIN = 6  # times that a job which fails in passing is begun anew
_PAUSE, _LONGEST = 0.1, 5.0


@dataclass(frozen=True)
class Limits:
    """`seconds` of a job, 0: without end. Of its bytes, at most `billed`; None: any number.

    `patience`: seconds after which one that may be left is `Running`; None: none is left.
    `awaited`: the id of a job that was left, and has ended since: what it says holds.
    """

    seconds: float = 0
    billed: int | None = None
    patience: float | None = None
    awaited: str = ""


class Running(Exception):
    """A job is left to run on. Whoever begins it again, by its name, finds it.

    :param left: seconds until it takes too long; 0: it never does.
    """

    def __init__(self, job_id: str, location: str, left: float) -> None:
        super().__init__(f"the job {job_id} runs on")
        self.job_id = job_id
        self.location = location
        self.left = left


@dataclass(frozen=True)
class Done:
    """A job that succeeded; `found`: another process, or an earlier try, had begun it."""

    facts: Facts
    found: bool = False

    @property
    def job_id(self) -> str:
        """Its id."""
        return str(self.facts["jobReference"]["jobId"])

    @property
    def billed(self) -> int:
        """Bytes."""
        query = self.facts.get("statistics", {}).get("query", {})
        return int(query.get("totalBytesBilled") or 0)


class Jobs:
    """Jobs of one load, or one check, in one location; it counts what they cost."""

    def __init__(self, api: Api, location: str | None, limits: Limits = Limits()) -> None:
        self.api = api
        self.location = location
        self.limits = limits
        self.billed = 0
        self.slot_ms = 0
        self.left: set[str] = set()
        """Jobs that may run on, of those that may be left: whoever begins them again finds them."""

    def run(self, name: str, configuration: Mapping[str, Any], *, leave: bool = False) -> Done:
        """Run a job, or find it. Raises `Refused`, `TransferError` when it takes too long.

        Raises `Running` where it may be left, and patience is at its end.
        """
        again = pauses()
        tried = 0
        for number in range(_FAILED_MOST):
            job_id = f"{name}_{number}" if number else name
            with self._leaving(job_id) if leave else nullcontext():
                job, found = self._begun(job_id, configuration)
                job = self._waited(job, leave)
            error = _error(job)
            if error is None:
                self._count(job)
                return Done(job, found)
            if found and job_id != self.limits.awaited:
                log.info("the job %s had failed before: %s", job_id, error.said)
                continue
            tried += 1
            if tried > _AGAIN or not error.passes:
                raise error
            log.warning("the job %s failed, and is begun anew: %s", job_id, error.said)
            time.sleep(next(again))
        raise TransferError(f"{_FAILED_MOST} jobs {name}… have failed: see what they say")

    @contextmanager
    def _leaving(self, job_id: str) -> Iterator[None]:
        """Note that a job may run on, whatever ends the waiting but its end, or a refusal."""
        self.left.add(job_id)
        try:
            yield
        except Refused as error:
            if error.in_vain:
                self.left.discard(job_id)
            raise
        self.left.discard(job_id)

    def query(self, text: str, name: str = "", *, leave: bool = False, **more: Any) -> Done:
        """Run SQL; without a `name`, as what may run twice. Raises as `run` does."""
        given: Facts = {"query": text, "useLegacySql": False, **more}
        if self.limits.billed is not None:
            given["maximumBytesBilled"] = str(self.limits.billed)
        return self.run(name or f"factory_{uuid.uuid4().hex}", {"query": given}, leave=leave)

    def read(self, text: str) -> Sequence[Facts]:
        """Let BigQuery read SQL, and not run it: the fields of its rows. It costs nothing."""
        return self.planned(text).get("schema", {}).get("fields", ())  # type: ignore[no-any-return]

    def planned(self, text: str, **more: Any) -> Facts:
        """What BigQuery says of SQL that it does not run."""
        query = {"query": text, "useLegacySql": False, **more}
        configuration = {"dryRun": True, "query": query}
        reference = {"projectId": self.api.project}
        if self.location:
            reference["location"] = self.location
        body = {"jobReference": reference, "configuration": configuration}
        job = self.api.ask("POST", path(self.api.project, "jobs"), body=body)
        if error := _error(job):
            raise error
        found: Facts = job["statistics"]["query"]
        return found

    def rows(
        self, done: Done, most: int | None = None
    ) -> tuple[Sequence[Facts], list[tuple[Any, ...]]]:
        """The fields and the rows of a query, at most so many."""
        fields: Sequence[Facts] = ()
        found: list[tuple[Any, ...]] = []
        for page in self._pages(done, most):
            fields = page.get("schema", {}).get("fields", fields)
            found += [values.row(fields, row) for row in page.get("rows", ())]
            if most is not None and len(found) >= most:
                break
        return fields, found if most is None else found[:most]

    def asked(self, text: str, name: str = "") -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.rows(self.query(text, name))[1]

    def pages_of_rows(self, done: Done) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query as they come, none of them kept."""
        fields: Sequence[Facts] = ()
        for page in self._pages(done, None):
            fields = page.get("schema", {}).get("fields", fields)
            if found := [values.row(fields, row) for row in page.get("rows", ())]:
                yield found

    def _pages(self, done: Done, most: int | None) -> Iterator[Facts]:
        query: dict[str, str | int] = {
            "formatOptions.useInt64Timestamp": "true",
            "maxResults": 10_000 if most is None else most,
            **self._where(done.facts),
        }
        while True:
            page = self.api.ask("GET", path(self.api.project, "queries", done.job_id), query=query)
            yield page
            if not (token := page.get("pageToken")):
                return
            query["pageToken"] = token

    def _begun(self, job_id: str, configuration: Mapping[str, Any]) -> tuple[Facts, bool]:
        """The job, and whether it was there."""
        reference: Facts = {"projectId": self.api.project, "jobId": job_id}
        if self.location:
            reference["location"] = self.location
        given = {**configuration, "labels": dict(self.api.labels)}
        body = {"jobReference": reference, "configuration": given}
        try:
            return self.api.ask("POST", path(self.api.project, "jobs"), body=body), False
        except Refused as error:
            if error.status != TAKEN:
                raise
            reference.setdefault("location", _location(error.said, job_id))
        return self._seen(reference), True

    def find(self, name: str, *, leave: bool = False, refuse: bool = True) -> Done | None:
        """The job of a name, or the last of those that followed it, when it has succeeded.

        Raises `Running`, as `run` does, and, to `refuse`, what one that was awaited failed with.
        """
        for there in self._of_name(name):
            with self._leaving(there["jobReference"]["jobId"]) if leave else nullcontext():
                job = self._waited(there, leave)
            failed = _error(job)
            if failed is None:
                self._count(job)
                return Done(job, found=True)
            if refuse and job["jobReference"]["jobId"] == self.limits.awaited:
                raise failed
        return None

    def peek(self, name: str) -> Facts | None:
        """The job of a name, or of those that followed it, that has not failed: it may run yet."""
        return next((job for job in self._of_name(name) if _error(job) is None), None)

    def _of_name(self, name: str) -> Iterator[Facts]:
        """The job of a name, and those that followed it, as far as there are any."""
        for number in range(_FAILED_MOST):
            reference = {"jobId": f"{name}_{number}" if number else name}
            try:
                yield self._got({**reference, "location": self.location or ""})
            except Refused as error:
                if error.status == NOT_FOUND:
                    return
                raise

    def _got(self, reference: Mapping[str, str]) -> Facts:
        where = {"location": reference["location"]} if reference.get("location") else {}
        address = path(self.api.project, "jobs", reference["jobId"])
        return self.api.ask("GET", address, query=where)

    def _where(self, job: Facts) -> dict[str, str]:
        location = job["jobReference"].get("location") or self.location
        return {"location": location} if location else {}

    def cancel(self, job_id: str) -> None:
        """Tell a job to end. Raises `Refused`."""
        where = {"location": self.location} if self.location else {}
        self.api.ask("POST", path(self.api.project, "jobs", job_id, "cancel"), query=where)

    def running(self) -> Iterator[Mapping[str, str]]:
        """What names each job of this login that runs, or waits for its turn, wherever it does."""
        query: dict[str, str | int | Sequence[str]] = {
            "stateFilter": ("running", "pending"),
            "projection": "minimal",
        }
        while True:
            page = self.api.ask("GET", path(self.api.project, "jobs"), query=query)
            yield from (job["jobReference"] for job in page.get("jobs", ()))
            if not (token := page.get("nextPageToken")):
                return
            query["pageToken"] = token

    def runs(self, job_id: str) -> bool:
        """Whether a job has not ended."""
        return not ended(self._got({"jobId": job_id, "location": self.location or ""}))

    def _waited(self, job: Facts, leave: bool) -> Facts:
        """The job once it is done; it is cancelled when it takes too long."""
        started, begun = time.monotonic(), _begun_at(job)
        reference = job["jobReference"]
        for pause in pauses(_PAUSE, _LONGEST):
            if ended(job):
                return job
            spent = time.time() - begun
            if self.limits.seconds and spent > self.limits.seconds:
                address = path(self.api.project, "jobs", reference["jobId"], "cancel")
                self.api.ask("POST", address, query=self._where(job))
                raise Unavailable(
                    f"the job {reference['jobId']} took more than {self.limits.seconds:g} s, and "
                    "was told to end",
                    "Raise `statement_timeout`",
                )
            patience = self.limits.patience
            if leave and patience is not None and time.monotonic() - started > patience:
                left = max(self.limits.seconds - spent, 1) if self.limits.seconds else 0
                raise Running(reference["jobId"], self._where(job).get("location", ""), left)
            time.sleep(pause)
            job = self._seen({**reference, **self._where(job)})
        raise AssertionError

    def _seen(self, reference: Mapping[str, str]) -> Facts:
        """A job that is there. Raises `Unseen`."""
        try:
            return self._got(reference)
        except Refused as error:
            raise Unseen(error.status, error.reason, error.said) from None

    def _count(self, job: Facts) -> None:
        told = job.get("statistics", {})
        billed = int(told.get("query", {}).get("totalBytesBilled") or 0)
        slots = int(told.get("totalSlotMs") or 0)
        self.billed += billed
        self.slot_ms += slots
        if billed or slots:
            name = job["jobReference"]["jobId"]
            log.info("job %s: %s billed, %d ms of slots", name, size(billed), slots)


def _location(said: str, job_id: str) -> str:
    """Where a job is that is there, as the refusal of another tells it: `project:place.id`."""
    found = re.search(rf":([\w-]+)\.{re.escape(job_id)}\b", said)
    return found[1] if found else ""


def _begun_at(job: Facts) -> float:
    """Seconds since 1970: it may have been begun by another process."""
    made = job.get("statistics", {}).get("creationTime")
    return int(made) / 1000 if made else time.time()


def ended(job: Facts) -> bool:
    """Whether a job has succeeded, or failed."""
    return bool(job["status"]["state"] == "DONE")


def _error(job: Facts) -> Refused | None:
    found = job["status"].get("errorResult")
    if not found:
        return None
    more = [each.get("message", "") for each in job["status"].get("errors", ())]
    said = found.get("message", "")
    details = [text for text in more if text and text != said]
    return refused(0, found.get("reason", ""), "; ".join([said, *details[:2]]))
