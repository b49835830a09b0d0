"""A file behind an address."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from factory.kinds.ingest.formats import Format, options
from factory.kinds.ingest.parts import OPERATORS, convert, task
from factory.plan.kind import Step
from factory.plan.model import Output, Task
from factory.spec.model import Strict

Sha256 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64}|.*\{\{.*)$", title="SHA-256 in hexadecimal")]


class Http(Strict, frozen=True, kw_only=True, tag="http", tag_field="type"):
    """A file that is downloaded by HTTP or HTTPS."""

    url: Annotated[
        str,
        Meta(
            description="Address of the file; below the connection's host when `conn_id` is set. "
            "Jinja templates are filled in.",
            examples=["https://example.org/trips/{{ ds }}.csv.gz", "/trips/{{ ds }}.csv.gz"],
            min_length=1,
        ),
    ]
    format: Annotated[
        Format,
        Meta(description="`csv` or `parquet`, or a mapping with options.", examples=["csv"]),
    ]
    conn_id: Annotated[
        str | None, Meta(description="Airflow HTTP connection: host, login and headers.")
    ] = None
    sha256: Annotated[
        Sha256 | None, Meta(description="The file's digest; anything else is refused.")
    ] = None

    def tasks(self, step: Step) -> list[Task]:
        """Download, then convert."""
        arguments = {"url": self.url, "conn_id": self.conn_id, "sha256": self.sha256}
        download = task(step, "download", f"{OPERATORS}.download.Download", arguments)
        return [download, convert(step, Output(download.id), options(self.format))]
