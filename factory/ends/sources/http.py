"""Files behind addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from factory import literals
from factory.definitions import formats
from factory.diagnostics import Path
from factory.ends.handover import FILES, Files
from factory.ends.source import format_columns, format_problems
from factory.ends.tasks import OPERATORS, SKIP_IF_MISSING, task
from factory.fields import ConnId, Strict, connects
from factory.literals import is_template
from factory.plan.kind import Step
from factory.plan.model import Output
from factory.problem import Problem

Sha256 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64}$|.*\{\{)", title="SHA-256 in hexadecimal")]
ContentType = Annotated[str, Meta(pattern=r"^[\w.+-]+/[\w.+-]+$", title="media type")]
Address = Annotated[str, Meta(min_length=1)]
Addresses = Annotated[list[Address], Meta(min_length=1)]


class Http(Strict, frozen=True, kw_only=True, tag="http", tag_field="type"):
    """Files that are downloaded by HTTP or HTTPS, each by a task of its own.

    A transfer that broke off goes on where it ended when the server allows it and the file is still
    the same; a file that the stage holds already is not sent again.
    """

    gives: ClassVar[tuple[str, ...]] = (FILES,)

    url: Annotated[
        Address | Addresses,
        Meta(
            description="Address of the file, or a list; below the connection's host when "
            "`conn_id` is set. Jinja templates are filled in.",
            examples=[
                "https://example.org/trips/{{ interval.day }}.csv.gz",
                "/trips/{{ interval.day }}.csv.gz",
            ],
        ),
    ]
    format: Annotated[
        formats.Written,
        Meta(
            description="`csv`, `json`, `jsonl`, `parquet` or `xlsx`, or a mapping with options.",
            examples=["csv"],
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
    content_type: Annotated[
        ContentType | None,
        Meta(
            description="What the server says that the file is, where that is no word for its "
            "`format`: a script that says nothing sends `text/html`, which is refused as an error "
            "page else.",
            examples=["text/html"],
        ),
    ] = None
    on_missing: Annotated[
        Literal["fail", "skip"],
        Meta(
            description="When a file is not there (HTTP 404 or 410): fail, or skip this step and "
            "what needs it."
        ),
    ] = "fail"

    def reads(self) -> list[str]:
        """The addresses that the spec tells, without what may be secret in them."""
        if self.conn_id is not None:
            return []
        return [_public(url) for url in self.urls() if not is_template(url)]

    def hand_over(self, step: Step, way: str) -> Files:
        """Download; for a list, as often as it has addresses, then see whether all were there."""
        urls = self.urls()
        operator = f"{OPERATORS}.download.Download"
        if len(urls) == 1:
            one = task(step, "download", operator, {"url": urls[0], **self.download()})
            return Files(format=self.format, tasks=(one,), files=Output(one.id))
        if self.on_missing == "fail":
            each = task(step, "download", operator, self.download(), {"url": urls})
            return Files(format=self.format, tasks=(each,), each=Output(each.id))
        shared = {**self.download(), "on_missing": "tell"}
        each = task(step, "download", operator, shared, {"url": urls})
        found = task(step, "found", SKIP_IF_MISSING, {"files": Output(each.id)})
        return Files(format=self.format, tasks=(each, found), each=Output(found.id))

    def urls(self) -> list[str]:
        """The addresses, also when there is but one."""
        return [self.url] if isinstance(self.url, str) else list(self.url)

    def download(self) -> dict[str, Any]:
        """What all downloads share."""
        shared = {
            "conn_id": self.conn_id,
            "sha256": self.sha256,
            "on_missing": self.on_missing,
            "format": formats.plain(formats.typed(self.format)),
        }
        meant = {"content_type": self.content_type} if self.content_type else {}
        return shared | meant

    def named(self) -> Iterator[tuple[Path, str]]:
        """The columns that the format names."""
        yield from format_columns(self.format)

    def problems(self) -> Iterator[Problem]:
        """A digest of several files, an address twice, one without a host; the format's own."""
        yield from format_problems(self.format)
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


def _public(url: str) -> str:
    """An address without login and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
