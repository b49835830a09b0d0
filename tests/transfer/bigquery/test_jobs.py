"""What is asked about jobs."""

import json
from typing import Any

from requests import Request

from factory.transfer.bigquery.api import Api
from factory.transfer.bigquery.jobs import Jobs


class Pages:
    """Another end of the line: two pages of jobs. It notes what it is asked."""

    status_code = 200

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def request(self, method: str, url: str, *, params: Any, **more: object) -> "Pages":
        self.asked.append(Request(method, url, params=params).prepare().url)
        return self

    @property
    def content(self) -> bytes:
        number = len(self.asked)
        job = {"jobReference": {"jobId": f"factory_{number}"}}
        more = {"nextPageToken": "more"} if number == 1 else {}
        return json.dumps({"jobs": [job], **more}).encode()

    def __enter__(self) -> "Pages":
        return self

    def __exit__(self, *error: object) -> None:
        return None


def test_a_job_that_waits_for_its_turn_is_one_that_runs() -> None:
    """BigQuery queues the jobs of a busy project: a try after one that was killed finds its own."""
    line = Pages()
    found = [each["jobId"] for each in Jobs(Api(line, "http://x", "p"), None).running()]
    assert found == ["factory_1", "factory_2"]
    jobs = "http://x/bigquery/v2/projects/p/jobs"
    first = f"{jobs}?stateFilter=running&stateFilter=pending&projection=minimal"
    assert line.asked == [first, f"{first}&pageToken=more"]
