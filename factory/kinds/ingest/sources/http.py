"""Files behind addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from msgspec import Meta

from factory import literals
from factory.fields import ConnId, Strict, connects
from factory.kinds.ingest.formats import Format, options, problems
from factory.kinds.ingest.parts import OPERATORS, convert, task
from factory.plan.kind import Step
from factory.plan.model import Output, Task
from factory.problem import Problem

Sha256 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64}$|.*\{\{)", title="SHA-256 in hexadecimal")]
Address = Annotated[str, Meta(min_length=1)]
Addresses = Annotated[list[Address], Meta(min_length=1)]


class Http(Strict, frozen=True, kw_only=True, tag="http", tag_field="type"):
    """Files that are downloaded by HTTP or HTTPS, each by a task of its own.

    A transfer that broke off goes on where it ended when the server allows it and the file is still
    the same; a file that the stage holds already is not sent again.
    """

    url: Annotated[
        Address | Addresses,
        Meta(
            description="Address of the file, or a list; below the connection's host when "
            "`conn_id` is set. Its name tells the compression. Jinja templates are filled in.",
            examples=["https://example.org/trips/{{ ds }}.csv.gz", "/trips/{{ ds }}.csv.gz"],
        ),
    ]
    format: Annotated[
        Format,
        Meta(
            description="`csv`, `jsonl` or `parquet`, or a mapping with options.", examples=["csv"]
        ),
    ]
    conn_id: Annotated[
        ConnId | None,
        connects("http"),
        Meta(
            description="Airflow HTTP connection: host, login and headers; `verify`, `cert`, "
            "`proxies`, `timeout` and `max_redirects` in its extra."
        ),
    ] = None
    sha256: Annotated[
        Sha256 | None,
        Meta(description="The file's digest; anything else is refused. Only with one address."),
    ] = None
    on_missing: Annotated[
        Literal["fail", "skip"],
        Meta(
            description="When a file is not there (HTTP 404 or 410): fail, or skip this step and "
            "what needs it."
        ),
    ] = "fail"

    def tasks(self, step: Step) -> list[Task]:
        """Download, then convert; for a list, each as often as it has addresses."""
        urls = self.urls()
        operator = f"{OPERATORS}.download.Download"
        format = options(self.format)
        if len(urls) == 1:
            one = task(step, "download", operator, {"url": urls[0], **self.download()})
            return [one, convert(step, Output(one.id), format)]
        each = task(step, "download", operator, self.download(), {"url": urls})
        return [each, convert(step, None, format, each=Output(each.id))]

    def urls(self) -> list[str]:
        """The addresses, also when there is but one."""
        return [self.url] if isinstance(self.url, str) else list(self.url)

    def download(self) -> dict[str, Any]:
        """What all downloads share."""
        return {"conn_id": self.conn_id, "sha256": self.sha256, "on_missing": self.on_missing}

    def problems(self) -> Iterator[Problem]:
        """A digest of several files, an address twice, one without a host; the format's own."""
        yield from problems(self.format)
        urls = self.urls()
        if self.sha256 is not None and len(urls) > 1:
            yield Problem(
                ("source", "sha256"),
                "one-of",
                f"one digest cannot be that of {len(urls)} files",
                expected="one address, or no `sha256`",
            )
        twice = {index for index, _ in literals.repeated(urls)}
        for index, url in enumerate(urls):
            place = ("source", "url") if isinstance(self.url, str) else ("source", "url", index)
            if index in twice:
                yield Problem(
                    place, "one-of", "this address stands here twice", expected="each address once"
                )
            if self.conn_id is None and not url.startswith(("http://", "https://", "{{", "{%")):
                yield Problem(
                    place,
                    "format",
                    f"{url!r} has no host",
                    expected="an address that begins with https:// or http://, or a `conn_id`",
                )
            elif url.startswith(("http://", "https://")):
                yield from literals.url(url, place)
            else:
                yield from literals.below(url, place)
